"""`muster limits ...`: what is limited (`limit_changes`), for whom not (`limit_exemptions`)."""

import typer

from cluster_admin.cli import limit_changes, limit_exemptions

app = typer.Typer(no_args_is_help=True)
app.registered_commands += limit_changes.app.registered_commands
app.add_typer(limit_exemptions.app, name="exempt")

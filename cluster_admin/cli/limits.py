"""`muster limits ...`: what is limited, for whom not, how full limits are, whom they refused."""

import typer

from cluster_admin.cli import limit_changes, limit_exemptions, limit_looks

app = typer.Typer(no_args_is_help=True)
app.registered_commands += limit_changes.app.registered_commands
app.registered_commands += limit_looks.app.registered_commands
app.add_typer(limit_exemptions.app, name="exempt")

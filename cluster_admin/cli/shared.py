"""`muster shared ...`: tables that nodes share."""

import typer

from cluster_admin.cli import shared_tables

app = typer.Typer(no_args_is_help=True)
app.registered_commands += shared_tables.app.registered_commands

"""`muster shared ...`: tables that nodes share (`shared_looks`, `shared_tables`)."""

import typer

from cluster_admin.cli import shared_looks, shared_tables

app = typer.Typer(no_args_is_help=True)
app.registered_commands += shared_looks.app.registered_commands
app.registered_commands += shared_tables.app.registered_commands

"""`muster logs ...`: what collected logs say (`logs_reading`)."""

import typer

from cluster_admin.cli import log_sources, log_subscribers, logs_reading, logs_showing

app = typer.Typer(no_args_is_help=True)
app.registered_commands += logs_reading.app.registered_commands
app.registered_commands += logs_showing.app.registered_commands
app.add_typer(log_sources.app, name="source")
app.add_typer(log_subscribers.app, name="subscriber")

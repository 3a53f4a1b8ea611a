"""The `muster` command: one Typer application whose groups are loaded when they are used.

A group is named here with its one-line help and the module that holds its Typer `app`; the module
is imported only once its name is typed, so that `muster --help` and completion stay quick. What
the groups do, and their options, is in those modules.
"""

import importlib
import sys
from importlib.metadata import version as installed_version

import click
import typer
from typer.core import TyperGroup
from typer.main import get_command

from workers.exit_codes import Exit

GROUPS = {
    "lab": ("workers.lab.cli", "A whole cluster on this machine: start it, break it, watch it."),
    "node": ("workers.failover.cli", "Ask this host's failover consumer, also without a broker."),
}


class LazyGroups(TyperGroup):
    """Lists the groups of `GROUPS` beside the plain commands, without importing them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names for help and completion."""
        return sorted({*super().list_commands(ctx), *GROUPS})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """A plain command, a stand-in that only knows its help, or the group itself."""
        if cmd_name not in GROUPS:
            return super().get_command(ctx, cmd_name)
        module_name, summary = GROUPS[cmd_name]
        if ctx.resilient_parsing or cmd_name in sys.argv[1:]:
            return self._load(cmd_name, module_name, summary)
        return click.Command(cmd_name, help=summary, short_help=summary)

    @staticmethod
    def _load(name: str, module_name: str, summary: str) -> click.Command:
        command = get_command(importlib.import_module(module_name).app)
        command.name = name
        command.help = command.help or summary
        return command


app = typer.Typer(
    cls=LazyGroups,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Clustering for mail servers: addresses that survive the death of a node.",
)


@app.callback()
def _muster() -> None:
    """Clustering for mail servers: addresses that survive the death of a node."""


@app.command()
def version() -> None:
    """Print the version of Muster."""
    typer.echo(installed_version("muster"))


def main() -> None:
    """Run the command line; Ctrl-C ends it as cancelled, without a traceback."""
    try:
        app(prog_name="muster")
    except KeyboardInterrupt:
        typer.echo("muster: cancelled", err=True)
        sys.exit(Exit.CANCELLED)

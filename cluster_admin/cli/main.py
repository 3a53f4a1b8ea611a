"""The `muster` command: one Typer application whose groups are loaded when they are used.

A group is named here with its one-line help and the module that holds its Typer `app`; the module
is imported only once its name is typed, so that `muster --help` and completion stay quick. What
the groups do, and their options, is in those modules; exit codes are in `workers.exit_codes`, and
130 means interrupted by Ctrl-C.
"""

import importlib
import os
import sys
from collections.abc import Mapping, Sequence
from importlib.metadata import version as installed_version

import typer

GROUPS = {
    "lab": ("workers.lab.cli", "A whole cluster on this machine: start it, break it, watch it."),
    "node": ("workers.failover.cli", "Ask this host's failover consumer, also without a broker."),
}


def build(loaded: str | None) -> typer.Typer:
    """The application with the group `loaded` whole and the others known by name and help only."""
    app = typer.Typer(
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        help="Clustering for mail servers: addresses that survive the death of a node.",
    )
    app.command("version")(print_version)
    for name, (module_name, summary) in GROUPS.items():
        if name == loaded:
            app.add_typer(importlib.import_module(module_name).app, name=name, help=summary)
        else:
            app.add_typer(typer.Typer(), name=name, help=summary)
    return app


def print_version() -> None:
    """Print the version of Muster."""
    typer.echo(installed_version("muster"))


def named_group(arguments: Sequence[str], environment: Mapping[str, str]) -> str | None:
    """The first word that is no option, from the command line or from the one being completed."""
    completing = environment.get("_TYPER_COMPLETE_ARGS") or environment.get("COMP_WORDS")
    words = completing.split()[1:] if completing else arguments
    return next((word for word in words if not word.startswith("-")), None)


def main() -> None:
    """Run the command line."""
    build(named_group(sys.argv[1:], os.environ))(prog_name="muster")

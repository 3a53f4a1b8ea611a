"""The `muster` command: one Typer application whose groups are loaded when they are used.

A group or command is named here with its one-line help and the module that holds its Typer `app`;
the module is imported only once its name is typed, so that `muster --help` and completion stay
quick. What they do, and their options, is in those modules; exit codes are in `workers.exit_codes`,
and 130 means interrupted by Ctrl-C.
"""

import importlib
import os
import sys
from collections.abc import Mapping, Sequence
from importlib.metadata import version as installed_version

import typer

GROUPS = {
    "node": ("cluster_admin.cli.nodes", "Nodes, and this host's own agent, broker or not."),
    "vip": ("cluster_admin.cli.vips", "Virtual addresses: who holds them, which there are."),
    "subcluster": ("cluster_admin.cli.subclusters", "Subclusters, definitions and revisions."),
    "topology": ("cluster_admin.cli.topologies", "Networks that VIPs live in."),
    "segment": ("cluster_admin.cli.segments", "Broadcast segments."),
    "settings": ("cluster_admin.cli.knobs", "The knobs of a subcluster."),
    "config": ("cluster_admin.cli.config", "The configuration: history, working copies, nodes."),
    "logs": ("cluster_admin.cli.logs", "Logs of all nodes: shipped, live, searched, traced."),
    "limits": ("cluster_admin.cli.limits", "Limits of traffic: which, how full, whom they refuse."),
    "shared": ("cluster_admin.cli.shared", "Tables that nodes share: which, and what is in them."),
    "token": ("cluster_admin.cli.tokens", "Tokens for programs."),
    "audit": ("cluster_admin.cli.trail", "Who changed what, and what was denied."),
    "manager": ("cluster_admin.cli.manager", "This host as a manager: make it one."),
    "lab": ("workers.lab.cli", "A whole cluster on this machine: start it, break it, watch it."),
}
COMMANDS = {
    "login": ("cluster_admin.cli.access", "Log in to a manager."),
    "logout": ("cluster_admin.cli.access", "Revoke the token and forget it."),
    "whoami": ("cluster_admin.cli.access", "Who you are to the manager, and what you may do."),
    "status": ("cluster_admin.cli.overview", "The whole cluster in a few lines."),
    "mail": ("cluster_admin.cli.mail", "What happened to mail, in numbers."),
    "events": ("cluster_admin.cli.events", "What happened; with --follow what happens."),
}
SUMMARY = "Clustering for mail servers: addresses that survive the death of a node."


def build(*loaded: str | None) -> typer.Typer:
    """The application with what is `loaded` whole, the rest known by name and help only."""
    app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, help=SUMMARY)
    for name, (module_name, summary) in COMMANDS.items():
        if name in loaded:
            _adopt(app, importlib.import_module(module_name).app, name)
        else:
            app.command(name, help=summary)(print_version)
    app.command("version")(print_version)
    for name, (module_name, summary) in GROUPS.items():
        group = importlib.import_module(module_name).app if name in loaded else typer.Typer()
        app.add_typer(group, name=name, help=summary)
    return app


def build_whole() -> typer.Typer:
    """The application with everything loaded."""
    return build(*GROUPS, *COMMANDS)


def _adopt(app: typer.Typer, other: typer.Typer, name: str) -> None:
    """Take over the command `name` of another application."""
    app.registered_commands += [info for info in other.registered_commands if info.name == name]


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

"""`muster subcluster copy` and `promote`: a subcluster made like another, as one revision."""

from typing import Annotated

import typer

from cluster_admin.cli import completing
from cluster_admin.cli.arguments import given
from cluster_admin.cli.bundles import add
from cluster_admin.cli.config_options import Committing
from cluster_admin.cli.config_revisions import make
from cluster_admin.cli.session import Call

app = typer.Typer()
Source = Annotated[
    str,
    typer.Argument(
        metavar="FROM", help="The subcluster to go by.", autocompletion=completing.subclusters
    ),
]


@add(
    app,
    "copy",
    examples=[
        "muster subcluster copy production staging --history",
        "muster subcluster copy production staging --no-settings --dry-run",
    ],
)
def copy(
    call: Call,
    source: Source,
    target: Annotated[str, typer.Argument(metavar="NEW", help="What the copy is called.")],
    how: Committing,
    history: Annotated[
        bool, typer.Option("--history", help="Histories of its files go on in those of FROM.")
    ] = False,
    settings: Annotated[
        bool, typer.Option("--settings/--no-settings", help="With the settings of FROM, or usual.")
    ] = True,
) -> None:
    """Make a subcluster with the files and settings of another; it has no nodes and VIPs yet.

    Copied is what all nodes of FROM get, FROM/default/; not what single nodes have of their own.
    Its logs go to the subscribers that FROM has: name it in their collector.toml.
    """
    body = {"from": source, "to": target, "history": history, "settings": settings}
    make(call, how, "copy-subcluster", body, subcluster=target)


@add(
    app,
    "promote",
    examples=[
        "muster subcluster promote staging production --dry-run",
        "muster subcluster promote staging production -m 'release 12' --wait",
        "muster subcluster promote staging production --revision 41 --settings",
    ],
)
def promote(
    call: Call,
    source: Source,
    target: Annotated[
        str,
        typer.Argument(
            metavar="TO", help="The one that is changed.", autocompletion=completing.subclusters
        ),
    ],
    how: Committing,
    settings: Annotated[
        bool, typer.Option("--settings", help="The settings too; otherwise TO keeps its own.")
    ] = False,
    revision: Annotated[
        int | None,
        typer.Option(
            "--revision",
            "-r",
            metavar="N",
            min=1,
            help="What FROM was then, such as what was tested. Unset: the newest.",
            autocompletion=completing.revisions,
        ),
    ] = None,
) -> None:
    """Make TO/default/ what FROM/default/ is, as one change; what only TO has there goes away.

    What single nodes have of their own stays, and so do nodes, networks and VIPs.
    """
    body = {"from": source, "to": target, "settings": settings, **given(revision=revision)}
    make(call, how, "promote", body, subcluster=target)

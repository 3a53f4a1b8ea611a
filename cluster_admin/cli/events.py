"""`muster events`: what happened, and with --follow what happens, each event once."""

from typing import Annotated, Any

import typer

from cluster_admin.cli import completing, shapes
from cluster_admin.cli.arguments import InSubcluster, given
from cluster_admin.cli.bundles import Recalling, add
from cluster_admin.cli.durations import moment
from cluster_admin.cli.errors import Usage
from cluster_admin.cli.happenings import EVENTS
from cluster_admin.cli.looking import look_of, query_of, show_list
from cluster_admin.cli.session import Call

app = typer.Typer()

Follow = Annotated[bool, typer.Option("--follow", "-f", help="Go on until Ctrl-C, oldest first.")]
Node = Annotated[
    str | None, typer.Option("--node", help="Of this node.", autocompletion=completing.nodes)
]
Vip = Annotated[
    str | None, typer.Option("--vip", help="Of this VIP.", autocompletion=completing.vips)
]
KindOf = Annotated[str | None, typer.Option("--kind", help="Of this kind, such as taken.")]
By = Annotated[
    str | None,
    typer.Option("--actor", help="Moved by failure, operator, balance or start."),
]
Since = Annotated[
    str | None, typer.Option("--since", metavar="TIME", help="Not before: 10m, 2h, or a time.")
]
Until = Annotated[str | None, typer.Option("--until", metavar="TIME", help="Not after.")]
After = Annotated[
    int | None, typer.Option("--after", metavar="ID", min=0, help="Only after this event.")
]


@add(
    app,
    "events",
    examples=[
        "muster events --vip 198.18.0.101 --since 2h",
        "muster events --actor operator -o csv",
        "muster events --follow -o json",
        "muster events --follow --after 1200",
    ],
)
def events(
    call: Call,
    view: Recalling,
    follow: Follow = False,
    node: Node = None,
    vip: Vip = None,
    kind: KindOf = None,
    actor: By = None,
    since: Since = None,
    until: Until = None,
    after: After = None,
    subcluster: InSubcluster = None,
) -> None:
    """Show what happened, newest first; with --follow oldest first, and what happens next."""
    query: dict[str, Any] = given(
        node=node,
        vip=vip,
        kind=kind,
        actor=actor,
        subcluster=subcluster,
        since=since and moment(since, "--since"),
        until=until and moment(until, "--until"),
        after=after,
    )
    if not follow:
        show_list(call, EVENTS, view, query=query)
        return
    if until or view.watch is not None or view.sort:
        raise Usage("--follow goes on as it comes; leave out --until, --watch and --sort")
    from cluster_admin.cli import streaming  # HTTP is slow to load, help is to be fast

    look = look_of(call, view)
    shapes.picked(EVENTS.columns, look)
    streaming.follow(call, {**query, **query_of(EVENTS, view)}, look, view.limit)

"""`muster shared define|remove`: tables that nodes share, as they are defined."""

from typing import Annotated, Any

import typer

from cluster_admin.cli import changing, completing
from cluster_admin.cli.arguments import InSubcluster, given, numbered_path, pairs, subcluster_of
from cluster_admin.cli.bundles import Defining, add
from cluster_admin.cli.changing import Step
from cluster_admin.cli.errors import Usage
from cluster_admin.cli.resources import path
from cluster_admin.cli.session import Call
from workers.replication.core.definitions import ALIASES, Scope, TableType, table_type

WHERE = "shared/tables/"
TableName = Annotated[str, typer.Argument(metavar="TABLE", autocompletion=completing.shared_tables)]

app = typer.Typer()


def types(incomplete: str) -> list[str]:
    """Completion: our names, then the original's."""
    return [name for name in (*map(str, TableType), *ALIASES) if name.startswith(incomplete)]


@add(
    app,
    "define",
    examples=[
        "muster shared define inbound --type connections-inbound --max-delay 0.5",
        "muster shared define throttles --type OBTM --scope cluster",
        "muster shared define seen --type cache --parameter ttl=3600 --max-size 100000 --dry-run",
    ],
)
def define(
    call: Call,
    table: TableName,
    how: Defining,
    type_: Annotated[
        str | None,
        typer.Option(
            "--type",
            metavar="TYPE",
            help="What it holds; the original's names will do. Needed for a new one.",
            autocompletion=types,
        ),
    ] = None,
    max_delay: Annotated[
        float | None,
        typer.Option(metavar="SECONDS", help="After which peers are told of a change; 1."),
    ] = None,
    max_pending: Annotated[
        int | None, typer.Option(metavar="N", help="Changes that shorten it to a tenth; 100.")
    ] = None,
    max_size: Annotated[
        int | None, typer.Option(metavar="KEYS", help="The least recently used go beyond; 1000000.")
    ] = None,
    scope: Annotated[Scope | None, typer.Option(help="Who shares it; the subcluster.")] = None,
    parameter: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KEY=VALUE", help='window=SECONDS, or ttl=SECONDS of a cache; "": none.'
        ),
    ] = None,
    binding_group: Annotated[
        str | None, typer.Option(metavar="TEXT", help="A label for mail software.")
    ] = None,
    table_class: Annotated[
        str | None, typer.Option("--class", metavar="TEXT", help="A label for mail software.")
    ] = None,
    snapshot: Annotated[
        bool | None,
        typer.Option("--snapshot/--no-snapshot", help="Whether nodes that join get it whole."),
    ] = None,
    subcluster: InSubcluster = None,
) -> None:
    """Define a table, or change one: what is not named stays, or is as usual.

    Of a type for which no table is defined there is one of its name, so limits need none.
    """
    body = given(
        type=_type(type_),
        max_delay=max_delay,
        max_pending=max_pending,
        max_size=max_size,
        scope=scope and scope.value,
        parameters=pairs(parameter, "--parameter"),
        binding_group=binding_group,
        table_class=table_class,
        snapshot=snapshot,
    )
    home = subcluster_of(call, subcluster)
    rows, _ = call.client.rows(WHERE, {"name": table, "subcluster": home}, 1)
    changing.change(call, how, [_step(table, home, rows, body)], done=changing.revisions)


@add(app, "remove", examples=["muster shared remove throttles --yes"])
def remove(call: Call, table: TableName, how: Defining, subcluster: InSubcluster = None) -> None:
    """Define a table no longer: there is the usual one of its type, which begins empty."""
    query = given(name=table, subcluster=subcluster or None)
    where = numbered_path(call, WHERE, query, f"table {table}", "muster shared list")
    step = Step(f"table {table}", "DELETE", where, seen=where)
    question = f"Remove table {table}? What it holds is forgotten."
    changing.change(call, how, [step], question=question, done=changing.revisions)


def _step(table: str, home: str, rows: list[Any], body: dict[str, Any]) -> Step:
    if rows:
        if not body:
            raise Usage("nothing to change; say what, such as: --max-delay 0.5")
        where = WHERE + path(rows[0]["id"])
        return Step(f"table {table}", "PATCH", where, body, seen=where)
    if "type" not in body:
        raise Usage(f"there is no table {table} in {home}; to define it, say its --type")
    return Step(f"table {table}", "POST", WHERE, {"name": table, "subcluster": home, **body})


def _type(written: str | None) -> str | None:
    if written is None:
        return None
    found = table_type(written)
    if found is None:
        raise Usage(f"--type is {written[:40]!r}; write one of {', '.join(TableType)}")
    return found.value

"""Arguments and options that several commands share, and the values people write in them."""

import ipaddress
from typing import Annotated, Any

import typer

from cluster_admin.cli import completing
from cluster_admin.cli.errors import Usage
from cluster_admin.cli.resources import path
from cluster_admin.cli.session import Call

NodeName = Annotated[str, typer.Argument(metavar="NODE", autocompletion=completing.nodes)]
NodeNames = Annotated[list[str], typer.Argument(metavar="NODE", autocompletion=completing.nodes)]


def canonical(written: str | list[str]) -> str | list[str]:
    """Addresses in the one form that the manager knows; others are left for it to refuse."""
    if isinstance(written, list):
        return [str(canonical(each)) for each in written]
    try:
        return str(ipaddress.ip_address(written))
    except ValueError:
        return written


_VIP = typer.Argument(metavar="VIP", autocompletion=completing.vips, callback=canonical)
VipAddress = Annotated[str, _VIP]
VipAddresses = Annotated[list[str], _VIP]
SubclusterName = Annotated[
    str, typer.Argument(metavar="SUBCLUSTER", autocompletion=completing.subclusters)
]
SegmentName = Annotated[str, typer.Argument(metavar="SEGMENT", autocompletion=completing.segments)]
InSubcluster = Annotated[
    str | None,
    typer.Option(
        "--subcluster",
        "-s",
        metavar="NAME",
        help="The subcluster; may be left out when there is only one.",
        autocompletion=completing.subclusters,
    ),
]
Description = Annotated[
    str | None, typer.Option("--description", metavar="TEXT", help="For people.")
]
Segment = Annotated[
    str | None,
    typer.Option(
        "--segment",
        metavar="NAME",
        help='The broadcast segment; "" takes it away.',
        autocompletion=completing.segments,
    ),
]


def subcluster_of(call: Call, given: str | None) -> str:
    """The subcluster named, or the only one; raises `Usage` when there are several or none."""
    if given:
        return given
    rows, count = call.client.rows("subclusters/", {}, 20)
    names = [str(row["name"]) for row in rows]
    if count == 1:
        return names[0]
    if not names:
        raise Usage("there is no subcluster yet; make one with: muster subcluster create NAME")
    raise Usage(f"which subcluster? Name it with --subcluster: {', '.join(names)}")


def words(written: str | None) -> list[str] | None:
    """The parts of "a,b", none of ""; None when nothing was written."""
    if written is None:
        return None
    return [word.strip() for word in written.split(",") if word.strip()]


def pairs(written: list[str] | None, what: str) -> dict[str, str] | None:
    """The pairs of KEY=VALUE; an empty word alone means no pairs."""
    if not written:
        return None
    found = {}
    for word in written:
        if not word:
            continue
        key, equals, value = word.partition("=")
        if not (key and equals and value):
            raise Usage(f"{what} is {word!r}; write {what} KEY=VALUE")
        found[key] = value
    return found


def given(**values: Any) -> dict[str, Any]:
    """The values that were given."""
    return {name: value for name, value in values.items() if value is not None}


def referring(**names: str | None) -> dict[str, str | None]:
    """The references that were given; "" means none, which the API calls null."""
    return {key: name or None for key, name in given(**names).items()}


def something(body: dict[str, Any], example: str) -> dict[str, Any]:
    """The body of an edit; raises `Usage` when nothing is to change."""
    if not body:
        raise Usage(f"nothing to change; say what, such as: {example}")
    return body


def topology_path(call: Call, written: str, subcluster: str | None) -> str:
    """The resource of a topology, by its CIDR or its number."""
    if written.isdigit():
        return path("topologies", written)
    query = given(cidr=written, subcluster=subcluster or None)
    return numbered_path(call, "topologies/", query, f"topology {written}", "muster topology list")


def numbered_path(call: Call, where: str, query: dict[str, str], thing: str, listing: str) -> str:
    """The one row that a query finds, by its number; raises `Usage` for none, or one of several."""
    rows, _ = call.client.rows(where, query, 20)
    if not rows:
        raise Usage(f"there is no {thing}; see them with: {listing}")
    if len(rows) > 1:
        places = ", ".join(str(row["subcluster"]) for row in rows)
        raise Usage(f"{thing} is in {places}; choose with --subcluster")
    return where + path(rows[0]["id"])

"""Questions about shared tables, answered from the pictures: which there are, what is in them.

A walk over many keys lets others go first again and again.
"""

import asyncio
from collections.abc import Iterator
from typing import Any

from cluster_admin.replication.picture import TREE_KEYS, Picture
from cluster_admin.replication.questions import Answer, Question, error
from cluster_admin.replication.walks import Row, Walk
from workers.replication.core.definitions import Kind, Table

VALUE_CHARACTERS = 200


async def tables(pictures: list[Picture], _question: Question, _now: float) -> Answer:
    """Every table, with what the last look at it found."""
    return {"rows": [one for picture in pictures for one in _tables_of(picture)]}


def _tables_of(picture: Picture) -> Iterator[Answer]:
    defined = {one.name for one in picture.replication.tables}
    for table in picture.replication.every_table:
        walk = picture.walks.get((table.name, None))
        yield {
            "subcluster": picture.subcluster,
            **_head(table),
            "defined": table.name in defined,
            "keys": walk.keys if walk else None,
            "total": walk.total if walk else None,
            "evicted": _evicted(picture, table.name),
        }


async def rows(pictures: list[Picture], question: Question, now: float) -> Answer:
    """What is in a table: its greatest keys, the tree of them, or the values of a cache."""
    found = _find(pictures, str(question.get("table")))
    if isinstance(found, dict):
        return found
    picture, table = found
    node = question.get("node") or None
    if node and node not in picture.nodes:
        known = ", ".join(picture.nodes) or "none"
        return error(f"there is no node {node[:63]} in {picture.subcluster}; there are {known}")
    told = {"subcluster": picture.subcluster, **_head(table), "node": node or ""}
    if table.type.kind is Kind.CACHE:
        return told | _values(picture, table.name, node, int(question["top"]), now)
    draws = bool(question.get("tree"))
    if draws and not table.type.is_address:
        return error(f"table {table.name} has no addresses, so no tree; leave tree out")
    walk = Walk(top_max=TREE_KEYS if draws else int(question["top"]))
    span = question.get("span")
    for piece in picture.chunks((table.name, span), now, node):
        walk.take(piece)
        await asyncio.sleep(0)
    spans = picture.shared.part(table.name).spans(table.name)
    top = walk.top
    told |= {"keys": walk.keys, "total": walk.total, "spans": spans, "more": walk.keys - len(top)}
    if not draws:
        return told | {"rows": _shown(top), "tree": []}
    return told | {"rows": [], "tree": [one._asdict() for one in picture.branches(top)]}


async def chart(pictures: list[Picture], question: Question, now: float) -> Answer:
    """The sum of a table over time; without a table, refusals."""
    since = now - float(question["back"])
    name = question.get("table") or ""
    if not name:
        points = [list(one.refused_chart.since(since)) for one in pictures]
        return {"points": [[[one.at, one.value] for one in each] for each in points]}
    found = _find(pictures, name)
    if isinstance(found, dict):
        return found
    picture, table = found
    chart = picture.charts.get((table.name, None))
    points_of = chart.since(since) if chart else ()
    return {"points": [[[one.at, one.value] for one in points_of]]}


def _find(pictures: list[Picture], name: str) -> tuple[Picture, Table] | Answer:
    """The one picture that has a table of this name, or why there is none."""
    found = []
    for picture in pictures:
        try:
            found.append((picture, picture.table(name)))
        except KeyError:
            continue
    if not found:
        return error(f"there is no table {name[:63]}; see them with: muster shared list")
    if len(found) > 1:
        places = ", ".join(picture.subcluster for picture, _table in found)
        return error(f"table {name} is in {places}; name one subcluster", "invalid")
    return found[0]


def _values(picture: Picture, name: str, node: str | None, top: int, now: float) -> dict[str, Any]:
    """The values of a cache, by name."""
    every = picture.shared.part(name).values(name, now)
    found = sorted(one for one in every if node in (None, one[2]))
    rows = [
        {"key": key, "value": value.decode(errors="replace")[:VALUE_CHARACTERS], "node": who}
        for key, value, who in found[:top]
    ]
    told = {"keys": len(found), "total": None, "spans": [], "rows": rows, "tree": []}
    return told | {"more": len(found) - len(rows)}


def _head(table: Table) -> Answer:
    told = {"name": table.name, "type": table.type.value, "kind": table.type.kind.value}
    return told | {"scope": table.scope.value, "is_address": table.type.is_address}


def _evicted(picture: Picture, table: str) -> int:
    told = (one.tables for _at, one in picture.standings.values())
    return sum(one.evicted for tables in told for one in tables if one.name == table)


def _shown(rows: list[Row]) -> list[Answer]:
    return [{"key": key, "value": value} for key, value in rows]

"""Questions about live tables and limits, answered from the pictures; as JSON has it, both ways.

A walk over many keys lets others go first again and again. What cannot be answered is an `error`
with a sentence. Only subclusters that the asker may read are looked at.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterator, Mapping
from typing import Any

from cluster_admin.replication.picture import TREE_KEYS, Picture
from cluster_admin.replication.walks import Row, Walk
from workers.replication.core.definitions import Kind, Limit, Table, rate_text

Question = Mapping[str, Any]
Answer = dict[str, Any]
ROWS_MAX, REFUSALS_SHOWN_MAX, NEAR_MAX = 1_000, 1_000, 5
VALUE_CHARACTERS = 200
Pictures = Mapping[str, Picture]


async def answer(pictures: Pictures, question: Question, now: float) -> Answer:
    """What is asked for; `error` when there is no answer."""
    readable, asked = question.get("readable"), question.get("subcluster") or ""
    chosen = [
        picture
        for name, picture in sorted(pictures.items())
        if asked in ("", name) and (readable is None or name in readable)
    ]
    if asked and not chosen:
        return _error(f"there is no subcluster {asked[:63]}, or none that you may read")
    make = _ANSWERS.get(str(question.get("ask")))
    if make is None:
        return _error("that is no question")
    try:
        return await make(chosen, question, now)
    except (LookupError, TypeError, ValueError) as error:
        return _error(f"that is no question: {error!r}"[:200], "invalid")


async def _tables(pictures: list[Picture], _question: Question, _now: float) -> Answer:
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


async def _rows(pictures: list[Picture], question: Question, now: float) -> Answer:
    found = _find(pictures, str(question.get("table")))
    if isinstance(found, dict):
        return found
    picture, table = found
    node = question.get("node") or None
    if node and node not in picture.nodes:
        known = ", ".join(picture.nodes) or "none"
        return _error(f"there is no node {node[:63]} in {picture.subcluster}; there are {known}")
    told = {"subcluster": picture.subcluster, **_head(table), "node": node or ""}
    if table.type.kind is Kind.CACHE:
        return told | _values(picture, table.name, node, int(question["top"]), now)
    draws = bool(question.get("tree"))
    if draws and not table.type.is_address:
        return _error(f"table {table.name} has no addresses, so no tree; leave tree out")
    walk = Walk(top_max=TREE_KEYS if draws else int(question["top"]))
    span = question.get("span")
    for rows in picture.chunks((table.name, span), now, node):
        walk.take(rows)
        await asyncio.sleep(0)
    spans = picture.shared.part(table.name).spans(table.name)
    top = walk.top
    told |= {"keys": walk.keys, "total": walk.total, "spans": spans, "more": walk.keys - len(top)}
    if not draws:
        return told | {"rows": _shown(top), "tree": []}
    return told | {"rows": [], "tree": [one._asdict() for one in picture.branches(top)]}


async def _limits(pictures: list[Picture], question: Question, now: float) -> Answer:
    name = question.get("limit") or ""
    rows = []
    for picture in pictures:
        for limit in picture.replication.limits:
            if name in ("", limit.name):
                rows.append(_usage(picture, limit, int(question.get("near", NEAR_MAX)), now))
            await asyncio.sleep(0)
    return {"rows": rows}


def _usage(picture: Picture, limit: Limit, most: int, now: float) -> Answer:
    near = [
        {"key": one.key, "value": one.value, "most": one.most, "share": _share(one.value, one.most)}
        for one in (picture.used(limit, now)[:most] if limit.enabled else ())
    ]
    first: Answer = near[0] if near else {}
    return {
        "subcluster": picture.subcluster,
        **_limit(limit, picture.replication.test),
        "key": first.get("key", ""),
        "value": first.get("value", 0),
        "share": first.get("share", 0.0),
        "refused": picture.refused_by(limit.name),
        "near": near,
    }


async def _explain(pictures: list[Picture], question: Question, now: float) -> Answer:
    key = str(question.get("key"))
    rows = []
    for picture in pictures:
        for one, nodes in picture.explain(key, now):
            told = {"value": one.value, "most": one.most, "remaining": one.remaining}
            rows.append(
                {
                    "subcluster": picture.subcluster,
                    **_limit(one.limit, picture.replication.test),
                    **told,
                    "key": one.key,
                    "share": _share(one.value, one.most),
                    "stage": one.stage,
                    "nodes": nodes,
                }
            )
        await asyncio.sleep(0)
    refused = await _refusals(pictures, {**question, "top": 20}, now)
    return {"key": key, "rows": rows, "refusals": refused["rows"]}


async def _refusals(pictures: list[Picture], question: Question, _now: float) -> Answer:
    names = {name: question.get(name) or "" for name in ("node", "limit", "key")}
    found = [
        {
            "subcluster": picture.subcluster,
            "node": told.node,
            **{name: getattr(told.refused, name) for name in told.refused.__struct_fields__},
        }
        for picture in pictures
        for told in picture.refusals
    ]
    fit = [one for one in found if all(text in ("", one[name]) for name, text in names.items())]
    fit.sort(key=lambda one: -one["at"])
    most = min(int(question.get("top", 100)), REFUSALS_SHOWN_MAX)
    return {"rows": fit[:most], "more": max(0, len(fit) - most)}


async def _chart(pictures: list[Picture], question: Question, now: float) -> Answer:
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


async def _nodes(pictures: list[Picture], _question: Question, now: float) -> Answer:
    names = (
        *("broker", "cut_off", "requests", "refused", "published_bytes", "heard_bytes"),
        *("healed", "unkept", "problems", "up_seconds"),
    )
    return {
        "rows": [
            {
                "subcluster": picture.subcluster,
                "node": node,
                "age_seconds": max(0.0, now - at),
                **{name: getattr(standing, name) for name in names},
                "faults": standing.errors,
                "by_limit": dict(standing.by_limit),
                "peers": [one.name for one in standing.peers if one.alive],
            }
            for picture in pictures
            for node, (at, standing) in sorted(picture.standings.items())
        ],
        "silent": [
            node for picture in pictures for node in picture.nodes if node not in picture.standings
        ],
    }


_ANSWERS: dict[str, Callable[[list[Picture], Question, float], Coroutine[Any, Any, Answer]]] = {
    "tables": _tables,
    "rows": _rows,
    "limits": _limits,
    "explain": _explain,
    "refusals": _refusals,
    "chart": _chart,
    "nodes": _nodes,
}


def _find(pictures: list[Picture], name: str) -> tuple[Picture, Table] | Answer:
    """The one picture that has a table of this name, or why there is none."""
    found = []
    for picture in pictures:
        try:
            found.append((picture, picture.table(name)))
        except KeyError:
            continue
    if not found:
        return _error(f"there is no table {name[:63]}; see them with: muster shared list")
    if len(found) > 1:
        places = ", ".join(picture.subcluster for picture, _table in found)
        return _error(f"table {name} is in {places}; name one subcluster", "invalid")
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


def _limit(limit: Limit, all_test: bool) -> Answer:
    return {
        "limit": limit.name,
        "subject": limit.subject.value,
        "per": limit.per.value,
        "most": limit.most,
        "window": limit.window,
        "rate": rate_text(limit.most, limit.window),
        "action": limit.action.value,
        "test": limit.test or all_test,
        "enabled": limit.enabled,
    }


def _evicted(picture: Picture, table: str) -> int:
    told = (one.tables for _at, one in picture.standings.values())
    return sum(one.evicted for tables in told for one in tables if one.name == table)


def _shown(rows: list[Row]) -> list[Answer]:
    return [{"key": key, "value": value} for key, value in rows]


def _share(value: int, most: int) -> float:
    return round(value / most, 4) if most else float(bool(value))


def _error(sentence: str, code: str = "not_found") -> Answer:
    return {"error": sentence, "code": code}

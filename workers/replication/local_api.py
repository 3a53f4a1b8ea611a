"""The API by which mail servers and `muster` ask this node: acquire, release, report, explain.

    POST /v1/acquire /v1/check /v1/release /v1/renew /v1/report /v1/value
    GET  /v1/limits /v1/explain?key=K /v1/tables /v1/tables/NAME?node=N&top=N&tree=1
         /v1/value?table=T&key=K /v1/refusals /v1/health /metrics

What is asked and answered is JSON. All is decided in `core/limits` and the tables; what is wrong
with a request is said in one sentence, under `error`.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict
from heapq import nsmallest
from typing import Any, TypeVar

import msgspec

from workers.replication.core.caches import TTL_SECONDS
from workers.replication.core.cidrtree import tree
from workers.replication.core.definitions import (
    Kind,
    Limit,
    Table,
    TableType,
    rate_text,
)
from workers.replication.core.keys import packed
from workers.replication.core.limits import Explained, Limits, Verdict
from workers.replication.core.local_requests import (
    Acquire,
    Put,
    Release,
    Renew,
    Report,
    series_of,
    strange_series,
)
from workers.replication.core.stages import stage_of
from workers.replication.core.tables import Row, Tables
from workers.replication.exposition import CONTENT_TYPE, exposition
from workers.replication.http_server import Request, Response

T = TypeVar("T", bound=msgspec.Struct)
ROWS_MAX = 10_000
TREE_MAX = 20_000
"""Addresses with the greatest values that a tree is made of."""
TOP = 100
SERIES_SECONDS = 3_600.0
"""The span of a series whose table says none."""


Part = Callable[[str], Tables]
"""The replica that has a table."""

Reporting = Callable[[str, int, Callable[[], None]], int]
"""Counts what a source tells up to an offset, unless it was counted; returns the offset kept."""

Numbers = Callable[[], Mapping[str, float]]
"""What else is to be told of this worker, by the name of the metric."""


class LocalApi:
    """Answers requests: `answer` is what `HttpServer` calls. `clock`: the tables' time line."""

    def __init__(
        self,
        limits: Limits,
        part: Part,
        clock: Callable[[], float],
        report: Reporting,
        health: Callable[[], dict[str, Any]],
        numbers: Numbers = dict,
    ) -> None:
        self._limits = limits
        self._part = part
        self._clock = clock
        self._count_once = report
        self._health = health
        self._numbers = numbers
        self.reported = 0
        """Events that were counted."""
        self._posts: dict[str, Callable[[bytes], Response]] = {
            "/v1/acquire": self._acquire,
            "/v1/check": self._check,
            "/v1/release": self._release,
            "/v1/renew": self._renew,
            "/v1/report": self._report,
            "/v1/value": self._put,
        }
        self._gets: dict[str, Callable[[Request], Response | Awaitable[Response]]] = {
            "/v1/limits": self._list,
            "/v1/explain": self._explain,
            "/v1/tables": self._list_tables,
            "/v1/value": self._value,
            "/v1/refusals": self._refusals,
            "/v1/health": self._tell_health,
            "/metrics": self._metrics,
        }

    def answer(self, request: Request) -> Response | Awaitable[Response]:
        """Answer a request."""
        post, get = self._posts.get(request.path), self._gets.get(request.path)
        if get is None and request.path.startswith("/v1/tables/"):
            get = self._show
        if post is None and get is None:
            known = ", ".join(sorted((*self._posts, *self._gets)))
            return refused(404, f"{request.path[:200]!r} is not there; there are {known}")
        if post is not None and request.method == "POST":
            try:
                return post(request.body)
            except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
                return refused(400, f"{request.path}: {error}; send one JSON object")
        if get is not None and request.method in ("GET", "HEAD"):
            return get(request)
        way = "POST" if get is None else "GET"
        return refused(405, f"{request.path} takes {way}, not {request.method[:20]}")

    # What mail servers ask.

    def _acquire(self, body: bytes) -> Response:
        asked = msgspec.json.decode(body, type=Acquire)
        return _said(self._limits.acquire(asked.asked(), self._clock(), asked.ttl))

    def _check(self, body: bytes) -> Response:
        asked = msgspec.json.decode(body, type=Acquire)
        return _said(self._limits.check(asked.asked(), self._clock()))

    def _release(self, body: bytes) -> Response:
        lease = msgspec.json.decode(body, type=Release).lease
        self._limits.leases.end(self._clock())
        return told({"released": self._limits.leases.release(lease)})

    def _renew(self, body: bytes) -> Response:
        asked = msgspec.json.decode(body, type=Renew)
        now = self._clock()
        self._limits.leases.end(now)
        lease = self._limits.leases.renew(asked.lease, asked.ttl, now)
        if lease is None:
            return refused(404, f"lease {asked.lease} has ended; acquire another one")
        return told({"renewed": True, "lease": lease.name, "ttl": lease.ttl})

    def _report(self, body: bytes) -> Response:
        report = msgspec.json.decode(body, type=Report)
        tables = series_of(self._limits.replication)
        if sentence := strange_series(report, tables):
            return refused(400, sentence)
        kept = self._count_once(report.source, report.offset, lambda: self._count(report, tables))
        return told({"offset": kept})

    def _count(self, report: Report, tables: Mapping[str, Table]) -> None:
        now = self._clock()
        places = {
            series: (table.name, table.seconds("window", SERIES_SECONDS))
            for series, table in tables.items()
        }
        for event in report.events:
            name, span = places[event.series]
            at = now if event.at is None else min(event.at, now)
            if now - at < span:
                self._part(name).window(name, event.key, span).add(event.count, at)
            attempt = event.asked()
            if attempt is not None:
                self._limits.count(attempt, at)
        self.reported += len(report.events)

    def _put(self, body: bytes) -> Response:
        put = msgspec.json.decode(body, type=Put)
        table = self._cache(put.table)
        if isinstance(table, Response):
            return table
        ttl = put.ttl or table.seconds("ttl", TTL_SECONDS)
        if put.value is None:
            ttl = 0.0
        value = (put.value or "").encode()
        try:
            self._part(table.name).put(table.name, put.key, value, self._clock(), ttl)
        except ValueError as error:
            return refused(413, str(error))
        return told({"table": table.name, "key": put.key, "ttl": ttl})

    def _value(self, request: Request) -> Response:
        key = request.query.get("key", "")
        table = self._cache(request.query.get("table", TableType.CACHE.value))
        if isinstance(table, Response):
            return table
        found = self._part(table.name).get(table.name, key[:1024], self._clock())
        if found is None:
            return refused(404, f"{table.name} has no value of {key[:64]!r}, or none any more")
        return told({"table": table.name, "key": key, "value": found.decode("utf-8", "replace")})

    def _cache(self, name: str) -> Table | Response:
        """The table of values of this name, or that there is none."""
        every = self._limits.replication.every_table
        caches = {one.name: one for one in every if one.type.kind is Kind.CACHE}
        known = ", ".join(caches)
        return caches.get(name) or refused(404, f"{name[:64]!r} is no cache; there are {known}")

    # What people ask.

    def _list(self, request: Request) -> Response:
        del request
        limits = [_limit(one) for one in self._limits.replication.limits]
        exempts = self._limits.replication.exempts
        return told({"test": self._limits.replication.test, "limits": limits, "exempts": exempts})

    def _explain(self, request: Request) -> Response:
        key = request.query.get("key", "")
        if not key:
            return refused(400, "no key is given; write /v1/explain?key=192.0.2.1")
        found = []
        now = self._clock()
        for one in self._limits.explain(key[:1024], now):
            numbers: dict[str, Any] = {"value": one.value, "own": one.own, "most": one.most}
            numbers["nodes"] = self._shares(one, now)
            place = {"key": one.key, "table": one.table, "cell": one.cell, "stage": one.stage}
            found.append({**_limit(one.limit), **place, **numbers, "remaining": one.remaining})
        return told({"key": key, "limits": found})

    def _shares(self, one: Explained, now: float) -> dict[str, int]:
        """How much of the count is whose: by node, where it is anything."""
        part = self._part(one.table)
        names = sorted({owner.name for owner in part.owners.lives()})
        if one.limit.subject.is_gauge:
            gauges = part.gauges(one.table)
            cell = packed(one.cell, gauges.by_address)
            values = [(name, gauges.value(cell, name)) for name in names]
        else:
            windows = part.windows(one.table, one.limit.window)
            cell = packed(one.cell, windows.by_address)
            values = [(name, windows.value(cell, now, name)) for name in names]
        return {name: value for name, value in values if value}

    def _list_tables(self, request: Request) -> Response:
        del request
        return told({"tables": [_table(one) for one in self._limits.replication.every_table]})

    def _show(self, request: Request) -> Response | Awaitable[Response]:
        name = request.path.removeprefix("/v1/tables/")
        every = self._limits.replication.every_table
        table = next((one for one in every if one.name == name), None)
        if table is None:
            known = ", ".join(one.name for one in every)
            return refused(404, f"table {name[:64]!r} is not defined; there are {known}")
        top = request.query.get("top", str(TOP))
        if not (top.isdecimal() and len(top) < 9 and 1 <= int(top) <= ROWS_MAX):
            return refused(400, f"top is {top[:20]!r}; write 1 to {ROWS_MAX}")
        now, node = self._clock(), request.query.get("node") or None
        told_too = {**_table(table), "node": node}
        part = self._part(name)
        if table.type.kind is Kind.CACHE:
            values = part.values(name, now)[: int(top)]
            rows = [(key, value.decode("utf-8", "replace"), who) for key, value, who in values]
            return told({**told_too, "rows": rows})
        is_tree = request.query.get("tree", "0") not in ("", "0")
        if is_tree and not table.type.is_address:
            return refused(400, f"table {name} has no addresses, so no tree; leave tree out")
        return self._show_rows(told_too, node, TREE_MAX if is_tree else int(top), is_tree)

    async def _show_rows(
        self, table: dict[str, Any], node: str | None, top: int, is_tree: bool
    ) -> Response:
        """There may be a million keys: others have their turn between some of them."""
        found: list[Row] = []
        for rows in self._part(table["name"]).chunks(table["name"], self._clock(), owner=node):
            found = nsmallest(top, [*found, *rows], key=lambda row: (-row[1], row[0]))
            await asyncio.sleep(0)
        if not is_tree:
            return told({**table, "rows": found})
        return told({**table, "tree": await asyncio.to_thread(tree, found)})

    def _refusals(self, request: Request) -> Response:
        del request
        found = [{**asdict(one), "sentence": one.sentence()} for one in self._limits.refusals]
        return told({"refusals": found})

    def _tell_health(self, request: Request) -> Response:
        del request
        health = self._health()
        return told(health, 200 if health.get("healthy", True) else 503)

    def _metrics(self, request: Request) -> Response:
        del request
        return Response(200, exposition(self._limits, self.reported, self._numbers()), CONTENT_TYPE)


def told(what: Any, status: int = 200) -> Response:
    """Say it in JSON."""
    return Response(status, msgspec.json.encode(what) + b"\n")


def refused(status: int, sentence: str) -> Response:
    """Say what is wrong, and the way out."""
    return told({"error": sentence}, status)


def _said(verdict: Verdict) -> Response:
    left = [asdict(one) for one in verdict.left]
    if verdict.is_granted:
        lease = verdict.lease.name if verdict.lease else None
        return told({"granted": True, "lease": lease, "limits": left})
    limit = verdict.refusal.limit if verdict.refusal else None
    what = {"granted": False, "limit": limit, "sentence": verdict.sentence}
    body = msgspec.json.encode({**what, "retry_after": verdict.retry_after, "limits": left})
    return Response(429, body + b"\n", retry_after=verdict.retry_after)


def _limit(limit: Limit) -> dict[str, Any]:
    return {
        "name": limit.name,
        "subject": limit.subject,
        "per": limit.per,
        "rate": rate_text(limit.most, limit.window),
        "match": limit.match,
        "scope": {"binding": limit.binding, "host": limit.host, "domain": limit.domain},
        "stage": stage_of(limit),
        "action": limit.action,
        "test": limit.test,
        "throttle": limit.throttle,
        "enabled": limit.enabled,
    }


def _table(table: Table) -> dict[str, Any]:
    kind = table.type.kind
    shown = "window" if kind is Kind.WINDOW else kind.value
    return {"name": table.name, "type": table.type, "kind": shown, "scope": table.scope}

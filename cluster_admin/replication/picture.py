"""What a manager knows of one subcluster's counts: a replica that only listens, and what was told.

Counts nothing itself and tells nobody anything: it only asks for what it lacks. Time is an
argument; everything is bounded: tables as on a node, refusals and charts by number.
"""

from collections import deque
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from cluster_admin.replication.charts import Chart
from cluster_admin.replication.walks import Row, Walk, greatest
from workers.bus.exchanges import MANAGER_ACCOUNT
from workers.replication.core.cidrtree import Branch, tree
from workers.replication.core.counting import Places, gauge_place
from workers.replication.core.definitions import Kind, Limit, Replication, Scope, Table, TableType
from workers.replication.core.keys import packed
from workers.replication.core.limits import Explained, Limits
from workers.replication.core.messages import Ask
from workers.replication.core.shared import Shared
from workers.replication.core.standing import Refused, Standing
from workers.replication.core.wire import Wire

REFUSALS_MAX = 5_000
TREE_KEYS = 10_000
"""Of a table, the greatest: more are not drawn as a tree."""
SPANS_MAX = 16
Place = tuple[str, float | None]
"""A table and, where it counts in windows, one of its spans."""


@dataclass(frozen=True, slots=True)
class Told:
    """A refusal, and the node that told it."""

    node: str
    refused: Refused


@dataclass(frozen=True, slots=True)
class Used:
    """A limit at one key."""

    key: str
    value: int
    most: int


class Picture:
    """Of `subcluster`. `incarnation`: greater than in any life before."""

    def __init__(self, subcluster: str, incarnation: int, now: float) -> None:
        self.subcluster = subcluster
        self.replication = Replication()
        self.nodes: tuple[str, ...] = ()
        tables = self.replication.every_table
        self.shared = Shared(MANAGER_ACCOUNT, tables, incarnation=incarnation, now=now)
        self.limits = Limits(self.replication, self.shared, MANAGER_ACCOUNT)
        self._places = Places(self.replication, self.shared)
        self.walks: dict[Place, Walk] = {}
        self.charts: dict[Place, Chart] = {}
        self.refused_chart = Chart()
        self.refusals: deque[Told] = deque(maxlen=REFUSALS_MAX)
        self.standings: dict[str, tuple[float, Standing]] = {}
        """Node -> when it told how it is, and what."""
        self._numbers: dict[str, int] = {}

    def redefine(
        self, replication: Replication, nodes: Sequence[str], alive: Collection[str]
    ) -> None:
        """Go by these definitions and verdicts; what was counted stays.

        `nodes`: of this subcluster; `alive`: of the cluster, those that nobody declared dead.
        """
        if replication != self.replication:
            self.shared.redefine(replication.every_table)
            self.limits.redefine(replication, max(1, len(nodes)))
            self._places = Places(replication, self.shared)
            self.replication = replication
            known = {one.name for one in replication.every_table}
            for kept in (self.walks, self.charts):
                for place in [one for one in kept if one[0] not in known]:
                    del kept[place]
        self.nodes = tuple(nodes)
        for name in self.standings.keys() - set(nodes):
            del self.standings[name]
            self._numbers.pop(name, None)
        for part in self.shared.parts.values():
            part.alive(alive)

    def shares(self, scope: Scope) -> bool:
        """Whether it has tables of this scope."""
        return any(one.scope is scope for one in self.replication.every_table)

    def take(self, scope: Scope, message: Wire, now: float) -> list[Ask]:
        """Take in a message; what to ask because of it."""
        if isinstance(message, Standing):
            self._hear(message, now)
            return []
        answers = self.shared.parts[scope].take(message, now)
        return [one for one in answers if isinstance(one, Ask)]

    def tidy(self, now: float) -> None:
        """Let go what is too old; call it every second."""
        for part in self.shared.parts.values():
            part.tidy(now)

    # Looking at all keys.

    def places(self) -> list[Place]:
        """Every table that counts, and each span of it that limits or peers count within."""
        found: list[Place] = []
        for table in self.replication.every_table:
            found.append((table.name, None))
            if table.type.kind is Kind.WINDOW:
                spans = self.shared.part(table.name).spans(table.name)
                found += [(table.name, span) for span in spans[:SPANS_MAX]]
        return [one for one in found if self.table(one[0]).type.kind is not Kind.CACHE]

    def chunks(self, place: Place, now: float, owner: str | None = None) -> Iterator[list[Row]]:
        """Rows of a table, a few thousand at a time; raises `KeyError` for no such table."""
        name, span = place
        return self.shared.part(name).chunks(name, now, owner=owner, span=span)

    def new_walk(self, place: Place) -> Walk:
        """For one look at a table: at the cells of limits of this span, too."""
        named = (
            one.name
            for one in self.replication.limits
            if one.subject.is_gauge or one.window == place[1]
        )
        return Walk(frozenset(named))

    def walked(self, place: Place, walk: Walk, now: float) -> None:
        """Keep what a look at all keys found."""
        self.walks[place] = walk
        self.charts.setdefault(place, Chart()).add(now, walk.total)

    # Answers.

    def table(self, name: str) -> Table:
        """The table of this name; raises `KeyError`."""
        for one in self.replication.every_table:
            if one.name == name:
                return one
        raise KeyError(name)

    def branches(self, rows: list[Row]) -> list[Branch]:
        """The tree of the greatest of these rows."""
        return tree(greatest(rows, TREE_KEYS))

    def used(self, limit: Limit, now: float) -> list[Used]:
        """Where a limit is nearest to being reached, the nearest first."""
        cells = [(key, "") for key, _value in self._of_limit(limit)]
        if limit.subject.is_gauge:
            cells += self._looked_at(limit)
        found = {}
        for key, binding in cells:
            meter = self._places.meter(limit, key, binding or limit.binding)
            if meter is not None and (value := meter.value(now)):
                found[meter.key] = Used(meter.key, value, meter.most)
        return sorted(found.values(), key=lambda one: (-one.value / max(1, one.most), one.key))

    def refused_by(self, limit: str) -> int:
        """How often, on all nodes since each of them started."""
        each = (dict(standing.by_limit) for _at, standing in self.standings.values())
        return sum(one.get(limit, 0) for one in each)

    def explain(self, key: str, now: float) -> list[tuple[Explained, dict[str, int]]]:
        """The limits that apply to a key, and what each node counted of it."""
        return [
            (one, self._shares(one.table, one.cell, one.limit.window or None, now))
            for one in self.limits.explain(key, now)
        ]

    def _shares(self, table: str, cell: str, span: float | None, now: float) -> dict[str, int]:
        part = self.shared.part(table)
        if span is None:
            gauges = part.gauges(table)
            at = packed(cell, gauges.by_address)
            found = {name: gauges.value(at, name) for name in self.nodes}
        else:
            grid = part.windows(table, span)
            at = packed(cell, grid.by_address)
            found = {name: grid.value(at, now, name) for name in self.nodes}
        return {name: value for name, value in found.items() if value}

    def _of_limit(self, limit: Limit) -> list[Row]:
        """The greatest cells of its own, by their keys."""
        span = limit.window or None
        found: list[Row] = []
        for (_name, at), walk in self.walks.items():
            if at == span:
                found += walk.of_limit(limit.name)
        if limit.binding:
            found = [(key.partition("::")[2] or key, value) for key, value in found]
        return greatest(found, TREE_KEYS)

    def _looked_at(self, limit: Limit) -> list[tuple[str, str]]:
        """(key, binding) of the greatest gauges that a limit on open connections looks at."""
        type_, _cell = gauge_place(limit, "", limit.binding)
        if type_ is TableType.GAUGE_CACHE:
            return []
        walk = self.walks.get((self.replication.table_of(type_).name, None), Walk())
        if type_ is TableType.BINDING_DOMAIN_CONNECTIONS:
            parts = (key.partition("::") for key, _value in walk.top)
            return [(domain, name) for name, _, domain in parts if name == limit.binding]
        return [(key, "") for key, _value in walk.top]

    def _hear(self, standing: Standing, now: float) -> None:
        name = standing.sender
        before = self.standings.get(name)
        if before is None or standing.up_seconds < before[1].up_seconds:
            self._numbers[name] = -1  # a new life of its worker counts anew
        self.standings[name] = (now, standing)
        last = self._numbers[name]
        for one in sorted(standing.refusals, key=lambda each: each.number):
            if one.number > last:
                self.refusals.append(Told(name, one))
                last = one.number
        self._numbers[name] = last
        everywhere = sum(one.refused for _at, one in self.standings.values())
        self.refused_chart.add(now, everywhere)

"""One replica: the tables a node shares, what it counts itself, and what its peers told.

The one mutable object of this core. The shell brings the time, carries messages, and writes what
`journal` and `dump` give it; everything between is decided here. See `exchange` for how replicas
agree, `windows`, `gauges` and `caches` for what a cell is.
"""

import heapq
from collections.abc import Collection, Iterable, Iterator, Sequence

from workers.replication.core.content import Content
from workers.replication.core.definitions import Kind, Table, TableType
from workers.replication.core.dumping import dump, load, replay
from workers.replication.core.exchange import Exchange
from workers.replication.core.gauge_grid import GaugeGrid
from workers.replication.core.gauges import Gauge
from workers.replication.core.journal import Journal
from workers.replication.core.messages import Delta, Message, Piece, Vector
from workers.replication.core.owners import Owners
from workers.replication.core.window_grid import WindowGrid
from workers.replication.core.windows import Window

CHUNK_ROWS = 2_000
TIDIED_AT_ONCE = 500

Row = tuple[str, int]
"""Key and value."""

WINDOW_SECONDS = 60.0
SERIES_SECONDS = 3_600.0


class Tables:
    """The replica of `node` in this life, `incarnation`, which is greater than in any before."""

    def __init__(
        self, node: str, tables: Sequence[Table], *, incarnation: int, now: float = 0.0
    ) -> None:
        self.node = node
        self.owners = Owners(node, incarnation)
        self.content = Content(self.owners, tables)
        self.exchange = Exchange(self.content, self.owners)
        self._now = now

    @property
    def journal(self) -> Journal | None:
        """Where charges are written."""
        return self.content.journal

    @journal.setter
    def journal(self, journal: Journal | None) -> None:
        self.content.attach(journal)

    def windows(self, table: str, span: float) -> WindowGrid:
        """Return the windows of `span` seconds. Raises `KeyError` for no table of windows."""
        found = self.content.windows.get((table, span))
        return found or self.content.grid(table, span, self._now)

    def gauges(self, table: str) -> GaugeGrid:
        """Return the gauges of a table. Raises `KeyError` for no such table."""
        return self.content.gauges[table]

    def window(self, table: str, key: str, span: float) -> Window:
        """Return what counts `key` within `span` seconds; ask anew for each decision."""
        found = self.content.windows.get((table, span)) or self.windows(table, span)
        return found.window(key)

    def gauge(self, table: str, key: str) -> Gauge:
        """Return what `key` has now; ask anew for each decision."""
        return self.content.gauges[table].gauge(key)

    def get(self, table: str, key: str, now: float) -> bytes | None:
        """Return a value of a cache. Raises `KeyError` for no such table."""
        return self.content.caches[table].get(key, now)

    def put(self, table: str, key: str, value: bytes, now: float, ttl: float) -> None:
        """Set a value of a cache for `ttl` seconds. Raises `KeyError` or `ValueError`."""
        self.content.caches[table].put(key, value, now, ttl)

    def redefine(self, tables: Sequence[Table]) -> None:
        """Have these tables from now on; what peers know of new ones is asked for."""
        if self.content.redefine(tables):
            for owner in self.owners.lives():
                if owner is not self.owners.mine:
                    owner.known, owner.ahead = 0, []

    def alive(self, nodes: Collection[str]) -> None:
        """Let gauges of these nodes count, and this node's own, and no others."""
        if self.owners.alive(nodes):
            self.content.recount()

    def pending(self, now: float) -> float | None:
        """Return when the next batch is due; None while nothing waits."""
        return self.exchange.due(now)

    def batch(self, now: float) -> Delta | None:
        """Return what changed, as much as fits a message: call it until there is None."""
        return self.exchange.batch(now)

    def vector(self, now: float) -> Vector:
        """Return what to tell everyone every two seconds."""
        return self.exchange.vector(now)

    def take(self, message: Message, now: float) -> list[Message]:
        """Take in a message of a peer; return what to send for it."""
        self._now = now
        return self.exchange.take(message, now)

    @property
    def owes(self) -> bool:
        """Whether `piece` has something."""
        return bool(self.exchange.jobs)

    def piece(self, now: float) -> Delta | Piece | None:
        """Return the next message that somebody asked for; one takes a few milliseconds."""
        return self.exchange.owed(now)

    def tidy(self, now: float) -> bool:
        """Call it every second, and again soon while it returns True: there is more to do."""
        self._now = now
        self.exchange.tidy(now)
        return self.content.tidy(now, TIDIED_AT_ONCE)

    def dump(self, now: float) -> Iterator[bytes]:
        """Return everything, a piece at a time; charges may go on in between."""
        return dump(self.content, self.owners, now)

    def load(self, pieces: Iterable[bytes], now: float) -> None:
        """Take in what `dump` gave an earlier life. Raises `ValueError` for anything else."""
        self._now = now
        load(self.content, self.owners, pieces, now)

    def replay(self, data: bytes, now: float) -> int:
        """Take in a journal of an earlier life; return how many records it had."""
        self._now = now
        return replay(self.content, self.owners, data, now)

    def rows(
        self,
        table: str,
        now: float,
        *,
        owner: str | None = None,
        top: int | None = None,
        span: float | None = None,
    ) -> list[Row]:
        """Return keys and values that are not 0, the greatest first, of one node or of all."""
        found = (row for rows in self.chunks(table, now, owner=owner, span=span) for row in rows)
        if top is not None:
            return heapq.nsmallest(top, found, key=_order)
        return sorted(found, key=_order)

    def chunks(
        self, table: str, now: float, *, owner: str | None = None, span: float | None = None
    ) -> Iterator[list[Row]]:
        """Return the same in no order, a few thousand keys at a time; tables may change between.

        Raises `KeyError` for no table that counts.
        """
        gauges = self.content.gauges.get(table)
        if gauges is not None:
            return _gauge_chunks(gauges, owner)
        grid = self._shown(table, span)
        return iter(()) if grid is None else _window_chunks(grid, now, owner)

    def values(self, table: str, now: float) -> list[tuple[str, bytes, str]]:
        """Return keys, values, and who set them, of a cache."""
        return list(self.content.caches[table].rows(now))

    def spans(self, table: str) -> list[float]:
        """Return the windows that are counted over a table, in seconds."""
        return sorted(span for name, span in self.content.windows if name == table)

    def digest(self, name: str, now: float) -> str:
        """Return a hash of what counts of a node: equal where two replicas agree."""
        return self.content.digest(name, now)

    def counts(self) -> dict[str, int]:
        """Return what is there and what went wrong, by name, for metrics."""
        exchange = self.exchange
        return self.content.counts() | {
            "lives": len(self.owners.lives()),
            "lives_refused": self.owners.refused,
            "holes": exchange.holes,
            "asks": exchange.asks,
            "batches": exchange.batches,
            "pieces": exchange.pieces,
            "snapshots": exchange.snapshots,
        }

    def heard(self) -> dict[str, float]:
        """Return when each peer told last what it knows."""
        return {name: at for name, (at, _told) in self.exchange.heard.items()}

    def _shown(self, table: str, span: float | None) -> WindowGrid | None:
        defined = self.content.tables[table]
        if defined.type.kind is not Kind.WINDOW:
            raise KeyError(table)
        if span is None:
            is_series = defined.type.value.startswith("series-")
            is_series = is_series or defined.type is TableType.AUDIT_SERIES
            span = defined.seconds("window", SERIES_SECONDS if is_series else WINDOW_SECONDS)
        exact = self.content.windows.get((table, span))
        others = [one for (name, _span), one in self.content.windows.items() if name == table]
        return exact or max(others, key=lambda one: len(one.shelf), default=None)


def _order(row: Row) -> tuple[int, str]:
    return -row[1], row[0]


def _gauge_chunks(grid: GaugeGrid, owner: str | None) -> Iterator[list[Row]]:
    keys = grid.shelf.keys()
    for at in range(0, len(keys), CHUNK_ROWS):
        told = ((key, grid.value(key, owner)) for key in keys[at : at + CHUNK_ROWS])
        yield [(grid.text(key), value) for key, value in told if value]


def _window_chunks(grid: WindowGrid, now: float, owner: str | None) -> Iterator[list[Row]]:
    keys = grid.shelf.keys()
    for at in range(0, len(keys), CHUNK_ROWS):
        told = ((key, grid.value(key, now, owner)) for key in keys[at : at + CHUNK_ROWS])
        yield [(grid.text(key), value) for key, value in told if value]

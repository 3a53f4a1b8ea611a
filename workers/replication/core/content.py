"""The cells of every table of one replica: what is counted, by table, and by span where it matters.

Sections of messages go in and come out here; who sends what to whom is in `exchange`. Invariant: a
section is taken whole or not at all, and what is not sound is counted as strange.
"""

import hashlib
from collections.abc import Iterator, Sequence

from workers.replication.core.caches import Cache
from workers.replication.core.columns import Section
from workers.replication.core.definitions import Kind, Table
from workers.replication.core.gauge_grid import GaugeGrid
from workers.replication.core.journal import Charge, Journal
from workers.replication.core.keys import is_sound
from workers.replication.core.messages import Values
from workers.replication.core.owners import Owner, Owners
from workers.replication.core.room import Room
from workers.replication.core.window_grid import WindowGrid

SPANS_MAX = 32
"""Different windows over one table."""

LOOKED_KEYS = 2_000
"""For one piece of a snapshot: a few milliseconds."""

DUMPED_KEYS = 500
"""For one piece of a dump, which nobody waits for."""

SPAN_SECONDS = (0.5, 32 * 86_400.0)

PACE = 0.1
"""Of `max_delay`: once `max_pending` changes wait, none waits longer. What changes again meanwhile
is told once: under load that is most of it."""

Grid = WindowGrid | GaugeGrid | Cache


class Content:
    """Tables by name. A grid of windows is made when its span is first asked for or heard of."""

    def __init__(self, owners: Owners, tables: Sequence[Table]) -> None:
        self.owners = owners
        self.tables: dict[str, Table] = {}
        self.windows: dict[tuple[str, float], WindowGrid] = {}
        self.gauges: dict[str, GaugeGrid] = {}
        self.caches: dict[str, Cache] = {}
        self.journal: Journal | None = None
        self.strange = 0
        """Sections and cells that were no cells of our tables."""
        self.unknown = 0
        """Sections of tables that are not defined here."""
        self.redefine(tables)

    def redefine(self, tables: Sequence[Table]) -> bool:
        """Have these tables from now on; return whether there is one that was not there before."""
        wanted = {one.name: one for one in tables}
        for name, table in list(self.tables.items()):
            if name not in wanted or wanted[name].type is not table.type:
                self._remove(name)
        new = [one for name, one in wanted.items() if name not in self.tables]
        self.tables = wanted
        for grid in self.every():
            table = wanted[grid.table.name]
            if isinstance(grid, Cache):
                grid.table = table
            else:
                grid.resize(table)
        for one in new:
            if one.type.kind is Kind.GAUGE:
                self.gauges[one.name] = GaugeGrid(one, self.owners)
            elif one.type.kind is Kind.CACHE:
                self.caches[one.name] = Cache(one, self.owners)
        self.attach(self.journal)
        return bool(new)

    def grid(self, table: str, span: float, now: float) -> WindowGrid:
        """Return the windows of this span. Raises `KeyError` for no table of windows."""
        found = self.windows.get((table, span))
        if found is None:
            defined = self.tables[table]
            if defined.type.kind is not Kind.WINDOW:
                raise KeyError(table)
            span = float(span)
            found = self.windows[table, span] = WindowGrid(defined, span, self.owners, now)
            found.journal = self.journal
        return found

    def every(self) -> Iterator[Grid]:
        """Every grid and cache."""
        yield from self.windows.values()
        yield from self.gauges.values()
        yield from self.caches.values()

    def attach(self, journal: Journal | None) -> None:
        """Write charges into this journal from now on."""
        self.journal = journal
        for grid in self.every():
            grid.journal = journal

    def due(self, now: float) -> float | None:
        """Return when the next batch has to leave; None while nothing waits."""
        found: float | None = None
        for grid in self.every():
            if grid.is_waiting:
                if grid.first_change is None:
                    grid.first_change = now
                is_full = grid.changes >= grid.table.max_pending
                due = grid.first_change + grid.table.max_delay * (PACE if is_full else 1.0)
                found = due if found is None else min(found, due)
        return found

    def lost(self) -> bool:
        """Return whether changes since the last batch are too many to tell; then they are told."""
        found = [grid for grid in self.every() if grid.is_lost]
        for grid in found:
            grid.is_lost = False
        return bool(found)

    def flush(self, room: Room, now: float) -> tuple[list[Section], list[Values]]:
        """Return what changed, as much as there is room for."""
        sections = [one for grid in self.windows.values() if (one := grid.flush(room, now))]
        sections += [one for grid in self.gauges.values() if (one := grid.flush(room, now))]
        flushed = [(name, one.flush(room)) for name, one in self.caches.items()]
        return sections, [Values(name, entries) for name, entries in flushed if entries]

    def take(
        self,
        sections: Sequence[Section],
        values: Sequence[Values],
        owner: Owner,
        upto: int,
        now: float,
    ) -> None:
        """Take in what `owner` told with batch `upto`."""
        for section in sections:
            try:
                is_sound = self._take_section(section, owner, upto, now)
            except ValueError:
                is_sound = False
            self.strange += not is_sound
        for one in values:
            cache = self.caches.get(one.table)
            if cache is None:
                self.unknown += 1
                continue
            self.strange += sum(not cache.take(entry, owner, now) for entry in one.entries)

    def restore(self, charge: Charge, owner: Owner, now: float) -> None:
        """Take in what a journal says that an earlier life of this node counted."""
        if self._has_room(charge.table, charge.span):
            grid = self.grid(charge.table, charge.span, now)
            if is_sound(charge.key, grid.by_address):
                grid.restore(charge.key, owner.index, charge.bucket, charge.value, now)

    def recount(self) -> None:
        """Sum up gauges anew: whose cells count has changed."""
        for grid in self.gauges.values():
            grid.recount()

    def tidy(self, now: float, most: int) -> bool:
        """Let what is too old go, at most so much; return whether there is more to do."""
        more = [grid.tidy(now, most) for grid in self.windows.values()]
        more += [grid.tidy(most) for grid in self.gauges.values()]
        return any(more)

    def longest(self) -> float:
        """Return the longest span, in seconds; 0 where there is none."""
        return max((span for _table, span in self.windows), default=0.0)

    def digest(self, name: str, now: float) -> str:
        """Return a hash of everything that counts of the node of this name."""
        lines: list[str] = []
        lives = [one for one in self.owners.every if one.name == name]
        for (table, span), windows in self.windows.items():
            for key in set(windows.shelf.keys()):
                cells: dict[int, int] = {}
                for owner in lives:
                    for bucket, count in windows.cells(key, owner, now):
                        cells[bucket] = cells.get(bucket, 0) + count
                lines += [f"{table} {span} {key.hex()} {cell}" for cell in cells.items()]
        for table, gauges in self.gauges.items():
            for key in set(gauges.shelf.keys()):
                value = gauges.value(key, name)
                lines += [f"{table} {key.hex()} {value}"] if value else []
        for table, cache in self.caches.items():
            rows = [
                f"{table} {key!r} {value!r}" for key, value, who in cache.rows(now) if who == name
            ]
            lines += rows
        return hashlib.blake2b("\n".join(sorted(lines)).encode(), digest_size=16).hexdigest()

    def counts(self) -> dict[str, int]:
        """Return what is there and what went wrong, by name."""
        grids: list[WindowGrid | GaugeGrid] = [*self.windows.values(), *self.gauges.values()]
        shelves = [one.shelf for one in grids]
        return {
            "keys": sum(map(len, shelves)) + sum(len(one.held) for one in self.caches.values()),
            "evicted": sum(one.evicted for one in shelves)
            + sum(one.evicted for one in self.caches.values()),
            "strange": self.strange,
            "unknown": self.unknown,
            "journal_lost": self.journal.lost if self.journal else 0,
        }

    def _take_section(self, section: Section, owner: Owner, upto: int, now: float) -> bool:
        table = self.tables.get(section.table)
        if table is None:
            self.unknown += 1
            return True
        if not section.span:
            gauges = self.gauges.get(section.table)
            return gauges is not None and gauges.take(section, owner, upto)
        if not self._has_room(section.table, section.span):
            return False
        return self.grid(section.table, section.span, now).take(section, owner, now)

    def _has_room(self, name: str, span: float) -> bool:
        """Whether windows of this span may be counted over the table of this name."""
        if (name, span) in self.windows:
            return True
        table = self.tables.get(name)
        low, high = SPAN_SECONDS
        if table is None or table.type.kind is not Kind.WINDOW or not low <= span <= high:
            return False
        return sum(one == name for one, _span in self.windows) < SPANS_MAX

    def _remove(self, name: str) -> None:
        self.gauges.pop(name, None)
        self.caches.pop(name, None)
        for key in [key for key in self.windows if key[0] == name]:
            del self.windows[key]


class Walk:
    """Everything of one owner, piece by piece, while the tables go on changing.

    `is_whole`: with tables that no joiner is told of, too.
    """

    def __init__(self, content: Content, owner: Owner, is_whole: bool) -> None:
        self.owner = owner
        self._most = DUMPED_KEYS if is_whole else LOOKED_KEYS
        self._rest = [one for one in content.every() if is_whole or one.table.snapshot]
        self._keys: list[bytes] = []
        self._at = 0
        self._open(0)

    @property
    def is_done(self) -> bool:
        """Whether everything was told."""
        return not self._rest

    def next(self, room: Room, now: float) -> tuple[list[Section], list[Values]]:
        """Return the next piece, which may be empty; it looks at a bounded number of keys."""
        sections: list[Section] = []
        values: list[Values] = []
        looked = 0
        while self._rest and looked < self._most:
            grid = self._rest[0]
            keys = self._keys[self._at : self._at + self._most - looked]
            if isinstance(grid, Cache):
                entries, done = grid.walk(keys, self.owner, room)
                values += [Values(grid.table.name, entries)] if entries else []
            else:
                section, done = (
                    grid.walk(keys, self.owner, room, now)
                    if isinstance(grid, WindowGrid)
                    else grid.walk(keys, self.owner, room)
                )
                sections += [section] if section else []
            looked += done
            self._at += done
            if self._at >= len(self._keys):
                self._open(1)
            elif done < len(keys):
                break
        return sections, values

    def _open(self, gone: int) -> None:
        """Go on to the next grid that has keys."""
        self._rest = self._rest[gone:]
        self._keys, self._at = [], 0
        while self._rest:
            grid = self._rest[0]
            self._keys = grid.keys() if isinstance(grid, Cache) else grid.shelf.keys()
            if self._keys:
                return
            self._rest = self._rest[1:]

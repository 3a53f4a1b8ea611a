"""The bench `logs`: a log from node to manager, Debian's rsyslog and syslog-ng beside ours.

All sides run on the same machine, are given the same log, and go through the same stories as far as
they have the parts that are killed. The judge is `bench.numbered`'s.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import msgspec
from rich.table import Table

from bench import logs_faults, logs_fleet, logs_quiet, logs_reading
from bench.log_stories import Story
from bench.logs_faults import OURS, SIDES, beside
from bench.logs_throughput import Passed, Side, content, measure
from bench.muster_logs import Muster
from bench.options import Options, Teller
from bench.peers.shippers import PRODUCTS, peer
from bench.report import Row, row
from workers.lab.core.timeline import percentile

FULL = "ours, with index and mail counts"
FASTER, CHEAPER = 8.0, 0.125
LAG_SECONDS, IDLE_PERCENT = 1.5, 1.0
SPEED_ROWS = (
    *("throughput.ratio", "cpu_per_gb.ratio"),
    *("throughput.megabytes_per_second", "cpu_per_gb.seconds"),
)
FULL_SPEED_ROWS = tuple(one.replace(".", "-full.") for one in SPEED_ROWS)
LOST_ROW = "throughput.lost"
LAG_ROW, IDLE_ROWS = "lag.p99_seconds", ("idle.cpu_percent", "idle.broker_percent")


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """How much of each thing is measured."""

    size: int = 256 * 10**6
    passes: int = 3
    """Of the log through each side; its median counts."""
    faults: logs_faults.Counts = logs_faults.Counts()
    lag_seconds: float = 60.0
    idle_seconds: float = 30.0
    fleet_seconds: float = 60.0
    read_size: int = 10 * 10**9


QUICK = Counts(
    size=16 * 10**6,
    passes=1,
    faults=logs_faults.Counts(
        kills=3,
        rotations=3,
        full_disks=2,
        long_line=10**6,
        backlog=8 << 20,
        still_seconds=15.0,
        at_once=2 * len(SIDES),
    ),
    lag_seconds=5.0,
    idle_seconds=5.0,
    fleet_seconds=5.0,
    read_size=200 * 10**6,
)


class LogsBench:
    """The bench at work; rows can be asked for at any time."""

    def __init__(self, options: Options, tell: Teller) -> None:
        self._options = options
        self._counts = QUICK if options.quick else Counts()
        self._tell = tell
        self._passed: dict[str, list[Passed]] = {}
        self._verdicts: logs_faults.Verdicts = {}
        self._others: list[Row] = []

    def measure(self) -> None:
        """Measure part after part."""
        with TemporaryDirectory(prefix="muster-bench-") as directory:
            place, counts = Path(directory), self._counts
            if self._asks((*SPEED_ROWS, *FULL_SPEED_ROWS, LOST_ROW)):
                self._measure_speed(place / "speed")
            if self._asks([LAG_ROW]):
                found = logs_quiet.lags(Muster(place / "lag"), counts.lag_seconds)
                self._add(row(LAG_ROW, found, "s", LAG_SECONDS, partial(percentile, percent=99)))
            if self._asks(IDLE_ROWS):
                self._measure_idle(place / "idle")
            if self._asks(logs_fleet.ROWS):
                for one in logs_fleet.rows(place / "fleet", counts.fleet_seconds):
                    self._add(one)
            if self._asks(logs_reading.ROWS):
                for one in logs_reading.rows(counts.read_size):
                    self._add(one)
            wanted = [story for story in logs_faults.stories(counts.faults) if self._wants(story)]
            played = logs_faults.played(wanted, place / "stories", counts.faults, self._tell)
            for story, side, verdict in played:
                self._verdicts.setdefault(story, {})[side] = verdict

    def rows(self) -> list[Row]:
        """What was measured so far."""
        found = [*self._speed(), *logs_faults.rows(self._verdicts), *self._others]
        return [one for one in found if self._options.asks(one.name)]

    def compared(self) -> Table:
        """Ours beside the others, row by row."""
        shown = Table(title="ours and Debian's log shippers")
        for heading in ("name", "unit", *SIDES):
            shown.add_column(heading, justify="left" if heading in ("name", "unit") else "right")
        for one in self.rows():
            if one.peers:
                found = {**one.peers, OURS: one.value}
                cells = (found.get(side) for side in SIDES)
                told = ("-" if value is None else f"{value:.3f}" for value in cells)
                shown.add_row(one.name, one.unit, *told)
        return shown

    def _asks(self, names: Iterable[str]) -> bool:
        return any(map(self._options.asks, names))

    def _wants(self, story: Story) -> bool:
        return self._asks((*logs_faults.FAULT_ROWS, *logs_faults.names(story)))

    def _add(self, found: Row) -> None:
        self._others.append(found)
        self._tell(f"{found.name}: {found.value}")

    # Speed.

    def _measure_speed(self, place: Path) -> None:
        place.mkdir()
        given = content(place / "content", self._counts.size)
        sides: dict[str, Callable[[Path], Side]] = {
            **{name: partial(peer, name) for name in PRODUCTS},
            OURS: partial(Muster, full=False),
            FULL: Muster,
        }
        for number in range(self._counts.passes):
            for name, make in sides.items():
                passed = measure(make(place / f"{name}-{number}"), given)
                self._passed.setdefault(name, []).append(passed)
                cost = passed.processor_seconds_per_gigabyte
                self._tell(f"{name}: {passed.rate:.1f} MB/s, {cost:.1f} CPU s/GB, {passed.verdict}")

    def _speed(self) -> Iterator[Row]:
        if FULL not in self._passed:
            return
        rates = {name: [one.rate for one in passed] for name, passed in self._passed.items()}
        costs = {
            name: [one.processor_seconds_per_gigabyte for one in passed]
            for name, passed in self._passed.items()
        }
        best = max(median(rates[name]) for name in PRODUCTS)
        least = min(median(costs[name]) for name in PRODUCTS)
        for name, rows in ((OURS, SPEED_ROWS), (FULL, FULL_SPEED_ROWS)):
            reported = name == FULL
            faster = [round(rate / best, 4) for rate in rates[name]]
            cheaper = [round(cost / least, 4) for cost in costs[name]]
            yield row(rows[0], faster, "ratio", FASTER, reported=reported, better="higher")
            yield row(rows[1], cheaper, "ratio", CHEAPER, reported=reported)
            yield _beside(rows[2], rates, name, "MB/s")
            yield _beside(rows[3], costs, name, "s")
        lost = {
            name: float(max(one.verdict.lost for one in passed))
            for name, passed in self._passed.items()
            if name != FULL
        }
        yield beside(LOST_ROW, lost, "lines", 0.0)

    # Quiet.

    def _measure_idle(self, place: Path) -> None:
        idle = logs_quiet.idle(Muster(place, logs_quiet.SOURCES), self._counts.idle_seconds)
        self._add(row(IDLE_ROWS[0], [idle.percent], "%", IDLE_PERCENT))
        self._add(row(IDLE_ROWS[1], [idle.broker_percent], "%", None, reported=True))


def _beside(name: str, figures: Mapping[str, Sequence[float]], ours: str, unit: str) -> Row:
    """Ours, every run of it, with the peers' medians beside it; reported."""
    peers = {side: round(median(figures[side]), 4) for side in PRODUCTS}
    made = row(name, [round(one, 4) for one in figures[ours]], unit, None, reported=True)
    return msgspec.structs.replace(made, peers=peers)

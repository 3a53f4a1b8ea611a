"""The bench `logs`: a log from node to manager, Debian's rsyslog and syslog-ng beside ours.

All sides run on the same machine, are given the same log, and go through the same stories as far as
they have the parts that are killed. The judge is `bench.numbered`'s.
"""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
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
    *("throughput.ratio", "cpu_per_gb.ratio", "throughput.megabytes_per_second"),
    *("cpu_per_gb.seconds", "throughput.lost", "throughput-full.ratio", "cpu_per_gb-full.ratio"),
    *("throughput-full.megabytes_per_second", "cpu_per_gb-full.seconds"),
)
LAG_ROW, IDLE_ROWS = "lag.p99_seconds", ("idle.cpu_percent", "idle.broker_percent")


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """How much of each thing is measured."""

    size: int = 256 * 10**6
    faults: logs_faults.Counts = logs_faults.Counts()
    lag_seconds: float = 60.0
    idle_seconds: float = 30.0
    fleet_seconds: float = 60.0
    read_size: int = 10 * 10**9


QUICK = Counts(
    size=16 * 10**6,
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
        self._passed: dict[str, Passed] = {}
        self._verdicts: logs_faults.Verdicts = {}
        self._others: list[Row] = []

    def measure(self) -> None:
        """Measure part after part."""
        with TemporaryDirectory(prefix="muster-bench-") as directory:
            place, counts = Path(directory), self._counts
            if self._asks(SPEED_ROWS):
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
        for name, make in sides.items():
            self._passed[name] = passed = measure(make(place / name), given)
            told = f"{passed.rate:.1f} MB/s, {passed.processor_seconds_per_gigabyte:.1f} CPU s/GB"
            self._tell(f"{name}: {told}, {passed.verdict}")

    def _speed(self) -> Iterator[Row]:
        if OURS not in self._passed:
            return
        sides = {name: one for name, one in self._passed.items() if name != FULL}
        rates = {name: round(one.rate, 4) for name, one in sides.items()}
        costs = {name: round(one.processor_seconds_per_gigabyte, 4) for name, one in sides.items()}
        lost = {name: float(one.verdict.lost) for name, one in sides.items()}
        best = max(rate for name, rate in rates.items() if name != OURS)
        least = min(cost for name, cost in costs.items() if name != OURS)
        yield row(SPEED_ROWS[0], [round(rates[OURS] / best, 4)], "ratio", FASTER, better="higher")
        yield row(SPEED_ROWS[1], [round(costs[OURS] / least, 4)], "ratio", CHEAPER)
        yield beside(SPEED_ROWS[2], rates, "MB/s", None)
        yield beside(SPEED_ROWS[3], costs, "s", None)
        yield beside(SPEED_ROWS[4], lost, "lines", 0.0)
        if FULL in self._passed:
            full = self._passed[FULL]
            rate, cost = full.rate, full.processor_seconds_per_gigabyte
            figures = (rate / best, cost / least, rate, cost)
            units = ("ratio", "ratio", "MB/s", "s")
            for name, figure, unit in zip(SPEED_ROWS[5:], figures, units, strict=True):
                yield row(name, [round(figure, 4)], unit, None, reported=True)

    # Quiet.

    def _measure_idle(self, place: Path) -> None:
        idle = logs_quiet.idle(Muster(place, logs_quiet.SOURCES), self._counts.idle_seconds)
        self._add(row(IDLE_ROWS[0], [idle.percent], "%", IDLE_PERCENT))
        self._add(row(IDLE_ROWS[1], [idle.broker_percent], "%", None, reported=True))

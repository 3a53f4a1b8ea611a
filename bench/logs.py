"""The bench `logs`: a log from node to manager, Debian's rsyslog and syslog-ng beside ours.

All sides run one after the other on the same machine, are given the same log, and go through the
same stories as far as they have the parts that are killed. The judge is `bench.numbered`'s.
"""

import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
from rich.table import Table

from bench import logs_quiet, logs_reading
from bench.log_stories import (
    Mortal,
    Story,
    killing,
    play,
    rotating,
    rotating_away,
    strange,
)
from bench.log_writer import Rotation
from bench.logs_throughput import Content, Passed, content, measure
from bench.muster_logs import Muster
from bench.numbered import Verdict
from bench.options import Options, Teller
from bench.peers.shippers import PRODUCTS, Peer
from bench.report import Row, row
from tests.integration.brokers import free_ports
from workers.lab.core.timeline import percentile

OURS = Muster.name
FULL = "ours, with index and mail counts"
FASTER, CHEAPER = 8.0, 0.125
LAG_SECONDS, IDLE_PERCENT = 1.5, 1.0
SPEED_ROWS = (
    *("throughput.ratio", "cpu_per_gb.ratio", "throughput.megabytes_per_second"),
    *("cpu_per_gb.seconds", "throughput.lost"),
    *("throughput-full.megabytes_per_second", "cpu_per_gb-full.seconds"),
)
FIGURES = ("lost", "duplicated", "garbled")
FAULT_ROWS = tuple(f"faults.{figure}" for figure in FIGURES)
WINDOW_ROW = "copytruncate.window_lost"
LAG_ROW, IDLE_ROWS = "lag.p99_seconds", ("idle.cpu_percent", "idle.broker_percent")
Make = Callable[[Path], Mortal]


@dataclass(frozen=True, slots=True)
class Counts:
    """How much of each thing is measured."""

    size: int = 256 * 10**6
    kills: int = 20
    rotations: int = 10
    long_line: int = 100 * 10**6
    lag_seconds: float = 60.0
    idle_seconds: float = 30.0
    read_size: int = 10 * 10**9


QUICK = Counts(16 * 10**6, 3, 3, 10**6, 10.0, 10.0, 10**9)


def _peer(product_at: int, place: Path) -> Peer:
    return Peer(PRODUCTS[product_at], place, free_ports(1)[0])


def _ours(place: Path) -> Muster:
    return Muster(place)


SIDES: dict[str, Make] = {
    **{product.name: partial(_peer, at) for at, product in enumerate(PRODUCTS)},
    OURS: _ours,
}


class LogsBench:
    """The bench at work; rows can be asked for at any time."""

    def __init__(self, options: Options, tell: Teller) -> None:
        self._options = options
        self._counts = QUICK if options.quick else Counts()
        self._tell = tell
        self._passed: dict[str, Passed] = {}
        self._verdicts: dict[str, dict[str, Verdict]] = {}
        """Story -> side -> what came of the lines."""
        self._quiet: list[Row] = []

    def measure(self) -> None:
        """Measure part after part."""
        with TemporaryDirectory(prefix="muster-bench-") as directory:
            place = Path(directory)
            if any(map(self._options.asks, SPEED_ROWS)):
                self._measure_speed(place / "speed")
            for story in self._stories():
                if any(map(self._options.asks, (*FAULT_ROWS, *_names(story)))):
                    self._play(story, place / story.name)
            if self._options.asks(LAG_ROW):
                found = logs_quiet.lags(Muster(place / "lag"), self._counts.lag_seconds)
                self._add(row(LAG_ROW, found, "s", LAG_SECONDS, partial(percentile, percent=99)))
            if any(map(self._options.asks, IDLE_ROWS)):
                self._measure_idle(place / "idle")
            if any(map(self._options.asks, logs_reading.ROWS)):
                for found_row in logs_reading.rows(self._counts.read_size):
                    self._add(found_row)

    def rows(self) -> list[Row]:
        """What was measured so far."""
        found = [*self._speed(), *self._faults(), *self._quiet]
        return [one for one in found if self._options.asks(one.name)]

    def _add(self, found: Row) -> None:
        self._quiet.append(found)
        self._tell(f"{found.name}: {found.value}")

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

    # Speed.

    def _measure_speed(self, place: Path) -> None:
        place.mkdir()
        given: Content = content(place / "content", self._counts.size)
        sides: dict[str, Make] = {**SIDES, OURS: partial(Muster, full=False), FULL: _ours}
        for name, make in sides.items():
            self._passed[name] = passed = measure(make(place / name), given)
            told = f"{passed.rate:.1f} MB/s, {passed.processor_seconds_per_gigabyte:.1f} CPU s/GB"
            self._tell(f"{name}: {told}, {passed.verdict}")

    def _speed(self) -> Iterator[Row]:
        if not self._passed:
            return
        sides = {name: one for name, one in self._passed.items() if name != FULL}
        rates = {name: round(one.rate, 4) for name, one in sides.items()}
        costs = {name: round(one.processor_seconds_per_gigabyte, 4) for name, one in sides.items()}
        lost = {name: float(one.verdict.lost) for name, one in sides.items()}
        best = max((rate for name, rate in rates.items() if name != OURS), default=0.0)
        least = min((cost for name, cost in costs.items() if name != OURS), default=0.0)
        faster = [round(rates[OURS] / best, 4)] if best and OURS in rates else []
        cheaper = [round(costs[OURS] / least, 4)] if least and OURS in costs else []
        yield row(SPEED_ROWS[0], faster, "ratio", FASTER, better="higher")
        yield row(SPEED_ROWS[1], cheaper, "ratio", CHEAPER)
        yield _beside(SPEED_ROWS[2], rates, "MB/s", None)
        yield _beside(SPEED_ROWS[3], costs, "s", None)
        yield _beside(SPEED_ROWS[4], lost, "lines", 0.0)
        if FULL in self._passed:
            full = self._passed[FULL]
            yield row(SPEED_ROWS[5], [round(full.rate, 4)], "MB/s", None, reported=True)
            spent = round(full.processor_seconds_per_gigabyte, 4)
            yield row(SPEED_ROWS[6], [spent], "s", None, reported=True)

    # Faults.

    def _stories(self) -> tuple[Story, ...]:
        counts = self._counts
        return (
            rotating(Rotation.RENAME, counts.rotations),
            rotating(Rotation.COPY_TRUNCATE, counts.rotations),
            rotating_away("shipper"),
            strange(counts.long_line),
            *(killing(part, counts.kills) for part in Muster.parts),
        )

    def _play(self, story: Story, place: Path) -> None:
        place.mkdir()
        for name, make in SIDES.items():
            side = make(place / name)
            if not set(story.parts) <= set(side.parts):
                continue
            seed = secrets.randbits(32)
            verdict = play(side, story, seed)
            self._verdicts.setdefault(story.name, {})[name] = verdict
            self._tell(f"{story.name}, {name} (seed {seed}): {verdict}")

    def _faults(self) -> Iterator[Row]:
        ours = [sides[OURS] for sides in self._verdicts.values() if OURS in sides]
        for name, figure in zip(FAULT_ROWS, FIGURES, strict=True):
            yield row(name, [float(getattr(one, figure)) for one in ours], "lines", 0.0, sum)
        for story, sides in self._verdicts.items():
            for figure in FIGURES:
                found = {name: float(getattr(one, figure)) for name, one in sides.items()}
                yield _beside(f"{story}.{figure}", found, "lines", 0.0)
        copied = self._verdicts.get(Rotation.COPY_TRUNCATE.value)
        if copied:
            found = {name: float(one.window_lost) for name, one in copied.items()}
            yield _beside(WINDOW_ROW, found, "lines", None)

    # Quiet.

    def _measure_idle(self, place: Path) -> None:
        idle = logs_quiet.idle(Muster(place, logs_quiet.SOURCES), self._counts.idle_seconds)
        self._add(row(IDLE_ROWS[0], [idle.percent], "%", IDLE_PERCENT))
        self._add(row(IDLE_ROWS[1], [idle.broker_percent], "%", None, reported=True))


def _names(story: Story) -> tuple[str, ...]:
    own = tuple(f"{story.name}.{figure}" for figure in FIGURES)
    return (*own, WINDOW_ROW) if story.name == Rotation.COPY_TRUNCATE.value else own


def _beside(name: str, found: dict[str, float], unit: str, bound: float | None) -> Row:
    """Our figure with the peers' beside it; without a bound it is reported."""
    ours = [found[OURS]] if OURS in found else []
    made = row(name, ours, unit, bound, reported=bound is None)
    peers = {side: value for side, value in found.items() if side != OURS}
    return msgspec.structs.replace(made, peers=peers)

"""The configuration bench: deaths, a hundred nodes, a large repository, a lab's nodes and manager.

Parts are independent: what a row pattern leaves out is not run. Beside the commits stands what
nodes that ask every minute would take.
"""

import statistics
from dataclasses import dataclass
from functools import partial

import httpx

from bench import (
    config_bad,
    config_big,
    config_deaths,
    config_lab,
    config_nodes,
    config_restore,
)
from bench.options import Options, Teller
from bench.report import Row, row
from workers.lab.bringup import Wish, bring_up, take_down
from workers.lab.core.timeline import percentile
from workers.lab.lab import Lab

KILL_ROWS = ("kill.runs", "kill.half_applied", "kill.lost_commits")
NODES_ROW = "apply-100.seconds"
BIG_ROWS = ("big.commit_seconds", "big.page_seconds")
APPLY_ROWS = ("apply.median_seconds", "apply.p95_seconds")
BAD_ROW = "bad-commit.rollback_seconds"
POLLING_ROWS = ("polling.median_seconds", "polling.p95_seconds")
RESTORE_ROW = "restore.differences"
LAB_NODES = 3
POLL_SECONDS = 60.0


WHOLE = config_big.Size()


@dataclass(frozen=True, slots=True)
class Counts:
    """How often each thing is measured."""

    kills: int = 520
    """Half of them of workers that apply, half of whoever commits and receives."""
    nodes: int = 100
    big: config_big.Size = WHOLE
    big_runs: int = 20
    commits: int = 30
    bad_commits: int = 3


QUICK = Counts(40, 10, config_big.Size(1_000, 20 << 20, 300), 5, 5, 1)


class ConfigBench:
    """The bench at work; rows can be asked for at any time."""

    def __init__(self, options: Options, tell: Teller) -> None:
        self._options = options
        self._counts = QUICK if options.quick else Counts()
        self._tell = tell
        self._rows: list[Row] = []

    def measure(self) -> None:
        """Measure part after part."""
        parts = {
            KILL_ROWS: self._measure_deaths,
            (NODES_ROW,): self._measure_nodes,
            BIG_ROWS: self._measure_big,
            (*APPLY_ROWS, BAD_ROW, RESTORE_ROW): self._measure_lab,
            POLLING_ROWS: self._work_polling_out,
        }
        for names, measure in parts.items():
            if any(map(self._options.asks, names)):
                measure()

    def rows(self) -> list[Row]:
        """What was measured so far."""
        return [one for one in self._rows if self._options.asks(one.name)]

    def _add(self, found: Row) -> None:
        self._rows.append(found)
        self._tell(f"{found.name}: {found.value}")

    def _measure_deaths(self) -> None:
        found = config_deaths.measure(self._counts.kills, self._tell)
        wanted = 0.0 if self._options.quick else 500.0
        self._add(row("kill.runs", [float(found.killed)], "deaths", wanted, better="higher"))
        self._add(row("kill.half_applied", [float(found.half_applied)], "trees", 0.0))
        self._add(row("kill.lost_commits", [float(found.lost_commits)], "revisions", 0.0))

    def _measure_nodes(self) -> None:
        seconds = config_nodes.seconds(self._counts.nodes, self._tell)
        self._add(row(NODES_ROW, [round(seconds, 4)], "s", 10.0))

    def _measure_big(self) -> None:
        found = config_big.measure(self._counts.big, self._counts.big_runs, self._tell)
        self._add(row(BIG_ROWS[0], found.commits, "s", 1.0))
        self._add(row(BIG_ROWS[1], found.pages, "s", 0.3))

    def _measure_lab(self) -> None:
        name = self._options.name
        lab = bring_up(Wish(name=name, nodes=LAB_NODES, manager=True), self._tell, keep=True)
        try:
            with config_lab.client_of(lab) as client:
                self._measure_commits(lab, client)
            if self._options.asks(RESTORE_ROW):
                differences = config_restore.differences(lab, self._tell)
                self._add(row(RESTORE_ROW, [float(differences)], "differences", 0.0))
        finally:
            take_down(name)

    def _measure_commits(self, lab: Lab, client: httpx.Client) -> None:
        if any(map(self._options.asks, APPLY_ROWS)):
            found = config_lab.seconds(lab, client, self._counts.commits, self._tell)
            self._add(row(APPLY_ROWS[0], found, "s", 1.0))
            self._add(row(APPLY_ROWS[1], found, "s", 2.0, partial(percentile, percent=95)))
        if self._options.asks(BAD_ROW):
            found = config_bad.seconds(lab, client, self._counts.bad_commits, self._tell)
            self._add(row(BAD_ROW, found, "s", 5.0))

    def _work_polling_out(self) -> None:
        """Each node looks once in a minute, at an instant of its own: the last of three counts."""
        for name, share in zip(POLLING_ROWS, (0.5, 0.95), strict=True):
            seconds = round(polled_within(share, LAB_NODES), 4)
            self._add(row(name, [seconds], "s", None, statistics.median, reported=True))


def polled_within(share: float, nodes: int, poll_seconds: float = POLL_SECONDS) -> float:
    """Within how many seconds that share of commits has reached all nodes, if each node polls.

    Each node's wait is uniform in [0, `poll_seconds`], so all of them are below x with a
    probability of (x / poll_seconds) ** nodes.
    """
    return poll_seconds * share ** (1 / nodes)

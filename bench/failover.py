"""The failover bench: one lab, every scenario in turn, as many rounds as runs are wanted.

A run that cannot be carried out ends the bench; what was measured until then is reported.
"""

import time
from collections.abc import Iterable

from bench import consumers
from bench.book import Book, figures_of
from bench.failover_rows import KINDS
from bench.options import Options, Teller
from bench.report import Bound, Row, row, rows
from bench.runs import perform
from bench.scenarios import SCENARIOS, Scenario
from bench.settling import settle
from workers.lab.bringup import Wish, bring_up, take_down
from workers.lab.lab import Lab

_COSTS = (
    ("run.green_seconds", "s", 30.0),
    ("consumer.start_seconds", "s", 0.5),
    ("consumer.cpu_percent", "%", 3.0),
    ("consumer.rss_mb", "MiB", 60.0),
)


class Failover:
    """The bench at work: collects runs and costs, and turns them into rows at any time."""

    def __init__(self, options: Options, tell: Teller, *, mail: bool = False) -> None:
        """Mail in the measured lab doubles the noise of the control run, and so the slack."""
        self._options = options
        self._mail = mail
        self._tell = tell
        self._book = Book(options.output, "failover", KINDS)
        self._costs: dict[str, list[float]] = {name: [] for name, _, _ in _COSTS}

    def measure(self) -> None:
        """Bring a lab up, measure, and take it down whatever happens."""
        options = self._options
        self._book.begin()
        if self._options.asks("run.green_seconds") and not options.quick:
            self._measure_start()
        lab = bring_up(Wish(name=options.name, mail=self._mail), self._tell, keep=True)
        try:
            self._measure_costs(lab)
            for number in range(options.runs):
                for scenario in self._wanted():
                    self._run(lab, scenario, number)
        finally:
            take_down(options.name)

    def _measure_start(self) -> None:
        """How long a lab with everything in it takes from nothing to all green."""
        started = time.monotonic()
        try:
            bring_up(Wish(name=self._options.name), self._tell, keep=True)
            self._costs["run.green_seconds"].append(round(time.monotonic() - started, 2))
        finally:
            take_down(self._options.name)

    def rows(self) -> list[Row]:
        """What was measured so far; the quick bench leaves out what takes a lab of its own."""
        kinds = [kind for kind in KINDS if self._options.asks(kind.name)]
        costs = [
            row(name, self._costs[name], unit, bound)
            for name, unit, bound in _COSTS
            if self._options.asks(name) and (self._costs[name] or not self._options.quick)
        ]
        return rows(self._book.runs, kinds) + costs

    def _wanted(self) -> Iterable[Scenario]:
        kinds = [kind for kind in KINDS if self._options.asks(kind.name)]
        names = {kind.scenario for kind in kinds}
        if any(kind.bound is Bound.UNNOTICED for kind in kinds):
            names.add("control")
        return [scenario for scenario in SCENARIOS if scenario.name in names]

    def _measure_costs(self, lab: Lab) -> None:
        if self._options.asks("consumer.start_seconds"):
            for node in lab.nodes[:1] if self._options.quick else lab.nodes:
                settle(lab, mature=False)
                found = consumers.start_seconds(lab, node)
                self._costs["consumer.start_seconds"].append(round(found, 3))
        if self._options.asks("consumer.cpu_percent") or self._options.asks("consumer.rss_mb"):
            settle(lab, mature=False)
            self._costs["consumer.cpu_percent"].append(round(consumers.cpu_percent(lab), 2))
            self._costs["consumer.rss_mb"].append(round(consumers.rss_mb(lab), 1))

    def _run(self, lab: Lab, scenario: Scenario, number: int) -> None:
        run = perform(lab, scenario, number)
        self._book.add(lab, run)
        place = f"{number + 1}/{self._options.runs} ({run.victim})"
        self._tell(f"{scenario.name} {place}: {figures_of(run)}")

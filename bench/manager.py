"""The manager's bench: adding a VIP, the live page, pages of a large fleet, history through faults.

Parts are independent: what a row pattern leaves out is not run. The lab is made for the bench and
taken down whatever happens.
"""

import statistics
from dataclasses import dataclass

from bench import adding, history, pages, watching
from bench.options import Options, Teller
from bench.report import Row, row
from workers.lab.bringup import Wish, bring_up, take_down
from workers.lab.lab import Lab

LAB_ROWS = ("vip-add.seconds", "live.lag_seconds", "run.green_seconds")
PAGE_ROWS = ("page.seconds", "page.queries")
HISTORY_ROWS = ("events.lost", "events.doubled")
GREEN_SECONDS = 45.0


@dataclass(frozen=True, slots=True)
class Counts:
    """How often each thing is measured."""

    adds: int = 20
    """VIPs added in each of the three ways."""
    failovers: int = 5
    page_runs: int = 20
    events: int = 10_000


QUICK = Counts(adds=3, failovers=1, page_runs=5, events=2_000)


class ManagerBench:
    """The bench at work; rows can be asked for at any time."""

    def __init__(self, options: Options, tell: Teller) -> None:
        self._options = options
        self._counts = QUICK if options.quick else Counts()
        self._tell = tell
        self._rows: dict[str, Row] = {}

    def measure(self) -> None:
        """Measure part after part."""
        if any(map(self._options.asks, PAGE_ROWS)):
            self._measure_pages()
        if any(map(self._options.asks, HISTORY_ROWS)):
            self._measure_history()
        if any(map(self._options.asks, LAB_ROWS)):
            self._measure_lab()

    def rows(self) -> list[Row]:
        """What was measured so far."""
        return [self._rows[name] for name in sorted(self._rows) if self._options.asks(name)]

    def _add(self, found: Row) -> None:
        self._rows[found.name] = found
        self._tell(f"{found.name}: {found.value}")

    def _measure_pages(self) -> None:
        with pages.large_fleet() as queries:
            for path, (few, many) in queries.items():
                self._tell(f"{path}: {few} queries with a small fleet, {many} with the large one")
            timed = pages.seconds(pages.PATHS.values(), self._counts.page_runs)
            for path, runs in timed.items():
                self._tell(f"{path}: {statistics.median(runs):.3f} s")
        self._add(row("page.seconds", [round(one, 4) for one in pages.worst(timed)], "s", 0.3))
        few, many = max(queries.values(), key=lambda pair: pair[1] - pair[0])
        self._add(row("page.queries", [float(many)], "queries", float(few)))

    def _measure_history(self) -> None:
        lost, doubled = history.through_faults(self._counts.events, self._tell)
        self._add(row("events.lost", [float(lost)], "events", 0.0, max))
        self._add(row("events.doubled", [float(doubled)], "events", 0.0, max))

    def _measure_lab(self) -> None:
        options = self._options
        lab = bring_up(Wish(name=options.name, manager=True), self._green, keep=True)
        try:
            if self._options.asks("vip-add.seconds"):
                self._measure_adding(lab)
            if self._options.asks("live.lag_seconds"):
                self._measure_watching(lab)
        finally:
            take_down(options.name)

    def _green(self, line: str) -> None:
        self._tell(line)
        if line.startswith("all green after "):
            seconds = float(line.split()[3])
            self._rows["run.green_seconds"] = row(
                "run.green_seconds", [seconds], "s", GREEN_SECONDS
            )

    def _measure_adding(self, lab: Lab) -> None:
        manager = adding.Manager(lab)
        try:
            found: dict[str, list[float]] = {way: [] for way in adding.WAYS}
            number = 0
            for _ in range(self._counts.adds):
                for way, runs in found.items():
                    runs.append(round(adding.measure(manager, way, number, self._tell), 4))
                    number += 1
        finally:
            manager.close()
        medians = {way: statistics.median(runs) for way, runs in found.items()}
        self._tell(", ".join(f"{way} {seconds:.3f} s" for way, seconds in medians.items()))
        slowest = max(medians, key=lambda way: medians[way])
        self._add(row("vip-add.seconds", found[slowest], "s", 1.0))

    def _measure_watching(self, lab: Lab) -> None:
        lags = []
        with watching.open_page(lab.manager_url, "admin", lab.manager_password) as page:
            for number in range(self._counts.failovers):
                lags.append(round(watching.lag_seconds(lab, page), 4))
                self._tell(f"failover {number + 1}: the page is {lags[-1]} s behind")
        self._add(row("live.lag_seconds", lags, "s", 0.5))

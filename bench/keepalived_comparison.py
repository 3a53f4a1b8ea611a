"""One part of the comparison: some labs at once, and every scenario on each of them in turn.

Rounds go through all scenarios, and a scenario through all its labs before the next begins, so that
a noisy minute hits ours and the peer's alike. A lab that is being measured is alone at work: the
others have come to rest before. One that does not is made anew: its run is lost, and a row says so.
"""

import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

import msgspec

from bench.book import Book, figures_of
from bench.errors import BenchError
from bench.keepalived_rows import KINDS, MANAGED_KINDS, RATIOS, SCENARIO_OF, compared, managed
from bench.keepalived_sides import MANAGED, QUICK, SIDES, Side
from bench.options import Options, Teller
from bench.report import Bound, Kind, Row, Run, row
from bench.runs import perform, settle
from bench.scenarios import SCENARIOS, Scenario
from workers.lab.bringup import bring_up, take_down
from workers.lab.errors import LabError
from workers.lab.lab import Lab

AROUND_SECONDS = 8.0
"""What a run takes beside its probe, as long as none was seen: healing, and coming to rest."""
MOST_LOST = 3
"""With more something is wrong that measuring on would not show."""
WIDTH = 100
Turn = tuple[int, Scenario, Side]


class Comparison:
    """Labs side by side, their runs, and the rows out of these."""

    def __init__(
        self,
        options: Options,
        tell: Teller,
        sides: Sequence[Side] = SIDES,
        kinds: Sequence[Kind] = KINDS,
        rows: Callable[[Sequence[Run]], list[Row]] = compared,
        stem: str = "keepalived",
    ) -> None:
        self._options, self._tell, self._sides = options, tell, sides
        self._kinds, self._rows, self._stem = kinds, rows, stem
        self._book = Book(options.output, stem, kinds)
        self._labs: dict[str, Lab] = {}
        self._lost: list[Side] = []

    @property
    def runs(self) -> list[Run]:
        """What was measured so far."""
        return self._book.runs

    def rows(self) -> list[Row]:
        """Every row that was asked for and whose scenario the bench goes through."""
        names = {scenario.name for _, scenario, _ in self._turns()}
        found = [
            each
            for each in self._rows(self.runs)
            if self._options.asks(each.name) and SCENARIO_OF[each.name] in names
        ]
        return [*found, self._lost_runs()] if self._lost else found

    def _lost_runs(self) -> Row:
        ours = [float(sum(not side.peer for side in self._lost))]
        lost = row(f"{self._stem}.lost_runs", ours, "runs", 0.0)
        peers = Counter(side.name for side in self._lost if side.peer)
        return msgspec.structs.replace(lost, peers={name: float(n) for name, n in peers.items()})

    def measure(self) -> None:
        """Bring the labs up, measure, and take them down whatever happens."""
        turns = list(self._turns())
        self._book.begin()
        if not turns:
            return
        ahead = _Ahead(turns)
        self._tell(f"{len(turns)} runs in {len(self._needed(turns))} labs: {ahead.told()}")
        try:
            for side in self._needed(turns):
                self._make(side)
            for turn in turns:
                self._take(turn, ahead)
        finally:
            for side in self._sides:
                if side.name in self._labs:
                    take_down(side.wish(self._options.name).name)

    def _make(self, side: Side) -> None:
        self._tell(f"the lab of {side.name}")
        wish = side.wish(self._options.name)
        self._labs[side.name] = bring_up(wish, self._tell_briefly, keep=True)

    def _take(self, turn: Turn, ahead: "_Ahead") -> None:
        number, scenario, side = turn
        place = f"{scenario.name} {number + 1}/{self._options.runs}, {side.name}"
        try:
            told = self._measure(turn)
        except (BenchError, LabError) as error:
            self._lost.append(side)
            if len(self._lost) > MOST_LOST:
                raise
            self._tell(f"{place}: lost, the lab is made anew: {error}")
            take_down(self._labs.pop(side.name).name)
            self._make(side)
            told = "lost"
        ahead.went(turn)
        self._tell(f"{place} {told}; {ahead.told()}")

    def _measure(self, turn: Turn) -> str:
        number, scenario, side = turn
        lab = self._labs[side.name]
        run = perform(lab, scenario, number, side.name)
        broken = self._book.add(lab, run, judged=not side.peer)
        settle(lab, mature=False)
        over = f"; over its bound: {', '.join(broken)}" if broken else ""
        return f"({run.victim}): {figures_of(run)}{over}"

    def _tell_briefly(self, line: str) -> None:
        self._tell(line if len(line) <= WIDTH else f"{line[: WIDTH - 4]} ...")

    def _turns(self) -> Iterator[Turn]:
        return turns(self._options.runs, self._scenarios(), self._sides)

    def _scenarios(self) -> set[str]:
        """Scenarios that the rows asked for need, on whatever side, with those of the control."""
        known = [kind for kind in self._kinds if self._options.asks(kind.name)]
        names = {kind.scenario for kind in known}
        names |= {SCENARIO_OF[name] for name in RATIOS if self._options.asks(name)}
        if any(kind.bound is Bound.UNNOTICED for kind in known):
            names.add("control")
        return names & set(QUICK) if self._options.quick else names

    def _needed(self, turns: Iterable[Turn]) -> list[Side]:
        used = {side.name for _, _, side in turns}
        return [side for side in self._sides if side.name in used]


def turns(runs: int, names: Collection[str], sides: Sequence[Side]) -> Iterator[Turn]:
    """Every run in its order: round, scenario, side."""
    for number in range(runs):
        for scenario in SCENARIOS:
            for side in sides:
                if scenario.name in side.scenarios and scenario.name in names:
                    yield number, scenario, side


class _Ahead:
    """How much is left: what the runs of the probe say, and what came on top so far."""

    def __init__(self, turns: Sequence[Turn]) -> None:
        self._left = len(turns)
        self._seconds = sum(scenario.seconds for _, scenario, _ in turns)
        self._gone = 0
        self._around = 0.0
        self._at = 0.0

    def went(self, turn: Turn) -> None:
        """A run is over."""
        now = time.monotonic()
        if self._at:
            self._gone += 1
            self._around += now - self._at - turn[1].seconds
        self._at = now
        self._left -= 1
        self._seconds -= turn[1].seconds

    def told(self) -> str:
        """For whoever waits."""
        around = self._around / self._gone if self._gone else AROUND_SECONDS
        minutes = (self._seconds + self._left * around) / 60
        return f"{self._left} runs, about {minutes:.0f} minutes left"


def with_manager(options: Options, tell: Teller) -> Comparison:
    """The part that needs a manager to lose; the quick bench does without."""
    sides = () if options.quick else (MANAGED,)
    return Comparison(options, tell, sides, MANAGED_KINDS, managed, "keepalived-manager")

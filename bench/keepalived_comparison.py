"""One part of the comparison: some labs at once, and every scenario on each of them in turn.

Rounds go through all scenarios, and a scenario through all its labs before the next begins, so that
a noisy minute hits ours and the peer's alike. A lab that is being measured is alone at work: the
others have come to rest before.
"""

import fnmatch
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

from bench.book import Book, figures_of
from bench.keepalived_rows import KINDS, MANAGED_KINDS, RATIOS, SCENARIO_OF, compared, managed
from bench.keepalived_sides import MANAGED, OURS, QUICK, SIDES, Options, Side
from bench.report import Bound, Kind, Row, Run
from bench.runs import perform, settle
from bench.scenarios import SCENARIOS, Scenario
from workers.lab.bringup import bring_up, take_down
from workers.lab.lab import Lab

AROUND_SECONDS = 8.0
"""What a run takes beside its probe, as long as none was seen: healing, and coming to rest."""
Teller = Callable[[str], None]
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
    ) -> None:
        self._options, self._tell, self._sides = options, tell, sides
        self._kinds, self._rows = kinds, rows
        stem = "keepalived" if sides is SIDES else "keepalived-manager"
        self._book = Book(options.output, stem, kinds)
        self._labs: dict[str, Lab] = {}

    @property
    def runs(self) -> list[Run]:
        """What was measured so far."""
        return self._book.runs

    def rows(self) -> list[Row]:
        """Every row that was asked for and whose scenario the bench goes through."""
        names = {scenario.name for _, scenario, _ in self._turns()}
        return [
            each
            for each in self._rows(self.runs)
            if self._asked(each.name) and SCENARIO_OF[each.name] in names
        ]

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
                self._tell(f"the lab of {side.name}")
                wish = side.wish(self._options.name)
                self._labs[side.name] = bring_up(wish, self._tell, keep=True)
            for turn in turns:
                self._take(turn, ahead)
        finally:
            for side in self._sides:
                if side.name in self._labs:
                    take_down(side.wish(self._options.name).name)

    def _take(self, turn: Turn, ahead: "_Ahead") -> None:
        number, scenario, side = turn
        lab = self._labs[side.name]
        run = perform(lab, scenario, number, side.name)
        settle(lab, mature=False)
        broken = self._book.add(lab, run, judged=side in (OURS, MANAGED))
        ahead.went(turn)
        place = f"{scenario.name} {number + 1}/{self._options.runs}, {side.name} ({run.victim})"
        over = f"; over its bound: {', '.join(broken)}" if broken else ""
        self._tell(f"{place}: {figures_of(run)}{over}; {ahead.told()}")

    def _turns(self) -> Iterator[Turn]:
        return turns(self._options.runs, self._scenarios(), self._sides)

    def _scenarios(self) -> set[str]:
        """Scenarios that the rows asked for need, those of the control among them."""
        known = [kind for kind in self._kinds if self._asked(kind.name)]
        names = {kind.scenario for kind in known}
        if self._kinds is KINDS:
            names |= {SCENARIO_OF[name] for name in RATIOS if self._asked(name)}
        if any(kind.bound is Bound.UNNOTICED for kind in known):
            names.add("control")
        return names & set(QUICK) if self._options.quick else names

    def _needed(self, turns: Iterable[Turn]) -> list[Side]:
        used = {side.name for _, _, side in turns}
        return [side for side in self._sides if side.name in used]

    def _asked(self, name: str) -> bool:
        return fnmatch.fnmatchcase(name, self._options.rows)


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
    return Comparison(options, tell, sides, MANAGED_KINDS, managed)

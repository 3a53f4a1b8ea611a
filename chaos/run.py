"""A run of chaos: one lab, a control period, then rounds until the time is over or one fails.

Writes `chaos.json` (all results) and `round-SEED-K.txt` (the time line of each round) into the
output directory. The lab is taken down whatever happens.
"""

import dataclasses
import ipaddress
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec

from chaos import judging, rest
from chaos.core.plan import round_of
from chaos.core.result import Result, combination, rows
from chaos.core.steps import Layout, Round
from chaos.errors import ChaosError
from chaos.rounds import perform, watch
from chaos.writing import Writer
from workers.lab.bringup import Wish, bring_up, take_down_own
from workers.lab.endings import undisturbed
from workers.lab.lab import Lab

OUTPUT = Path("build/chaos")
CONTROL_SECONDS = 4.0
SLACK_SECONDS = 0.010
REST_SECONDS = 20.0
LOOK_SECONDS = 0.3
BROKER_SECONDS = 90.0
MOST_LINES = 6
VIPS = 6
SPARE_PLACES = (150, 151)
Teller = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Options:
    """What is wanted."""

    seed: int
    minutes: float = 5.0
    round: int | None = None
    """Only this round."""
    nodes: int = 3
    brokers: int = 1
    name: str = "chaos"
    keep_going: bool = False
    output: Path = OUTPUT


class Chaos:
    """The run: collects results."""

    def __init__(self, options: Options, tell: Teller) -> None:
        self.options = options
        self.results: list[Result] = []
        self.slack = 0.0
        self._tell = tell

    @property
    def failed(self) -> list[Result]:
        """Rounds that broke a bound."""
        return [each for each in self.results if each.violations]

    def command(self, number: int) -> str:
        """What replays a round alone."""
        options = self.options
        return (
            f"script/chaos --seed {options.seed} --round {number} "
            f"--nodes {options.nodes} --brokers {options.brokers}"
        )

    def run(self) -> None:
        """Rounds on a lab, and on a new one when it does not come to rest; down in the end."""
        options = self.options
        options.output.mkdir(parents=True, exist_ok=True)
        deadline = time.monotonic() + 60 * options.minutes
        number: int | None = options.round or 0
        try:
            while number is not None:
                lab = bring_up(self._wish(), self._tell, keep=True)
                number = self._rounds(lab, number, deadline)
                with undisturbed():
                    take_down_own(options.name)
        finally:
            with undisturbed():
                take_down_own(options.name)

    def _wish(self) -> Wish:
        options = self.options
        return Wish(options.name, options.nodes, VIPS, options.brokers, mail=False)

    def _rounds(self, lab: Lab, number: int, deadline: float) -> int | None:
        """Rounds from `number` on; the next one, if it needs a new lab."""
        layout, writer = _layout(lab), Writer(lab)
        longest = 0.0
        try:
            self._control(lab, layout, writer)
            while True:
                began = time.monotonic()
                round_ = round_of(self.options.seed, number, layout)
                rested = self._round(lab, layout, writer, round_)
                number += 1
                longest = max(longest, time.monotonic() - began)
                if self._enough(time.monotonic() + longest > deadline):
                    return None
                if not rested:
                    return number
        finally:
            writer.close()

    def _enough(self, late: bool) -> bool:
        alone = self.options.round is not None
        return late or alone or bool(self.failed and not self.options.keep_going)

    def _control(self, lab: Lab, layout: Layout, writer: Writer) -> None:
        waited, wanting = rest.wait_for_rest(lab, writer.newest, REST_SECONDS)
        if wanting:
            raise ChaosError(f"the lab is not at rest after {waited:.0f} s: {'; '.join(wanting)}")
        found = watch(lab, layout, CONTROL_SECONDS)
        self.slack = judging.control_slack(found, SLACK_SECONDS)
        self._tell(f"control: outage {found.outage:.3f} s; slack of every bound {self.slack:.3f} s")

    def _round(self, lab: Lab, layout: Layout, writer: Writer, round_: Round) -> bool:
        """Do one round; whether the lab came to rest after it."""
        wanting = rest.wait_for_brokers(lab, BROKER_SECONDS)
        writer.begin(round_)
        if not wanting:
            _, wanting = rest.wait_for_rest(lab, writer.newest, REST_SECONDS)
        if not wanting:
            wanting = _wrong_client(lab, layout)
        if wanting:
            raise ChaosError(f"round {round_.number} cannot begin: {'; '.join(wanting)}")
        self._tell(f"round {round_.number} ({combination(round_)}):")
        for step in round_.steps:
            self._tell(f"  {step}")
        seen = perform(lab, writer, round_, layout)
        unrest = rest.wait_for_rest(lab, writer.newest, REST_SECONDS)
        result = judging.judge(lab, layout, round_, seen, self.slack, unrest)
        self.results.append(result)
        self._report(round_, result)
        return not unrest[1]

    def _report(self, round_: Round, result: Result) -> None:
        figures = f"outage {result.outage:.3f} s, two owners {result.two_owners:.3f} s"
        self._tell(f"  -> {figures}, at rest {result.rest_seconds:.1f} s after the probe")
        for what, sentences in (("noise", result.noise), ("BROKEN", result.violations)):
            for sentence in sentences[:MOST_LINES]:
                self._tell(f"  {what}: {sentence}")
            if len(sentences) > MOST_LINES:
                self._tell(f"  {what}: and {len(sentences) - MOST_LINES} more")
        path = self.options.output / f"round-{round_.seed}-{round_.number}.txt"
        head = [self.command(round_.number), *map(str, round_.steps)]
        body = [*result.violations, *result.noise, *result.lines]
        path.write_text("\n".join([*head, "", *body]) + "\n")
        if result.violations:
            self._tell(f"  time line: {path}; replay: {self.command(round_.number)}")

    def save(self) -> Path:
        """Write results and table; answers where."""
        path = self.options.output / "chaos.json"
        found = {
            "seed": self.options.seed,
            "nodes": self.options.nodes,
            "brokers": self.options.brokers,
            "slack": self.slack,
            "rows": rows(self.results),
            "rounds": [dataclasses.replace(each, lines=()) for each in self.results],
            "replay": [self.command(each.number) for each in self.failed],
        }
        path.write_bytes(msgspec.json.format(msgspec.json.encode(found), indent=2) + b"\n")
        return path


def _wrong_client(lab: Lab, layout: Layout) -> list[str]:
    """VIPs that the client does not reach, after so long: its cache may be wrong for a while."""
    deadline = time.monotonic() + REST_SECONDS
    while True:
        found = watch(lab, layout, LOOK_SECONDS)
        wanting = [f"{each.vip} does not answer" for each in found.vips if not each.answered]
        if not wanting or time.monotonic() > deadline:
            return wanting


def _layout(lab: Lab) -> Layout:
    """Who is there, and addresses that rounds may add."""
    network = ipaddress.ip_network(lab.subnet).network_address
    spare = tuple(str(network + place) for place in SPARE_PLACES)
    return Layout(lab.nodes, lab.brokers, lab.vips, spare)

"""Events counted through kills of workers, of the broker, and a partition, against a ledger."""

import random
import signal
import time
from collections.abc import Iterator
from pathlib import Path

from bench.errors import BenchError
from bench.options import Teller
from bench.replication_nodes import START_SECONDS, nodes_at
from bench.report import Row, row
from tests.integration.brokers import NODES, RunningBroker
from tests.integration.gates import Gate
from tests.integration.replicas_counting import Ledger, Replica

DRIFT_ROW, REPORTED = "ledger.drift", "ledger.events"
ROWS = (DRIFT_ROW, REPORTED)
SETTLE_SECONDS = 60.0


def rows(
    place: Path, broker: RunningBroker, kills: int, parted_seconds: float, seed: int, tell: Teller
) -> Iterator[Row]:
    """Play the story; raises `BenchError` when a part cannot be had."""
    with (
        Gate(broker.broker.port) as gate,
        nodes_at(place, broker, NODES[:2]) as pair,
    ):
        parted = Replica(place, [broker], NODES[2])
        parted.settings["brokers"] = [gate.url(broker.url(NODES[2]))]
        parted.start()
        try:
            parted.wait_up()
            ledger = Ledger([*pair, parted], seed)
            story = Story(ledger, broker, gate, random.Random(seed), tell)
            story.kill_workers(kills)
            story.kill_broker()
            story.part(parted_seconds)
            drifts = story.settled()
        except (AssertionError, OSError) as error:
            raise BenchError(f"ledger (seed {seed}): {error}") from error
        finally:
            parted.end()
    yield row(DRIFT_ROW, [float(one) for one in drifts.values()], "events", 0.0, max)
    events = float(sum(ledger.counts.values()))
    yield row(REPORTED, [events], "events", None, reported=True)


class Story:
    """What is done to the nodes while they count."""

    def __init__(
        self, ledger: Ledger, broker: RunningBroker, gate: Gate, chance: random.Random, tell: Teller
    ) -> None:
        self._ledger, self._broker, self._gate = ledger, broker, gate
        self._chance, self._tell = chance, tell

    def kill_workers(self, times: int) -> None:
        """Kill one, or all of them, while others count."""
        for number in range(times):
            every = self._ledger.replicas
            victims = every if number % 4 == 3 else [self._chance.choice(every)]
            for one in victims:
                one.kill()
            for one in every:
                if one not in victims:
                    self._ledger.count(one)
            for one in victims:
                one.start()
            self._count(self._chance.uniform(0.2, 1.0))

    def kill_broker(self) -> None:
        """Kill it, count without it, and start it again."""
        self._broker.signal(signal.SIGKILL)
        self._count(3.0)
        self._broker.start()
        self._broker.wait_ready(START_SECONDS)
        self._count(3.0)

    def part(self, seconds: float) -> None:
        """Have one node hear nobody for so long."""
        self._gate.part()
        self._count(seconds)
        self._gate.heal()
        self._count(1.0)

    def settled(self) -> dict[str, int]:
        """How far each node is off when nothing happens any more."""
        began = time.monotonic()
        while any((drifts := self._ledger.drifts()).values()):
            if time.monotonic() - began > SETTLE_SECONDS:
                break
            time.sleep(0.1)
        self._tell(f"ledger: {drifts} after {time.monotonic() - began:.1f} s")
        return drifts

    def _count(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self._ledger.count(self._chance.choice(self._ledger.replicas))
            time.sleep(0.005)

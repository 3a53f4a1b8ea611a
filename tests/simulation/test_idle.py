"""What a machine leaves out when it hears nothing new would have done nothing."""

from __future__ import annotations

import pytest

from tests.simulation.catalogue import CLASSES
from tests.simulation.world import World
from workers.failover.core.actions import Action, Fact
from workers.failover.core.events import Event
from workers.failover.core.machine import Machine

FIRST_SEED = 70_000
SAMPLE = 3


class Unsparing(Machine):
    """Settles after every heartbeat; what that does and a machine leaves out is an error."""

    left_out = 0

    def decide(self, event: Event, now: float) -> tuple[list[Action], list[Fact]]:
        """Decide, and settle once more where that was left out."""
        before = self.hearings["new"]
        decided = super().decide(event, now)
        heard = self.hearings["new"] > before
        if heard and self.idle and not self.finished and now < self._due:
            Unsparing.left_out += 1
            self._settle(now)
            done = self.out.flush()
            if done != ([], []):
                raise AssertionError(f"{self.me} left out {done} after {event}")
        return decided


@pytest.mark.parametrize("name", [name for name in CLASSES if name != "many-nodes"])
def test_nothing_is_left_out_in_a_sample_of(name: str) -> None:
    """Given schedules of one class, when nothing is left out, then nothing more is done."""
    Unsparing.left_out = 0
    for seed in range(FIRST_SEED, FIRST_SEED + SAMPLE):
        violation = World(CLASSES[name][0](seed), Unsparing).run()
        assert violation is None, f"class {name}, seed {seed}: {violation}"
    assert Unsparing.left_out > 0

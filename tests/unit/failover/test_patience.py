"""What arrives may wait while all nodes are well and nothing is under way, and only then."""

import pytest

from tests.unit.failover.situation import A, B, Situation, define, vip
from workers.failover.core.definitions import Vip
from workers.failover.core.events import StopRequested
from workers.failover.core.machine import PATIENCE_INTERVALS
from workers.failover.core.messages import Offer, Why

V = vip(0)


@pytest.fixture
def well() -> Situation:
    """A owns the VIP; all live."""
    situation = Situation(define(vips=[Vip(V, prefer=(A,))]))
    situation.peers[A].claims = {V: 4}
    return situation.ready()


def test_while_all_are_well_it_is_a_share_of_the_interval(well: Situation) -> None:
    interval = well.machine.definitions.knobs.heartbeat_interval
    assert well.machine.patience == pytest.approx(PATIENCE_INTERVALS * interval)


def test_before_the_start_nothing_waits() -> None:
    assert Situation(define()).machine.patience == 0


def test_a_handoff_waits_for_nothing(well: Situation) -> None:
    well.hear(A, offers=(Offer(V, 4, B, Why.DRAIN.value),))
    assert well.machine.patience == 0


def test_while_somebody_is_silent_nothing_waits(well: Situation) -> None:
    well.silence(A)
    well.live(0.5)
    assert well.machine.patience == 0
    well.live(2.0)
    assert well.machine.patience == 0


def test_who_stops_waits_for_nothing(well: Situation) -> None:
    well.decide(StopRequested())
    assert well.machine.patience == 0

"""Who takes or moves VIPs when those who should cannot."""

import pytest

from tests.unit.failover.situation import STRANGER_MAC, A, B, C, Situation, define, vip
from workers.failover.core import actions as ac
from workers.failover.core import events as ev
from workers.failover.core.definitions import Vip
from workers.failover.core.messages import Heartbeat, Offer

V, W = vip(0), vip(1)


@pytest.mark.parametrize("late", [False, True])
def test_a_late_node_takes_what_no_other_can(late: bool) -> None:
    """Given the only other node's kernel refuses it, when its owner dies, then it is taken."""
    situation = Situation(define(vips=[Vip(V, prefer=(C,))]))
    situation.peers[C].claims = {V: 3}
    situation.peers[A].cannot = (V,)
    situation.ready()
    for _ in range(4 if late else 0):
        situation.sleep(0.5).live(0.3)
    assert situation.machine.late is late
    situation.silence(C).live(4.0)
    assert situation.kernel == {V}


@pytest.mark.parametrize("trouble", ["a stranger has it", "every kernel refuses it"])
def test_a_vip_that_nobody_can_have_keeps_no_other_from_its_place(trouble: str) -> None:
    situation = Situation(define(vips=[Vip(V, prefer=(A,)), Vip(W, prefer=(B,))]))
    if trouble == "a stranger has it":
        situation.answers[W] = STRANGER_MAC
    else:
        situation.refused[W] = "no"
        for peer in situation.peers.values():
            peer.cannot = (W,)
    situation.silence(A).start().live(8.0)
    assert situation.kernel == {V}
    situation.peers[A].beats = True
    situation.live(40.0)
    assert V in situation.peers[A].claims
    assert situation.kernel == set()


def test_who_begins_anew_arms_for_nothing() -> None:
    """Given a restart is told, when an offer comes, then no word says that it will be taken."""
    situation = Situation(define(vips=[Vip(V, prefer=(A,))]))
    situation.peers[A].claims = {V: 1}
    situation.ready()
    situation.decide(ev.RestartRequested(30))
    situation.now += 0.0005
    situation.hear(A, offers=(Offer(V, 1, B, "drain"),))
    situation.live(0.01)
    assert situation.machine.finished
    assert {said.armed for said in situation.said(Heartbeat)} == {()}
    assert not situation.actions(ac.Take)

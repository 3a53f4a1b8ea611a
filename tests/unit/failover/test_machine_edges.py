"""The machine at its edges: what once went wrong where two rules meet."""

import math

import pytest

from tests.unit.failover.situation import A, B, C, Situation, define, heartbeat, mac, vip
from workers.failover.core.actions import Announce, Exit, Release, Take
from workers.failover.core.definitions import Vip
from workers.failover.core.detector import Detector, Hearing
from workers.failover.core.events import (
    Defined,
    KernelChanged,
    Received,
    Ring,
    StopRequested,
    Wake,
)
from workers.failover.core.messages import Heard, Heartbeat, Question

V, W = vip(0), vip(1)
MINE = [Vip(V, prefer=(B,)), Vip(W, prefer=(B,))]


def wakes_at_one_instant(situation: Situation, seconds: float) -> int:
    """The longest run of wakes without any progress of time."""
    longest = run = 0
    end = situation.now + seconds
    while situation.now < end and not situation.machine.finished and run < 100:
        due = situation.machine.deadline()
        run = run + 1 if due <= situation.now else 0
        longest = max(longest, run)
        situation.now = max(situation.now, due)
        situation.decide(Wake())
    return longest


def test_evidence_that_ends_while_it_stops_makes_no_busy_loop() -> None:
    situation = Situation(define(vips=MINE)).ready()
    situation.cut()
    fencing, detector = situation.machine.fencing, situation.machine.detector
    situation.live(fencing.expires_at(detector, situation.now) - situation.now - 0.01)
    situation.decide(StopRequested())
    assert wakes_at_one_instant(situation, 1.0) < 10
    assert situation.machine.finished


def test_a_round_that_is_open_at_the_end_makes_no_busy_loop() -> None:
    situation = Situation(define(vips=MINE)).ready()
    for peer in situation.peers.values():
        peer.arms = peer.takes = False
    situation.decide(StopRequested())
    number = 0
    while not situation.machine.finished:
        number += 1
        question = Question(node=C, to=B, number=number, vips=(V,))
        situation.decide(Received(Ring.B, question))
        situation.live(0.004)
    assert situation.machine.rounds.current is not None
    assert situation.machine.deadline() == math.inf


def test_a_member_that_the_definitions_lose_is_no_error() -> None:
    situation = Situation(define(vips=1)).ready()
    for peer in situation.peers.values():
        peer.revision = 2
    situation.live(0.3)
    situation.decide(Defined(define(nodes=(A, B), vips=1, revision=2)))
    assert C not in situation.machine.snapshot(situation.now)["view"]["members"]


@pytest.mark.parametrize("running", [True, False], ids=["resume", "adoption"])
def test_new_definitions_end_the_check_of_vips_they_lose(running: bool) -> None:
    situation = Situation(define(vips=MINE))
    for peer in situation.peers.values():
        peer.revision = 2
    if running:
        situation.ready().live(0.3)
        situation.now += 0.5
        situation.decide(Wake())
    else:
        situation.start(V)
    situation.decide(Defined(define(vips=0, revision=2)))
    assert wakes_at_one_instant(situation, 1.0) < 10
    assert not situation.machine.resuming


def test_what_left_the_kernel_before_its_adoption_is_not_adopted() -> None:
    situation = Situation(define(vips=[MINE[0]])).start(V)
    situation.kernel.discard(V)
    situation.decide(KernelChanged(gone=(V,)))
    assert V not in situation.machine.holdings.held


def test_who_gives_way_to_a_newer_instance_does_nothing_more() -> None:
    situation = Situation(define(vips=MINE)).ready()
    newer = (Heard(B, 2, 1, 0),)
    actions = situation.hear(A, heard=newer, asks=True, claims={V: 9}, known_revision=0)
    assert [type(action) for action in actions] == [Exit]


def test_after_a_change_the_claims_are_said_in_full_three_times() -> None:
    situation = Situation(define(vips=[MINE[0]])).start().live(3)
    said = [m for m in situation.said(Heartbeat) if m.claims]
    assert len(said) >= 3


def test_an_address_that_answers_broadcasts_alone_moves_once() -> None:
    situation = Situation(define(vips=[Vip(V, prefer=(A, B))]))
    situation.peers[A].claims = {V: 5}
    situation.ready()
    situation.answers[V] = mac(A)
    situation.silence(A)
    situation.lost = lambda probe, _address: bool(probe.mac)
    situation.live(20)
    assert len(situation.actions(Take)) == 1
    assert situation.actions(Release) == []


def test_who_holds_nothing_announces_nothing() -> None:
    assert Situation(define(vips=0)).ready().live(61).actions(Announce) == []


def test_a_held_heartbeat_of_an_old_clock_does_not_set_the_clock_back() -> None:
    detector = Detector((A,), 0.2, 0.6)
    detector.hear(heartbeat(A, 1, 0.0), 0.0)
    detector.hear(heartbeat(A, 2, 10.0, clock=1), 10.0)
    assert detector.hear(heartbeat(A, 1, 0.2, clock=0), 10.3)[0] is Hearing.STALE
    assert detector.hear(heartbeat(A, 3, 10.2, clock=1), 12.0)[0] is Hearing.STALE


def test_replayed_stale_and_outlived_heartbeats_are_counted() -> None:
    situation = Situation(define(vips=0)).ready()
    before = dict(situation.machine.hearings)
    situation.hear(A, incarnation=0)
    after = situation.machine.snapshot(situation.now)["heartbeats"]
    assert after["old_incarnation"] == before.get("old_incarnation", 0) + 1
    assert after["new"] >= before["new"]

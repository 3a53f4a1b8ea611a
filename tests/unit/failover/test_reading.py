"""What waits unread: no round is judged before it, and what nothing can come of costs nothing."""

import pytest

from tests.unit.failover.situation import (
    STRANGER_MAC,
    WITNESS,
    WITNESS_MAC,
    A,
    C,
    Situation,
    define,
    mac,
    vip,
)
from workers.failover.core.actions import Take
from workers.failover.core.events import Seen, Sighting, Wake
from workers.failover.core.hearing import heeds
from workers.failover.core.messages import Heartbeat
from workers.failover.core.taking import looks

V = vip(0)


def asking(vips: int = 1) -> Situation:
    """A owned everything and is silent: the machine has just begun to ask for V."""
    situation = Situation(define(vips=vips))
    situation.peers[A].claims = {vip(number): 1 for number in range(vips)}
    situation.ready().silence(A)
    while situation.machine.rounds.current is None or not situation.machine.takeover.candidates:
        situation.live(0.005)
    return situation.forget()


def over(situation: Situation) -> float:
    """Let the round under way end; returns when it did."""
    ends = situation.machine.rounds.deadline()
    situation.now = ends + 0.001
    return ends


def test_a_round_is_not_judged_while_frames_of_its_time_are_unread() -> None:
    situation = asking()
    current = situation.machine.rounds.current
    situation.sight(Seen.ANSWER, WITNESS, WITNESS_MAC)
    ends = over(situation)

    situation.decide(Wake(read_at=ends - 0.002))

    assert situation.machine.rounds.current is current
    assert situation.machine.deadline() == situation.now
    situation.sight(Seen.ANSWER, V, mac(A))
    situation.decide(Wake(read_at=ends))
    assert situation.machine.takeover.candidates[V].silent == 0
    assert situation.machine.takeover.candidates[V].answered_by == mac(A)


def test_nor_does_any_other_event_close_a_round() -> None:
    situation = asking()
    current = situation.machine.rounds.current
    over(situation)

    situation.hear(C)
    situation.sight(Seen.PROBE, V, STRANGER_MAC)

    assert situation.machine.rounds.current is current
    situation.decide(Wake())
    assert situation.machine.rounds.current is not current


def test_heartbeats_go_on_while_a_flood_is_read() -> None:
    situation = asking()
    read_at = situation.now
    for _ in range(100):
        situation.now += 0.01
        situation.decide(Wake(read_at=read_at))
    assert len(situation.said(Heartbeat)) >= 5
    assert situation.actions(Take) == []


@pytest.mark.parametrize(("lost", "silent"), [(False, 1), (True, 0)])
def test_silence_means_nothing_when_frames_were_lost(lost: bool, silent: int) -> None:
    situation = asking()
    situation.sight(Seen.ANSWER, WITNESS, WITNESS_MAC)
    over(situation)
    situation.decide(Wake(lost=lost))
    assert situation.machine.takeover.candidates[V].silent == silent


@pytest.mark.parametrize(("unasked", "silent"), [(vip(1), 1), (V, 0)])
def test_silence_means_nothing_when_no_question_got_out(unasked: str, silent: int) -> None:
    situation = asking()
    situation.sight(Seen.ANSWER, WITNESS, WITNESS_MAC)
    situation.decide(Wake(read_at=situation.now, unasked=frozenset({unasked})))
    over(situation)
    situation.decide(Wake())
    assert situation.machine.takeover.candidates[V].silent == silent


def test_frames_about_what_others_have_are_not_heeded() -> None:
    situation = Situation(define(vips=1))
    situation.peers[A].claims = {V: 1}
    machine = situation.ready().machine
    for seen in Seen:
        assert not heeds(machine, Sighting(seen, V, mac(A)))
    assert heeds(machine, Sighting(Seen.ANSWER, WITNESS, WITNESS_MAC))


def test_frames_about_what_i_ask_for_hold_or_watch_are_heeded() -> None:
    situation = asking()
    for seen in Seen:
        assert heeds(situation.machine, Sighting(seen, V, mac(A)))
    situation.live(3)
    assert V in situation.held
    assert heeds(situation.machine, Sighting(Seen.CLAIM, V, STRANGER_MAC))
    assert not heeds(situation.machine, Sighting(Seen.PROBE, V, STRANGER_MAC))


def test_with_thousands_of_vips_news_are_looked_at_together() -> None:
    situation = asking()
    machine = situation.machine
    assert machine.ownership.next_look <= situation.now
    machine.ownership.next_look = situation.now + 0.05
    situation.hear(C, claims=situation.peers[A].claims)

    assert machine.dirty
    assert not looks(machine, situation.now)
    assert situation.now < machine.deadline() <= machine.ownership.next_look
    situation.live(0.051)
    assert not machine.dirty

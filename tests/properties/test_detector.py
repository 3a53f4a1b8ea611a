"""Detector, fencing and claims: what holds for any times, delays, losses and orders."""

import math
from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.failover.situation import A, B, C, define, heartbeat, vip
from workers.failover.core.actions import Reason
from workers.failover.core.detector import Detector, Hearing, Verdict
from workers.failover.core.fencing import Fencing
from workers.failover.core.holdings import Held, Holdings
from workers.failover.core.messages import Heard

INTERVAL, DEAD_AFTER = 0.2, 0.6
exactly = settings(derandomize=True, deadline=None, max_examples=150)

ways = st.floats(0.0, 3.0)
clocks = st.floats(-1e6, 1e6)
sendings = st.lists(st.tuples(st.floats(0.01, 1.0), ways), min_size=1, max_size=25)


def arrivals(sent: list[tuple[float, float]]) -> list[tuple[float, int, float]]:
    """(arrival, sequence, sending) of each (pause before, way), in order of arrival."""
    at, messages = 0.0, []
    for sequence, (pause, way) in enumerate(sent, start=1):
        at += pause
        messages.append((at + way, sequence, at))
    return sorted(messages)


@exactly
@given(sendings, clocks)
def test_no_message_makes_a_peer_look_alive_later_than_it_was_sent(
    sent: list[tuple[float, float]], ahead: float
) -> None:
    detector = Detector((A,), INTERVAL, DEAD_AFTER)
    detector.hear(heartbeat(A, 0, ahead), 0.0)
    newest = 0.0
    for arrival, sequence, sending in arrivals(sent):
        detector.hear(heartbeat(A, sequence, sending + ahead), arrival)
        newest = max(newest, sending)
        drift = 100e-6 * arrival
        assert detector.peers[A].heard_at <= newest + drift + 1e-6


@exactly
@given(sendings, clocks)
def test_instants_and_marks_of_a_peer_never_go_back(
    sent: list[tuple[float, float]], ahead: float
) -> None:
    detector = Detector((A,), INTERVAL, DEAD_AFTER)
    before = (-math.inf, (0, -1))
    for arrival, sequence, sending in arrivals(sent):
        detector.hear(heartbeat(A, sequence, sending + ahead), arrival)
        peer = detector.peers[A]
        after = (peer.heard_at, (peer.incarnation, peer.sequence))
        assert after[0] >= before[0]
        assert after[1] >= before[1]
        before = after


@exactly
@given(sendings, clocks)
def test_the_same_message_counts_once(sent: list[tuple[float, float]], ahead: float) -> None:
    detector = Detector((A,), INTERVAL, DEAD_AFTER)
    for arrival, sequence, sending in arrivals(sent):
        message = heartbeat(A, sequence, sending + ahead)
        twice = [detector.hear(message, arrival)[0] for _ in range(2)]
        assert twice.count(Hearing.NEW) <= 1


@exactly
@given(sendings, st.floats(0.0, 5.0))
def test_verdicts_change_at_the_deadline_and_not_before(
    sent: list[tuple[float, float]], wait: float
) -> None:
    detector = Detector((A,), INTERVAL, DEAD_AFTER)
    now = 0.0
    for arrival, sequence, sending in arrivals(sent):
        while detector.deadline() <= arrival:
            now = max(now, detector.deadline())
            assert detector.verdicts(now), "a deadline without a change"
        assert not detector.verdicts(arrival), "a change without a deadline"
        detector.hear(heartbeat(A, sequence, sending), arrival)
        detector.verdicts(arrival)
        now = arrival
    end = now + wait
    heard_at = detector.peers[A].heard_at
    detector.verdicts(end)
    expected = (
        Verdict.ALIVE
        if end < heard_at + 2 * INTERVAL
        else Verdict.SUSPECTED
        if end < heard_at + DEAD_AFTER
        else Verdict.DEAD
    )
    assert detector.peers[A].verdict is expected


@exactly
@given(
    st.lists(st.tuples(st.integers(1, 3), st.integers(0, 9), st.integers(0, 2000)), max_size=15),
)
def test_gossip_counts_only_forward(news: list[tuple[int, int, int]]) -> None:
    detector = Detector((A, C), INTERVAL, DEAD_AFTER)
    newest = (0, -1)
    for sequence, (incarnation, mark, age) in enumerate(news, start=1):
        now = sequence * 0.1
        before = detector.peers[C].heard_at
        heard = (Heard(C, incarnation, mark, age),)
        detector.hear(heartbeat(A, sequence, now, heard=heard), now)
        if (incarnation, mark) > newest:
            newest = (incarnation, mark)
            expected = max(before, now - age / 1000)
            assert detector.peers[C].heard_at == pytest.approx(expected, abs=1e-3)
        else:
            assert detector.peers[C].heard_at == before
        assert detector.peers[C].told == newest


beats = st.lists(
    st.tuples(
        st.floats(0.0, 0.2),  # waits so much longer than it should
        st.one_of(st.none(), st.floats(0.0003, 0.5)),  # way to the heir; None: lost
        st.one_of(st.none(), st.floats(0.0003, 0.5)),  # way of the heir's word back
    ),
    min_size=1,
    max_size=30,
)


@exactly
@given(beats, clocks)
def test_a_node_is_isolated_strictly_before_its_heir_can_act(
    sent: list[tuple[float, float | None, float | None]], ahead: float
) -> None:
    """Whatever is lost or late either way, and however the clocks differ.

    Only the first word of each to the other is without delay, as on a bus in peace.
    """
    owner = Detector((A,), INTERVAL, DEAD_AFTER)
    heir = Detector((B,), INTERVAL, DEAD_AFTER)
    fencing = Fencing(B, define(nodes=(A, B), witnesses=()))
    events: list[tuple[float, int, str, int, float]] = []
    at = 0.0
    for sequence, (longer, there, back) in enumerate([(0.0, 0.0, 0.0), *sent], start=1):
        at += INTERVAL + longer
        events.append((at, 0, "send", sequence, 0.0))
        if there is not None:
            events.append((at + there, 1, "heard", sequence, at))
            if back is not None:
                events.append((at + there + back, 2, "answer", sequence, at))
    for now, _, kind, sequence, sent_at in sorted(events):
        if kind == "heard":
            heir.hear(heartbeat(B, sequence, sent_at + ahead), now)
        elif kind == "answer":
            owner.peers[A].hears_me_at = max(owner.peers[A].hears_me_at, sent_at)
        lets_go_at = fencing.expires_at(owner, now)
        acts_at = heir.peers[B].heard_at + DEAD_AFTER
        assert lets_go_at < acts_at or heir.peers[B].heard_at == -math.inf
        if now >= acts_at:
            assert fencing.objection(owner, now) is Reason.ISOLATED


@exactly
@given(st.lists(st.integers(0, 4), min_size=2, max_size=5))
def test_of_any_claims_the_same_one_keeps_in_whatever_order_they_meet(epochs: list[int]) -> None:
    claims = [(f"mta{n}", epoch) for n, epoch in enumerate(epochs, start=1)]
    keepers = set()
    for order in list(permutations(claims))[:24]:
        keeper = order[0]
        for rival in order[1:]:
            holdings = Holdings()
            holdings.add(Held(vip(0), keeper[1], 0.0, Reason.UNOWNED))
            if holdings.loses(vip(0), rival[1], rival[0], keeper[0]):
                keeper = rival
        keepers.add(keeper)
    assert keepers == {min(claims, key=lambda claim: (-claim[1], claim[0]))}


@pytest.mark.parametrize("stood_still", [0.5, 5.0])
def test_a_peer_whose_clock_stood_still_unknown_to_it_is_no_older_than_what_it_acknowledges(
    stood_still: float,
) -> None:
    detector = Detector((A,), INTERVAL, DEAD_AFTER)
    for sequence in range(1, 10):
        detector.hear(heartbeat(A, sequence, sequence * INTERVAL), sequence * INTERVAL)
    now = 10 * INTERVAL + stood_still
    hearing, _ = detector.hear(heartbeat(A, 10, 10 * INTERVAL), now, now - 0.05)
    assert hearing is Hearing.NEW
    assert detector.peers[A].heard_at == pytest.approx(now - 0.05)
    later = now + INTERVAL
    detector.hear(heartbeat(A, 11, 11 * INTERVAL), later)
    assert detector.peers[A].heard_at == pytest.approx(later - 0.05, abs=0.01)


def test_a_burst_of_old_messages_is_old_however_many_they_are() -> None:
    detector = Detector((A,), INTERVAL, DEAD_AFTER)
    detector.hear(heartbeat(A, 1, 0.0), 0.0)
    heard = {
        detector.hear(heartbeat(A, sequence, sequence * INTERVAL), 60.0)[0]
        for sequence in range(2, 200)
    }
    assert heard == {Hearing.STALE}

"""The failure detector: age by the sender's clock, gossip, and verdicts at exact instants."""

import math
from typing import Any

import pytest

from tests.unit.failover.situation import A, C, heartbeat, mac
from workers.failover.core.detector import Detector, Hearing, Verdict
from workers.failover.core.messages import Heard, NodeState

AHEAD = 5000.0
"""The sender's clock is so far ahead of mine: nothing may depend on it."""


class Ear:
    """A detector and the peers that speak to it, by my clock."""

    def __init__(self) -> None:
        self.detector = Detector((A, C), interval=0.2, dead_after=0.6)
        self.sequences = {A: 0, C: 0}

    def hear(self, sent: float, way: float = 0.0, node: str = A, **fields: Any) -> Hearing:
        """Hear a heartbeat sent at `sent` by my clock, `way` seconds later."""
        self.sequences[node] += 1
        fields = {"sequence": self.sequences[node]} | fields
        message = heartbeat(node, sent_at=sent + AHEAD, **fields)
        return self.detector.hear(message, sent + way)[0]

    def verdict(self, now: float, node: str = A) -> Verdict:
        """What it thinks of a peer now."""
        self.detector.verdicts(now)
        return self.detector.peers[node].verdict


def test_a_peer_never_heard_is_unknown() -> None:
    ear = Ear()
    assert ear.verdict(100.0) is Verdict.UNKNOWN
    assert ear.detector.deadline() == math.inf


@pytest.mark.parametrize(
    ("silence", "verdict"),
    [
        (0.0, Verdict.ALIVE),
        (0.399, Verdict.ALIVE),
        (0.4, Verdict.SUSPECTED),
        (0.599, Verdict.SUSPECTED),
        (0.6, Verdict.DEAD),
        (60.0, Verdict.DEAD),
    ],
)
def test_verdicts_change_at_exact_instants(silence: float, verdict: Verdict) -> None:
    ear = Ear()
    ear.hear(0.0)
    assert ear.verdict(silence) is verdict


def test_the_deadline_is_the_next_change_of_a_verdict() -> None:
    ear = Ear()
    ear.hear(0.0)
    for at, verdict, deadline in (
        (0.1, Verdict.ALIVE, 0.4),
        (0.4, Verdict.SUSPECTED, 0.6),
        (0.6, Verdict.DEAD, math.inf),
    ):
        assert ear.verdict(at) is verdict
        assert ear.detector.deadline() == pytest.approx(deadline)


def test_each_change_is_told_once_with_the_verdict_before() -> None:
    ear = Ear()
    ear.hear(0.0)
    told = [(p.name, before, p.verdict) for p, before in ear.detector.verdicts(0.0)]
    assert told == [(A, Verdict.UNKNOWN, Verdict.ALIVE)]
    assert ear.detector.verdicts(0.1) == []


def test_a_heartbeat_brings_the_dead_back() -> None:
    ear = Ear()
    ear.hear(0.0)
    assert ear.verdict(1.0) is Verdict.DEAD
    assert ear.hear(2.0) is Hearing.NEW
    assert ear.verdict(2.0) is Verdict.ALIVE


def test_a_message_is_as_old_as_its_time_on_the_way() -> None:
    ear = Ear()
    ear.hear(0.0, way=0.001)
    assert ear.hear(0.2, way=0.301) is Hearing.NEW
    assert ear.detector.peers[A].heard_at == pytest.approx(0.201, abs=1e-3)


def test_a_faster_message_lowers_the_baseline() -> None:
    ear = Ear()
    ear.hear(0.0, way=0.2)
    ear.hear(0.2, way=0.0)
    ear.hear(0.4, way=0.2)
    assert ear.detector.peers[A].heard_at == pytest.approx(0.4, abs=1e-3)


def test_a_message_held_longer_than_dead_after_is_stale() -> None:
    ear = Ear()
    ear.hear(0.0)
    assert ear.hear(0.2, way=0.7) is Hearing.STALE
    assert ear.verdict(0.9) is Verdict.DEAD


def test_old_messages_read_after_the_death_do_not_revive() -> None:
    ear = Ear()
    ear.hear(0.0)
    for sent in (0.2, 0.4, 0.6):
        assert ear.hear(sent, way=10.0) is Hearing.STALE
    assert ear.verdict(10.6) is Verdict.DEAD


@pytest.mark.parametrize("sequence", [1, 3])
def test_what_was_heard_already_is_a_duplicate(sequence: int) -> None:
    ear = Ear()
    ear.hear(0.0, sequence=3)
    assert ear.hear(0.1, sequence=sequence) is Hearing.DUPLICATE
    assert ear.detector.peers[A].heard_at == 0.0


def test_a_message_of_an_old_incarnation_counts_for_nothing() -> None:
    ear = Ear()
    ear.hear(0.0, incarnation=2)
    assert ear.hear(0.5, incarnation=1, sequence=99) is Hearing.OLD_INCARNATION
    assert ear.verdict(0.6) is Verdict.DEAD


def test_a_new_incarnation_starts_with_a_sequence_and_clock_of_its_own() -> None:
    ear = Ear()
    ear.hear(0.0, sequence=50)
    restarted = heartbeat(A, sequence=1, incarnation=2, sent_at=3.0)
    assert ear.detector.hear(restarted, 0.3) == (Hearing.NEW, False)
    assert ear.detector.peers[A].heard_at == 0.3


def test_a_new_incarnation_has_not_heard_me_yet() -> None:
    ear = Ear()
    ear.hear(0.0)
    ear.detector.peers[A].hears_me_at = 0.0
    ear.hear(0.2, incarnation=2)
    assert ear.detector.peers[A].hears_me_at == -math.inf


def test_a_raised_clock_gives_the_sender_a_new_baseline() -> None:
    ear = Ear()
    ear.hear(0.0)
    paused = heartbeat(A, sequence=2, clock=1, sent_at=AHEAD + 0.2)
    assert ear.detector.hear(paused, 10.2) == (Hearing.NEW, False)
    assert ear.detector.peers[A].heard_at == 10.2


def test_without_a_raised_clock_the_same_message_would_be_stale() -> None:
    ear = Ear()
    ear.hear(0.0)
    assert ear.detector.hear(heartbeat(A, 2, AHEAD + 0.2), 10.2)[0] is Hearing.STALE


def test_a_jump_of_an_established_peers_clock_says_that_mine_stood_still() -> None:
    ear = Ear()
    for tick in range(8):
        ear.hear(tick * 0.2)
    jumped = heartbeat(A, sequence=9, sent_at=AHEAD + 1.6 + 5.0)
    assert ear.detector.hear(jumped, 1.6) == (Hearing.NEW, True)


def test_a_jump_of_a_peer_just_met_says_nothing() -> None:
    ear = Ear()
    ear.hear(0.0)
    jumped = heartbeat(A, sequence=2, sent_at=AHEAD + 5.2)
    assert ear.detector.hear(jumped, 0.2) == (Hearing.NEW, False)


def test_clocks_that_drift_apart_slowly_never_age_a_message() -> None:
    ear = Ear()
    for tick in range(5000):
        mine = tick * 0.2
        ear.detector.hear(heartbeat(A, tick + 1, mine * (1 - 50e-6)), mine)
    assert ear.detector.peers[A].heard_at == pytest.approx(4999 * 0.2, abs=1e-3)


def test_a_newer_sequence_in_a_third_nodes_list_is_a_heartbeat() -> None:
    ear = Ear()
    ear.hear(0.0)
    ear.hear(0.0, node=C)
    ear.hear(0.5, node=C, heard=(Heard(A, 1, 2, 100),))
    assert ear.detector.peers[A].heard_at == pytest.approx(0.4, abs=1e-3)
    assert ear.detector.peers[A].direct_at == 0.0
    assert ear.verdict(0.6) is Verdict.ALIVE


@pytest.mark.parametrize("mark", [(1, 1), (1, 0), (0, 99)])
def test_what_was_known_of_a_third_node_is_no_news(mark: tuple[int, int]) -> None:
    ear = Ear()
    ear.hear(0.0)
    ear.hear(0.5, node=C, heard=(Heard(A, *mark, 0),))
    assert ear.detector.peers[A].heard_at == 0.0


def test_who_lives_by_hearsay_alone_is_known_as_such() -> None:
    ear = Ear()
    ear.hear(0.5, node=C, heard=(Heard(A, 1, 2, 0),))
    ear.detector.verdicts(0.5)
    assert [peer.hearsay for peer in ear.detector.peers.values()] == [True, False]
    ear.hear(0.6)
    assert not ear.detector.peers[A].hearsay
    ear.hear(0.7, node=C, heard=(Heard(A, 2, 1, 0),))
    assert ear.detector.peers[A].hearsay


def test_gossip_about_the_speaker_and_about_strangers_is_ignored() -> None:
    ear = Ear()
    ear.hear(0.0)
    ear.hear(0.1, heard=(Heard(A, 1, 99, 0), Heard("mta9", 1, 1, 0)))
    assert ear.detector.peers[A].told == (1, 2)
    assert set(ear.detector.peers) == {A, C}


def test_gossip_that_was_held_on_the_way_is_as_old_as_it_is() -> None:
    ear = Ear()
    ear.hear(0.0)
    ear.hear(0.0, node=C)
    ear.hear(0.2, way=0.3, node=C, heard=(Heard(A, 1, 2, 0),))
    assert ear.detector.peers[A].heard_at == pytest.approx(0.2, abs=1e-3)


def test_my_own_lateness_puts_the_verdict_off() -> None:
    ear = Ear()
    ear.hear(0.0)
    ear.verdict(0.0)
    ear.detector.not_before = 1.0
    assert ear.verdict(0.9) is Verdict.SUSPECTED
    assert ear.detector.deadline() == 1.0
    assert ear.verdict(1.0) is Verdict.DEAD


def test_my_own_lateness_does_not_revive_the_dead() -> None:
    ear = Ear()
    ear.hear(0.0)
    assert ear.verdict(0.6) is Verdict.DEAD
    ear.detector.not_before = 2.0
    assert ear.verdict(0.7) is Verdict.DEAD


def test_a_goodbye_counts_at_once() -> None:
    ear = Ear()
    ear.hear(0.0)
    ear.hear(0.1, state=NodeState.STOPPING)
    assert ear.verdict(0.1) is Verdict.LEFT
    assert ear.detector.deadline() == math.inf


def test_who_is_stopping_but_still_owns_has_not_left() -> None:
    ear = Ear()
    ear.hear(0.0, state=NodeState.STOPPING, claims={"198.18.0.101": 1})
    assert ear.verdict(0.0) is Verdict.ALIVE


def test_who_left_is_back_with_a_new_incarnation() -> None:
    ear = Ear()
    ear.hear(0.0, state=NodeState.STOPPING)
    assert ear.verdict(0.0) is Verdict.LEFT
    ear.hear(1.0, incarnation=2, state=NodeState.JOINING)
    assert ear.verdict(1.0) is Verdict.ALIVE


def test_claims_left_out_are_unchanged() -> None:
    ear = Ear()
    ear.hear(0.0, claims={"198.18.0.101": 4})
    ear.hear(0.1, claims=None)
    assert ear.detector.peers[A].claims == {"198.18.0.101": 4}


def test_a_change_of_the_nodes_keeps_what_is_known_of_the_others() -> None:
    ear = Ear()
    ear.hear(0.0)
    ear.detector.redefine((A, "mta4"), interval=0.1, dead_after=0.3)
    assert set(ear.detector.peers) == {A, "mta4"}
    assert ear.verdict(0.3) is Verdict.DEAD


def test_a_link_address_leads_to_the_peer_that_names_it() -> None:
    ear = Ear()
    ear.hear(0.0)
    found = ear.detector.by_mac(mac(A))
    assert found is not None
    assert found.name == A
    assert ear.detector.by_mac("02:00:00:00:99:99") is None

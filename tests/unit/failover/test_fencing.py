"""Fencing: what counts as evidence, when it ends, and the rules of `cover` and `quorum`."""

import math
from collections.abc import Iterable

import pytest

from tests.unit.failover.situation import WITNESS, A, B, C, define
from workers.failover.core.actions import Reason
from workers.failover.core.definitions import PartitionPolicy
from workers.failover.core.detector import Detector
from workers.failover.core.fencing import Fencing

COVER, QUORUM = PartitionPolicy.COVER, PartitionPolicy.QUORUM
D = "mta4"


class Court:
    """A node's fencing and the acknowledgements it has."""

    def __init__(
        self, nodes: Iterable[str] = (A, B, C), me: str = B, policy: PartitionPolicy = COVER
    ) -> None:
        self.definitions = define(nodes, partition_policy=policy)
        others = tuple(name for name in self.definitions.nodes if name != me)
        self.detector = Detector(others, 0.2, 0.6)
        self.fencing = Fencing(me, self.definitions)

    def heard_by(self, *names: str, at: float = 0.0) -> "Court":
        """These peers have heard what I sent at an instant."""
        for name in names:
            self.detector.peers[name].hears_me_at = at
        return self

    def witnessed(self, at: float = 0.0) -> "Court":
        """I spoke and asked the witness at an instant, and it answered."""
        self.fencing.spoken_at = at
        self.fencing.ask_witness(at)
        self.fencing.witness_answered()
        return self

    def objection(self, now: float = 0.1) -> Reason:
        """Why the node may hold nothing."""
        return self.fencing.objection(self.detector, now)


def test_without_any_evidence_a_node_is_isolated() -> None:
    assert Court().objection() is Reason.ISOLATED


def test_a_single_node_is_never_isolated() -> None:
    for policy in PartitionPolicy:
        court = Court((B,), policy=policy)
        assert court.objection(1e9) is Reason.NONE
        assert court.fencing.sought_at(court.detector) == math.inf
        assert court.fencing.expires_at(court.detector, 0.0) == math.inf


@pytest.mark.parametrize(("now", "objection"), [(0.499, Reason.NONE), (0.5, Reason.ISOLATED)])
def test_evidence_lasts_half_an_interval_less_than_dead_after(
    now: float, objection: Reason
) -> None:
    assert Court().heard_by(A).objection(now) is objection
    assert Court().witnessed().objection(now) is objection


def test_the_newest_evidence_counts() -> None:
    court = Court().heard_by(A, at=1.0).heard_by(C, at=2.0).witnessed(at=0.5)
    assert court.fencing.evidence_at(court.detector) == 2.0
    assert court.fencing.expires_at(court.detector, 2.1) == pytest.approx(2.5)


def test_an_answer_of_the_witness_proves_what_was_said_before_the_question() -> None:
    court = Court()
    court.fencing.spoken_at = 3.0
    court.fencing.ask_witness(3.1)
    assert court.objection(3.1) is Reason.ISOLATED
    court.fencing.spoken_at = 3.2
    court.fencing.witness_answered()
    assert court.fencing.evidence_at(court.detector) == 3.0


def test_the_start_gives_the_benefit_of_the_doubt() -> None:
    court = Court()
    court.fencing.trusted_at = 10.0
    assert court.objection(10.4) is Reason.NONE
    assert court.objection(10.5) is Reason.ISOLATED


def test_under_cover_one_voice_is_enough() -> None:
    assert Court((A, B, C, D)).heard_by(D).objection() is Reason.NONE


def test_witnesses_are_sought_before_peers() -> None:
    court = Court().heard_by(A)
    peer = court.detector.peers[A]
    assert court.fencing.sought_at(court.detector) == pytest.approx(0.25)
    assert court.fencing.asked_from(peer, court.detector) == pytest.approx(0.35)


def test_without_witnesses_the_peers_are_sought_at_once() -> None:
    court = Court()
    court.fencing.definitions = define(witnesses=())
    court.heard_by(A)
    peer = court.detector.peers[A]
    assert court.fencing.asked_from(peer, court.detector) == pytest.approx(0.25)


@pytest.mark.parametrize(
    ("nodes", "me", "hear_me", "witness", "may"),
    [
        ((A, B, C), B, (A,), False, True),
        ((A, B, C), B, (A, C), False, True),
        ((A, B, C), B, (), True, False),
        ((A, B, C, D), B, (C, D), False, True),
        ((A, B, C, D), B, (A,), True, True),
        ((A, B, C, D), B, (A,), False, False),
        ((A, B, C, D), B, (C,), True, False),
        ((A, B, C, D), A, (B,), True, True),
        ((A, B, C, D), A, (B,), False, False),
        ((A, B, C, D), A, (), True, False),
        ((A, B), A, (), True, True),
        ((A, B), A, (), False, False),
        ((A, B), B, (), True, False),
        ((A, B), B, (A,), False, True),
    ],
    ids=[
        "two of three",
        "three of three",
        "one of three: the witness has no vote",
        "three of four",
        "half with the lowest name and the witness",
        "half with the lowest name: vetoed",
        "half without the lowest name",
        "half, the lowest name is mine",
        "half, the lowest name is mine: vetoed",
        "a quarter",
        "one of two, lowest",
        "one of two, lowest: vetoed",
        "one of two, not the lowest",
        "two of two need no witness",
    ],
)
def test_quorum(
    nodes: tuple[str, ...], me: str, hear_me: tuple[str, ...], witness: bool, may: bool
) -> None:
    court = Court(nodes, me, QUORUM).heard_by(*hear_me)
    court.fencing.trusted_at = 0.0
    if witness:
        court.witnessed()
    assert court.objection() is (Reason.NONE if may else Reason.NO_QUORUM)


def test_the_witness_of_a_half_grows_old_like_any_evidence() -> None:
    court = Court((A, B), A, QUORUM).witnessed(0.0)
    court.fencing.trusted_at = 0.2
    assert court.objection(0.49) is Reason.NONE
    assert court.objection(0.5) is Reason.NO_QUORUM


def test_each_peer_of_a_quorum_grows_old_by_itself() -> None:
    court = Court(policy=QUORUM).heard_by(A, at=0.0).heard_by(C, at=0.0).witnessed(at=0.3)
    assert court.objection(0.49) is Reason.NONE
    assert court.objection(0.5) is Reason.NO_QUORUM


def test_the_end_of_a_quorum_is_foretold() -> None:
    court = Court(policy=QUORUM).heard_by(A, at=0.1).heard_by(C, at=0.2).witnessed(at=0.3)
    ends = court.fencing.expires_at(court.detector, 0.4)
    assert ends == pytest.approx(0.6)


def test_witnesses_of_every_topology_are_known() -> None:
    assert Court().definitions.witnesses == (WITNESS,)

"""Mediation: who hears two owners tells them of each other; who is told contends as ever."""

import pytest

from tests.unit.failover.situation import (
    A,
    B,
    C,
    Situation,
    define,
    owner,
    vip,
)
from workers.failover.core.actions import Announce, FactKind, Reason
from workers.failover.core.definitions import Vip
from workers.failover.core.events import Received, Ring
from workers.failover.core.messages import MEDIATED_MAX, Claim, Heard, Mediation

V = vip(0)


def between(first: dict[str, int], second: dict[str, int], vips: int = 1) -> Situation:
    """A and C claim these; the machine hears both."""
    situation = Situation(define(vips=[Vip(vip(n), prefer=(A,)) for n in range(vips)]))
    situation.peers[A].claims, situation.peers[C].claims = first, second
    return situation.ready()


def told(situation: Situation) -> dict[tuple[str, str], tuple[Claim, ...]]:
    """(who was told, of whose claims) -> the claims, as said last."""
    return {(m.to, m.owner.node): m.claims for m in situation.said(Mediation)}


def test_each_of_two_owners_is_told_of_the_other() -> None:
    situation = between({V: 3}, {V: 2}).live(0.5)
    assert told(situation) == {(C, A): (Claim(V, 3),), (A, C): (Claim(V, 2),)}


def test_they_are_told_again_in_each_interval_and_no_more_when_it_is_settled() -> None:
    situation = between({V: 3}, {V: 2}).live(1.0)
    assert 8 <= len(situation.said(Mediation)) <= 12
    situation.peers[C].claims = {}
    situation.live(0.3).forget().live(1.0)
    assert situation.said(Mediation) == []


def test_what_two_settle_within_half_an_interval_is_their_own_business() -> None:
    situation = between({V: 3}, {})
    situation.live(0.05).hear(C, claims={V: 2})
    situation.live(0.08).hear(C, claims={})
    situation.live(0.5)
    assert situation.said(Mediation) == []


def test_who_is_silent_is_not_spoken_for() -> None:
    situation = between({V: 3}, {V: 2}).live(0.5).silence(A).live(0.45).forget()
    situation.live(0.5)
    assert situation.said(Mediation) == []


def test_of_thousands_so_many_are_told_at_once_as_a_message_holds() -> None:
    many = {vip(n) if n < 150 else f"198.18.{n // 200}.{n % 200 + 1}": 1 for n in range(600)}
    situation = Situation(define(vips=[Vip(one) for one in many]))
    situation.peers[A].claims, situation.peers[C].claims = dict(many), dict(many)
    situation.ready().live(0.5)
    assert {len(claims) for claims in told(situation).values()} == {MEDIATED_MAX}


# who is told


def hearing(situation: Situation, epoch: int, **changes: int) -> Situation:
    """A says what it hears of C, by C's newest heartbeat or as `changes` have it."""
    peer = situation.machine.detector.peers[C]
    mark = {"incarnation": peer.told[0], "sequence": peer.told[1], "age_ms": 10} | changes
    word = Mediation(node=A, to=B, owner=Heard(node=C, **mark), claims=(Claim(V, epoch),))
    situation.decide(Received(Ring.B, word))
    return situation


def test_the_lower_claim_lets_go_and_knows_the_owner() -> None:
    situation = hearing(owner().live(1.0).forget(), epoch=9)
    assert situation.kernel == set()
    fact = situation.facts(FactKind.RELEASED)[0]
    assert (fact.reason, fact.node) == (Reason.CONFLICT, C)
    assert situation.machine.ownership.owners == {V: (9, C)}


def test_what_the_owner_says_itself_counts_more() -> None:
    situation = hearing(owner().live(1.0).forget(), epoch=9).live(1.0)
    assert situation.machine.detector.peers[C].claims == {}
    assert situation.kernel == {V}


def test_the_higher_claim_keeps_and_says_so_on_the_wire_at_once() -> None:
    situation = hearing(owner().live(1.0).forget(), epoch=0)
    assert situation.kernel == {V}
    assert V in situation.actions(Announce)[0].vips
    assert situation.facts(FactKind.CONFLICT)[0].node == C


@pytest.mark.parametrize(
    "changes", [{"incarnation": 0}, {"sequence": 1}], ids=["another life", "an old word"]
)
def test_a_word_from_before_changes_nothing(changes: dict[str, int]) -> None:
    situation = hearing(owner().live(2.0).forget(), 9, **changes)
    assert situation.kernel == {V}


def test_of_who_is_dead_nothing_is_believed() -> None:
    situation = owner().live(1.0).silence(C).live(1.0).forget()
    assert hearing(situation, 9).kernel == {V}

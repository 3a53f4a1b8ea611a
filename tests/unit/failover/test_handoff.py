"""Handoff: what the heir and the giver say and do, and when an old word counts no more."""

from dataclasses import replace

import pytest

from tests.unit.failover.situation import A, B, C, Situation, define, owner, vip
from workers.failover.core.actions import (
    Exit,
    FactKind,
    Probe,
    Probing,
    Reason,
    Release,
    Renew,
    Take,
)
from workers.failover.core.definitions import Vip
from workers.failover.core.events import (
    Checked,
    Defined,
    Received,
    RestartRequested,
    Ring,
    StopRequested,
)
from workers.failover.core.handoff import ACT_SECONDS
from workers.failover.core.messages import Claim, Heartbeat, NodeState, Offer, Why

V, W = vip(0), vip(1)
OFFER = Offer(V, 4, B, Why.DRAIN.value)


def heir() -> Situation:
    """A owns the VIP with epoch 4; the machine lives beside it."""
    situation = Situation(define(vips=[Vip(V, prefer=(A,))]))
    situation.peers[A].claims = {V: 4}
    return situation.ready()


def release(situation: Situation, offer: Offer = OFFER) -> None:
    """A says that it let go."""
    situation.peers[A].claims = {}
    situation.hear(A, released=(offer,))


def taken_by_probing(situation: Situation) -> bool:
    """Whether the machine asked the wire before it took."""
    return any(probe.probing is Probing.TAKER for probe in situation.actions(Probe))


# the heir


def test_an_heir_says_at_once_that_it_is_armed_and_takes_what_is_released() -> None:
    situation = heir()
    situation.hear(A, offers=(OFFER,))
    assert situation.said(Heartbeat)[-1].armed == (Claim(V, 4),)

    situation.live(0.005)
    release(situation)

    assert situation.held == {V: 5}
    assert not taken_by_probing(situation)
    fact = situation.facts(FactKind.TAKEN)[0]
    assert (fact.reason, fact.node, fact.actor.value) == (Reason.OWNER_DRAINS, A, "operator")
    assert fact.gap is not None
    assert fact.gap < 0.01
    assert situation.said(Heartbeat)[-1].armed == ()


def test_an_heir_forgets_what_it_was_armed_for_when_the_giver_is_defined_no_more() -> None:
    situation = heir()
    for peer in situation.peers.values():
        peer.revision = 2
    situation.live(0.3)
    situation.hear(A, offers=(OFFER,))
    assert V in situation.machine.handoffs.arming

    situation.decide(Defined(define(nodes=(B, C), vips=[Vip(V, prefer=(C,))], revision=2)))

    assert situation.machine.definitions.revision == 2
    assert situation.machine.handoffs.arming == {}
    assert V in situation.machine.ownership.orphans


def test_what_the_giver_let_go_is_no_conflict_though_it_still_counts_it() -> None:
    situation = heir()
    situation.hear(A, offers=(OFFER,))
    release(situation)
    assert situation.held == {V: 5}
    situation.now += 0.06

    situation.hear(A, claims={V: 4}, released=(OFFER,))
    assert situation.facts(FactKind.CONFLICT) == []

    situation.now += 0.06
    situation.hear(A, claims={V: 4})
    assert len(situation.facts(FactKind.CONFLICT)) == 1


def test_a_release_is_acted_upon_once() -> None:
    situation = heir()
    situation.hear(A, offers=(OFFER,))
    release(situation)
    release(situation)
    assert [take.vips for take in situation.actions(Take)] == [(V,)]


def test_who_is_not_armed_does_not_act_on_a_release() -> None:
    situation = heir()
    release(situation)
    assert situation.actions(Take) == []


@pytest.mark.parametrize("offer", [Offer(V, 3, B, "drain"), Offer(V, 5, B, "drain")])
def test_a_release_of_another_epoch_is_not_acted_upon(offer: Offer) -> None:
    situation = heir()
    situation.hear(A, offers=(OFFER,))
    release(situation, offer)
    assert situation.actions(Take) == []


def test_a_release_long_after_it_armed_is_probed_for() -> None:
    situation = heir()
    situation.hear(A, offers=(OFFER,))
    for _ in range(4):  # it goes on offering, and the heir is armed anew
        situation.live(ACT_SECONDS / 4 + 0.01)
        situation.hear(A, offers=(OFFER,))
    situation.sleep(0.15)  # no gap, but what was said is old
    situation.machine.handoffs.arming[V].at = situation.now - ACT_SECONDS - 0.001

    release(situation)

    assert situation.actions(Take) == []


def test_after_a_gap_in_its_own_loop_no_old_word_counts() -> None:
    situation = heir()
    situation.hear(A, offers=(OFFER,))
    situation.sleep(ACT_SECONDS - 0.05)
    release(situation)
    assert situation.actions(Take) == []


def test_an_offer_that_is_withdrawn_is_forgotten() -> None:
    situation = heir()
    situation.hear(A, offers=(OFFER,))
    situation.hear(A)
    release(situation)
    assert situation.actions(Take) == []


def test_offers_are_not_for_who_is_not_named_or_knows_another_owner() -> None:
    situation = heir()
    situation.hear(A, offers=(replace_heir(C),))
    assert not situation.machine.handoffs.arming
    situation.peers[C].claims = {V: 9}
    situation.hear(C)
    situation.hear(A, offers=(OFFER,))
    assert not situation.machine.handoffs.arming


def replace_heir(name: str) -> Offer:
    """The offer made to another."""
    return Offer(V, 4, name, Why.DRAIN.value)


def test_an_offer_for_a_reason_nobody_knows_is_passed_over() -> None:
    situation = heir()
    situation.hear(A, offers=(Offer(V, 4, B, "whim"),))
    assert not situation.machine.handoffs.arming


def test_others_leave_alone_what_was_released_until_its_giver_stops_saying_so() -> None:
    situation = Situation(define(vips=[Vip(V, prefer=(A, B))]))
    situation.peers[A].claims = {V: 4}
    situation.ready()
    situation.peers[A].claims = {}
    situation.hear(A, cannot=(V,), released=(replace_heir(C),))
    situation.live(0.15)
    assert not taken_by_probing(situation)

    situation.hear(A, cannot=(V,))
    situation.peers[A].cannot = (V,)
    situation.live(0.2)

    assert situation.held == {V: 5}


# the giver


def test_a_giver_keeps_what_the_heir_is_not_armed_for() -> None:
    situation = moved(arms=False)
    situation.hear(A, armed=(Claim(V, 7),))
    situation.hear(C, armed=(Claim(V, 1),))
    assert situation.kernel == {V}

    situation.hear(A, armed=(Claim(V, 1),))

    assert situation.kernel == set()
    assert situation.said(Heartbeat)[-1].released == (Offer(V, 1, A, Why.MOVE.value),)


def moved(*, arms: bool = True) -> Situation:
    """The machine owns the VIP, and its definition puts it on A since just now."""
    situation = owner()
    situation.peers[A].arms = arms
    before = situation.machine.definitions
    after = replace(before, revision=2, vips={V: Vip(V, prefer=(A, B))})
    for peer in situation.peers.values():
        peer.revision = 2
        situation.hear(peer.name)
    situation.decide(Defined(after))
    return situation


def test_what_its_definition_puts_elsewhere_goes_at_once() -> None:
    situation = moved().live(0.02)
    assert situation.kernel == set()
    assert situation.facts(FactKind.RELEASED)[0].reason is Reason.MOVED


def test_a_giver_says_that_it_released_until_it_hears_of_the_new_owner() -> None:
    situation = moved()
    situation.peers[A].takes = False
    situation.live(0.3)
    assert situation.said(Heartbeat)[-1].released
    situation.peers[A].claims = {V: 2}
    situation.hear(A)
    situation.live(0.3)
    assert not situation.said(Heartbeat)[-1].released


# health


def test_a_check_that_fails_sends_the_vip_to_where_it_is_good() -> None:
    every = [Vip(V, prefer=(B,), check="tcp:25"), Vip(W, follow=V)]
    situation = Situation(define(vips=every)).ready()
    for _ in range(3):
        situation.decide(Checked("tcp:25", False, "connection refused"))
    situation.live(0.05)

    assert situation.kernel == set()
    released = situation.facts(FactKind.RELEASED)
    assert {fact.reason for fact in released} == {Reason.UNHEALTHY}
    assert situation.facts(FactKind.HEALTH)[0].detail == "tcp:25 fails: connection refused"
    assert situation.said(Heartbeat)[-1].unhealthy == ("tcp:25",)


def test_a_check_that_fails_everywhere_moves_nothing() -> None:
    situation = Situation(define(vips=[Vip(V, prefer=(B,), check="tcp:25")])).ready()
    for name in situation.peers:
        situation.hear(name, unhealthy=("tcp:25",))
    for _ in range(3):
        situation.decide(Checked("tcp:25", False, "connection refused"))
        for name in situation.peers:
            situation.hear(name, unhealthy=("tcp:25",))

    assert situation.kernel == {V}


# a restart of the agent


def test_a_restart_lengthens_the_lease_once_all_peers_know_and_keeps_the_kernel() -> None:
    situation = owner()
    situation.forget()
    situation.decide(RestartRequested(20))
    assert [heartbeat.lease for heartbeat in situation.said(Heartbeat)] == [20, 20]
    assert renewals(situation) == []

    situation.live(0.01)

    assert [renew.lease_seconds for renew in renewals(situation)] == [20]
    assert situation.actions(Release) == []
    assert situation.machine.finished


def test_it_does_not_restart_while_a_peer_does_not_hear_it() -> None:
    situation = owner()
    situation.peers[C].hears = False
    situation.forget()
    situation.decide(RestartRequested(20))
    situation.live(1.5)

    assert not situation.machine.finished
    assert {renew.lease_seconds for renew in renewals(situation)} == {0}
    assert situation.said(Heartbeat)[-1].lease == 0
    assert "mta3 did not acknowledge" in situation.facts(FactKind.STATE)[-1].detail


def test_a_stop_that_comes_while_it_restarts_is_a_stop() -> None:
    situation = owner()
    situation.forget()
    situation.decide(RestartRequested(20))
    situation.decide(StopRequested())
    situation.live(2.0)

    assert {renew.lease_seconds for renew in renewals(situation)} <= {0}
    assert situation.said(Heartbeat)[-1].lease == 0
    assert situation.kernel == set()
    assert [exit_.sentence for exit_ in situation.actions(Exit)] == [Reason.STOPPING]


def renewals(situation: Situation) -> list[Renew]:
    """The renewals that were asked for."""
    return situation.actions(Renew)


def test_a_take_that_came_too_late_is_probed_for() -> None:
    situation = heir()
    situation.hear(A, offers=(OFFER,))
    situation.stale = True
    release(situation)
    situation.stale = False
    assert situation.held == {}
    assert not situation.machine.handoffs.arming


def test_what_is_released_to_another_is_not_for_who_was_armed_before() -> None:
    situation = heir()
    situation.hear(A, offers=(OFFER,))
    release(situation, replace_heir(C))
    assert situation.actions(Take) == []


def test_an_heir_that_is_told_to_stop_takes_what_was_released_to_it_and_hands_it_on() -> None:
    situation = heir()
    situation.hear(A, offers=(OFFER,))
    situation.decide(StopRequested())
    situation.live(0.001)
    assert situation.said(Heartbeat)[-1].armed == (Claim(V, 4),)

    release(situation)
    assert situation.kernel == {V}
    assert situation.actions(Exit) == []

    situation.live(0.005)
    released = [fact for fact in situation.facts(FactKind.RELEASED) if fact.vip == V]
    assert [(fact.reason, fact.node, fact.epoch) for fact in released] == [(Reason.STOPPING, A, 5)]
    assert situation.kernel == set()


def test_an_heir_that_is_told_to_stop_waits_no_longer_than_its_word_counts() -> None:
    situation = heir()
    situation.hear(A, offers=(OFFER,))
    situation.decide(StopRequested())
    situation.live(ACT_SECONDS + 0.2)
    assert situation.actions(Take) == []
    assert [exit_.sentence for exit_ in situation.actions(Exit)] == [Reason.STOPPING]


def test_a_stopping_heir_has_not_left_while_it_is_armed() -> None:
    situation = heir()
    situation.peers[C].state = NodeState.STOPPING
    situation.hear(C, armed=(Claim(V, 4),))
    situation.live(0.001)
    assert situation.facts(FactKind.LEFT) == []

    situation.hear(C)
    assert [fact.node for fact in situation.facts(FactKind.LEFT)] == [C]


def test_a_stopping_giver_has_not_left_while_its_heir_may_take() -> None:
    situation = heir()
    situation.peers[A].state = NodeState.STOPPING
    release(situation, replace_heir(C))
    situation.live(0.15)
    assert situation.facts(FactKind.LEFT) == []
    assert not taken_by_probing(situation)

    situation.hear(A)
    assert [fact.node for fact in situation.facts(FactKind.LEFT)] == [A]


def test_a_word_about_an_earlier_offer_is_not_about_this_one() -> None:
    situation = moved(arms=False)
    armed = situation.word(A, armed=(Claim(V, 1),))
    situation.machine.handoffs.giving[V].since = situation.now + 0.001  # given up, made again
    situation.live(0.001)

    situation.decide(Received(Ring.B, armed))
    assert situation.kernel == {V}

    situation.live(0.001)
    situation.hear(A, armed=(Claim(V, 1),), heard=())
    assert situation.kernel == {V}

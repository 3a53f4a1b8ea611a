"""The machine: joining, adopting, isolation, conflict, probation, stopping, and names."""

import math
from itertools import pairwise

import pytest

from tests.unit.failover.situation import (
    STRANGER_MAC,
    WITNESS,
    A,
    B,
    C,
    Situation,
    alone,
    define,
    mac,
    owner,
    rival_claims,
    vip,
)
from workers.failover.core.actions import (
    Announce,
    Exit,
    FactKind,
    Probe,
    Probing,
    Reason,
    Release,
    Renew,
    SaveIncarnation,
    Send,
    Take,
)
from workers.failover.core.definitions import Vip
from workers.failover.core.events import (
    Received,
    Ring,
    RingChanged,
    Seen,
    StopRequested,
    Wake,
)
from workers.failover.core.messages import Heard, Heartbeat, NodeState

V, W = vip(0), vip(1)


# joining


def test_nothing_is_said_or_done_before_the_start() -> None:
    situation = Situation()
    assert situation.machine.deadline() == math.inf
    assert situation.decide(Wake()) == []


def test_the_first_word_is_joining() -> None:
    situation = Situation().start()
    first = situation.said(Heartbeat)[0]
    assert (first.state, first.sequence, first.claims) == (NodeState.JOINING, 1, ())


@pytest.mark.parametrize(("seconds", "state"), [(0.59, NodeState.JOINING), (0.61, NodeState.READY)])
def test_it_listens_for_start_delay_before_it_is_ready(seconds: float, state: NodeState) -> None:
    assert Situation().start().live(seconds).state is state


def test_it_takes_nothing_while_it_listens() -> None:
    situation = alone().start().live(0.59)
    assert situation.actions(Take) == []
    assert [p for p in situation.actions(Probe) if p.probing is Probing.TAKER] == []
    situation.live(0.3)
    assert situation.kernel == {V}


def test_the_listening_begins_when_both_rings_are_bound_or_failed() -> None:
    situation = Situation().start(rings=False).live(0.5)
    situation.decide(RingChanged(Ring.B, True))
    situation.live(0.5)
    situation.decide(RingChanged(Ring.A, False))
    assert situation.live(0.59).state is NodeState.JOINING
    assert situation.live(0.02).state is NodeState.READY


def test_a_ring_that_never_says_a_word_is_waited_for_two_seconds() -> None:
    situation = Situation().start(rings=False)
    situation.decide(RingChanged(Ring.B, True))
    assert situation.live(2.59).state is NodeState.JOINING
    assert situation.live(0.02).state is NodeState.READY


def test_a_vip_with_a_live_owner_is_left_alone() -> None:
    situation = Situation(define(vips=[Vip(V, prefer=(B,))]))
    situation.peers[A].claims = {V: 3}
    situation.ready()
    assert situation.kernel == set()


def test_a_vip_that_was_never_owned_is_taken_with_the_first_epoch() -> None:
    situation = alone().ready()
    assert situation.held == {V: 1}
    assert situation.machine.holdings.held[V].reason is Reason.UNOWNED


def test_a_single_node_without_witness_can_prove_nothing_and_takes_nothing() -> None:
    situation = alone()
    situation.answers.clear()
    assert situation.start().live(3.0).kernel == set()


# adopting


def test_what_is_found_living_and_unanswered_is_adopted_without_a_take() -> None:
    situation = Situation(define(vips=[Vip(V, prefer=(B,))])).start(V).live(0.1)
    assert situation.held.keys() == {V}
    assert situation.state is NodeState.JOINING
    assert situation.actions(Take) == []
    assert situation.actions(Release) == []
    assert situation.actions(Renew)[0].vips == (V,)
    assert [f.vip for f in situation.facts(FactKind.ADOPTED)] == [V]


def test_it_is_asked_for_by_an_ordinary_request() -> None:
    situation = Situation(define(vips=[Vip(V, prefer=(B,))])).start(V)
    asked = [p.probing for p in situation.actions(Probe) if V in p.addresses]
    assert set(asked) == {Probing.CHECK}


def test_what_is_found_and_answered_by_another_is_removed() -> None:
    situation = Situation(define(vips=[Vip(V, prefer=(B,))]))
    situation.answers[V] = mac(A)
    situation.start(V).live(0.1)
    assert situation.kernel == set()
    assert situation.held == {}


def test_adoption_does_not_wait_for_proof_for_ever() -> None:
    situation = Situation(define(vips=[Vip(V, prefer=(B,))]))
    situation.lost = lambda _probe, _address: True
    situation.start(V).live(0.4)
    assert situation.held.keys() == {V}


def test_an_adopted_vip_is_claimed_at_once() -> None:
    situation = Situation(define(vips=[Vip(V, prefer=(B,))])).start(V).live(0.1)
    claims = situation.said(Heartbeat)[-1].claims
    assert claims is not None
    assert [claim.vip for claim in claims] == [V]


# isolation


def test_without_any_evidence_it_lets_go_before_an_heir_can_act() -> None:
    situation = owner()
    last_heard = situation.machine.fencing.evidence_at(situation.machine.detector)
    situation.cut().live(1.0)
    assert situation.kernel == set()
    assert situation.state is NodeState.ISOLATED
    assert situation.times(Release)[0] < last_heard + 0.6
    assert situation.facts(FactKind.RELEASED)[0].reason is Reason.ISOLATED


def test_while_cut_off_it_renews_and_takes_nothing() -> None:
    situation = owner().cut().live(0.7).forget()
    situation.live(5.0)
    assert situation.actions(Renew) == []
    assert situation.actions(Take) == []


def test_isolation_lets_go_of_what_was_found_and_not_yet_adopted() -> None:
    situation = Situation(define(vips=[Vip(V, prefer=(B,))]))
    situation.cut().start(V)
    assert situation.kernel == {V}
    situation.machine.fencing.trusted_at = -math.inf
    situation.live(0.2)
    assert situation.kernel == set()
    assert situation.held == {}


def test_a_witness_alone_keeps_it_under_cover() -> None:
    situation = owner().silence(A, C).live(5.0)
    assert situation.kernel == {V}
    assert situation.state is NodeState.READY


def test_a_peer_alone_keeps_it_when_the_witness_is_down() -> None:
    situation = owner()
    situation.answers.clear()
    situation.silence(A).live(5.0)
    assert situation.kernel == {V}


def test_a_peer_that_does_not_hear_it_is_no_evidence() -> None:
    situation = owner()
    situation.answers.clear()
    situation.peers[A].hears = situation.peers[C].hears = False
    situation.live(1.0)
    assert situation.state is NodeState.ISOLATED
    assert situation.kernel == set()


def test_the_witness_is_asked_while_evidence_is_getting_old() -> None:
    situation = owner().silence(A, C).live(0.5)
    asked = [at for at, a in situation.did if isinstance(a, Probe) and WITNESS in a.addresses]
    assert asked
    assert max(b - a for a, b in pairwise(asked)) <= 0.2 + 1e-9


def test_back_among_others_it_listens_again_before_it_takes() -> None:
    situation = owner().cut().live(2.0)
    situation.answers[WITNESS] = "02:00:00:00:00:fe"
    for peer in situation.peers.values():
        peer.beats = True
    situation.forget().live(0.5)
    assert situation.state is NodeState.JOINING
    assert situation.actions(Take) == []
    situation.live(1.0)
    assert situation.state is NodeState.READY
    assert situation.kernel == {V}


def test_under_quorum_a_minority_lets_go_although_the_witness_answers() -> None:
    every = [Vip(V, prefer=(B,))]
    situation = Situation(define(vips=every, partition_policy="quorum")).ready()
    assert situation.kernel == {V}
    situation.silence(A, C).live(1.0)
    assert situation.kernel == set()
    assert situation.machine.objection is not Reason.NONE


def test_under_quorum_a_majority_takes_over() -> None:
    every = [Vip(V, prefer=(A, B))]
    situation = Situation(define(vips=every, partition_policy="quorum"))
    situation.peers[A].claims = {V: 3}
    situation.ready().silence(A).live(1.5)
    assert situation.kernel == {V}


# conflict


@pytest.mark.parametrize(
    ("name", "epoch", "keeps"),
    [(A, 0, True), (A, 1, False), (C, 1, True), (C, 2, False)],
    ids=["lower epoch", "equal, lower name", "equal, higher name", "higher epoch"],
)
def test_of_two_owners_one_lets_go_at_once(name: str, epoch: int, keeps: bool) -> None:
    situation = owner()
    assert situation.held == {V: 1}
    rival_claims(situation, name, epoch)
    assert (situation.kernel == {V}) is keeps
    if not keeps:
        assert situation.facts(FactKind.RELEASED)[0].reason is Reason.CONFLICT


def test_who_keeps_says_so_at_once_and_announces() -> None:
    situation = owner()
    rival_claims(situation, A, 0)
    assert situation.said(Heartbeat)
    assert Announce((V,)) in situation.actions(Announce)
    assert situation.facts(FactKind.CONFLICT)[0].node == A


def test_a_conflict_that_lasts_is_no_storm() -> None:
    situation = owner()
    situation.peers[A].claims = {V: 0}
    situation.live(0.05).forget()
    for _ in range(20):
        situation.hear(A)
    assert len(situation.actions(Announce)) <= 1


def test_what_was_lost_in_a_conflict_is_not_taken_back() -> None:
    situation = owner()
    rival_claims(situation, A, 2)
    situation.live(3.0)
    assert situation.kernel == set()


def test_a_foreign_frame_of_a_live_node_asks_its_agent_and_changes_nothing() -> None:
    situation = owner()
    situation.sight(Seen.ANSWER, V, mac(A))
    asked = [s for s in situation.actions(Send) if s.to == (A,)]
    assert [s.message.asks for s in asked if isinstance(s.message, Heartbeat)] == [True]
    assert situation.kernel == {V}


def test_a_strangers_frame_is_defended_once_in_ten_seconds_and_told() -> None:
    situation = owner()
    situation.machine.holdings.held[V].probation_until = 0.0
    for _ in range(5):
        situation.sight(Seen.CLAIM, V, STRANGER_MAC)
        situation.live(1.0)
    assert [f.detail for f in situation.facts(FactKind.FOREIGN)] == [STRANGER_MAC]
    assert situation.kernel == {V}
    situation.live(6.0)
    situation.sight(Seen.CLAIM, V, STRANGER_MAC)
    assert len(situation.facts(FactKind.FOREIGN)) == 2


# probation


def taken_over() -> Situation:
    """The machine has just taken the VIP of a peer that died without a word."""
    situation = Situation(define(vips=[Vip(V, prefer=(A, B))]))
    situation.peers[A].claims = {V: 5}
    situation.ready().silence(A).live(0.8)
    assert situation.held == {V: 6}
    return situation.forget()


def test_on_probation_it_keeps_asking_the_wire() -> None:
    situation = taken_over().live(1.0)
    asked = [p for p in situation.actions(Probe) if V in p.addresses]
    assert len(asked) >= 5
    assert {p.probing for p in asked} == {Probing.CHECK}


@pytest.mark.parametrize("link", [mac(A), STRANGER_MAC])
def test_on_probation_an_answer_of_a_silent_host_makes_it_let_go(link: str) -> None:
    situation = taken_over()
    situation.answers[V] = link
    situation.live(0.3)
    assert situation.kernel == set()
    assert situation.facts(FactKind.RELEASED)[0].reason is Reason.PROBATION


def test_having_let_go_it_probes_and_takes_again_after_the_silence() -> None:
    situation = taken_over()
    situation.answers[V] = mac(A)
    situation.live(0.5)
    del situation.answers[V]
    situation.live(0.5)
    assert situation.held == {V: 7}


def test_probation_ends_with_the_longest_lease() -> None:
    situation = taken_over().live(4.5)
    assert situation.machine.holdings.on_probation(situation.now) == []
    situation.sight(Seen.ANSWER, V, mac(A))
    situation.live(0.2)
    assert situation.kernel == {V}


# stopping


def test_a_stop_lets_go_says_goodbye_three_times_and_finishes() -> None:
    situation = owner()
    situation.decide(StopRequested())
    assert situation.live(0.02).kernel == set()
    situation.live(1.0)
    goodbyes = said_goodbye(situation)
    assert len(goodbyes) == 3
    assert {m.claims for m in goodbyes} <= {(), None}
    assert situation.actions(Exit) == [Exit(Reason.STOPPING.value)]
    assert situation.machine.finished
    assert situation.machine.deadline() == math.inf


def said_goodbye(situation: Situation) -> list[Heartbeat]:
    """Heartbeats of one that is stopping, holds nothing and hands nothing over any more."""
    return [
        m
        for m in situation.said(Heartbeat)
        if m.state is NodeState.STOPPING and m.digest == 0 and not m.released
    ]


def test_without_an_heir_a_stop_lets_go_at_once_and_then_says_goodbye() -> None:
    situation = alone()
    situation.ready()
    actions = situation.decide(StopRequested())
    kinds = [type(action) for action in actions]
    assert kinds.index(Release) < kinds.index(Send)


def test_a_stop_does_not_wait_for_heirs_that_take_nothing() -> None:
    situation = owner()
    for peer in situation.peers.values():
        peer.arms = False
    situation.decide(StopRequested())
    assert situation.live(1.0).kernel == {V}
    assert situation.live(1.0).kernel == set()
    assert situation.machine.finished


def test_a_stop_while_isolated_is_over_at_once() -> None:
    situation = owner().cut()
    situation.live(1.0)
    situation.decide(StopRequested())
    situation.live(0.2)
    assert situation.machine.finished


def test_who_becomes_isolated_while_stopping_lets_go() -> None:
    situation = owner()
    for peer in situation.peers.values():
        peer.arms = False
    situation.decide(StopRequested())
    situation.cut().live(0.55)
    assert situation.kernel == set()


def test_a_second_request_to_stop_changes_nothing() -> None:
    situation = owner()
    situation.decide(StopRequested())
    situation.live(0.04)
    situation.decide(StopRequested())
    situation.live(1.0)
    assert len(said_goodbye(situation)) == 3


def test_the_finished_say_and_do_nothing() -> None:
    situation = owner()
    situation.decide(StopRequested())
    situation.live(1.0).forget()
    rival_claims(situation, A, 9)
    situation.decide(Wake())
    assert situation.did == []


def test_who_stops_takes_nothing() -> None:
    situation = Situation(define(vips=[Vip(V, prefer=(A, B))]))
    situation.peers[A].claims = {V: 5}
    situation.ready().silence(A).live(0.45)
    situation.decide(StopRequested())
    situation.live(2.0)
    assert situation.actions(Take) == []


# incarnations


def test_a_higher_incarnation_of_its_own_name_ends_it() -> None:
    situation = owner()
    word = situation.word(A)
    mine = Heartbeat(**{f: getattr(word, f) for f in word.__struct_fields__} | {"node": B})
    newer = Heartbeat(**{f: getattr(mine, f) for f in mine.__struct_fields__} | {"incarnation": 2})
    situation.decide(Received(Ring.B, mine))
    assert not situation.machine.finished
    situation.decide(Received(Ring.B, newer))
    assert situation.machine.finished
    assert situation.actions(Exit) == [Exit(Reason.SUPERSEDED.value)]


def test_who_acts_and_is_listed_with_a_higher_incarnation_gives_way() -> None:
    situation = owner()
    situation.hear(A, heard=(Heard(B, 2, 1, 0),))
    assert situation.machine.finished


def test_while_joining_it_jumps_above_an_incarnation_known_of_it() -> None:
    situation = Situation().start()
    actions = situation.hear(A, heard=(Heard(B, 7, 40, 0),))
    kinds = [type(action) for action in actions]
    assert SaveIncarnation(8) in actions
    assert kinds.index(SaveIncarnation) < kinds.index(Send)
    sent = [a.message for a in actions if isinstance(a, Send)]
    assert [(m.incarnation, m.sequence) for m in sent if isinstance(m, Heartbeat)] == [(8, 1)]
    assert not situation.machine.finished


def test_an_old_incarnation_of_a_peer_is_told_what_is_known() -> None:
    situation = Situation().ready()
    situation.hear(A, incarnation=4)
    situation.live(0.1).forget()
    situation.hear(A, incarnation=3)
    told = [s.message for s in situation.actions(Send) if s.to == (A,)]
    known = [h for m in told if isinstance(m, Heartbeat) for h in m.heard if h.node == A]
    assert [heard.incarnation for heard in known] == [4]

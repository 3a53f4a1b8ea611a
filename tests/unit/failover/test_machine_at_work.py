"""The machine at work: gaps, takes, the kernel, its word, helping, orphans and balance."""

from itertools import pairwise
from typing import Any

from tests.unit.failover.situation import (
    A,
    B,
    C,
    Situation,
    alone,
    define,
    mac,
    owner,
    vip,
)
from workers.failover.core.actions import (
    Announce,
    FactKind,
    Probe,
    Reason,
    Renew,
    Send,
    Take,
)
from workers.failover.core.definitions import Vip
from workers.failover.core.events import (
    Defined,
    KernelChanged,
    LinkChanged,
    Received,
    Ring,
)
from workers.failover.core.messages import (
    CANNOT_MAX,
    Heartbeat,
    NodeState,
    Opinion,
    Question,
)
from workers.failover.core.node import Refusal

V, W = vip(0), vip(1)


# gaps


def test_after_a_gap_it_asks_before_it_renews() -> None:
    situation = owner()
    situation.sleep(0.5)
    assert situation.actions(Renew) == []
    situation.live(0.2)
    asked = [at for at, a in situation.did if isinstance(a, Probe) and V in a.addresses]
    assert asked[0] < situation.times(Renew)[0]
    assert situation.kernel == {V}


def test_after_a_gap_what_another_answers_for_is_let_go_and_not_renewed() -> None:
    situation = owner()
    situation.answers[V] = mac(A)
    situation.sleep(3.5).live(0.3)
    assert situation.kernel == set()
    assert [r for r in situation.actions(Renew) if V in r.vips] == []


def test_after_a_gap_what_waited_is_read_before_anybody_is_judged() -> None:
    situation = owner().sleep(2.0)
    assert situation.facts(FactKind.DEAD) == []
    situation.live(1.0)
    assert situation.facts(FactKind.DEAD) == []
    assert situation.kernel == {V}


def test_a_gap_voids_the_silence_counted_before() -> None:
    situation = Situation(define(vips=[Vip(V, prefer=(A, B))]))
    situation.peers[A].claims = {V: 5}
    situation.ready().silence(A).live(0.55)
    assert situation.machine.takeover.candidates[V].silent
    situation.sleep(0.3)
    assert situation.actions(Take) == []


def test_a_short_delay_is_no_gap() -> None:
    situation = owner().sleep(0.2)
    assert situation.facts(FactKind.LATE) == []


def test_chronic_lateness_is_told_to_all_and_forgiven_later() -> None:
    situation = owner()
    for _ in range(3):
        situation.sleep(0.5).live(0.3)
    assert situation.machine.late
    assert situation.said(Heartbeat)[-1].late
    situation.live(11.0)
    assert not situation.said(Heartbeat)[-1].late


def test_a_chronically_late_peer_is_the_last_choice_as_heir() -> None:
    situation = Situation(define(vips=2))
    situation.peers[A].late = situation.peers[C].late = True
    situation.ready()
    assert situation.kernel == {V, W}


# the kernel


def test_a_take_that_came_too_late_is_made_again() -> None:
    situation = alone()
    situation.stale = True
    situation.start().live(1.0)
    tried = len(situation.actions(Take))
    assert tried > 1
    assert situation.held == {}
    situation.stale = False
    situation.live(0.5)
    assert situation.held == {V: 1}


def test_what_the_kernel_refused_is_told_and_left_alone_for_a_while() -> None:
    situation = alone(vips=2)
    situation.refused = {V: "no such device"}
    situation.start().live(5.0)
    assert situation.held.keys() == {W}
    assert situation.said(Heartbeat)[-1].cannot == (V,)
    fact = situation.facts(FactKind.FAILED)[0]
    assert (fact.vip, fact.reason, fact.detail) == (V, Reason.KERNEL_REFUSED, "no such device")
    assert sum(V in take.vips for take in situation.actions(Take)) == 1
    situation.refused = {}
    situation.live(8.0)
    assert situation.held.keys() == {V, W}


def test_a_vip_that_a_peer_cannot_hold_is_not_its() -> None:
    situation = Situation(define(vips=[Vip(V, prefer=(A, B))]))
    situation.peers[A].cannot = (V,)
    situation.ready()
    assert situation.kernel == {V}


def test_a_peer_that_refuses_more_than_it_names_keeps_what_it_has_and_gets_nothing() -> None:
    situation = Situation(define(vips=[Vip(V, prefer=(A, B)), Vip(W, prefer=(A, B))]))
    situation.peers[A].cannot_more = True
    situation.peers[A].claims = {W: 3}
    situation.ready().live(3.0)
    assert situation.kernel == {V}


def test_what_every_node_may_refuse_is_still_tried() -> None:
    situation = Situation(define(vips=[Vip(V, prefer=(B, A, C))]))
    for peer in situation.peers.values():
        peer.cannot_more = True
    for number in range(CANNOT_MAX + 1):
        situation.machine.refusals[vip(number + 10)] = Refusal("no room", 1e9, 1e9)
    situation.ready().live(3.0)
    assert situation.kernel == {V}


def test_who_refuses_more_than_it_can_name_takes_the_rest_only_if_nobody_does() -> None:
    situation = Situation(define(vips=[Vip(V, prefer=(B, A))]))
    for number in range(CANNOT_MAX + 1):
        situation.machine.refusals[vip(number + 10)] = Refusal("no room", 1e9, 1e9)
    situation.ready().live(0.5)
    assert situation.kernel == {V}
    assert situation.machine.holdings.held[V].reason is Reason.HEIR_IDLE
    said = situation.said(Heartbeat)[-1]
    assert said.cannot_more
    assert said.cannot[0] == vip(CANNOT_MAX + 10)
    situation.machine.refusals.popitem()
    assert not situation.live(0.5).said(Heartbeat)[-1].cannot_more


def test_what_the_kernel_lost_is_not_claimed() -> None:
    situation = owner()
    situation.decide(KernelChanged(gone=(V,)))
    assert situation.held == {}
    assert situation.said(Heartbeat)[-1].claims == ()
    assert situation.facts(FactKind.LOST)[0].reason is Reason.LEASE_LOST


def test_a_restored_link_is_followed_by_announcements() -> None:
    situation = owner().live(2.0).forget()
    situation.decide(LinkChanged("eth0", True))
    situation.live(1.2)
    assert len(situation.actions(Announce)) == 5


def test_what_was_taken_is_announced_at_once() -> None:
    situation = alone().start().live(0.8)
    took_at = situation.times(Take)[0]
    assert situation.times(Announce)[0] == took_at


def test_what_is_held_is_announced_slowly_for_ever() -> None:
    situation = owner().live(5.0).forget()
    situation.live(130.0)
    assert len([a for a in situation.actions(Announce) if V in a.vips]) == 2


# its word


def test_a_lease_is_renewed_each_interval_before_the_heartbeat() -> None:
    situation = owner().live(2.0)
    renewed = situation.times(Renew)
    assert len(renewed) >= 9
    for at in renewed:
        kinds = [type(action) for when, action in situation.did if when == at]
        assert kinds.index(Renew) < kinds.index(Send)


def test_a_renewal_is_dated_at_the_decision() -> None:
    situation = owner().live(1.0)
    assert [r.decided_at for r in situation.actions(Renew)] == situation.times(Renew)


def test_sequences_only_grow() -> None:
    situation = Situation(define(vips=[Vip(V, prefer=(A, B))]))
    situation.peers[A].claims = {V: 5}
    situation.start().live(2.0).silence(A).live(2.0)
    sent = [(m.incarnation, m.sequence) for m in situation.said(Heartbeat)]
    assert sent == sorted(set(sent))


def test_a_heartbeat_goes_to_all_on_both_rings_each_interval() -> None:
    situation = Situation(define(vips=0)).ready().live(2.0)
    to_all = [s for s in situation.actions(Send) if not s.to]
    assert {(s.ring_a, s.ring_b) for s in to_all} == {(True, True)}
    assert 9 <= len(to_all) <= 12


def test_who_asks_is_answered_at_once_with_the_claims() -> None:
    situation = owner()
    situation.hear(A, asks=True)
    answers = [s.message for s in situation.actions(Send) if s.to == (A,)]
    assert [m.claims is not None for m in answers if isinstance(m, Heartbeat)] == [True]


def test_a_suspect_is_asked_directly_every_fifty_milliseconds() -> None:
    situation = Situation().ready().silence(A)
    situation.live(0.61)
    asked = [
        at
        for at, s in situation.did
        if isinstance(s, Send) and s.to == (A,) and isinstance(s.message, Heartbeat)
    ]
    assert 4 <= len(asked) <= 6
    assert all(b - a >= 0.05 - 1e-9 for a, b in pairwise(asked))


def test_a_digest_that_does_not_fit_makes_it_ask() -> None:
    situation = Situation().ready()
    situation.hear(A, claims=None, digest=12345)
    asked = [s.message for s in situation.actions(Send) if s.to == (A,)]
    assert [m.asks for m in asked if isinstance(m, Heartbeat)] == [True]


# helping others


def question(*vips: str, to: str = B) -> Received:
    return Received(Ring.B, Question(node=A, to=to, number=4, vips=vips))


def test_a_helper_probes_by_ordinary_requests_and_tells_who_was_silent() -> None:
    situation = Situation(define(vips=[Vip(V, prefer=(C, A)), Vip(W, prefer=(C, A))]))
    situation.peers[C].claims = {V: 1, W: 1}
    situation.ready().silence(C).live(0.7)
    situation.decide(question(V, W))
    situation.live(0.1)
    opinion = situation.said(Opinion)[0]
    assert (opinion.to, opinion.number, opinion.proved) == (A, 4, True)
    assert set(opinion.silent) == {V, W}


def test_a_helper_tells_who_answered() -> None:
    situation = Situation(define(vips=[Vip(V, prefer=(A,))])).ready()
    situation.answers[V] = mac(C)
    situation.decide(question(V))
    situation.live(0.1)
    assert (situation.said(Opinion)[0].held, situation.said(Opinion)[0].silent) == ((V,), ())


def test_a_helper_that_holds_it_says_so_at_once() -> None:
    situation = owner()
    situation.decide(question(V))
    assert [(o.held, o.proved) for o in situation.said(Opinion)] == [((V,), True)]


def test_a_helper_that_knows_a_live_owner_says_so_at_once() -> None:
    situation = Situation()
    situation.peers[C].claims = {V: 1}
    situation.ready()
    situation.decide(question(V))
    assert [o.held for o in situation.said(Opinion)] == [(V,)]


def test_a_question_to_another_is_not_answered() -> None:
    situation = owner()
    situation.decide(question(V, to=C))
    assert situation.live(0.5).said(Opinion) == []


# orphans


def test_an_orphan_that_its_heir_leaves_is_taken_after_a_while() -> None:
    situation = Situation(define(vips=[Vip(V, prefer=(C,))])).start().live(1.2)
    assert situation.kernel == set()
    situation.live(2.0)
    assert situation.kernel == {V}
    assert situation.machine.holdings.held[V].reason is Reason.HEIR_IDLE


def joins_while_an_owner_dies(answers: dict[str, str]) -> Situation:
    """C is silent, its VIP probed here; A, the better heir, becomes ready and never takes."""
    situation = Situation(define(vips=[Vip(V, prefer=(C, A, B))]))
    situation.peers[C].claims = {V: 1}
    situation.peers[A].state = NodeState.JOINING
    situation.answers |= answers
    situation.ready().silence(C).live(0.5)
    assert V in situation.machine.takeover.candidates
    situation.peers[A].state = NodeState.READY
    situation.hear(A)
    return situation


def test_who_probes_a_dying_owners_vip_takes_it_though_a_better_heir_appears() -> None:
    situation = joins_while_an_owner_dies({}).live(0.2)
    assert situation.kernel == {V}
    assert situation.machine.holdings.held[V].reason is Reason.OWNER_DIED


def test_who_probed_without_silence_leaves_a_vip_to_the_better_heir() -> None:
    situation = joins_while_an_owner_dies({V: mac(C)})
    assert V not in situation.machine.takeover.candidates


def test_an_orphan_that_answers_is_not_taken() -> None:
    situation = Situation(define(vips=[Vip(V, prefer=(C,))]))
    situation.answers[V] = mac(C)
    assert situation.start().live(5.0).kernel == set()


# balance


def displaced() -> Situation:
    """The machine holds a VIP that belongs to a peer which has just become ready."""
    definitions = define(nodes=(A, B), vips=[Vip(V, prefer=(A, B))], view_mature_time=3.0)
    situation = Situation(definitions)
    situation.peers[A].state = NodeState.JOINING
    situation.ready()
    assert situation.kernel == {V}
    situation.peers[A].state = NodeState.READY
    return situation.forget()


def test_in_a_mature_view_what_belongs_elsewhere_is_handed_over() -> None:
    situation = displaced().live(0.5)
    assert situation.kernel == {V}
    situation.live(2.0)
    assert situation.kernel == set()
    assert situation.facts(FactKind.RELEASED)[0].reason is Reason.FAILBACK


def test_in_a_view_that_is_not_agreed_nothing_moves() -> None:
    situation = displaced()
    situation.peers[A].agrees = False
    assert situation.live(10.0).kernel == {V}


def test_balance_moves_a_few_at_a_time() -> None:
    every = [Vip(vip(n), prefer=(A, B)) for n in range(5)]
    knobs: dict[str, Any] = {
        "view_mature_time": 1.0,
        "balance_set_size": 2,
        "balance_interval": 1.0,
    }
    situation = Situation(define(nodes=(A, B), vips=every, **knobs))
    situation.peers[A].state = NodeState.JOINING
    situation.ready()
    assert len(situation.kernel) == 5
    situation.peers[A].state = NodeState.READY
    situation.live(0.5)
    assert len(situation.kernel) == 3


def test_a_vip_that_the_kernel_refuses_again_waits_twice_as_long() -> None:
    situation = Situation(define(nodes=(B,)))
    situation.refused = {V: "no room"}
    situation.start().live(60.0)

    tries = situation.times(Take)
    assert [round(b - a) for a, b in pairwise(tries)][:2] == [10, 20]
    assert situation.machine.refusals[V].sentence == "no room"

    situation.refused = {}
    situation.live(60.0)
    assert situation.kernel == {V}
    assert situation.machine.refusals == {}


def test_a_peer_that_is_removed_was_evidence_all_the_same() -> None:
    situation = Situation(define(vips=[Vip(V, prefer=(B,))], witnesses=())).ready()
    situation.silence(A).live(1.0)
    definitions = define(nodes=(A, B), vips=[Vip(V, prefer=(B,))], revision=2, witnesses=())
    situation.decide(Defined(definitions))
    assert situation.machine.definitions.revision == 1
    situation.hear(C, known_revision=2)
    assert situation.machine.definitions.revision == 2

    situation.live(0.1)

    assert situation.kernel == {V}


def test_a_path_that_is_whole_again_has_everything_announced() -> None:
    situation = Situation(define(vips=[Vip(V, prefer=(B,))])).ready()
    for _ in range(10):
        situation.live(0.1)
        situation.silence(A)
        situation.hear(A, ring=Ring.A)
    situation.live(1.0).forget()

    situation.hear(A)

    assert situation.live(0.01).actions(Announce)


def test_a_node_whose_net_comes_and_goes_is_the_last_choice_for_a_while() -> None:
    situation = Situation(define(flap_limit=2.0)).ready()
    for _ in range(3):
        answers = dict(situation.answers)
        situation.cut().live(1.0)
        situation.answers = answers
        for peer in situation.peers.values():
            peer.beats = True
        situation.live(1.0)

    assert situation.state is NodeState.READY
    assert situation.said(Heartbeat)[-1].late

    situation.live(30.0)
    assert not situation.said(Heartbeat)[-1].late

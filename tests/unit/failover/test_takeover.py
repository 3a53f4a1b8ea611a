"""Takeover: silence that counts, opinions, rivals, sentinels, and answers that outlive a lease."""

import dataclasses
import math

import pytest

from tests.unit.failover.situation import (
    STRANGER_MAC,
    WITNESS,
    A,
    B,
    C,
    Helps,
    Situation,
    define,
    mac,
    vip,
)
from workers.failover.core.actions import FactKind, Probe, Probing, Reason, Take
from workers.failover.core.definitions import Topology, Vip
from workers.failover.core.events import Seen
from workers.failover.core.messages import NodeState, Opinion, Question
from workers.failover.core.outbox import Outbox
from workers.failover.core.rounds import ROUND_VIPS, Rounds
from workers.failover.core.sentinels import SENTINEL_GROUP
from workers.failover.core.takeover import BACKOFF_SECONDS, RIVAL_ROUNDS, Takeover

V = vip(0)
LEASE_SECONDS = 3 + 1.1


def inherited(me: str = B) -> Situation:
    """A owns the VIP; the machine comes next in its preference, C helps."""
    order = (A, me, *{B, C} - {me})
    situation = Situation(define(vips=[Vip(V, prefer=order)]), me=me)
    situation.peers[A].claims = {V: 5}
    situation.ready()
    assert situation.machine.snapshot(situation.now)["vips"][V]["owner"] == A
    return situation


def fall_silent(takeover: Takeover, times: int) -> None:
    """Let proved rounds go by in which nobody answers for the first VIP."""
    for _ in range(times):
        takeover.fell_silent(takeover.candidates[V], 0.0)


def takers(situation: Situation) -> list[float]:
    """When RFC 5227 probes were sent."""
    return [
        at
        for at, action in situation.did
        if isinstance(action, Probe) and action.probing is Probing.TAKER
    ]


def unicasts(situation: Situation) -> list[str]:
    """Link addresses asked by unicast."""
    probes = situation.actions(Probe)
    return [probe.mac for probe in probes if probe.probing is Probing.UNICAST]


# silence


def test_the_heir_takes_as_soon_as_the_owner_is_dead() -> None:
    situation = inherited()
    heard_at = situation.machine.detector.peers[A].heard_at
    situation.silence(A).live(1.0)
    assert situation.kernel == {V}
    assert situation.times(Take) == [pytest.approx(heard_at + 0.6, abs=1e-6)]
    assert situation.held == {V: 6}


def test_the_address_is_probed_three_times_while_the_owner_is_only_suspected() -> None:
    situation = inherited()
    heard_at = situation.machine.detector.peers[A].heard_at
    situation.silence(A).live(1.0)
    took_at = situation.times(Take)[0]
    assert takers(situation)[0] == pytest.approx(heard_at + 0.4, abs=1e-6)
    assert len([at for at in takers(situation) if at < took_at]) >= 3


def test_an_answer_means_that_service_goes_on_there() -> None:
    situation = inherited()
    situation.answers[V] = mac(A)
    situation.silence(A).live(2.0)
    assert situation.actions(Take) == []
    del situation.answers[V]
    situation.forget().live(0.3)
    assert len(situation.actions(Take)) == 1


def test_an_answer_starts_the_count_anew() -> None:
    situation = inherited().silence(A)
    situation.live(0.55)
    assert situation.machine.takeover.candidates[V].silent >= 3
    situation.sight(Seen.ANSWER, V, mac(A))
    assert situation.machine.takeover.candidates[V].silent == 0
    since = situation.now
    situation.live(1.0)
    assert situation.times(Take)[0] >= since + 3 * 0.03


def test_a_foreign_announcement_is_an_answer() -> None:
    situation = inherited().silence(A).live(0.55)
    situation.sight(Seen.CLAIM, V, mac(A))
    assert situation.machine.takeover.candidates[V].silent == 0


def test_rounds_without_proof_count_for_nothing() -> None:
    situation = inherited().silence(A)
    situation.lost = lambda _probe, address: address != V
    situation.live(3.0)
    assert takers(situation)
    assert situation.actions(Take) == []


def test_a_peer_proves_the_wire_when_the_witness_is_down() -> None:
    situation = inherited().silence(A)
    situation.answers.clear()
    situation.live(1.0)
    assert len(situation.actions(Take)) == 1


def test_a_taken_vip_of_a_dead_owner_is_on_probation() -> None:
    situation = inherited().silence(A).live(1.0)
    held = situation.machine.holdings.held[V]
    assert held.probation_until == pytest.approx(situation.times(Take)[0] + LEASE_SECONDS)
    assert held.previous == A
    assert held.reason is Reason.OWNER_DIED


def test_after_a_goodbye_there_is_no_probation() -> None:
    situation = inherited()
    situation.hear(A, state=NodeState.STOPPING, claims={})
    situation.silence(A).live(0.3)
    held = situation.machine.holdings.held[V]
    assert held.reason is Reason.OWNER_LEFT
    assert held.probation_until == 0.0


# the second opinion


def test_a_live_member_is_asked_and_agrees() -> None:
    situation = inherited().silence(A).live(1.0)
    questions = situation.said(Question)
    assert {question.to for question in questions} == {C}
    assert questions[0].vips == (V,)


def test_a_helper_that_sees_the_vip_held_stops_the_taking() -> None:
    situation = inherited().silence(A)
    situation.peers[C].helps = Helps.HELD
    situation.live(2.0)
    assert situation.said(Question)
    assert situation.actions(Take) == []


@pytest.mark.parametrize("helps", [Helps.MUTE, Helps.UNPROVED])
def test_a_helper_without_a_word_is_passed_over(helps: Helps) -> None:
    situation = inherited().silence(A)
    situation.peers[C].helps = helps
    situation.live(1.5)
    assert len(situation.actions(Take)) == 1


def test_a_node_whose_only_peer_died_needs_no_opinion() -> None:
    situation = Situation(define(nodes=(A, B), vips=[Vip(V, prefer=(A, B))]))
    situation.peers[A].claims = {V: 5}
    situation.ready().silence(A).live(1.0)
    assert situation.said(Question) == []
    assert len(situation.actions(Take)) == 1


@pytest.mark.parametrize(
    ("silent", "silent_age", "opinion_age", "ready"),
    [
        (3, 0.0, 0.1, True),
        (3, 0.06, 0.3, True),
        (2, 0.0, 0.1, False),
        (3, 0.07, 0.1, False),
        (3, 0.0, 0.31, False),
        (3, 0.0, math.inf, False),
    ],
    ids=["ready", "just", "too few rounds", "old silence", "old opinion", "no opinion"],
)
def test_only_fresh_silence_and_a_fresh_opinion_make_ready(
    silent: int, silent_age: float, opinion_age: float, ready: bool
) -> None:
    takeover = pursued(1)
    candidate = takeover.candidates[V]
    fall_silent(takeover, times=silent)
    candidate.silent_at, candidate.opinion_at = -silent_age, -opinion_age
    assert (takeover.ready(0.0) == [candidate]) is ready


def test_an_opinion_counts_from_its_question() -> None:
    takeover = pursued(1)
    fall_silent(takeover, times=1)
    takeover.confer(7.0, (C,), waives=True)
    takeover.hear(Opinion(node=C, to=B, number=1, proved=True, silent=(V,), held=()))
    assert takeover.candidates[V].opinion_at == 7.0


@pytest.mark.parametrize(("waives", "opinion_at"), [(True, 7.0), (False, -math.inf)])
def test_without_helpers_the_opinion_is_waived_or_waited_for(
    waives: bool, opinion_at: float
) -> None:
    takeover = pursued(1)
    fall_silent(takeover, times=1)
    takeover.confer(7.0, (), waives=waives)
    assert takeover.candidates[V].opinion_at == opinion_at


def test_an_opinion_on_what_has_answered_since_is_worth_nothing() -> None:
    takeover = pursued(1)
    fall_silent(takeover, times=1)
    takeover.confer(7.0, (C,), waives=True)
    takeover.sighted(V, mac(A), 0.0)
    takeover.hear(Opinion(node=C, to=B, number=1, proved=True, silent=(V,), held=()))
    assert takeover.candidates[V].opinion_at == -math.inf


# rivals


def test_the_lower_names_probe_makes_the_higher_wait() -> None:
    situation = inherited(me=C)
    situation.silence(A).live(0.45)
    seen_at = situation.now
    situation.sight(Seen.PROBE, V, mac(B))
    situation.live(1.0)
    waited = RIVAL_ROUNDS * 0.03
    assert [at for at in takers(situation) if seen_at < at < seen_at + waited] == []
    assert situation.times(Take)[0] >= seen_at + waited + 3 * 0.03 - 1e-9


def test_the_higher_waits_as_long_as_the_lower_probes_but_not_for_ever() -> None:
    takeover = pursued(1)
    candidate = takeover.candidates[V]
    waits = []
    for number in range(7):
        takeover.rivalled(V, "", 1.0 + number * 0.03)
        waits.append(candidate.backoff_until)
    assert waits[0] == pytest.approx(1.0 + RIVAL_ROUNDS * 0.03)
    assert waits == sorted(waits)
    assert waits[-1] == pytest.approx(1.0 + BACKOFF_SECONDS)
    assert candidate.backoffs == 1


def test_the_higher_names_probe_changes_nothing() -> None:
    situation = inherited()
    situation.silence(A).live(0.45)
    situation.sight(Seen.PROBE, V, mac(C))
    assert situation.machine.takeover.candidates[V].backoffs == 0


def test_an_unknown_rival_goes_first() -> None:
    situation = inherited()
    situation.silence(A).live(0.45)
    situation.sight(Seen.PROBE, V, STRANGER_MAC)
    assert situation.machine.takeover.candidates[V].backoff_until > situation.now


def test_a_taker_gives_way_three_times_in_a_row_and_no_more() -> None:
    takeover = pursued(1)
    for number in range(1, 6):
        takeover.rivalled(V, "", number * 1.0)
        assert takeover.candidates[V].backoffs == min(number, 3)
    assert takeover.candidates[V].backoff_until == pytest.approx(3.0 + RIVAL_ROUNDS * 0.03)


def test_waits_for_a_vip_that_is_answered_for_do_not_count_against_a_rival() -> None:
    takeover = pursued(1)
    for number in range(3):
        takeover.rivalled(V, "", number * 1.0)
    takeover.sighted(V, mac(A), 0.0)
    takeover.rivalled(V, "", 3.0)
    assert takeover.candidates[V].backoff_until > 3.0


def test_one_rival_counts_once_while_the_taker_waits() -> None:
    situation = inherited()
    situation.silence(A).live(0.45)
    for _ in range(5):
        situation.sight(Seen.PROBE, V, STRANGER_MAC)
    assert situation.machine.takeover.candidates[V].backoffs == 1


# sentinels


def pursued(count: int, previous: str = A) -> Takeover:
    """A takeover that means to take VIPs 0 to `count` - 1 of one owner."""
    definitions = define(vips=count)
    takeover = Takeover(B, definitions, Rounds(definitions), Outbox())
    for number in range(count):
        takeover.pursue(vip(number), previous, 0.0, Reason.OWNER_DIED)
    return takeover


def asked(takeover: Takeover, now: float = 0.0) -> set[str]:
    """VIPs asked for in the next round."""
    takeover.begin(now, (WITNESS,))
    probes = [action for action in takeover.outbox.flush()[0] if isinstance(action, Probe)]
    return {v for probe in probes if probe.probing is Probing.TAKER for v in probe.addresses}


def test_a_few_vips_are_all_probed() -> None:
    assert len(asked(pursued(SENTINEL_GROUP))) == SENTINEL_GROUP


def test_many_vips_of_one_owner_are_probed_through_one() -> None:
    assert asked(pursued(SENTINEL_GROUP + 1)) == {vip(0)}


def test_vips_of_several_owners_have_a_sentinel_each() -> None:
    takeover = pursued(2 * SENTINEL_GROUP + 2)
    for number in range(SENTINEL_GROUP + 1):
        takeover.pursue(vip(number), C, 0.0, Reason.OWNER_DIED)
    assert asked(takeover) == {vip(0), vip(SENTINEL_GROUP + 1)}


def test_when_the_sentinel_falls_silent_all_the_rest_are_probed() -> None:
    takeover = pursued(SENTINEL_GROUP + 1)
    asked(takeover)
    fall_silent(takeover, times=1)
    assert len(asked(takeover, 0.03)) == SENTINEL_GROUP + 1


def test_many_vips_of_a_dead_owner_are_all_taken() -> None:
    vips = [Vip(vip(n), prefer=(A, B, C)) for n in range(40)]
    situation = Situation(define(vips=vips))
    situation.peers[A].claims = {one.address: 2 for one in vips}
    situation.ready().silence(A).live(1.0)
    assert len(situation.kernel) == 40


def test_while_the_sentinel_answers_nothing_else_is_probed() -> None:
    vips = [Vip(vip(n), prefer=(A, B, C)) for n in range(40)]
    situation = Situation(define(vips=vips))
    situation.peers[A].claims = {one.address: 2 for one in vips}
    situation.answers[vip(0)] = mac(A)
    situation.ready().silence(A).live(1.0)
    probes = [p for p in situation.actions(Probe) if p.probing is Probing.TAKER]
    assert {probe.addresses for probe in probes} == {(vip(0),)}


def test_no_more_are_probed_in_a_round_than_fit_and_those_begun_go_on() -> None:
    vips = [Vip(f"198.19.{n >> 8}.{n & 255}") for n in range(ROUND_VIPS + 50)]
    wide = (Topology("198.18.0.0/15", "eth0", (WITNESS,)),)
    definitions = dataclasses.replace(define(vips=vips), topologies=wide)
    takeover = Takeover(B, definitions, Rounds(definitions), Outbox())
    for one in vips:
        takeover.pursue(one.address, A, 0.0, Reason.OWNER_DIED)
    (sentinel,) = asked(takeover)
    takeover.fell_silent(takeover.candidates[sentinel], 0.0)
    first = asked(takeover, 0.03)
    assert len(first) == ROUND_VIPS
    assert sentinel in first
    for address in first:
        takeover.fell_silent(takeover.candidates[address], 0.03)
    assert asked(takeover, 0.06) == first
    takeover.forget(first)
    assert len(asked(takeover, 0.09)) == 50


def test_an_answer_of_any_vip_makes_it_the_sentinel() -> None:
    takeover = pursued(SENTINEL_GROUP + 1)
    fall_silent(takeover, times=1)
    assert len(asked(takeover, 0.03)) == SENTINEL_GROUP + 1
    takeover.sighted(vip(5), mac(A), 0.0)
    assert asked(takeover, 0.06) == {vip(0), vip(5)}  # the first goes on: it is silent


# answers that outlive every lease


def test_within_the_lease_an_answer_is_no_alarm() -> None:
    situation = inherited()
    situation.answers[V] = mac(A)
    situation.silence(A).live(LEASE_SECONDS - 0.3)
    assert unicasts(situation) == []
    assert situation.facts(FactKind.STUCK) == []


def test_beyond_the_lease_an_answering_node_is_stuck() -> None:
    situation = inherited()
    situation.answers[V] = mac(A)
    situation.silence(A).live(LEASE_SECONDS + 1.0)
    assert set(unicasts(situation)) == {mac(A)}
    assert [(f.vip, f.node, f.detail) for f in situation.facts(FactKind.STUCK)] == [(V, A, mac(A))]
    assert situation.machine.snapshot(situation.now)["vips"][V]["state"] == "stuck"
    assert situation.actions(Take) == []


def test_beyond_the_lease_an_answering_stranger_is_foreign() -> None:
    situation = inherited()
    situation.answers[V] = STRANGER_MAC
    situation.silence(A).live(LEASE_SECONDS + 1.0)
    assert [fact.detail for fact in situation.facts(FactKind.FOREIGN)] == [STRANGER_MAC]
    assert situation.machine.snapshot(situation.now)["vips"][V]["state"] == "foreign"


def test_the_alarm_is_raised_once() -> None:
    situation = inherited()
    situation.answers[V] = mac(A)
    situation.silence(A).live(LEASE_SECONDS + 5.0)
    assert len(situation.facts(FactKind.STUCK)) == 1


def test_what_was_stuck_is_taken_when_it_falls_silent() -> None:
    situation = inherited()
    situation.answers[V] = mac(A)
    situation.silence(A).live(LEASE_SECONDS + 2.0)
    del situation.answers[V]
    situation.forget().live(2.0)
    assert situation.kernel == {V}


def test_an_address_that_answers_broadcasts_but_not_its_own_mac_is_free() -> None:
    situation = inherited()
    situation.answers[V] = mac(A)
    situation.silence(A)
    # a proxy answers every broadcast in another's name; the named host itself is silent
    situation.lost = lambda probe, _address: bool(probe.mac)
    situation.live(LEASE_SECONDS + 2.0)
    assert situation.actions(Take)


def test_an_ignored_link_address_no_longer_counts() -> None:
    takeover = pursued(1)
    candidate = takeover.candidates[V]
    candidate.silent, candidate.ignored = 2, {mac(A)}
    takeover.sighted(V, mac(A), 0.0)
    assert candidate.silent == 2
    takeover.sighted(V, mac(C), 0.0)
    assert candidate.silent == 0


# bookkeeping


def test_what_was_learned_is_kept_while_the_past_is_the_same() -> None:
    takeover = pursued(1)
    fall_silent(takeover, times=2)
    takeover.pursue(V, A, 1.0, Reason.OWNER_DIED)
    assert (takeover.candidates[V].silent, takeover.candidates[V].lease_from) == (2, 1.0)
    takeover.pursue(V, C, 0.0, Reason.OWNER_DIED)
    assert takeover.candidates[V].silent == 0


def test_a_lease_never_began_earlier_than_was_known() -> None:
    takeover = pursued(1)
    takeover.pursue(V, A, 9.0, Reason.OWNER_DIED)
    takeover.pursue(V, A, 4.0, Reason.OWNER_DIED)
    assert takeover.candidates[V].lease_from == 9.0


def test_what_is_forgotten_is_not_asked_for() -> None:
    takeover = pursued(2)
    takeover.forget([V])
    assert asked(takeover) == {vip(1)}


def test_without_candidates_and_checks_nothing_is_due() -> None:
    assert pursued(0).deadline() == math.inf


def test_my_own_lateness_voids_all_silence() -> None:
    takeover = pursued(1)
    fall_silent(takeover, times=2)
    takeover.restart()
    assert takeover.candidates[V].silent == 0

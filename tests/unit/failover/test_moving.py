"""Moving: who gives what to whom, why, in which steps, and what stays."""

from dataclasses import replace

import pytest

from tests.unit.failover.situation import A, B, C, Situation, define, owner, vip
from workers.failover.core import handoff
from workers.failover.core.actions import FactKind, Reason, Release
from workers.failover.core.definitions import AdminState, Definitions, Vip
from workers.failover.core.events import Defined
from workers.failover.core.handoff import SET_VIPS
from workers.failover.core.messages import Heartbeat, NodeState, Why

V, W = vip(0), vip(1)
MOVE_SECONDS = 0.05
"""Enough for a few moves, too little for a probe."""


def administer(
    situation: Situation,
    state: AdminState = AdminState.DRAINING,
    names: tuple[str, ...] = (B,),
    *,
    peers_act: bool = True,
) -> Definitions:
    """Have the machine, and the peers unless told, act on a revision with this state of nodes."""
    before = situation.machine.definitions
    changed = {name: replace(before.nodes[name], admin_state=state) for name in names}
    after = replace(before, revision=before.revision + 1, nodes={**before.nodes, **changed})
    if peers_act:
        for name, peer in situation.peers.items():
            peer.revision = after.revision
            if name in names and peer.state in (NodeState.READY, NodeState.DRAINING):
                enabled = state is AdminState.ENABLED
                peer.state = NodeState.READY if enabled else NodeState.DRAINING
            if peer.beats:
                situation.hear(name)
    situation.decide(Defined(after))
    return after


def drained(situation: Situation, *names: str) -> Situation:
    """Have nodes drain, and the moves that follow from it happen."""
    administer(situation, names=names or (B,))
    return situation.live(MOVE_SECONDS)


# giving away


def test_a_draining_node_gives_everything_away_at_once_and_says_why() -> None:
    situation = drained(owner(vips=2))

    assert situation.state is NodeState.DRAINING
    assert situation.kernel == set()
    facts = situation.facts(FactKind.RELEASED)
    assert [(fact.reason, fact.node != "") for fact in facts] == [(Reason.DRAINING, True)] * 2
    said = situation.said(Heartbeat)[-1]
    assert (said.state, said.claims) == (NodeState.DRAINING, ())


def test_a_node_in_maintenance_gives_everything_away_too() -> None:
    situation = owner()

    administer(situation, AdminState.MAINTENANCE)
    situation.live(MOVE_SECONDS)

    assert situation.state is NodeState.DRAINING
    assert situation.kernel == set()


def test_a_draining_node_takes_nothing_while_an_enabled_one_is_there() -> None:
    situation = Situation(define(vips=[Vip(V, prefer=(A, B))]))
    situation.peers[A].claims = {V: 4}
    situation.ready()
    administer(situation)

    situation.silence(A).live(5.0)

    assert situation.kernel == set()
    assert situation.state is NodeState.DRAINING


def test_a_draining_node_is_better_than_none() -> None:
    situation = Situation(define(vips=[Vip(V, prefer=(A, B))]))
    situation.peers[A].claims = {V: 4}
    situation.ready()
    administer(situation)

    situation.silence(A, C).live(1.0)

    assert situation.kernel == {V}
    assert situation.state is NodeState.DRAINING


def test_a_node_told_to_drain_before_it_starts_gives_away_what_it_finds() -> None:
    definitions = define(vips=1)
    resting = replace(definitions.nodes[B], admin_state=AdminState.DRAINING)
    situation = Situation(replace(definitions, nodes={**definitions.nodes, B: resting}))

    situation.start(V).live(0.2)
    assert situation.held.keys() == {V}

    situation.live(3.0)
    assert situation.state is NodeState.DRAINING
    assert situation.kernel == set()


def test_so_many_go_at_a_time_followers_with_their_leader() -> None:
    count = 2 * SET_VIPS + 10
    follower, leader = vip(0), vip(count - 1)
    every = [Vip(vip(n), prefer=(B,)) for n in range(1, count)]
    situation = Situation(define(vips=[Vip(follower, follow=leader), *every])).ready()
    assert len(situation.kernel) == count

    drained(situation).live(0.2)

    assert situation.kernel == set()
    sets = [set(release.vips) for release in situation.actions(Release)]
    assert max(len(one) for one in sets) <= SET_VIPS
    assert [one for one in sets if follower in one] == [one for one in sets if leader in one]


def test_more_is_offered_once_half_of_a_set_has_arrived() -> None:
    situation = owner(vips=2 * SET_VIPS)
    machine, giving = situation.machine, situation.machine.handoffs.giving
    moves = [(vip(n), A, Why.DRAIN) for n in range(2 * SET_VIPS)]
    handoff.offer(machine, moves[: SET_VIPS // 2 + 1], situation.now)

    handoff.offer(machine, moves, situation.now)
    assert len(giving) == SET_VIPS // 2 + 1

    del giving[vip(0)]
    handoff.offer(machine, moves, situation.now)
    assert len(giving) == SET_VIPS


def test_an_heir_that_is_not_armed_gets_nothing() -> None:
    situation = owner(vips=2)
    for peer in situation.peers.values():
        peer.arms = False

    drained(situation).live(5.0)

    assert situation.kernel == {V, W}


def test_what_is_defined_no_more_is_not_moved_by_an_old_look() -> None:
    situation = owner(vips=2)
    before = administer(situation)
    situation.machine.ownership.next_look = situation.now + MOVE_SECONDS  # as with thousands
    after = replace(before, revision=before.revision + 1, vips={W: before.vips[W]})
    for name, peer in situation.peers.items():
        peer.revision = after.revision
        situation.hear(name)

    situation.decide(Defined(after))

    assert situation.machine.definitions is after
    assert situation.machine.moves.surplus.keys() == {W}
    situation.live(MOVE_SECONDS)
    assert situation.kernel == set()


# keeping


def test_without_another_heir_everything_is_kept_and_renewed() -> None:
    situation = owner(vips=2)

    administer(situation, names=(A, B, C))
    situation.live(6.0)

    assert situation.state is NodeState.DRAINING
    assert situation.kernel == {V, W}


def test_what_nobody_else_can_hold_is_kept() -> None:
    situation = owner(vips=2)
    for peer in situation.peers.values():
        peer.cannot = (V,)

    drained(situation)

    assert situation.kernel == {V}


def test_dead_and_joining_nodes_are_no_heirs() -> None:
    situation = owner().silence(A)
    situation.peers[C].state = NodeState.JOINING
    situation.live(1.0)

    administer(situation)
    situation.live(3.0)
    assert situation.kernel == {V}

    situation.peers[C].state = NodeState.READY
    situation.hear(C)
    assert situation.live(MOVE_SECONDS).kernel == set()


def test_when_the_first_of_all_draining_nodes_is_enabled_it_gets_what_it_is_to_have() -> None:
    situation = owner()
    administer(situation, names=(A, B, C))
    situation.live(1.0)

    administer(situation, AdminState.ENABLED, names=(C,))

    assert situation.live(MOVE_SECONDS).kernel == set()


@pytest.mark.parametrize("state", [AdminState.DRAINING, AdminState.MAINTENANCE])
def test_what_was_released_is_taken_again_if_its_heirs_die_before_they_take_it(
    state: AdminState,
) -> None:
    situation = owner()
    for peer in situation.peers.values():
        peer.takes = False
    administer(situation, state)
    assert situation.live(MOVE_SECONDS).kernel == set()

    situation.silence(A, C).live(1.0)

    assert situation.kernel == {V}


# agreement


def test_it_waits_until_all_members_act_on_the_same_revision_but_not_for_ever() -> None:
    situation = owner()
    for peer in situation.peers.values():  # they have it on disk, but act on the old one
        situation.hear(peer.name, known_revision=2)

    administer(situation, peers_act=False)
    assert situation.state is NodeState.DRAINING
    situation.live(0.9)
    assert situation.kernel == {V}

    situation.live(0.5)
    assert situation.kernel == set()


def test_it_goes_as_soon_as_all_members_act_on_the_same_revision() -> None:
    situation = owner()
    for peer in situation.peers.values():
        situation.hear(peer.name, known_revision=2)
    administer(situation, peers_act=False)

    for peer in situation.peers.values():
        peer.revision = 2
        situation.hear(peer.name)

    assert situation.live(MOVE_SECONDS).kernel == set()


def test_it_waits_for_an_agreed_view() -> None:
    situation = owner()
    situation.peers[A].agrees = False
    situation.live(0.3)

    administer(situation)
    assert situation.kernel == {V}

    situation.peers[A].agrees = True
    situation.hear(A)
    assert situation.live(MOVE_SECONDS).kernel == set()


# coming back


def test_an_enabled_node_is_an_heir_again_at_once() -> None:
    situation = owner()
    administer(situation)

    administer(situation, AdminState.ENABLED)

    assert situation.state is NodeState.READY
    situation.live(1.0)
    assert situation.kernel == {V}


def test_a_drain_taken_back_in_the_middle_keeps_the_rest() -> None:
    count = SET_VIPS + 10
    situation = owner(vips=count)
    for peer in situation.peers.values():
        peer.takes = False
    drained(situation)
    assert len(situation.kernel) == 10

    administer(situation, AdminState.ENABLED)
    situation.live(0.1)

    assert len(situation.kernel) == 10


def test_after_a_gap_it_listens_before_it_gives_away() -> None:
    situation = owner()
    administer(situation, names=(A, B, C))

    situation.sleep(1.5).live(1.0)

    states = [fact.detail for fact in situation.facts(FactKind.STATE)]
    assert states[-3:] == ["draining", "joining", "draining"]
    assert situation.kernel == {V}


# the other side


def test_the_heir_takes_what_a_draining_node_let_go() -> None:
    situation = Situation(define(vips=[Vip(V, prefer=(A, B))]))
    situation.peers[A].claims = {V: 4}
    situation.ready()
    administer(situation, names=(A,))
    assert situation.kernel == set()

    situation.peers[A].claims = {}
    situation.hear(A)
    situation.live(0.15)

    assert situation.held == {V: 5}
    assert situation.facts(FactKind.TAKEN)[0].reason is Reason.OWNER_DRAINS


def test_no_heir_that_the_definitions_do_not_let() -> None:
    situation = Situation(define(vips=[Vip(V, prefer=(A, B))]))
    administer(situation, names=(A,))
    situation.peers[A].state = NodeState.READY  # it has not switched yet

    situation.ready()

    assert situation.kernel == {V}


def test_what_no_heir_takes_comes_back_to_the_drained_node_and_stays_a_while() -> None:
    situation = owner()
    for peer in situation.peers.values():
        peer.takes = False
    drained(situation)
    assert situation.kernel == set()

    situation.live(4.0)
    assert situation.kernel == {V}
    assert situation.facts(FactKind.TAKEN)[-1].reason is Reason.HEIR_IDLE

    situation.live(4.0)
    assert situation.kernel == {V}

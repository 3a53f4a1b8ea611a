"""What happens if a node dies: from the assignment, for its VIPs only."""

from dataclasses import replace

import pytest

from tests.unit.failover.situation import A, B, C, Situation, define, vip
from workers.failover.core.definitions import AdminState, Definitions, Vip
from workers.failover.core.preview import if_dies

V, W, X = vip(0), vip(1), vip(2)


def drained(definitions: Definitions, name: str, state: AdminState) -> Definitions:
    node = replace(definitions.nodes[name], admin_state=state)
    return replace(definitions, nodes={**definitions.nodes, name: node})


def test_only_the_dead_nodes_vips_move() -> None:
    definitions = define(vips=6)
    owners = {vip(n): (A, A, B, B, C, C)[n] for n in range(6)}

    moves, unserved = if_dies(A, definitions, owners, (A, B, C))

    assert moves.keys() == {V, W}
    assert set(moves.values()) == {B, C}
    assert unserved == ()


def test_preferences_and_followers_are_obeyed() -> None:
    definitions = define(vips=[Vip(V, prefer=(A, C)), Vip(W, follow=V), Vip(X)])

    moves, unserved = if_dies(A, definitions, {V: A, W: A, X: B}, (A, B, C))

    assert (moves, unserved) == ({V: C, W: C}, ())


def test_without_an_heir_nobody_serves() -> None:
    definitions = define(nodes=(A, B), vips=3)
    owners = {V: A, W: A, X: B}

    assert if_dies(A, definitions, owners, (A,)) == ({}, (V, W))


@pytest.mark.parametrize("state", [AdminState.DRAINING, AdminState.MAINTENANCE])
def test_a_node_that_is_to_hold_nothing_is_better_than_none(state: AdminState) -> None:
    definitions = drained(define(nodes=(A, B), vips=3), B, state)

    assert if_dies(A, definitions, {V: A, W: A, X: B}, (A, B)) == ({V: B, W: B}, ())


def test_a_late_node_is_the_last_choice() -> None:
    definitions = define(vips=2)
    owners = {V: A, W: A}

    assert if_dies(A, definitions, owners, (A, B, C), late=(B,))[0] == {V: C, W: C}
    assert if_dies(A, definitions, owners, (A, B), late=(B,))[0] == {V: B, W: B}


def test_what_is_not_defined_counts_for_nothing() -> None:
    definitions = define(nodes=(A, B), vips=1)

    assert if_dies(A, definitions, {V: A, W: A}, (A, B, C)) == ({V: B}, ())
    assert if_dies(C, definitions, {V: A}, (A, B, C)) == ({}, ())


def test_it_is_what_the_nodes_then_do() -> None:
    situation = Situation(define(vips=4))
    situation.peers[A].claims = {V: 1, W: 1}
    situation.peers[C].claims = {X: 1}
    situation.ready()
    owners = {v: owner for v, (_, owner) in situation.machine.ownership.owners.items()}

    moves, _ = if_dies(A, situation.definitions, owners, (A, B, C))
    situation.silence(A).live(1.5)

    mine = {v for v, heir in moves.items() if heir == B}
    assert mine
    assert mine <= situation.kernel

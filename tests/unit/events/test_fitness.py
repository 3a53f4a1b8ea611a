"""Which nodes could take a VIP, and what that makes of its state; time is an argument."""

from cluster_admin.events.fitness import Terms
from tests.unit.events.sight import A, B, C, Sight, V, W
from workers.failover.core.reports import Ailment, Refusal

CHECK = "tcp:25"


def well(*nodes: str, terms: Terms | None = None) -> Sight:
    sight = Sight(*nodes)
    sight.define(terms or Terms(), 0.0)
    sight.all_well()
    return sight


def causes(sight: Sight) -> dict[str, str]:
    return {vip: view.cause.value for vip, view in sight.vips.items()}


def test_a_check_that_fails_somewhere_concerns_the_vips_that_name_it() -> None:
    sight = well(terms=Terms(checks={V: CHECK}))

    sight.report(C, 0.5, unhealthy=(Ailment(CHECK, "no answer"),))
    assert sight.settle(0.5).vips.keys() == {V}
    assert sight.vips[V].note.endswith("fails there: tcp:25: no answer")
    assert sight.vips[V].owner == A

    sight.report(C, 0.9)
    sight.settle(0.9)
    assert sight.states == {V: "owned", W: "owned"}


def test_what_fails_on_a_node_that_is_drained_or_dead_is_no_matter() -> None:
    sight = well(terms=Terms(unwanted=frozenset((C,)), checks={V: CHECK}))
    sight.report(C, 0.5, unhealthy=(Ailment(CHECK),), cannot=(Refusal(W, "no room"),))
    sight.settle(0.5)
    assert set(sight.states.values()) == {"owned"}

    sight.define(Terms(checks={V: CHECK}), 0.6)
    sight.settle(0.6)
    assert sight.states == {V: "UNSAFE", W: "UNSAFE"}

    for node in (A, B):
        sight.happen(node, 0.7, "dead", node=C)
    sight.settle(0.7)
    assert sight.states == {V: "owned", W: "owned"}


def test_what_every_kernel_refuses_is_broken() -> None:
    sight = well()
    sight.release(A, 0.5, V)
    for node in sight.nodes:
        sight.report(node, 0.6, cannot=(Refusal(V, "its kernel refused it"),))
    sight.settle(0.6)

    assert sight.states[V] == "BROKEN"
    assert sight.vips[V].note == "mta1, mta2, mta3 cannot hold it: its kernel refused it"
    assert sight.vips[V].reason == sight.vips[V].note

    sight.report(B, 0.9)
    sight.settle(0.9)
    assert sight.states[V] == "unowned"


def test_who_has_no_heir_is_marked_and_others_are_not_looked_at_again() -> None:
    sight = well(A, B)
    assert set(causes(sight).values()) == {""}

    sight.report(B, 0.5, state="draining")
    sight.settle(0.5)
    assert causes(sight)[V] == "no-heir"
    assert sight.states[V] == "owned"

    sight.report(B, 0.8)
    sight.settle(0.8)
    assert set(causes(sight).values()) == {""}

    three = well()
    three.report(C, 0.5, state="draining")
    assert three.settle(0.5).vips == {}


def test_after_a_start_what_was_unsafe_stays_so_until_its_nodes_have_spoken() -> None:
    terms = Terms(checks={V: CHECK})
    before = well(terms=terms)
    before.report(C, 0.5, unhealthy=(Ailment(CHECK),))
    before.settle(0.5)
    views = before.picture.views()

    sight = Sight(at=10.0)
    sight.picture.define({}, {}, 10.0)
    sight.picture.define(views.nodes, views.vips, 10.0, terms)
    sight.held = before.held
    sight.report(A, 10.1)
    sight.report(B, 10.1)
    assert V not in sight.settle(10.1).vips

    sight.report(C, 10.3)
    sight.settle(10.3)
    assert sight.states[V] == "owned"

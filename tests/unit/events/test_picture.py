"""What the manager shows of nodes and VIPs, told in reports and events; time is an argument."""

from tests.unit.events.sight import A, B, C, Sight, V, W, trouble
from workers.failover.core.claims import bucket_of


def well(*nodes: str) -> Sight:
    sight = Sight(*nodes)
    sight.all_well()
    return sight


def test_owners_and_living_nodes_are_shown() -> None:
    sight = well()

    assert sight.verdicts == {A: "alive", B: "alive", C: "alive"}
    assert {vip: (view.state, view.owner) for vip, view in sight.vips.items()} == {
        V: ("owned", A),
        W: ("owned", B),
    }
    assert sight.vips[V].since == -1.0


def test_nothing_changes_when_nothing_new_is_told() -> None:
    sight = well()
    for second in range(1, 20):
        for node in sight.nodes:
            sight.report(node, second, full=second % 3 == 0)
        changes = sight.settle(second + 0.1)
        assert not changes.nodes
        assert not changes.vips


def test_a_taking_is_shown_at_once_by_its_event() -> None:
    sight = well()

    sight.happen(B, 0.5, "dead", node=A)
    sight.happen(C, 0.5, "dead", node=A)
    sight.take(B, 0.6, V, epoch=2)
    sight.settle(0.6)

    assert sight.verdicts[A] == "dead"
    view = sight.vips[V]
    assert (view.state, view.owner, view.epoch, view.since) == ("owned", B, 2, 0.6)
    assert view.reason == "its owner died"
    assert view.previous == ""


def test_a_taking_before_anybody_calls_the_old_owner_dead_is_not_unsafe() -> None:
    sight = well()

    sight.take(B, 0.6, V, epoch=2)
    sight.settle(0.6)

    assert sight.vips[V].owner == B
    assert sight.states[V] == "owned"


def test_a_report_that_was_on_the_way_is_no_second_owner() -> None:
    sight = well()

    sight.take(B, 0.6, V, epoch=2)
    sight.report(A, 0.7)
    sight.settle(0.7)

    assert sight.states[V] == "owned"


def test_two_living_nodes_that_go_on_saying_they_have_it_are_unsafe_until_one_lets_go() -> None:
    sight = well()
    sight.take(B, 0.6, V, epoch=2)
    sight.report(A, 1.2, full=False)
    sight.settle(1.2)

    assert sight.states[V] == "UNSAFE"
    assert sight.vips[V].holders == (B, A)
    assert sight.vips[V].note == "also held by mta1"

    sight.release(A, 1.5, V)
    sight.settle(1.5)
    assert sight.states[V] == "owned"
    assert sight.vips[V].owner == B


def test_a_release_is_not_taken_back_by_a_report_made_before_it() -> None:
    sight = well()
    before = dict(sight.held[A])

    sight.release(A, 0.5, V)
    sight.held[A] = before
    sight.report(A, 0.6)
    sight.settle(0.6)
    assert sight.states[V] == "unowned"
    assert sight.vips[V].previous == A


def test_what_a_report_says_for_long_stands_against_an_event() -> None:
    sight = well()
    sight.release(A, 0.5, V)
    sight.held[A] = {V: 1}
    for at in (1.0, 2.0, 3.0):
        sight.report(A, at)
        sight.settle(at)

    assert sight.states[V] == "owned"


def test_old_events_that_are_caught_up_change_nothing() -> None:
    sight = well()
    sight.numbers[A] = 50
    sight.report(A, 1.0)
    sight.numbers[A] = 10

    sight.release(A, 1.1, V)
    sight.settle(1.1)

    assert sight.vips[V].owner == A


def test_when_what_is_held_changed_without_being_told_a_full_report_is_wanted() -> None:
    sight = well()
    sight.held[A] = {V: 1, W: 2}

    assert not sight.report(A, 1.0, full=False)
    assert sight.report(A, 1.1)


def test_what_comes_of_its_own_accord_is_not_asked_for_nor_taken_as_told() -> None:
    sight = well()
    sight.held[A] = {V: 1, W: 2}
    sight.hold(A, 1.0, buckets=[bucket_of(V)])

    assert sight.report(A, 1.0, full=False, more=True)
    assert not sight.report(A, 1.1, full=False)
    sight.hold(A, 1.2, buckets=[bucket_of(W)])
    assert sight.report(A, 1.2, full=False)


def test_a_piece_that_was_overtaken_says_nothing() -> None:
    sight = well()
    sight.sequences[A] -= 1
    now, sight.held[A] = sight.held[A], {V: 9, W: 9}
    sight.hold(A, 1.0)
    sight.settle(1.0)
    assert sight.vips[V].epoch == 1

    sight.held[A] = now
    assert sight.report(A, 1.1, full=False)


def test_silence_alone_is_unknown_not_dead() -> None:
    sight = well()
    for at in (1.0, 2.0, 3.0):
        for node in (B, C):
            sight.report(node, at, peers=((A, "unknown"),))
        sight.settle(at)
    sight.settle(3.1)

    assert sight.verdicts[A] == "unknown"
    assert sight.states[V] == "unknown"
    assert sight.vips[V].owner == A


def test_the_others_word_keeps_a_node_alive_that_the_manager_does_not_hear() -> None:
    sight = well()
    for at in (1.0, 2.0, 3.0, 4.0):
        for node in (B, C):
            sight.report(node, at)
        sight.settle(at)

    assert sight.verdicts[A] == "alive"
    assert sight.states[V] == "owned"


def test_when_nobody_is_heard_everything_is_unknown_and_comes_back() -> None:
    sight = well()

    sight.settle(3.5)
    assert set(sight.verdicts.values()) == {"unknown"}
    assert set(sight.states.values()) == {"unknown"}
    assert sight.vips[V].owner == A

    for node in sight.nodes:
        sight.report(node, 9.0)
    sight.settle(9.0)
    assert set(sight.states.values()) == {"owned"}
    assert sight.vips[V].since == -1.0


def test_a_vip_of_a_dead_node_is_unowned_until_somebody_takes_it() -> None:
    sight = well()
    for node in (B, C):
        sight.happen(node, 0.7, "dead", node=A)
    sight.settle(0.7)

    view = sight.vips[V]
    assert (view.state, view.owner, view.previous, view.since) == ("unowned", "", A, 0.7)


def test_a_single_peer_is_believed_when_the_node_itself_stays_silent() -> None:
    sight = well(A, B)

    sight.happen(B, 0.7, "dead", node=A)
    sight.settle(0.7)
    assert sight.verdicts[A] == "suspected"

    sight.settle(2.0)
    assert sight.verdicts[A] == "dead"


def test_a_single_peer_is_not_believed_against_the_node_itself() -> None:
    sight = well(A, B)

    sight.happen(B, 0.7, "dead", node=A)
    sight.report(A, 1.3)
    sight.settle(1.9)

    assert sight.verdicts[A] == "alive"


def test_while_some_suspect_and_some_call_it_dead_it_is_suspected() -> None:
    sight = well()

    shown = []
    for at, teller, kind in (
        (0.5, B, "suspected"),
        (0.51, C, "suspected"),
        (0.7, B, "dead"),
        (0.71, C, "dead"),
    ):
        sight.happen(teller, at, kind, node=A)
        sight.settle(at)
        shown.append(sight.verdicts[A])

    assert shown == ["alive", "suspected", "suspected", "dead"]


def test_what_one_of_two_finds_alive_is_alive_though_its_agent_is_silent() -> None:
    sight = well()

    sight.report(A, 0.5, answers=False)
    sight.happen(B, 0.6, "suspected", node=A)
    sight.settle(0.6)

    assert sight.verdicts[A] == "alive"


def test_an_isolated_node_has_no_say_about_others() -> None:
    sight = well(A, B)

    sight.report(A, 1.0, state="isolated", peers=((B, "dead"),), objection="nobody answers")
    sight.settle(1.0)
    sight.settle(2.5)

    assert sight.verdicts[B] == "alive"


def test_an_agent_that_does_not_answer_leaves_the_word_to_the_others() -> None:
    sight = well(A, B)

    sight.report(A, 0.9, answers=False)
    sight.settle(0.9)
    assert sight.verdicts[A] == "alive"

    sight.happen(B, 1.0, "dead", node=A)
    sight.settle(1.0)
    assert sight.verdicts[A] == "dead"


def test_states_of_nodes_are_shown_at_once() -> None:
    sight = well()

    sight.happen(A, 0.3, "state", node=A, detail="isolated", reason="nobody answers")
    changes = sight.settle(0.3)

    assert changes.nodes[A].state == "isolated"
    assert changes.nodes[A].objection == "nobody answers"


def test_troubles_of_a_vip_that_nobody_holds_are_shown() -> None:
    sight = well()
    sight.release(A, 0.5, V)
    sight.report(C, 0.6, troubles=trouble(V))
    sight.settle(0.6)

    assert sight.states[V] == "stuck"
    assert sight.vips[V].reason == "02:00:00:00:00:01 answers for it"

    sight.report(C, 1.0, troubles=trouble(V, "foreign"))
    sight.settle(1.0)
    assert sight.states[V] == "foreign"

    sight.report(C, 1.5)
    sight.settle(1.5)
    assert sight.states[V] == "unowned"


def test_a_conflict_is_shown_for_a_while() -> None:
    sight = well()

    sight.happen(A, 0.5, "conflict", vip=V, node=B)
    sight.settle(0.5)
    assert (sight.states[V], sight.vips[V].note) == ("conflict", "also claimed by mta2")

    sight.report(A, 3.0)
    sight.settle(3.4)
    assert sight.states[V] == "conflict"
    sight.settle(3.5)
    assert sight.states[V] == "owned"


def test_after_a_start_nothing_flickers_until_the_nodes_have_spoken() -> None:
    before = well()
    views = before.picture.views()
    sight = Sight(at=10.0)
    sight.picture.define({}, {}, 10.0)
    sight.picture.define(views.nodes, views.vips, 10.0)
    sight.held = before.held

    for at, node in ((10.1, C), (10.2, B), (10.3, A)):
        sight.report(node, at)
        changes = sight.settle(at)
        assert not changes.nodes
        assert {(view.state, view.owner) for view in changes.vips.values()} <= {
            ("owned", A),
            ("owned", B),
        }


def test_a_living_node_that_never_told_what_it_holds_may_hold_what_nobody_does() -> None:
    sight = Sight(vips=(V,))
    for at in (0.0, 1.0, 2.0, 3.0, 4.0):
        for node in (A, B):
            sight.report(node, at)
        sight.settle(at)

    assert sight.states[V] == "unknown"
    assert sight.vips[V].reason == "mta3 has not told what it holds"

    sight.report(C, 4.5)
    sight.settle(4.5)
    assert sight.states[V] == "unowned"


def test_nodes_and_vips_that_are_defined_no_longer_are_forgotten() -> None:
    sight = well()
    views = sight.picture.views()

    sight.picture.define({A: views.nodes[A]}, {V: views.vips[V]}, 1.0)
    sight.report(A, 1.1, peers=((B, "dead"), (C, "alive")))
    sight.report(B, 1.1)

    assert sight.settle(1.1).nodes == {}
    assert sight.picture.views().vips.keys() == {V}


def test_nodes_with_old_definitions_lag() -> None:
    sight = well()
    sight.report(A, 0.5, known_revision=2)
    sight.settle(0.5)

    assert sight.picture.lagging(2) == {B, C}
    assert sight.picture.lagging(1) == set()

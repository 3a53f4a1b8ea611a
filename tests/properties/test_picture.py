"""The picture: noise leaves no trace, bookkeeping stays exact, and silence never proves a death."""

from collections import Counter
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from cluster_admin.events.opinions import COUNTED, Opinions
from tests.unit.events.sight import A, B, C, Sight, V, W, trouble

exactly = settings(derandomize=True, deadline=None, max_examples=80)
NODES, VIPS = (A, B, C), (V, W)
VERDICTS = ("alive", "suspected", "dead", "left", "unknown")

nodes = st.sampled_from(NODES)
vips = st.sampled_from(VIPS)
pauses = st.sampled_from((0.0, 0.01, 0.2, 0.7, 1.0, 3.5))
holdings = st.dictionaries(vips, st.integers(1, 4))
votes = st.dictionaries(nodes, st.sampled_from(VERDICTS)).map(lambda found: tuple(found.items()))
reports = st.fixed_dictionaries(
    {},
    optional={
        "answers": st.booleans(),
        "full": st.booleans(),
        "peers": votes,
        "state": st.sampled_from(("ready", "isolated", "joining", "draining")),
        "troubles": st.sampled_from(((), trouble(V), trouble(W, "foreign"))),
    },
)
events = st.tuples(
    st.sampled_from(
        (
            "taken",
            "adopted",
            "released",
            "lost",
            "conflict",
            "dead",
            "alive",
            "suspected",
            "left",
            "state",
        )
    ),
    st.fixed_dictionaries(
        {
            "vip": vips,
            "node": nodes,
            "epoch": st.integers(0, 4),
            "detail": st.sampled_from(("ready", "isolated")),
        }
    ),
)
steps = st.lists(
    st.tuples(
        pauses,
        nodes,
        st.one_of(
            st.tuples(st.just("report"), holdings, reports),
            st.tuples(st.just("event"), events, st.none()),
        ),
    ),
    max_size=30,
)


def play(sight: Sight, plan: list[Any], at: float = 0.0) -> float:
    for pause, node, (what, how, values) in plan:
        at += pause
        if what == "report":
            sight.held[node] = dict(how)
            sight.report(node, at, **values)
        else:
            kind, about = how
            sight.happen(node, at, kind, **about)
        sight.settle(at)
    return at


def quiet(sight: Sight, held: dict[str, dict[str, int]], at: float) -> dict[str, Any]:
    """Every node reports for some seconds what it holds; what is shown then."""
    sight.held = {node: dict(held.get(node, {})) for node in NODES}
    for second in range(5):
        for node in NODES:
            sight.report(node, at + second)
        sight.settle(at + second + 0.5)
    views = sight.picture.views()
    return {
        **{name: (view.verdict, view.state) for name, view in views.nodes.items()},
        **{vip: (view.state, view.owner, view.holders) for vip, view in views.vips.items()},
    }


@exactly
@given(steps, st.dictionaries(nodes, holdings))
def test_what_was_told_before_leaves_no_trace(
    plan: list[Any], held: dict[str, dict[str, int]]
) -> None:
    noisy, fresh = Sight(), Sight()
    at = play(noisy, plan)

    assert quiet(noisy, held, at + 1.0) == quiet(fresh, held, 1.0)


@exactly
@given(steps)
def test_settling_again_changes_nothing(plan: list[Any]) -> None:
    sight = Sight()
    at = play(sight, plan)

    changes = sight.settle(at)

    assert not changes.nodes
    assert not changes.vips


@exactly
@given(steps)
def test_an_owner_is_a_node_that_may_live_and_says_it_holds_the_vip(plan: list[Any]) -> None:
    sight = Sight()
    play(sight, plan)
    views = sight.picture.views()

    for vip, view in views.vips.items():
        if view.state.value in ("owned", "UNSAFE", "conflict"):
            assert views.nodes[view.owner].verdict.lives
            assert vip in sight.picture._holdings.of(view.owner)
        if view.state.value == "UNSAFE":
            assert len(view.holders) > 1
            assert all(views.nodes[name].verdict.lives for name in view.holders)


@exactly
@given(steps)
def test_holders_are_the_inverse_of_what_is_held(plan: list[Any]) -> None:
    sight = Sight()
    play(sight, plan)
    found = sight.picture._holdings

    inverse = {(vip, node) for node, held in found.held.items() for vip in held}
    assert {(vip, node) for vip, some in found.holders.items() for node in some} == inverse


@exactly
@given(steps)
def test_no_node_is_called_dead_by_silence_alone(plan: list[Any]) -> None:
    sight = Sight()
    calm = [
        (pause, node, (what, how, {**values, "peers": ()} if what == "report" else values))
        for pause, node, (what, how, values) in plan
        if what == "report"
    ]
    at = play(sight, calm)
    for later in (1.0, 4.0, 100.0):
        sight.settle(at + later)

    assert not {"dead", "left"} & set(sight.verdicts.values())


changes = st.lists(
    st.one_of(
        st.tuples(st.just("report"), nodes, st.dictionaries(nodes, st.sampled_from(VERDICTS))),
        st.tuples(st.just("tell"), nodes, st.tuples(nodes, st.sampled_from(VERDICTS))),
        st.tuples(st.just("count"), nodes, st.booleans()),
        st.tuples(st.just("forget"), nodes, st.none()),
    ),
    max_size=40,
)


@exactly
@given(changes)
def test_tallies_count_exactly_the_votes_of_those_who_count(plan: list[Any]) -> None:
    opinions = Opinions()
    for now, (what, node, how) in enumerate(plan):
        if what == "report":
            opinions.report(node, tuple(how.items()), now)
        elif what == "tell":
            opinions.tell(node, *how, now)
        elif what == "count":
            opinions.count(node, how, now)
        else:
            opinions.forget(node, now)

    opinions.settle()
    expected: dict[str, Counter[str]] = {}
    for voter in opinions.counting:
        for subject, verdict in opinions.votes.get(voter, {}).items():
            if verdict in COUNTED:
                expected.setdefault(subject, Counter())[verdict] += 1
    assert {subject: +tally for subject, tally in opinions.tallies.items()} == expected

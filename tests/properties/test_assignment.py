"""Assignment: what holds for any nodes, weights, VIPs, owners and bars."""

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from workers.failover.core.assignment import assign, shares
from workers.failover.core.definitions import Vip

NAMES = [f"mta{n}" for n in range(1, 7)]
ADDRESSES = [f"198.18.0.{n}" for n in range(101, 131)]

Weights = dict[str, int]
Vips = dict[str, Vip]
Owners = dict[str, str]

weights = st.dictionaries(st.sampled_from(NAMES), st.integers(1, 9), min_size=1)
owners = st.dictionaries(st.sampled_from(ADDRESSES), st.sampled_from(NAMES))
bars = st.dictionaries(st.sampled_from(ADDRESSES), st.sets(st.sampled_from(NAMES)))
exactly = settings(derandomize=True, deadline=None, max_examples=150)


@st.composite
def plain(draw: st.DrawFn) -> Vips:
    """VIPs without a wish."""
    return {a: Vip(a) for a in draw(st.lists(st.sampled_from(ADDRESSES), unique=True))}


@st.composite
def any_vips(draw: st.DrawFn) -> Vips:
    """VIPs of which some prefer nodes and some follow one that comes before them."""
    vips: Vips = {}
    for address in draw(st.lists(st.sampled_from(ADDRESSES), unique=True, max_size=20)):
        kind = draw(st.sampled_from(["plain", "prefer", "follow"]))
        if kind == "follow" and vips:
            vips[address] = Vip(address, follow=draw(st.sampled_from(sorted(vips))))
        elif kind == "prefer":
            names = st.lists(st.sampled_from(NAMES), unique=True, max_size=3)
            vips[address] = Vip(address, prefer=tuple(draw(names)))
        else:
            vips[address] = Vip(address)
    return vips


def moved(before: Owners, after: Owners) -> set[str]:
    return {vip for vip, node in after.items() if before.get(vip) != node}


@exactly
@given(weights, any_vips(), owners, bars, st.randoms(use_true_random=False))
def test_the_order_of_the_input_does_not_matter(
    nodes: Weights, vips: Vips, held: Owners, barred: dict[str, set[str]], random: object
) -> None:
    def shuffled(mapping: dict) -> dict:  # type: ignore[type-arg]
        items = list(mapping.items())
        random.shuffle(items)  # type: ignore[attr-defined]
        return dict(items)

    first = assign(nodes, vips, held, barred)
    again = assign(shuffled(nodes), shuffled(vips), shuffled(held), shuffled(barred))
    assert first == again


@exactly
@given(weights, any_vips(), owners)
def test_every_vip_has_exactly_one_eligible_owner(nodes: Weights, vips: Vips, held: Owners) -> None:
    result = assign(nodes, vips, held)
    assert result.keys() == vips.keys()
    assert set(result.values()) <= nodes.keys()


@exactly
@given(weights, any_vips(), owners, bars)
def test_barred_nodes_get_nothing_and_only_what_no_node_may_hold_is_left_out(
    nodes: Weights, vips: Vips, held: Owners, barred: dict[str, set[str]]
) -> None:
    result = assign(nodes, vips, held, barred)
    for vip, one in vips.items():
        if vip in result:
            assert result[vip] not in barred.get(vip, ())
        elif not one.follow:
            assert nodes.keys() <= barred.get(vip, set())


@exactly
@given(weights, any_vips(), owners, bars)
def test_followers_sit_with_whom_they_follow(
    nodes: Weights, vips: Vips, held: Owners, barred: dict[str, set[str]]
) -> None:
    result = assign(nodes, vips, held, barred)
    for vip, one in vips.items():
        if one.follow and vip in result and one.follow in result:
            assert result[vip] == result[one.follow]


@exactly
@given(weights, any_vips(), owners, bars)
def test_the_first_eligible_preference_wins(
    nodes: Weights, vips: Vips, held: Owners, barred: dict[str, set[str]]
) -> None:
    result = assign(nodes, vips, held, barred)
    for vip, one in vips.items():
        wished = [n for n in one.prefer if n in nodes and n not in barred.get(vip, ())]
        if wished and not one.follow:
            assert result[vip] == wished[0]


@exactly
@given(st.sets(st.sampled_from(NAMES), min_size=1), plain(), owners)
def test_loads_differ_by_at_most_one(nodes: set[str], vips: Vips, held: Owners) -> None:
    count = Counter(assign(dict.fromkeys(nodes, 1), vips, held).values())
    loads = [count[node] for node in nodes]
    assert max(loads) - min(loads) <= 1


@exactly
@given(weights, any_vips(), owners)
def test_loads_follow_the_weights(nodes: Weights, vips: Vips, held: Owners) -> None:
    result = assign(nodes, vips, held)
    free = [v for v, one in vips.items() if not one.follow and not set(one.prefer) & set(nodes)]
    count = Counter(result[v] for v in free)
    for i, weight in nodes.items():
        for j, other in nodes.items():
            assert count[i] * other <= (count[j] + 1) * weight


@exactly
@given(weights, any_vips(), owners)
def test_what_is_assigned_stays_assigned(nodes: Weights, vips: Vips, held: Owners) -> None:
    settled = assign(nodes, vips, held)
    assert assign(nodes, vips, settled) == settled


@exactly
@given(weights, any_vips(), owners, bars, st.data())
def test_what_is_carried_out_of_a_plan_changes_nothing_of_the_rest(
    nodes: Weights, vips: Vips, held: Owners, barred: dict[str, set[str]], data: st.DataObject
) -> None:
    plan = assign(nodes, vips, held, barred)
    done = data.draw(st.sets(st.sampled_from(sorted(plan)))) if plan else set()
    let_go = data.draw(st.sets(st.sampled_from(sorted(plan)))) if plan else set()
    now = {vip: node for vip, node in held.items() if vip not in let_go or plan[vip] == node}
    now |= {vip: plan[vip] for vip in done}
    assert assign(nodes, vips, now, barred) == plan


@exactly
@given(weights, st.integers(0, 60), st.dictionaries(st.sampled_from(NAMES), st.integers(0, 20)))
def test_shares_are_the_places_of_the_smallest_number_by_weight(
    nodes: Weights, total: int, held: dict[str, int]
) -> None:
    places = sorted(
        (number / weight, held.get(node, 0) < number, node)
        for node, weight in nodes.items()
        for number in range(1, total + 1)
    )
    assert shares(total, nodes, held) == {
        node: sum(1 for place in places[:total] if place[2] == node) for node in nodes
    }


@exactly
@given(weights, any_vips(), owners, st.data())
def test_a_death_moves_only_the_dead_nodes_vips(
    nodes: Weights, vips: Vips, held: Owners, data: st.DataObject
) -> None:
    before = assign(nodes, vips, held)
    dead = data.draw(st.sampled_from(sorted(nodes)))
    left = {node: weight for node, weight in nodes.items() if node != dead}
    after = assign(left, vips, before)
    assert moved(before, after) <= {vip for vip, node in before.items() if node == dead}


@exactly
@given(weights, plain(), owners, st.sampled_from(NAMES), st.integers(1, 9))
def test_a_return_moves_no_more_than_the_returned_node_is_due(
    nodes: Weights, vips: Vips, held: Owners, back: str, weight: int
) -> None:
    others = {node: w for node, w in nodes.items() if node != back} or {"mta9": 1}
    before = assign(others, vips, held)
    after = assign({**others, back: weight}, vips, before)
    assert all(after[vip] == back for vip in moved(before, after))
    load = Counter(before.values())
    due = shares(len(vips), {**others, back: weight}, load)
    assert len(moved(before, after)) <= sum(max(0, load[n] - due[n]) for n in others)


@exactly
@given(weights, st.integers(0, 60), st.dictionaries(st.sampled_from(NAMES), st.integers(0, 20)))
def test_shares_add_up(nodes: Weights, total: int, held: dict[str, int]) -> None:
    quota = shares(total, nodes, held)
    assert sum(quota.values()) == total
    assert quota.keys() == nodes.keys()

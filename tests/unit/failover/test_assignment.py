"""Assignment, by example; what holds for every input is in tests/properties."""

import pytest

from tests.unit.failover.situation import A, B, C, vip
from workers.failover.core.assignment import assign, shares
from workers.failover.core.definitions import Vip

ALL = {A: 1, B: 1, C: 1}


def plain(count: int) -> dict[str, Vip]:
    return {vip(n): Vip(vip(n)) for n in range(count)}


def loads(result: dict[str, str]) -> dict[str, int]:
    return {node: list(result.values()).count(node) for node in sorted(set(result.values()))}


def test_six_vips_on_three_nodes_are_two_each() -> None:
    assert loads(assign(ALL, plain(6), {})) == {A: 2, B: 2, C: 2}


def test_without_an_eligible_node_nothing_is_assigned() -> None:
    assert assign({}, plain(3), {}) == {}


def test_one_node_gets_everything() -> None:
    assert set(assign({B: 1}, plain(3), {vip(0): A}).values()) == {B}


def test_without_vips_nothing_is_assigned() -> None:
    assert assign(ALL, {}, {vip(0): A}) == {}


def test_a_death_moves_only_the_dead_nodes_vips() -> None:
    before = assign(ALL, plain(6), {})
    after = assign({A: 1, C: 1}, plain(6), before)
    assert loads(after) == {A: 3, C: 3}
    assert all(after[v] == node for v, node in before.items() if node != B)


def test_a_return_moves_only_what_the_returned_node_is_due() -> None:
    before = assign({A: 1, C: 1}, plain(6), {})
    after = assign(ALL, plain(6), before)
    assert loads(after) == {A: 2, B: 2, C: 2}
    assert sum(after[v] != before[v] for v in before) == 2


def test_an_owner_keeps_although_the_tie_could_go_to_a_lower_name() -> None:
    assert assign(ALL, plain(1), {vip(0): C}) == {vip(0): C}


def test_the_weight_counts() -> None:
    assert loads(assign({A: 2, B: 1}, plain(6), {})) == {A: 4, B: 2}


@pytest.mark.parametrize(
    ("eligible", "owner"), [((A, B, C), C), ((A, B), B), ((A,), A)], ids=["both", "second", "none"]
)
def test_the_first_eligible_preference_wins(eligible: tuple[str, ...], owner: str) -> None:
    vips = {vip(0): Vip(vip(0), prefer=(C, B))}
    assert assign(dict.fromkeys(eligible, 1), vips, {vip(0): A}) == {vip(0): owner}


def test_a_follower_sits_with_whom_it_follows_through_a_chain() -> None:
    vips = {
        vip(0): Vip(vip(0), prefer=(C,)),
        vip(1): Vip(vip(1), follow=vip(0)),
        vip(2): Vip(vip(2), follow=vip(1)),
    }
    assert set(assign(ALL, vips, {vip(2): A}).values()) == {C}


def test_a_barred_node_gets_nothing_of_what_it_is_barred_from() -> None:
    result = assign(ALL, plain(2), {vip(0): A}, {vip(0): {A}})
    assert result[vip(0)] in (B, C)
    assert vip(1) in result


def test_a_barred_preference_is_passed_over() -> None:
    vips = {vip(0): Vip(vip(0), prefer=(C, B))}
    assert assign(ALL, vips, {}, {vip(0): {C}}) == {vip(0): B}


def test_a_vip_barred_everywhere_has_no_place() -> None:
    assert vip(0) not in assign(ALL, plain(2), {}, {vip(0): set(ALL)})


def test_the_owner_of_a_vip_barred_elsewhere_keeps_it() -> None:
    assert assign(ALL, plain(1), {vip(0): C}, {vip(0): {A}}) == {vip(0): C}


def test_a_follower_barred_from_its_leaders_node_is_left_out() -> None:
    vips = {vip(0): Vip(vip(0), prefer=(C,)), vip(1): Vip(vip(1), follow=vip(0))}
    assert assign(ALL, vips, {}, {vip(1): {C}}) == {vip(0): C}


def test_ten_thousand_vips_on_sixteen_nodes_are_spread_evenly() -> None:
    nodes = {f"mta{n}": 1 for n in range(16)}
    vips = {f"10.0.{n // 256}.{n % 256}": Vip(f"10.0.{n // 256}.{n % 256}") for n in range(10_240)}
    assert set(loads(assign(nodes, vips, {})).values()) == {640}


def test_shares_give_ties_to_who_holds_more_and_then_to_the_lower_name() -> None:
    assert shares(1, ALL, {C: 5}) == {A: 0, B: 0, C: 1}
    assert shares(1, ALL, {}) == {A: 1, B: 0, C: 0}

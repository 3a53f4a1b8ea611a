"""How a VIP stands, from what is known of it: a table, the worst first."""

import pytest

from workers.failover.core.hooks import HOOK_WARNING
from workers.failover.core.standing import (
    OWN_ADDRESS,
    REFUSED,
    SENTENCE_MAX,
    Case,
    Cause,
    State,
    standing,
)

A, B, C = "mta1", "mta2", "mta3"
ALL = (A, B, C)
MAC = "02:00:00:00:00:01"


def case(owner: str = A, **values: object) -> Case:
    return Case(owner, **{"nodes": ALL, "heirs": ALL, **values})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("given", "state", "cause", "sentence"),
    [
        (case(), "owned", "", ""),
        (case(others=(B,), rival=B), "UNSAFE", "two-owners", "also held by mta2"),
        (case(rival=B), "conflict", "", "also claimed by mta2"),
        (
            case(unhealthy={B: "tcp:25: refused"}),
            "UNSAFE",
            "not-everywhere",
            "mta2 could not take it: its health check fails there: tcp:25: refused",
        ),
        (
            case(unhealthy={B: ""}, heirs=(A, C)),
            "UNSAFE",
            "not-everywhere",
            "mta2 could not take it: its health check fails there",
        ),
        (
            case(unhealthy={A: "tcp:25: refused"}, heirs=(B, C)),
            "UNSAFE",
            "not-everywhere",
            "its health check fails on mta1, which has it: tcp:25: refused",
        ),
        (
            case(unhealthy=dict.fromkeys(ALL, "tcp:25"), heirs=()),
            "UNSAFE",
            "not-everywhere",
            "its health check fails on every enabled node: tcp:25",
        ),
        (
            case(refusals={C: REFUSED}),
            "UNSAFE",
            "not-everywhere",
            "mta3 could not take it: its kernel refused it",
        ),
        (case(hook="/bin/true"), "UNSAFE", "hook", HOOK_WARNING.removesuffix(".")),
        (
            case(heirs=(A,)),
            "owned",
            "no-heir",
            "no other enabled node is ready that could take it",
        ),
        (
            case(refusals={A: REFUSED}),
            "BROKEN",
            "",
            "mta1 holds it, but cannot manage it: its kernel refused it",
        ),
        (
            case(refusals={B: OWN_ADDRESS}),
            "BROKEN",
            "",
            "it is an address of mta2 itself; choose another VIP",
        ),
        (
            case("", refusals=dict.fromkeys(ALL, "no interface")),
            "BROKEN",
            "",
            "mta1, mta2, mta3 cannot hold it: no interface",
        ),
        (case("", trouble=(State.STUCK, MAC)), "stuck", "", f"{MAC} answers for it"),
        (case("", trouble=(State.FOREIGN, MAC)), "foreign", "", f"{MAC} answers for it"),
        (case("", doubt="mta3 has not told"), "unknown", "", "mta3 has not told"),
        (case(""), "unowned", "", "no node holds it"),
        (
            case("", unproved="198.18.0.0/24"),
            "unowned",
            "",
            "no node may take it: nothing proves the wire of 198.18.0.0/24; name a witness there",
        ),
        (case(unproved="198.18.0.0/24"), "owned", "", ""),
        (
            case("", nodes=(), heirs=()),
            "unowned",
            "",
            "no node holds it, and no enabled node is alive that could",
        ),
    ],
)
def test_a_vip_stands_as_what_is_known_of_it_says(
    given: Case, state: str, cause: str, sentence: str
) -> None:
    assert standing(given) == (state, cause, sentence)


def test_a_node_that_refuses_it_is_no_heir() -> None:
    refused = case(nodes=(A,), heirs=(A, B), refusals={B: REFUSED})

    assert standing(refused).cause is Cause.NO_HEIR


def test_nodes_that_are_drained_or_dead_hinder_nothing() -> None:
    found = standing(case(nodes=(A, C), heirs=(A, C), unhealthy={B: "x"}, refusals={B: REFUSED}))

    assert found == (State.OWNED, Cause.NONE, "")


def test_a_cluster_of_one_node_is_no_alarm() -> None:
    alone = case(nodes=(A,), heirs=(A,))

    assert standing(alone)[:2] == (State.OWNED, Cause.NO_HEIR)


def test_a_sentence_is_bounded_and_names_a_few_nodes() -> None:
    many = [f"mta{n}" for n in range(40)]
    failing = dict.fromkeys(many[1:], "y" * 900)
    found = standing(Case("mta0", nodes=many, heirs=many, unhealthy=failing))

    assert found.sentence.startswith("mta1, mta10, mta11 and 36 more could not take it")
    assert len(found.sentence) == SENTENCE_MAX

"""What becomes of orders that come twice, late, in parts, or are none."""

from typing import Any

import msgspec
import pytest

from workers.config.core.messages import Order
from workers.config.core.orders import (
    STALE_SECONDS,
    OrderRefusedError,
    Parts,
    Target,
    Targets,
    read_order,
)
from workers.config.core.reports import Outcome

A, B, C = "a" * 40, "b" * 40, "c" * 40


def order(head: int = 5, **values: Any) -> Order:
    return Order(**{"subcluster": "site", "head": head, "commit": A, **values})


def part(offset: int, data: bytes = b"xxxx", size: int = 10, commit: str = A) -> Order:
    return order(commit=commit, pack=data, offset=offset, size=size)


def test_an_order_is_read_as_it_was_sent() -> None:
    sent = order(target=5, ordered=True, since=B, pack=b"\0\xff", size=2)

    assert read_order(msgspec.json.decode(msgspec.json.encode(sent)), "site") == sent
    assert read_order(msgspec.to_builtins(sent), "site") == sent


@pytest.mark.parametrize(
    ("argument", "why"),
    [
        (None, "it is no order"),
        ("hello", "it is no order"),
        ([], "it is no order"),
        ({"subcluster": "site", "head": 5}, "missing required field `commit`"),
        ({"subcluster": "site", "head": 0, "commit": A}, "Expected `int` >= 1 - at `$.head`"),
        ({"subcluster": "site", "head": 5, "commit": "HEAD"}, "matching regex"),
        ({"subcluster": "site", "head": 5, "commit": A, "pack": "?"}, "base64"),
        ({"subcluster": "site", "head": 5, "commit": A, "target": True}, "got `bool`"),
        ({"subcluster": "site", "head": 5, "commit": A, "target": 6}, "but the newest is r5"),
        ({"subcluster": "site", "head": 5, "commit": A, "pack": "eHg=", "size": 1}, "beyond"),
        ({"subcluster": "else", "head": 5, "commit": A}, "this node is in site; send it to"),
        ({"subcluster": "\ud800", "head": 5, "commit": A}, ""),
    ],
)
def test_what_is_no_order_for_this_node_is_refused_with_a_sentence(
    argument: object, why: str
) -> None:
    with pytest.raises(OrderRefusedError) as refused:
        read_order(argument, "site")

    assert why in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_pack_is_put_together_in_order() -> None:
    parts = Parts()

    assert not parts.take(part(4), 0.0)
    assert parts.take(part(0), 0.0)
    assert not parts.take(part(0), 0.1)
    assert not parts.take(part(8), 0.2)
    assert parts.take(part(4), 0.3)
    assert (parts.received, parts.complete) == (8, False)
    assert parts.take(part(8, b"xx"), 0.4)
    assert parts.complete
    parts.clear()
    assert not parts.complete
    assert parts.take(part(0, commit=B), 0.5)


def test_another_pack_waits_until_the_first_has_stood_still() -> None:
    parts = Parts()
    parts.take(part(0), 0.0)

    assert not parts.take(part(0, commit=B), STALE_SECONDS - 0.1)
    assert parts.take(part(4), STALE_SECONDS - 0.1)
    assert not parts.take(part(0, commit=B), STALE_SECONDS + 0.1)
    assert not parts.take(part(4, commit=B), 2 * STALE_SECONDS)
    assert parts.take(part(0, commit=B), 2 * STALE_SECONDS)
    assert parts.received == 4
    assert not parts.take(part(4), 2 * STALE_SECONDS)


def test_a_pack_of_another_size_is_another_pack() -> None:
    parts = Parts()
    parts.take(part(0), 0.0)

    assert not parts.take(part(4, size=11), 0.1)


def test_a_target_is_applied_once_and_when_it_is_there() -> None:
    targets = Targets()

    assert targets.next(9) is None
    assert targets.order(order(target=5))
    assert targets.next(4) is None
    assert targets.next(5) == Target(5)
    assert targets.next(5) is None
    targets.ended(Outcome.APPLIED)
    assert targets.order(order(target=5))
    assert targets.next(5) is None
    assert targets.order(order(6, target=6))
    assert targets.next(6) == Target(6)


def test_only_the_newest_counts() -> None:
    targets = Targets()
    targets.order(order(5, target=5))
    targets.order(order(7, target=7))

    assert not targets.order(order(6, target=6))
    assert targets.newest == order(7, target=7)
    assert targets.next(7) == Target(7)


def test_leave_what_is_takes_back_what_waits() -> None:
    targets = Targets()
    targets.order(order(5, target=5))
    targets.order(order(6, target=0))

    assert targets.next(6) is None


def test_what_an_operator_asked_for_is_done_once_however_often_it_comes() -> None:
    targets = Targets()
    wish = order(target=5, ordered=True, over_edits=True, wish=7)
    aim = Target(5, ordered=True, over_edits=True)

    assert targets.order(wish)
    assert targets.order(wish)
    assert targets.next(5) == aim
    assert targets.order(wish)
    targets.ended(Outcome.APPLIED)
    assert targets.order(wish)
    assert (targets.next(5), targets.wish) == (None, 7)
    targets.order(order(target=5, ordered=True, over_edits=True, wish=8))
    assert targets.next(5) == aim


def test_what_an_operator_asked_for_comes_back_after_something_else() -> None:
    targets = Targets()
    wish = order(target=4, ordered=True, wish=7)
    targets.order(wish)
    targets.order(order(target=5))

    assert targets.order(wish)
    assert targets.next(5) == Target(4, ordered=True)


def test_an_operator_may_order_the_same_once_more() -> None:
    targets = Targets()
    targets.order(order(target=5))
    targets.next(5)
    targets.ended(Outcome.TURNED_BACK)

    targets.order(order(target=5, ordered=True))
    assert targets.next(5) == Target(5, ordered=True)
    assert targets.next(5) is None
    targets.order(order(target=3, ordered=True, backwards=True))
    assert targets.next(5) == Target(3, ordered=True, backwards=True)


@pytest.mark.parametrize(
    ("outcome", "again"),
    [
        (Outcome.REFUSED, True),
        (Outcome.KEPT, True),
        (Outcome.APPLIED, False),
        (Outcome.UNCHANGED, False),
        (Outcome.TURNED_BACK, False),
        (Outcome.STRANDED, False),
    ],
)
def test_only_what_failed_without_harm_is_tried_again(outcome: Outcome, again: bool) -> None:
    targets = Targets()
    assert not targets.again()
    targets.order(order(target=5))
    assert not targets.again()
    targets.next(5)
    assert not targets.again()
    targets.ended(outcome)

    assert targets.again() is again
    assert (targets.next(5) == Target(5)) is again
    targets.ended(outcome)
    targets.order(order(6, target=0))
    assert not targets.again()

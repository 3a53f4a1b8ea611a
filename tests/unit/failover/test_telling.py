"""What managers are told: cut to what messages may have, and to what one message can carry."""

import random

import msgspec
import pytest

from workers.bus.codec import MAX_BYTES, Codec
from workers.failover.core import telling
from workers.failover.core.actions import Reason
from workers.failover.core.reports import EVENTS_MAX, Events, Message, Report, Run
from workers.failover.core.telling import UNKNOWN, Brief, Detail, Line, Teller

CODEC: Codec[Message] = Codec("demo", "default", [b"k" * 32], Message)
TELLER = Teller("mta1", "2026-11-01T10:00:00.000+00:00")
REASONS = [reason.value for reason in Reason]


def holding(count: int, seed: int = 1) -> Brief:
    """A brief of an agent that holds so many VIPs, for various reasons."""
    rng = random.Random(seed)
    held = [
        (f"198.18.{i // 250}.{i % 250}", i % 7, rng.random() * 1e5, rng.choice(REASONS), "mta2")
        for i in range(count)
    ]
    return msgspec.structs.replace(UNKNOWN, incarnation=3, held=tuple(held))


def told(brief: Brief, held: tuple[object, ...] | None) -> Report:
    runs = [Run(2, 1, 9), Run(3, 1, 4)]
    totals = telling.totals(brief)
    return telling.report(TELLER, 7, brief, runs, held, totals, answers=True)  # type: ignore[arg-type]


def line(number: int, incarnation: int = 3, detail: str = "") -> Line:
    return Line(incarnation, number, "2026-11-01T10:00:00.000+00:00", "taken", detail=detail)


def test_what_is_told_of_10240_holdings_fits_one_message() -> None:
    brief = holding(10_240)
    sizes = []
    for detail in telling.details(10_240):
        message = msgspec.structs.replace(told(brief, None), held=telling.holdings(brief, detail))
        plain = msgspec.msgpack.encode(message)
        sizes.append(len(plain))
    assert sizes == sorted(sizes, reverse=True)
    smallest = telling.holdings(brief, telling.details(10_240)[-1])
    assert len(CODEC.encode(told(brief, smallest))) <= MAX_BYTES


def test_few_holdings_are_told_exactly_and_many_in_whole_seconds() -> None:
    assert telling.details(500) == tuple(Detail)
    assert telling.details(501) == (Detail.SECONDS, Detail.BARE, Detail.ROUGH)


@pytest.mark.parametrize(
    ("detail", "age", "why"),
    [
        (Detail.TENTHS, 12.3, "why"),
        (Detail.SECONDS, 12, "why"),
        (Detail.BARE, 12, ""),
        (Detail.ROUGH, 8, ""),
    ],
)
def test_a_holding_is_told_as_exactly_as_there_is_room(
    detail: Detail, age: float, why: str
) -> None:
    brief = msgspec.structs.replace(UNKNOWN, held=(("198.18.0.1", 4, 12.37, "why", "mta2"),))
    [one] = telling.holdings(brief, detail)
    assert (one.vip, one.epoch, one.age, one.reason) == ("198.18.0.1", 4, age, why)


def test_the_checksum_is_of_addresses_and_epochs_in_any_order() -> None:
    brief = holding(20)
    assert brief.held is not None
    back = msgspec.structs.replace(brief, held=brief.held[::-1])
    moved = msgspec.structs.replace(brief, held=(*brief.held[:-1], ("198.18.9.9", 1, 0.0, "", "")))
    assert telling.totals(brief) == telling.totals(back)
    assert telling.totals(brief)[0] == 20
    assert telling.totals(brief) != telling.totals(moved)


def test_whatever_an_agent_says_can_be_decoded_at_the_other_end() -> None:
    long = "x" * 5000
    brief = msgspec.structs.replace(
        UNKNOWN,
        state=long,
        objection=long,
        problem=long,
        warnings=(long,) * 100,
        cannot=(("198.18.0.1", long),) * 1000,
        unhealthy=(("tcp:25", long),) * 100,
    )
    message = told(brief, ())
    decoded = CODEC.decode(CODEC.encode(message))
    assert isinstance(decoded, Report)
    assert len(decoded.warnings) == telling.WARNINGS_MAX
    assert len(decoded.cannot) == telling.REFUSALS_MAX
    assert len(decoded.unhealthy) == telling.AILMENTS_MAX
    events = next(telling.batches("mta1", [line(1, detail=long)]))
    assert CODEC.decode(CODEC.encode(events)) == events


def test_events_go_in_messages_of_consecutive_ones_of_one_run() -> None:
    lines = [line(n) for n in range(1, EVENTS_MAX + 3)]
    lines += [line(n, incarnation=4) for n in (1, 2, 9)]
    found = [(m.incarnation, [e.number for e in m.events]) for m in telling.batches("mta1", lines)]
    numbers = list(range(1, EVENTS_MAX + 3))
    assert found == [
        (3, numbers[:EVENTS_MAX]),
        (3, numbers[EVENTS_MAX:]),
        (4, [1, 2]),
        (4, [9]),
    ]


def test_what_is_too_large_is_halved_until_nothing_is_left() -> None:
    message = next(telling.batches("mta1", [line(n) for n in (1, 2, 3)]))
    first, second = telling.halves(message)
    assert [e.number for part in (first, second) for e in part.events] == [1, 2, 3]
    assert telling.halves(first) == ()
    assert isinstance(first, Events)

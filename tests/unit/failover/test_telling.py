"""What managers are told: cut to what messages may have, and to what one message can carry."""

import random
from ipaddress import ip_network

import msgspec
import pytest

from workers.bus.codec import MAX_BYTES, Codec
from workers.failover.core import telling
from workers.failover.core.actions import Reason
from workers.failover.core.briefing import asked, unknown
from workers.failover.core.claims import BUCKETS, Claims, bucket_of, digest_of
from workers.failover.core.reports import (
    EVENTS_MAX,
    REFUSALS_MAX,
    Events,
    Holding,
    Holdings,
    Message,
    Report,
    Run,
)
from workers.failover.core.telling import UNKNOWN, Brief, Line, Teller, Told

CODEC: Codec[Message] = Codec("demo", "default", [b"k" * 32], Message)
TELLER = Teller("mta1", "2026-11-01T10:00:00.000+00:00")
Held = tuple[str, int, float, str, str]
REASONS = [reason.value for reason in Reason]


def holding(count: int, seed: int = 1, *, v6: bool = False) -> dict[str, Held]:
    """What an agent holds, for various reasons, since long; addresses do not compress well."""
    rng = random.Random(seed)
    net = ip_network("2001:db8::/32" if v6 else "198.18.0.0/15")
    vips = [str(net[i]) for i in rng.sample(range(net.num_addresses % 2**62 or 2**62), count)]
    return {vip: (vip, i % 7, rng.random() * 1e5, rng.choice(REASONS), "m" * 63) for i, vip in
            enumerate(vips)}  # fmt: skip


def briefed(held: dict[str, Held], told: Told | None = None) -> Brief:
    """What the agent answers to somebody to whom so much was told."""
    claims = Claims({vip: one[1] for vip, one in held.items()})
    buckets, more = unknown(claims, *asked((told or Told()).question()))
    return msgspec.structs.replace(
        UNKNOWN,
        incarnation=3,
        count=len(held),
        sums=claims.sums,
        buckets=tuple(buckets),
        more=more,
        held=tuple(held[vip] for vip in claims.of(buckets)),
    )


def tell(told: Told, held: dict[str, Held]) -> list[Holdings]:
    """Everything that is not told yet, in pieces."""
    pieces = []
    more = True
    while more:
        brief = briefed(held, told)
        if brief.buckets:
            pieces.append(telling.holdings(TELLER, len(pieces), brief))
            told.tell(brief)
        more = brief.more
    return pieces


def told(brief: Brief) -> Report:
    return telling.report(TELLER, 7, brief, [Run(2, 1, 9), Run(3, 1, 4)], answers=True)


def line(number: int, incarnation: int = 3, detail: str = "") -> Line:
    return Line(incarnation, number, "2026-11-01T10:00:00.000+00:00", "taken", detail=detail)


@pytest.mark.parametrize("v6", [False, True])
def test_10240_holdings_are_told_in_pieces_that_fit(v6: bool) -> None:
    held = holding(10_240, v6=v6)
    pieces = tell(Told(), held)
    sizes = [len(CODEC.encode(piece)) for piece in pieces]
    assert max(sizes) <= MAX_BYTES // 2
    assert 13 <= len(pieces) <= 16
    assert sorted(b for piece in pieces for b in piece.buckets) == list(range(BUCKETS))
    assert {(one.vip, one.epoch) for piece in pieces for one in piece.held} == {
        one[:2] for one in held.values()
    }


def test_after_a_change_only_its_bucket_is_told() -> None:
    told, held = Told(), holding(10_240)
    tell(told, held)
    assert tell(told, held) == []
    vip = min(held)
    held[vip] = (vip, 9, 0.04, "its owner died", "mta2")
    [piece] = tell(told, held)
    assert piece.buckets == (bucket_of(vip),)
    [one] = [one for one in piece.held if one.vip == vip]
    assert one == Holding(vip, 9, 0.0, "its owner died", "mta2")


def test_few_holdings_are_told_again_together_and_many_by_turns() -> None:
    for count, turns in ((0, 1), (800, 1), (10_240, 13)):
        told, held = Told(), holding(count)
        tell(told, held)
        buckets: set[int] = set()
        for _ in range(turns):
            told.turn(count)
            buckets.update(b for piece in tell(told, held) for b in piece.buckets)
        assert len(buckets) == BUCKETS


def test_who_lacks_something_is_told_that_and_who_knows_nothing_all() -> None:
    told, held = Told(), holding(10_240)
    tell(told, held)
    known = list(briefed(held).sums)
    told.forget(known)
    assert tell(told, held) == []
    told.forget([*known[:5], 1, *known[6:]])
    assert [piece.buckets for piece in tell(told, held)] == [(5,)]
    for nonsense in ((), known[:3]):
        told.forget(nonsense)
        assert len(tell(told, held)) > 12


def test_buckets_that_always_change_keep_no_other_from_being_told() -> None:
    told, held = Told(), holding(10_240)
    buckets: list[int] = []
    for epoch in range(10, 26):
        brief = briefed(held, told)
        buckets += brief.buckets
        told.tell(brief)
        held = {vip: (vip, epoch, *rest) for vip, (_, _, *rest) in held.items()}  # type: ignore[misc]
    assert set(buckets) == set(range(BUCKETS))


def test_the_report_names_the_checksum_of_everything() -> None:
    held = holding(10_240)
    report = told(briefed(held))
    assert report.held_digest == digest_of({vip: one[1] for vip, one in held.items()})
    assert (report.held_count, report.more) == (10_240, True)


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
    message = told(brief)
    decoded = CODEC.decode(CODEC.encode(message))
    assert isinstance(decoded, Report)
    assert len(decoded.warnings) == telling.WARNINGS_MAX
    assert len(decoded.cannot) == REFUSALS_MAX
    assert len(decoded.unhealthy) == telling.AILMENTS_MAX
    events = next(telling.batches("mta1", [line(1, detail=long)]))
    assert CODEC.decode(CODEC.encode(events)) == events


def test_of_many_refusals_a_warning_says_how_many() -> None:
    cannot = tuple((f"198.18.0.{n}", "no room") for n in range(REFUSALS_MAX))
    some = msgspec.structs.replace(UNKNOWN, cannot=cannot, refused=len(cannot), warnings=("w",))
    assert told(some).warnings == ("w",)
    many = msgspec.structs.replace(some, refused=1000)
    sentence = "its kernel refuses 1000 VIPs, of which the last 200 are named"
    assert told(many).warnings == (sentence, "w")


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

"""What a node tells of its replication, and how often."""

import msgspec
import pytest
from msgspec.structs import replace

from workers.bus.codec import Codec
from workers.replication.core.standing import (
    AGAIN_SECONDS,
    LIMITS_MAX,
    PEERS_MAX,
    PROBLEMS_MAX,
    REFUSALS_MAX,
    SENTENCE_CHARACTERS,
    SPACING_SECONDS,
    Peer,
    Refused,
    Standing,
    is_due,
    sentences,
    shorter,
)

PLAIN = Standing("mta1", 1e9, 5.0, "127.0.0.1:5672", cut_off=False)
REFUSED = Refused(1, 1e9, "inbound", "192.0.2.1", 100, 100, "defer", False)


def test_it_is_told_at_once_and_now_and_then() -> None:
    assert is_due(None, PLAIN, 0.0)
    assert not is_due(PLAIN, PLAIN, AGAIN_SECONDS - 0.1)
    assert is_due(PLAIN, PLAIN, AGAIN_SECONDS)


@pytest.mark.parametrize(
    "other",
    [
        replace(PLAIN, cut_off=True),
        replace(PLAIN, broker=""),
        replace(PLAIN, refusals=(REFUSED,)),
        replace(PLAIN, problems=("make room",)),
        replace(PLAIN, peers=(Peer("mta2", True, 0.1, 0),)),
        replace(PLAIN, unkept=3),
    ],
)
def test_what_matters_is_told_soon_but_not_all_the_time(other: Standing) -> None:
    assert is_due(PLAIN, other, SPACING_SECONDS)
    assert not is_due(PLAIN, other, SPACING_SECONDS - 0.1)


def test_what_always_changes_is_not_told_for_that() -> None:
    assert not is_due(PLAIN, replace(PLAIN, at=2e9, requests=9, heard_bytes=7), SPACING_SECONDS)


def test_the_largest_one_fits_once_it_is_short_enough() -> None:
    long = "x" * SENTENCE_CHARACTERS
    shown: Standing | None = replace(
        PLAIN,
        peers=tuple(Peer(f"n{number}", True, 1.5, number) for number in range(PEERS_MAX)),
        by_limit=tuple(
            (f"{number:0{SENTENCE_CHARACTERS}}", number) for number in range(LIMITS_MAX)
        ),
        refusals=tuple(
            replace(REFUSED, number=number, limit=long, key="k" * 512)
            for number in range(REFUSALS_MAX)
        ),
        problems=(long,) * PROBLEMS_MAX,
    )
    assert shown is not None
    assert len(msgspec.msgpack.encode(shown)) > 500_000

    kept = 0
    while shown is not None and len(msgspec.msgpack.encode(shown)) > 60_000:
        newest = shown.refusals[-1].number if shown.refusals else None
        shown = shorter(shown)
        assert shown is not None
        kept = shown.refusals[-1].number if shown.refusals else kept
        assert newest in (None, kept)

    codec: Codec[Standing] = Codec("demo", "default", [b"k" * 32], Standing)
    assert codec.decode(codec.encode(shown)) == shown
    assert kept == REFUSALS_MAX - 1


def test_one_without_details_cannot_be_shorter() -> None:
    assert shorter(PLAIN) is None


def test_sentences_are_told_once_and_not_at_length() -> None:
    assert sentences(["", "a", "b", "a"]) == ("a", "b")
    assert sentences(["x" * 1_000]) == ("x" * SENTENCE_CHARACTERS,)
    assert len(sentences(map(str, range(100)))) == PROBLEMS_MAX

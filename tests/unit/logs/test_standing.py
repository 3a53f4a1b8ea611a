"""What a shipper writes down becomes what managers are told, whatever its size."""

import json
from typing import Any

import pytest

from workers.bus.codec import Codec, Refused
from workers.logs.core.standing import (
    AGAIN_SECONDS,
    FILES_MAX,
    SPACING_SECONDS,
    Standing,
    is_due,
    on_disk,
    read_status,
    shorter,
)


def written(files: int = 2, **values: Any) -> bytes:
    sources = [
        {
            "name": "mail",
            "path": f"/var/log/mail.{number}",
            "segment": "0" * 32,
            "size": 100 + number,
            "read": 100,
            "kept": 100,
            "lag_seconds": 0.5,
        }
        for number in range(files)
    ]
    one = {
        "name": "archive",
        "connected": True,
        "backlog_bytes": 1,
        "backlog_seconds": 0.5,
        "in_flight_bytes": 1,
        "dropped_bytes": 0,
        "duplicates": 0,
        "sources": sources,
    }
    return json.dumps({"subscribers": [one | values]}).encode()


def test_a_status_is_read_with_what_a_newer_shipper_adds() -> None:
    """Given what a shipper wrote, then all of it is there; what nobody knows is left out."""
    (one,) = read_status(written(colour="green"))
    assert (one.name, one.backlog_bytes, one.lost_bytes, one.more) == ("archive", 1, 0, 0)
    assert [file.size for file in one.sources] == [100, 101]
    assert on_disk(one.sources) == 201


@pytest.mark.parametrize(
    "text", [b"", b"{", b"[]", b'{"subscribers": [{}]}', written(backlog_bytes=-1)]
)
def test_what_is_no_status_is_refused(text: bytes) -> None:
    """Given a file that is cut off or says nonsense, then reading it is a ValueError."""
    with pytest.raises(ValueError, match=r"truncated|malformed|Expected|missing"):
        read_status(text)


def test_of_very_many_files_those_furthest_behind_are_named() -> None:
    """Given more files than fit, then the others are counted, and it can be made shorter still."""
    (one,) = read_status(written(FILES_MAX + 10))
    assert (len(one.sources), one.more) == (FILES_MAX, 10)
    assert one.sources[0].size == 100 + FILES_MAX + 9
    shown: Standing | None = Standing("mta1", (one,))
    halves = 0
    while shown is not None:
        (told,) = shown.subscribers
        assert len(told.sources) + told.more == FILES_MAX + 10
        shown, halves = shorter(shown), halves + 1
    assert halves == FILES_MAX.bit_length() + 1


def test_the_largest_status_fits_a_message_once_it_is_shorter() -> None:
    """Given long paths that do not compress, then halving its files makes a message of it."""
    codec: Codec[Standing] = Codec("demo", "default", [b"0" * 32], Standing)
    noise = "".join(chr(0x4E00 + (number * 7919) % 20000) for number in range(4000))
    files = [
        {"name": "mail", "path": noise[number:] + noise[:number], "size": 2, "kept": 1}
        for number in range(FILES_MAX)
    ]
    (one,) = read_status(written(sources=files))
    shown: Standing | None = Standing("mta1", (one,))
    for _ in range(20):
        assert shown is not None
        try:
            assert codec.decode(codec.encode(shown)) == shown
            return
        except Refused:
            shown = shorter(shown)
    pytest.fail("it never fits")


def test_news_are_told_soon_and_the_rest_seldom() -> None:
    """Given what was told, then the same is due after half a minute, other things at once."""
    assert is_due(None, (), float("inf"))
    assert not is_due((), (), AGAIN_SECONDS - 1)
    assert is_due((), (), AGAIN_SECONDS)
    assert is_due((), (1,), SPACING_SECONDS)
    assert not is_due((), (1,), SPACING_SECONDS / 2)

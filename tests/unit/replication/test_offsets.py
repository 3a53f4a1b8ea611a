"""How far sources were counted."""

import msgspec
import pytest

from workers.replication.core.journal import Journal
from workers.replication.core.offsets import SOURCES_MAX, TABLE, Offsets


def test_what_was_told_is_known_and_read_back() -> None:
    buffer = bytearray(4_096)
    journal = Journal(buffer, 1)
    offsets = Offsets()
    assert offsets.kept("mail.log") == -1
    offsets.advance("mail.log", 10)
    offsets.advance("other", 0)
    pieces = list(offsets.dump())
    journal.value(TABLE, b"mail.log", 30, 0.0, b"")
    journal.value("others", b"mail.log", 70, 0.0, b"")

    again = Offsets()
    again.load(pieces, [bytes(buffer)])

    assert [again.kept(one) for one in ("mail.log", "other", "none")] == [30, 0, -1]


def test_sources_are_bounded_and_the_latest_stay() -> None:
    offsets = Offsets()
    for number in range(SOURCES_MAX + 10):
        offsets.advance(str(number), number)
        offsets.advance("always", number)

    assert offsets.kept("0") == -1
    assert offsets.kept("always") == SOURCES_MAX + 9
    assert sum(piece.count(b"always") for piece in offsets.dump()) == 1


@pytest.mark.parametrize("piece", [b"", b"\xc1", b"\x93\x01\x02\x03"])
def test_what_is_none_is_refused(piece: bytes) -> None:
    with pytest.raises(msgspec.MsgspecError):
        Offsets().load([piece], [])

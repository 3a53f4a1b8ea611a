"""Compressed logs read at any place: by their frames, and from the front where there are none."""

import random
from pathlib import Path

import pytest
import zstandard

from workers.logs.content import Text
from workers.logs.files import DAMAGED
from workers.logs.frames import frames_of
from workers.logs.housekeeping import FRAME_BYTES, compress

READS = 200


@pytest.fixture
def content() -> bytes:
    """Text, zeros, and what cannot be compressed: every type of block."""
    seed = random.randrange(1 << 32)
    print("seed", seed)
    chance = random.Random(seed)
    line = b"Nov 29 00:00:00 n1 postfix/qmgr[1]: A1B2C3D4E5F: removed\n"
    return line * 40_000 + bytes(2 * FRAME_BYTES) + chance.randbytes(FRAME_BYTES + 7) + b"\nend\n"


@pytest.fixture
def packed(tmp_path: Path, content: bytes) -> Path:
    path = tmp_path / "n1"
    path.write_bytes(content)
    compress(path, 0o640)
    return path.with_name("n1.zst")


def test_any_place_is_read_by_its_frames(packed: Path, content: bytes) -> None:
    seed = random.randrange(1 << 32)
    print("seed", seed)
    chance = random.Random(seed)

    with Text(str(packed)) as text:
        assert text.size == len(content)
        for _ in range(READS):
            offset = chance.randrange(len(content) + 2)
            count = chance.choice([1, 40, FRAME_BYTES, 3 * FRAME_BYTES])
            assert text.read(offset, count) == content[offset : offset + count]


def test_what_others_compressed_is_read_from_the_front(tmp_path: Path, content: bytes) -> None:
    one = tmp_path / "one.zst"
    with one.open("wb") as file, zstandard.ZstdCompressor().stream_writer(file) as writer:
        writer.write(content)

    with Text(str(one)) as text:
        assert text.size is None
        assert text.read(len(content) - 4, 10) == content[-4:]


def test_what_is_damaged_has_no_frames_or_says_so(packed: Path, content: bytes) -> None:
    data = packed.read_bytes()

    packed.write_bytes(data[:-5])
    with packed.open("rb") as file:
        assert frames_of(file.fileno()) is None
    packed.write_bytes(data[:100] + bytes(100) + data[200:])
    with pytest.raises(DAMAGED), Text(str(packed)) as text:
        text.read(0, len(content))
    packed.write_bytes(b"")
    with Text(str(packed)) as text:
        assert text.read(0, 10) == b""

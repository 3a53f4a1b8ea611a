"""Chunks end where lines end, if they can."""

import pytest

from workers.logs.core.chunks import cut


@pytest.mark.parametrize(
    ("data", "final", "expected"),
    [
        (b"", False, 0),
        (b"", True, 0),
        (b"one\ntwo\n", False, 8),
        (b"one\ntw", False, 4),
        (b"one\ntw", True, 4),
        (b"tw", False, 0),
        (b"tw", True, 2),
        (b"one\n" * 5, False, 8),
        (b"a line that is too long\n", False, 10),
        (b"\n\n\n", False, 3),
        (b"a\0\xff\n", False, 4),
    ],
)
def test_cut(data: bytes, final: bool, expected: int) -> None:
    assert cut(data, final=final, limit=10) == expected

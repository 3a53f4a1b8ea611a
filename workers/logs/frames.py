"""Compressed files that consist of many small frames, read at any place without what is before it.

`housekeeping.compress` makes such files. Of others (one frame, no sizes, damage) there are no
`Frames`, and whoever wants to read them begins at their beginning.
"""

import os
from bisect import bisect_right
from collections.abc import Iterator

import zstandard

FRAME_BYTES_MAX = 8 << 20
"""Of content: a frame is held in memory as a whole."""
_HEADER_BYTES = 18
_BLOCK_HEADER_BYTES = 3
_CHECKSUM_BYTES = 4
_RLE = 1


class Frames:
    """Of an open file, `handle`; raises `zstandard.ZstdError` when one is damaged."""

    def __init__(self, handle: int, places: list[int], starts: list[int]) -> None:
        """Where each frame begins in the file, and in the content; and where the last one ends."""
        self._handle, self._places, self._starts = handle, places, starts
        self._decompressor = zstandard.ZstdDecompressor()
        self._number, self._content = -1, b""
        self.size = starts[-1]
        """Bytes of content."""

    def read(self, offset: int, count: int) -> bytes:
        """So many bytes, fewer at the end."""
        parts: list[bytes] = []
        while count > 0 and offset < self.size:
            number = bisect_right(self._starts, offset) - 1
            start = offset - self._starts[number]
            part = self._frame(number)[start : start + count]
            parts.append(part)
            offset, count = offset + len(part), count - len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _frame(self, number: int) -> bytes:
        if number != self._number:
            place, end = self._places[number : number + 2]
            packed = os.pread(self._handle, end - place, place)
            self._number, self._content = number, self._decompressor.decompress(packed)
        return self._content


def frames_of(handle: int) -> Frames | None:
    """The frames of an open file; None when it has to be read from its beginning."""
    places, starts = [0], [0]
    try:
        for end, size in _walk(handle):
            if not 0 < size <= FRAME_BYTES_MAX:
                return None
            places.append(end)
            starts.append(starts[-1] + size)
    except (zstandard.ZstdError, EOFError):
        return None
    return Frames(handle, places, starts)


def _walk(handle: int) -> Iterator[tuple[int, int]]:
    """Where each frame ends, and how much content it has, by the headers alone (RFC 8878)."""
    place, file_size = 0, os.fstat(handle).st_size
    while place < file_size:
        header = os.pread(handle, _HEADER_BYTES, place)
        found = zstandard.get_frame_parameters(header)
        place += zstandard.frame_header_size(header)
        last = False
        while not last:
            block = os.pread(handle, _BLOCK_HEADER_BYTES, place)
            if len(block) < _BLOCK_HEADER_BYTES:
                raise EOFError
            said = int.from_bytes(block, "little")
            last = bool(said & 1)
            place += _BLOCK_HEADER_BYTES + (1 if said >> 1 & 3 == _RLE else said >> 3)
        place += _CHECKSUM_BYTES * found.has_checksum
        if place > file_size:
            raise EOFError
        yield place, found.content_size

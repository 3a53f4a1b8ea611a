"""Lines of a log that carry their number and a checksum, and the judge of what became of them.

A line is `TEXT #NUMBER CHECKSUM`: ten digits and the CRC-32 of text and number, at its end, so that
a line cut short, torn apart or run into another is no line of ours any more. Pure.
"""

import re
import zlib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

_ENDING = re.compile(rb" #([0-9]{10}) ([0-9a-f]{8})\Z")
_ENDING_BYTES = 21
_NOTICE = re.compile(rb"muster: ([0-9]+) bytes of this log were dropped here: .*\n?")
"""What our collector writes where a node gave up some of a log."""


def numbered(text: bytes, number: int) -> bytes:
    """A line with its line feed; `text` is any bytes but line feeds."""
    line = b"%b #%010d" % (text, number)
    return b"%b %08x\n" % (line, zlib.crc32(line))


def number_of(line: bytes) -> int | None:
    """The number of a line, with its line feed or without; None: it is not whole."""
    line = line.removesuffix(b"\n")
    found = _ENDING.search(line, max(0, len(line) - _ENDING_BYTES))
    if found is None or zlib.crc32(line[: found.end(1)]) != int(found[2], 16):
        return None
    return int(found[1])


def lines(texts: Sequence[bytes], start: int, count: int) -> list[bytes]:
    """`count` numbered lines from number `start` on, the texts taken in turn."""
    return [numbered(texts[at % len(texts)], at) for at in range(start, start + count)]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of the lines that were written, in lines."""

    written: int
    lost: int
    duplicated: int
    """Copies beside the first."""
    garbled: int
    """Lines that nobody wrote; the one that each of them was counts as lost."""
    window_lost: int = 0
    """Lost, but nobody could have had them: cut off between a copy and the truncation."""
    dropped: int = 0
    """Lost, and the shipper said so."""


class Judge:
    """Takes lines that have arrived, in any order, against the `written` first numbers."""

    def __init__(self, written: int) -> None:
        self._seen = bytearray(written)
        self._duplicated = 0
        self._garbled = 0
        self.dropped_bytes = 0
        """Given up by the shipper, as it says itself."""

    def take(self, line: bytes) -> None:
        """One line as it stands in a collected file."""
        number = number_of(line)
        if number is None and (notice := _NOTICE.fullmatch(line)):
            self.dropped_bytes += int(notice[1])
        elif number is None or number >= len(self._seen):
            self._garbled += 1
        elif self._seen[number]:
            self._duplicated += 1
        else:
            self._seen[number] = 1

    def take_all(self, found: Iterable[bytes]) -> None:
        """Many lines."""
        for line in found:
            self.take(line)

    def missing(self) -> list[int]:
        """Numbers that have not arrived."""
        found, at = [], self._seen.find(0)
        while at >= 0:
            found.append(at)
            at = self._seen.find(0, at + 1)
        return found

    def verdict(self, window: Collection[int] = (), dropped: int = 0) -> Verdict:
        """The sum of it.

        `window`: numbers whose bytes were in no file any more; `dropped`: so many lines the
        shipper has said that it gave up. Whatever is missing beyond is lost.
        """
        missing = self.missing()
        within = len(set(missing) & set(window))
        told = min(dropped, len(missing) - within)
        lost = len(missing) - within - told
        return Verdict(len(self._seen), lost, self._duplicated, self._garbled, within, told)

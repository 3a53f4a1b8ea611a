"""How far each source of counts was counted, so that nothing that is told twice counts twice. Pure.

A source is a log, or whatever else a program counts by: its offsets grow. Kept like the tables are.
"""

from collections.abc import Callable, Iterable, Iterator
from itertools import islice

import msgspec

SOURCES_MAX = 4_096
"""The ones that told least recently go."""
SOURCE_CHARACTERS = 512


class Offsets:
    """Of one node."""

    def __init__(self) -> None:
        self._kept: dict[str, int] = {}
        self.journal: Callable[[bytes], object] | None = None

    def kept(self, source: str) -> int:
        """Everything before it was counted; -1 at first."""
        return self._kept.get(source, -1)

    def advance(self, source: str, offset: int) -> None:
        """Everything before `offset` is counted now."""
        self._set(source, offset)
        if self.journal is not None:
            self.journal(msgspec.msgpack.encode((source, offset)))

    def dump(self) -> Iterator[bytes]:
        """All of it in pieces, the one that told least recently first."""
        every = iter(list(self._kept.items()))
        while some := list(islice(every, 256)):
            yield msgspec.msgpack.encode(some)

    def load(self, pieces: Iterable[bytes], records: Iterable[bytes], now: float) -> None:
        """Take what was kept; raises ValueError for anything else."""
        del now
        for piece in pieces:
            for source, offset in msgspec.msgpack.decode(piece, type=list[tuple[str, int]]):
                self._set(source, offset)
        for record in records:
            self._set(*msgspec.msgpack.decode(record, type=tuple[str, int]))

    def _set(self, source: str, offset: int) -> None:
        self._kept.pop(source, None)
        self._kept[source] = offset
        while len(self._kept) > SOURCES_MAX:
            del self._kept[next(iter(self._kept))]

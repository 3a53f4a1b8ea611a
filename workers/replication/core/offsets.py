"""How far each source of counts was counted, so that nothing that is told twice counts twice. Pure.

A source is a log, or whatever else a program counts by: its offsets grow. In a journal they stand
beside what was counted, as values of a table that nobody else has.
"""

from collections.abc import Iterable, Iterator
from itertools import islice

import msgspec

from workers.replication.core.journal import Value, read

SOURCES_MAX = 4_096
"""The ones that told least recently go."""
SOURCE_CHARACTERS = 512
TABLE = "\0offsets"
"""No table is called so."""


class Offsets:
    """Of one node."""

    def __init__(self) -> None:
        self._kept: dict[str, int] = {}

    def kept(self, source: str) -> int:
        """Everything before it was counted; -1 at first."""
        return self._kept.get(source, -1)

    def advance(self, source: str, offset: int) -> None:
        """Everything before `offset` is counted now."""
        self._kept.pop(source, None)
        self._kept[source] = offset
        while len(self._kept) > SOURCES_MAX:
            del self._kept[next(iter(self._kept))]

    def dump(self) -> Iterator[bytes]:
        """All of it in pieces, the one that told least recently first."""
        every = iter(list(self._kept.items()))
        while some := list(islice(every, 64)):
            yield msgspec.msgpack.encode(some)

    def load(self, pieces: Iterable[bytes], journals: Iterable[bytes]) -> None:
        """Take what was kept; raises ValueError for a piece that is none."""
        for piece in pieces:
            for source, offset in msgspec.msgpack.decode(piece, type=list[tuple[str, int]]):
                self.advance(source, offset)
        for journal in journals:
            for record in read(journal):
                if isinstance(record, Value) and record.table == TABLE:
                    self.advance(record.key.decode("utf-8", "replace"), record.clock)

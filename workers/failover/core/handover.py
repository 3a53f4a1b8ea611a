"""Handing definitions to a peer: a compressed file in numbered pieces, put together again.

Invariant: what comes out of an assembly is byte for byte what went in, or nothing. Pieces may be
lost, doubled or out of order; a lost one is sent again with the whole the next time. Bounded in
memory.
"""

import zlib
from dataclasses import dataclass, field

from workers.failover.core.messages import DefinitionsPiece

PIECE_BYTES = 32 * 1024
FILE_BYTES = 4 * 1024 * 1024
"""A definitions file may not be larger, compressed or not."""


def split(text: str, revision: int, node: str, to: str) -> list[DefinitionsPiece]:
    """The pieces of a definitions file, for one peer."""
    packed = zlib.compress(text.encode(), 6)
    parts = [packed[at : at + PIECE_BYTES] for at in range(0, len(packed), PIECE_BYTES)]
    checksum = zlib.crc32(packed)
    return [
        DefinitionsPiece(
            node=node,
            to=to,
            revision=revision,
            checksum=checksum,
            index=index,
            count=len(parts),
            data=part,
        )
        for index, part in enumerate(parts)
    ]


@dataclass(slots=True)
class Assembly:
    """The one file being put together; a newer revision replaces it."""

    revision: int = 0
    checksum: int = 0
    parts: dict[int, bytes] = field(default_factory=dict)

    def accept(self, piece: DefinitionsPiece, known: int) -> str | None:
        """Take in a piece of a revision newer than `known`; the text once it is whole."""
        if piece.revision <= max(known, self.revision - 1) or not piece.index < piece.count:
            return None
        if piece.count > FILE_BYTES // PIECE_BYTES or len(piece.data) > PIECE_BYTES:
            return None
        if (piece.revision, piece.checksum) != (self.revision, self.checksum):
            self.revision, self.checksum = piece.revision, piece.checksum
            self.parts = {}
        self.parts[piece.index] = piece.data
        if len(self.parts) < piece.count:
            return None
        packed = b"".join(part for _, part in sorted(self.parts.items()))
        self.parts = {}
        return _unpacked(packed) if zlib.crc32(packed) == piece.checksum else None


def _unpacked(packed: bytes) -> str | None:
    unpacker = zlib.decompressobj()
    try:
        data = unpacker.decompress(packed, FILE_BYTES)
        return data.decode() if unpacker.eof else None
    except (zlib.error, UnicodeDecodeError):
        return None

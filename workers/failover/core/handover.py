"""Handing definitions to a peer: a compressed file in numbered pieces, put together again.

Invariant: what comes out of an assembly is byte for byte what went in, or nothing. Pieces may be
lost, doubled or out of order; a lost one is sent again with the whole the next time. Senders cannot
disturb one another; memory is bounded.
"""

import zlib
from dataclasses import dataclass, field

from workers.failover.core.messages import DefinitionsPiece

PIECE_BYTES = 32 * 1024
FILE_BYTES = 4 * 1024 * 1024
"""A definitions file may not be larger, compressed or not."""
PIECES_MAX = FILE_BYTES // PIECE_BYTES
SENDERS_MAX = 4
"""Files put together at the same time; the one begun first makes room."""


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
class _File:
    """The pieces of one file from one sender."""

    identity: tuple[int, int, int]
    """Revision, checksum, number of pieces: of one file all pieces say the same."""
    parts: dict[int, bytes] = field(default_factory=dict)


class Assembly:
    """The files being put together, one for each sender."""

    def __init__(self) -> None:
        self._files: dict[str, _File] = {}

    def accept(self, piece: DefinitionsPiece, known: int) -> str | None:
        """Take in a piece of a revision newer than `known`; the text once it is whole."""
        if piece.revision <= known or not 0 <= piece.index < piece.count <= PIECES_MAX:
            return None
        if len(piece.data) > PIECE_BYTES:
            return None
        file = self._file(piece)
        file.parts[piece.index] = piece.data
        if len(file.parts) < piece.count:
            return None
        del self._files[piece.node]
        packed = b"".join(part for _, part in sorted(file.parts.items()))
        return _unpacked(packed) if zlib.crc32(packed) == piece.checksum else None

    def _file(self, piece: DefinitionsPiece) -> _File:
        identity = (piece.revision, piece.checksum, piece.count)
        file = self._files.get(piece.node)
        if file is None or file.identity != identity:
            self._files.pop(piece.node, None)
            if len(self._files) >= SENDERS_MAX:
                del self._files[next(iter(self._files))]
            file = self._files[piece.node] = _File(identity)
        return file


def _unpacked(packed: bytes) -> str | None:
    unpacker = zlib.decompressobj()
    try:
        data = unpacker.decompress(packed, FILE_BYTES)
        return data.decode() if unpacker.eof else None
    except (zlib.error, UnicodeDecodeError):
        return None

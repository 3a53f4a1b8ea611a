"""Handing definitions to a peer: a compressed file in numbered pieces, put together again.

Invariant: what comes out of an assembly is byte for byte what went in, or nothing. Pieces may be
lost, doubled or out of order; a lost one is sent again with the whole the next time. A file is the
same whoever sends it, so any number of peers may hand it at once, each piece counts, and memory is
bounded: `FILES_MAX` times `FILE_BYTES`.
"""

import zlib

from workers.failover.core.messages import DefinitionsPiece

PIECE_BYTES = 32 * 1024
FILE_BYTES = 4 * 1024 * 1024
"""A definitions file may not be larger, compressed or not."""
PIECES_MAX = FILE_BYTES // PIECE_BYTES
FILES_MAX = 4
"""Files put together at the same time; the one begun first makes room."""

Identity = tuple[int, int, int]
"""Revision, checksum, number of pieces: of one file all pieces say the same."""


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


def identity_of(piece: DefinitionsPiece) -> Identity:
    """Which file a piece is of."""
    return piece.revision, piece.checksum, piece.count


class Assembly:
    """The files being put together, by what they are."""

    def __init__(self) -> None:
        self._files: dict[Identity, dict[int, bytes]] = {}

    def accept(self, piece: DefinitionsPiece, known: int) -> str | None:
        """Take in a piece of a revision newer than `known`; the text once it is whole."""
        if piece.revision <= known or not 0 <= piece.index < piece.count <= PIECES_MAX:
            return None
        if len(piece.data) > PIECE_BYTES:
            return None
        parts = self._parts(identity_of(piece), known)
        parts[piece.index] = piece.data
        if len(parts) < piece.count:
            return None
        del self._files[identity_of(piece)]
        packed = b"".join(part for _, part in sorted(parts.items()))
        return _unpacked(packed) if zlib.crc32(packed) == piece.checksum else None

    def _parts(self, identity: Identity, known: int) -> dict[int, bytes]:
        parts = self._files.get(identity)
        if parts is None:
            self._files = {i: parts for i, parts in self._files.items() if i[0] > known}
            if len(self._files) >= FILES_MAX:
                del self._files[next(iter(self._files))]
            parts = self._files[identity] = {}
        return parts


def _unpacked(packed: bytes) -> str | None:
    unpacker = zlib.decompressobj()
    try:
        data = unpacker.decompress(packed, FILE_BYTES)
        return data.decode() if unpacker.eof else None
    except (zlib.error, UnicodeDecodeError):
        return None

"""Many contents as one pack, so that a large commit is one file to sync and not thousands.

Format: gitformat-pack(5), version 2, whole objects only; git makes deltas of them later.
"""

import hashlib
import zlib
from collections.abc import Collection

_BLOB = 3


def pack_of_blobs(contents: Collection[bytes]) -> bytes:
    """A pack that holds each of these contents."""
    parts = [b"PACK", (2).to_bytes(4, "big"), len(contents).to_bytes(4, "big")]
    for content in contents:
        parts += [_head(_BLOB, len(content)), zlib.compress(content, 1)]
    body = b"".join(parts)
    return body + hashlib.sha1(body, usedforsecurity=False).digest()


def _head(kind: int, size: int) -> bytes:
    """Kind and size: four bits of the size in the first byte, then seven in each."""
    first, size = kind << 4 | size & 0x0F, size >> 4
    head = bytearray()
    while size:
        head.append(first | 0x80)
        first, size = size & 0x7F, size >> 7
    head.append(first)
    return bytes(head)

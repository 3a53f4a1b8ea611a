"""A change as bytes, and back: for a proposal, which waits in the database.

Pure. Compressed: a JSON line that names each path with the length of its content (null: deleted)
and whether it may be run, then all contents, one after the other.
"""

import json
import zlib

from workers.repository.core.changes import Changes, Entry

CONTENT_BYTES = 20 * 1024 * 1024
"""Of all contents of one change."""


def size_of(changes: Changes) -> int:
    """Bytes of all contents."""
    return sum(len(entry.content) for entry in changes.values() if entry is not None)


def pack(changes: Changes) -> bytes:
    """The change as bytes; paths that are no text keep what they are."""
    rows = [
        [path, None if entry is None else len(entry.content), bool(entry and entry.executable)]
        for path, entry in changes.items()
    ]
    contents = (entry.content for entry in changes.values() if entry is not None)
    return zlib.compress(b"".join((json.dumps(rows).encode(), b"\n", *contents)))


def unpack(data: bytes) -> dict[str, Entry | None]:
    """The change again; `ValueError` or `zlib.error` for what `pack` never wrote."""
    head, _, contents = zlib.decompress(data).partition(b"\n")
    found: dict[str, Entry | None] = {}
    at = 0
    for path, length, executable in json.loads(head):
        found[path] = None
        if length is not None:
            found[path] = Entry(contents[at : at + length], executable)
            at += length
    if at != len(contents):
        raise ValueError("the contents are not as long as the change says")
    return found

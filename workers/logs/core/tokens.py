"""What lines are found by: queue ids, message ids and addresses, in lower case.

Invariant: the tokens of some lines together are those of each of them, or more. `tokens` of one
line say whether it is about a key; hashes of a block's tokens say whether to read the block.
"""

import re
from array import array
from zlib import crc32

HASH_BYTES = 4
_POSTFIX = re.compile(rb"\]: ([0-9a-z]{6,30}): ")
_ENVELOPE = re.compile(rb"=<([^<>\n]+)>")
_BARE = re.compile(rb"message-id=([^<\n][^\n]*)")
_EXIM_DAY = re.compile(rb"\n2\d{3}-\d\d-\d\d \d")
_EXIM = re.compile(rb" ([0-9a-z]{6}-(?:[0-9a-z]{6}-[0-9a-z]{2}|[0-9a-z]{11}-[0-9a-z]{4})) ")
_EDGES = b"<>()[]{}:;,\"'="


def token(key: str) -> bytes:
    """A key as somebody types it, as the token that it is; empty when there is nothing in it."""
    return key.strip().strip("<>").strip().lower().encode("utf-8", "surrogateescape")


def tokens(data: bytes) -> set[bytes]:
    """The tokens of whole lines."""
    data = data.lower()
    found = set(_POSTFIX.findall(data)) - {b"noqueue"}
    found.update(_ENVELOPE.findall(data))
    found.update(map(bytes.strip, _BARE.findall(data)))
    if _EXIM_DAY.match(b"\n" + data[:16]) or _EXIM_DAY.search(data):
        found.update(_EXIM.findall(data))
        for word in {one for one in data.split() if b"@" in one}:
            bare = word.strip(_EDGES)
            found.add(bare)
            found.add(bare.partition(b"=")[2].strip(_EDGES) or bare)
    return found


def hashes(data: bytes) -> bytes:
    """The hashes of the tokens of whole lines, one after the other."""
    return array("I", set(map(crc32, tokens(data)))).tobytes()


def hash_of(wanted: bytes) -> bytes:
    """The hash of one token, as `hashes` has it."""
    return array("I", [crc32(wanted)]).tobytes()


def queue_in(line: bytes) -> bytes:
    """The queue id that a line begins with, behind its time and program; empty without one."""
    data = line.lower()
    found = _POSTFIX.search(data) or (_EXIM.search(data) if _EXIM_DAY.match(b"\n" + data) else None)
    return found[1] if found and found[1] != b"noqueue" else b""

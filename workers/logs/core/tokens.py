"""What lines are found by: queue ids, message ids and addresses, in lower case.

Invariant: the tokens of some lines together are those of each of them, or more. `tokens` of one
line say whether it is about a key; hashes of a block's tokens say whether to read the block.
"""

import re
from array import array
from zlib import crc32

HASH_BYTES = 4
_POSTFIX = re.compile(rb"\]: ([0-9A-Za-z]{6,30}+): ")
_POSTFIX_AND_BARE = re.compile(rb"\]: ([0-9A-Za-z]{6,30}+: (?:message-id=[^<\n][^\n]*)?)")
"""A message id without brackets comes with its queue id: two answers for one reading."""
_BARE = b"message-id="
_ENVELOPE = re.compile(rb"=<([^<>\n]+)>")
_EXIM_DAY = re.compile(rb"\n2\d{3}-\d\d-\d\d \d")
_EXIM = re.compile(
    rb" ([0-9A-Za-z]{6}-(?:[0-9A-Za-z]{6}-[0-9A-Za-z]{2}|[0-9A-Za-z]{11}-[0-9A-Za-z]{4})) "
)
_NO_QUEUE = b"NOQUEUE"
_EDGES = b"<>()[]{}:;,\"'="


def token(key: str) -> bytes:
    """A key as somebody types it, as the token that it is; empty when there is nothing in it."""
    return key.strip().strip("<>").strip().lower().encode("utf-8", "surrogateescape")


def tokens(data: bytes) -> set[bytes]:
    """The tokens of whole lines."""
    return set(_tokens(data))


def _tokens(data: bytes) -> list[bytes]:
    """The same; what differs in case alone comes several times."""
    found = set(_ENVELOPE.findall(data))
    for one in set(_POSTFIX_AND_BARE.findall(data)):
        name, _, bare = one.partition(b": ")
        found.add(name)
        if bare:
            found.add(bare[len(_BARE) :].strip())
    found.discard(_NO_QUEUE)
    if _is_exim(data):
        found.update(_EXIM.findall(data))
        for word in {one for one in data.split() if b"@" in one}:
            bare = word.strip(_EDGES)
            found.add(bare)
            found.add(bare.partition(b"=")[2].strip(_EDGES) or bare)
    found.discard(b"")
    return b"\n".join(found).lower().split(b"\n") if found else []


def _is_exim(data: bytes) -> bool:
    """Whether a line begins with a time as Exim writes it."""
    if data.startswith(b"2") and _EXIM_DAY.match(b"\n" + data[:16]):
        return True
    return b"\n2" in data and _EXIM_DAY.search(data) is not None


def hashes(data: bytes) -> bytes:
    """The hashes of the tokens of whole lines, in order, one after the other."""
    return array("I", sorted(map(crc32, _tokens(data)))).tobytes()


def hash_of(wanted: bytes) -> int:
    """The hash of one token, as `hashes` has it."""
    return crc32(wanted)


def queue_in(line: bytes) -> bytes:
    """The queue id that a line begins with, behind its time and program; empty without one."""
    found = _POSTFIX.search(line) or (_EXIM.search(line) if _is_exim(line) else None)
    return found[1].lower() if found and found[1] != _NO_QUEUE else b""

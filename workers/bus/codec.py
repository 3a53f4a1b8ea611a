"""One message as bytes, the same on both rings: versioned, bound to a cluster, signed, typed.

Layout: version (1 byte), length and name of the cluster, length and name of the subcluster, the
first 16 bytes of HMAC-SHA256 over everything else, 0 and msgpack or 1 and the same compressed.
Invariant: `decode` returns a message that somebody with a key wrote, or raises `Refused`; nothing
else, whatever the bytes. Replays are not seen here: sequences are the receiver's business.
"""

import hmac
import zlib
from collections.abc import Sequence
from enum import Enum
from typing import Any, Generic, TypeVar

import msgspec

from workers.bus.errors import BusError

VERSION = 1
MAX_BYTES = 65_000
"""Of an encoded message: one UDP datagram carries at most 65,507."""
MAX_PLAIN_BYTES = 512 * 1024
"""Of the msgpack inside: 10,240 claims take 180 KiB, and compress to a tenth."""
COMPRESS_ABOVE_BYTES = 1_200
"""What fits one Ethernet frame stays plain; more than one frame is worth compressing."""
TAG_BYTES = 16
KEY_BYTES_MIN = 16
NAME_BYTES_MAX = 63
PLAIN, COMPRESSED = b"\0", b"\1"

M = TypeVar("M")


class Refusal(Enum):
    """Why a message was not taken; the value is the sentence shown to people."""

    OVERSIZED = "it is larger than a message may be"
    TRUNCATED = "it ends before its header does"
    UNKNOWN_VERSION = "it is of a version this node does not know"
    FOREIGN_CLUSTER = "it is of another cluster or subcluster"
    BAD_SIGNATURE = "no key of this cluster signed it"
    MALFORMED = "it is signed, but it is no message this node understands"


class Refused(BusError):
    """A message that is not taken; `refusal` says why."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(f"message refused: {refusal.value}")
        self.refusal = refusal


class Codec(Generic[M]):
    """Encodes and decodes the messages of one subcluster. The first key signs, all keys verify.

    `message_type` is a msgspec Struct or a tagged union of them.
    """

    def __init__(
        self, cluster: str, subcluster: str, keys: Sequence[bytes], message_type: Any
    ) -> None:
        check_keys(keys)
        self._header = bytes([VERSION]) + _counted("cluster", cluster)
        self._header += _counted("subcluster", subcluster)
        self._keys = tuple(keys)
        self._encoder = msgspec.msgpack.Encoder()
        self._decoder: msgspec.msgpack.Decoder[M] = msgspec.msgpack.Decoder(message_type)

    def encode(self, message: M) -> bytes:
        """Signed bytes of `message`; raises `Refused` when they would be too many."""
        plain = self._encoder.encode(message)
        if len(plain) > MAX_PLAIN_BYTES:
            raise Refused(Refusal.OVERSIZED)
        payload = _packed(plain)
        if len(self._header) + TAG_BYTES + len(payload) > MAX_BYTES:
            raise Refused(Refusal.OVERSIZED)
        return self._header + self._tag(self._keys[0], payload) + payload

    def decode(self, data: bytes) -> M:
        """The message in `data`; raises `Refused` for anything else than one of ours."""
        payload = self._verified(data)
        try:
            return self._decoder.decode(_unpacked(payload))
        except (
            msgspec.MsgspecError,
            zlib.error,
            ValueError,
            OverflowError,
            RecursionError,
        ) as error:
            raise Refused(Refusal.MALFORMED) from error

    def _verified(self, data: bytes) -> bytes:
        if len(data) > MAX_BYTES:
            raise Refused(Refusal.OVERSIZED)
        if not data.startswith(self._header):
            raise Refused(_difference(data))
        start = len(self._header) + TAG_BYTES
        if len(data) < start:
            raise Refused(Refusal.TRUNCATED)
        tag, payload = data[len(self._header) : start], data[start:]
        if not any(hmac.compare_digest(tag, self._tag(key, payload)) for key in self._keys):
            raise Refused(Refusal.BAD_SIGNATURE)
        return payload

    def _tag(self, key: bytes, payload: bytes) -> bytes:
        return hmac.digest(key, self._header + payload, "sha256")[:TAG_BYTES]


def check_keys(keys: Sequence[bytes]) -> None:
    """Raise `BusError` for keys that sign nothing: none, or one that is too short."""
    if not keys or min(map(len, keys)) < KEY_BYTES_MIN:
        raise BusError(f"a cluster key of at least {KEY_BYTES_MIN} bytes is needed")


def _packed(plain: bytes) -> bytes:
    if len(plain) <= COMPRESS_ABOVE_BYTES:
        return PLAIN + plain
    return COMPRESSED + zlib.compress(plain, 1)


def _unpacked(payload: bytes) -> bytes:
    """The msgpack in `payload`, never more than `MAX_PLAIN_BYTES` of it in memory."""
    if payload[:1] == PLAIN:
        return payload[1:]
    if payload[:1] != COMPRESSED:
        raise ValueError("neither plain nor compressed")
    inflater = zlib.decompressobj()
    plain = inflater.decompress(payload[1:], MAX_PLAIN_BYTES)
    if not inflater.eof:
        raise ValueError("cut short, or more than a message may be")
    return plain


def _counted(what: str, name: str) -> bytes:
    encoded = name.encode()
    if not 1 <= len(encoded) <= NAME_BYTES_MAX:
        raise BusError(f"the {what} name {name!r} must have 1 to {NAME_BYTES_MAX} bytes")
    return bytes([len(encoded)]) + encoded


def _difference(data: bytes) -> Refusal:
    """Why `data` does not begin with our header."""
    if not data:
        return Refusal.TRUNCATED
    if data[0] != VERSION:
        return Refusal.UNKNOWN_VERSION
    position = 1
    for _name in ("cluster", "subcluster"):
        if position >= len(data):
            return Refusal.TRUNCATED
        position += 1 + data[position]
    return Refusal.TRUNCATED if position + TAG_BYTES > len(data) else Refusal.FOREIGN_CLUSTER

"""Messages about logs as bytes: a version, an HMAC with a cluster key, msgpack; data by zstd.

Layout: version (1 byte), the first 16 bytes of HMAC-SHA256 over everything else, msgpack. The first
key signs, all keys verify; a message of `bus.codec` or a task never verifies here. Invariant:
`read` returns what somebody with a key wrote, or raises `WireError`, and takes no more memory
than a message may have. Replays are not seen here, and do no harm.
"""

import hmac
import threading
from collections.abc import Sequence

import msgspec
import zstandard

from workers.bus.errors import BusError
from workers.logs.core.chunks import CHUNK_BYTES
from workers.logs.core.messages import Message, Shipment

VERSION = 1
LEVEL = -1
"""Of zstd: a mail log to a seventh. 1 makes it a ninth, and takes twice the processor time."""
BODY_BYTES_MAX = 2 * CHUNK_BYTES
"""Of a message; what cannot be compressed takes a little more room than it has."""
TAG_BYTES = 16
_PURPOSE = b"logs\0" + bytes([VERSION])
_START = 1 + TAG_BYTES
_ENCODER = msgspec.msgpack.Encoder()
_DECODER: msgspec.msgpack.Decoder[Message] = msgspec.msgpack.Decoder(Message)


class WireError(BusError):
    """A message that is not taken, and why."""


class _Own(threading.local):
    """What threads must not share."""

    def __init__(self) -> None:
        self.compressor = zstandard.ZstdCompressor(level=LEVEL)
        self.decompressor = zstandard.ZstdDecompressor()


_own = _Own()


def packed(message: Message, keys: Sequence[bytes]) -> bytes:
    """Signed bytes of a message; raises `WireError` for more data than a chunk has."""
    if isinstance(message, Shipment):
        if len(message.data) > CHUNK_BYTES:
            raise WireError(f"{len(message.data)} bytes are no chunk; cut them first")
        message = msgspec.structs.replace(message, data=_own.compressor.compress(message.data))
    payload = _ENCODER.encode(message)
    return bytes([VERSION]) + _tag(keys[0], payload) + payload


def read(body: bytes, keys: Sequence[bytes]) -> Message:
    """The message in `body`; raises `WireError`."""
    if not _START <= len(body) <= BODY_BYTES_MAX:
        raise WireError(f"a message about logs has no {len(body)} bytes; see who sends there")
    if body[0] != VERSION:
        raise WireError(f"version {body[0]} is not known here; bring both sides to one release")
    tag, payload = body[1:_START], body[_START:]
    if not any(hmac.compare_digest(tag, _tag(key, payload)) for key in keys):
        raise WireError("no key of this cluster signed it; compare the files of cluster keys")
    try:
        message = _DECODER.decode(payload)
        if isinstance(message, Shipment):
            return msgspec.structs.replace(message, data=_expanded(message.data))
    except (msgspec.MsgspecError, zstandard.ZstdError, ValueError, RecursionError) as error:
        raise WireError(f"it is signed, but no message about logs: {error}") from error
    return message


def _expanded(data: bytes) -> bytes:
    """What was compressed, once its length is known to be a chunk's."""
    length = zstandard.get_frame_parameters(data).content_size
    if length > CHUNK_BYTES:
        raise ValueError(f"{length} bytes are more than a chunk has")
    return _own.decompressor.decompress(data) if length else b""


def _tag(key: bytes, payload: bytes) -> bytes:
    return hmac.digest(key, _PURPOSE + payload, "sha256")[:TAG_BYTES]

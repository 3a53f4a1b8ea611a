"""What replicas tell each other, as values and as bytes.

Every message may come twice, late, or in any order: values are absolute. All go to everyone; `to`
says who is meant, "" everyone. The bus signs; here only shapes are checked.
"""

from typing import Annotated

import msgspec

from workers.replication.core.caches import Entry
from workers.replication.core.columns import Section

MESSAGE_BYTES = 60_000
"""Of an encoded message, so that a codec of 65,000 bytes takes it."""

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=255)]
Number = Annotated[int, msgspec.Meta(ge=0, le=(1 << 62) - 1)]
Time = Annotated[float, msgspec.Meta(ge=0, le=1e12)]


class Vector(msgspec.Struct, frozen=True, array_like=True, tag="v"):
    """What the sender knows: (owner, incarnation, known, seen); `time`: the sender's.

    Every batch up to `known`, and perhaps others, of which `seen` is the last.
    """

    sender: Name
    incarnation: Number
    time: Time
    known: list[tuple[Name, Number, Number, Number]]


class Ask(msgspec.Struct, frozen=True, array_like=True, tag="a"):
    """The sender knows `owner` up to `since`, has `seen`, and asks `to` for the rest."""

    sender: Name
    to: Name
    owner: Name
    incarnation: Number
    since: Number
    seen: Number


class Values(msgspec.Struct, frozen=True, array_like=True):
    """Values of one cache."""

    table: str
    entries: list[Entry]


class Delta(msgspec.Struct, frozen=True, array_like=True, tag="d"):
    """What changed of `owner` after batch `since` up to batch `upto`; `time`: the owner's."""

    owner: Name
    incarnation: Number
    since: Number
    upto: Number
    time: Time
    sections: list[Section]
    values: list[Values] = []
    to: str = ""


class Piece(msgspec.Struct, frozen=True, array_like=True, tag="p"):
    """Piece `number` of all that `owner` has at batch `upto`, as `sender` knows it.

    `time`: the owner's, as the sender believes; `heard`: when the owner spoke last, in its time.
    Pieces of one snapshot have the same `snapshot`. `ahead`: (since, upto) of batches beyond `upto`
    that are in it.
    """

    sender: Name
    to: Name
    snapshot: Number
    number: Number
    is_last: bool
    owner: Name
    incarnation: Number
    time: Time
    heard: Time
    upto: Number
    sections: list[Section]
    values: list[Values] = []
    ahead: list[tuple[Number, Number]] = []


Message = Vector | Ask | Delta | Piece

_ENCODER = msgspec.msgpack.Encoder()
_DECODER: msgspec.msgpack.Decoder[Message] = msgspec.msgpack.Decoder(Message)


def encoded(message: Message) -> bytes:
    """Return the bytes of a message."""
    return _ENCODER.encode(message)


def decoded(data: bytes) -> Message:
    """Return the message of these bytes. Raises `ValueError` for anything else."""
    try:
        return _DECODER.decode(data)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise ValueError(f"no message of replication: {error}") from error

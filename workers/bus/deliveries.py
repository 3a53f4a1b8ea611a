"""Messages read straight from the bytes of an AMQP stream: pika takes several times as long.

Only what is quite usual is read here: a delivery in three whole frames, with just the properties
that `Session` sends along. Anything else is left to pika. No I/O.
"""

import struct
from typing import NamedTuple

_METHOD, _HEADER, _BODY, _END = 1, 2, 3, 0xCE
_BASIC, _DELIVER = 60, 60
_DELIVERY_MODE_AND_USER = 1 << 12 | 1 << 4
_METHOD_HEAD = struct.Struct(">BHIHH")
"""Type, channel and size of the frame; class and number of the method."""
_HEADER_HEAD = struct.Struct(">BHIHxxQHxB")
"""Type, channel and size; class, size of the body, which properties; length of the user's name."""
_BODY_HEAD = struct.Struct(">BHI")


class Delivery(NamedTuple):
    """One message, and where what follows it begins."""

    body: bytes
    user: str
    """For whom the broker vouches."""
    end: int


def delivery(data: bytes, start: int) -> Delivery | None:
    """The message that begins at `start`; None if it is not whole, or not of the usual form."""
    try:
        kind, channel, size, *method = _METHOD_HEAD.unpack_from(data, start)
        if kind != _METHOD or method != [_BASIC, _DELIVER]:
            return None
        at = start + 8 + size
        head = _HEADER_HEAD.unpack_from(data, at)
        length, user_length = head[4], head[6]
        if head[:2] != (_HEADER, channel) or head[5] != _DELIVERY_MODE_AND_USER:
            return None
        name = at + _HEADER_HEAD.size
        body = at + 8 + head[2]
        end = body + 8 + length
        ends = data[at - 1], data[body - 1], data[end - 1]
        if _BODY_HEAD.unpack_from(data, body) != (_BODY, channel, length) or set(ends) != {_END}:
            return None
    except (struct.error, IndexError):
        return None
    user = data[name : name + user_length].decode(errors="replace")
    return Delivery(data[body + 7 : end - 1], user, end)

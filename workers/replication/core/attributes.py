"""The attributes of a policy request that limits need, read in one look. Pure.

A client names its attributes in one order, always the same: the order of one request becomes an
expression that the next ones match. What does not match is read attribute by attribute, with the
same outcome: of several of one name the first counts, one that is missing is empty.
"""

import re
from typing import NamedTuple

from workers.replication.core.policy_protocol import value_of

LINES_MAX = 64


class Values(NamedTuple):
    """What a request says."""

    protocol_state: bytes
    client_address: bytes
    sender: bytes
    recipient: bytes
    sasl_username: bytes
    instance: bytes
    recipient_count: bytes


NAMES = tuple(name.encode() for name in Values._fields)
_NONE = re.compile(rb"(?!)")


def read(request: bytes) -> tuple[bytes, ...]:
    """Return the values of a request, in the order of `Values`, attribute by attribute."""
    return tuple([value_of(request, name) for name in NAMES])


class Reader:
    """Reads requests, and learns in which order they come."""

    __slots__ = ("_match", "_misses", "_order")

    def __init__(self) -> None:
        self._match = _NONE.match
        self._order: tuple[int, ...] = ()
        self._misses = 0

    def read(self, request: bytes) -> tuple[bytes, ...]:
        """Return the values of a request, in the order of `Values`."""
        found = self._match(request)
        if found is not None:
            return found.group(*self._order)
        self._misses += 1
        if not self._misses & (self._misses - 1):  # ever more seldom, for whoever has no order
            self._learn(request)
        return read(request)

    def _learn(self, request: bytes) -> None:
        expression = b""
        order: list[bytes] = []
        for line in request.split(b"\n", LINES_MAX)[:LINES_MAX]:
            name, equals, _ = line.partition(b"=")
            if not equals:
                return
            if name in NAMES and name not in order:
                order.append(name)
                expression += re.escape(name) + b"=(.*)\n"
            else:
                expression += re.escape(name) + b"=.*\n"
            if len(order) == len(NAMES):
                self._match = re.compile(expression).match
                self._order = tuple(order.index(one) + 1 for one in NAMES)
                return

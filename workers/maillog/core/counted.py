"""Which lines of a mail log are counted, and as what.

Most lines tell nothing that is counted: they are left out by a few bytes before they are read.
"""

from enum import StrEnum

from workers.maillog.core import exim, postfix
from workers.maillog.core.happenings import Happening, Kind


class Outcome(StrEnum):
    """What is counted; the value is the word shown to people."""

    DELIVERED = "delivered"
    DEFERRED = "deferred"
    """An attempt that failed for now: one message may have many."""
    BOUNCED = "bounced"
    """A recipient, or a message that was in the queue for too long, that was given up."""
    REJECTED = "rejected"
    CONNECTED = "connected"
    """A client that came in."""


OUTCOMES = {
    Kind.DELIVERED: Outcome.DELIVERED,
    Kind.DEFERRED: Outcome.DEFERRED,
    Kind.BOUNCED: Outcome.BOUNCED,
    Kind.EXPIRED: Outcome.BOUNCED,
    Kind.REJECTED: Outcome.REJECTED,
    Kind.CONNECTED: Outcome.CONNECTED,
}
LINE_BYTES = 16_384
"""The most of a line that is read; no mail server writes longer ones."""
_EXIM = (b" => ", b" -> ", b" >> ", b" == ", b" ** ", b"rejected ", b"SMTP connection ")


def counted(line: bytes) -> Happening | None:
    """What a line tells, if that is one of `OUTCOMES`; Postfix's and Exim's lines are known."""
    if line[10:11] == b" " and line[:4].isdigit():
        if not any(mark in line for mark in _EXIM):
            return None
        read = exim.happening
    elif (
        # One behind the other: this is asked of every line there is.
        b" status=" in line
        or b": connect from " in line
        or b"reject: " in line
        or b"CONNECT from " in line
    ):
        read = postfix.happening
    else:
        return None
    found = read(line[:LINE_BYTES].decode("utf-8", "replace"))
    return found if found is not None and found.kind in OUTCOMES else None

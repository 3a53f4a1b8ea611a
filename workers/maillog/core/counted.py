"""Which lines of a mail log are counted, and as what.

Most lines tell nothing that is counted: those without one of a few texts are passed over. Of the
others nearly all are of the plain form that one expression knows; the rest is read with all care.
Invariant: what the expression takes is counted as the careful reading would count it.
"""

import re
from collections.abc import Iterator
from enum import StrEnum

import msgspec

from workers.maillog.core import exim, postfix
from workers.maillog.core.happenings import Happening, Kind
from workers.maillog.core.marks import lines_with


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


class Counted(msgspec.Struct, frozen=True, gc=False):
    """One thing to count. A msgspec Struct, since there are millions of them."""

    at: str
    """The time as the log has it: see `moments`."""
    outcome: Outcome
    binding: str
    """The service's name, as of a `Happening`."""
    domain: str
    """The recipient's, in lower case; empty: none."""
    client: str
    """The address of who came in; empty where that is nobody's doing."""


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
_OF_CLIENTS = (Outcome.REJECTED, Outcome.CONNECTED)
_POSTFIX = (b" status=", b": connect from ", b"reject: ", b"CONNECT from ")
_EXIM = (b" => ", b" -> ", b" >> ", b" == ", b" ** ", b"rejected ", b"SMTP connection ")
_EXIM_BEGINS = re.compile(rb"\n\d{4}[^\n]{6} ")
_LOCAL, _DOMAIN = rb"[!#-;=?-~]*", rb"[!#-;=?A-~]*"
"""Of an address without quotes; its last @ is in front of the domain."""
_PEER = rb"[\w.-]*\[([\w.:]*)\]"
_QUEUE = rb"(?:[0-9A-F]{6,20}|[0-9B-DF-HJ-NP-TV-Zb-df-hj-np-tv-z]{10,30})"
_PLAIN = re.compile(
    rb"([A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d"
    rb"|\d{4}-\d\d-\d\dT[\d:.]{8,15}(?:Z|[+-]\d\d:?\d\d))"
    rb" [\w.-]+ postfix[\w-]*/(?:([\w/.-]*)/)?"
    rb"(?:smtpd\[\d+\]: connect from " + _PEER + rb"|[\w.-]+\[\d+\]: (?:"
    # Delivered, deferred or bounced: domain and status.
    + _QUEUE + rb": to=<" + _LOCAL + rb"@(" + _DOMAIN + rb")>(?:, orig_to=<" + _LOCAL + rb">)?"
    rb", relay=[\w./-]*(?:\[[\w./:-]*\](?::\d+)?)?(?:, conn_use=\d+)?, delay=[\d.]+, delays=[\d./]+"
    rb"(?:, dsn=[\d.]+)?, status=(sent|deferred|bounced)(?![\w\x80-\xff])"
    # Rejected: client and domain.
    rb"|NOQUEUE: reject: [A-Z]+ from " + _PEER + rb": [ -:<-~]*; from=<" + _LOCAL
    + rb"> to=<" + _LOCAL + rb"@(" + _DOMAIN + rb")>))"
)  # fmt: skip
_STATUSES = {
    b"sent": Outcome.DELIVERED,
    b"deferred": Outcome.DEFERRED,
    b"bounced": Outcome.BOUNCED,
}
_CONNECTED, _TRIED = 3, 5
"""The last group of a line of that form."""


def counted_in(data: bytes) -> Iterator[Counted]:
    """What is counted of some lines of a log, in their order."""
    has_exim = _is_exim(data) or _EXIM_BEGINS.search(data)
    marks = _POSTFIX + _EXIM if has_exim else _POSTFIX
    plain = _PLAIN.match
    for start, end in lines_with(marks, data):
        found = plain(data, start, min(end, start + LINE_BYTES))
        if found is None:
            careful = counted(data[start:end])
            if careful is not None:
                yield careful
            continue
        at, binding, client, domain, status, rejected, recipient = found.groups(b"")
        outcome = Outcome.REJECTED
        if found.lastindex == _CONNECTED:
            outcome = Outcome.CONNECTED
        elif found.lastindex == _TRIED:
            outcome = _STATUSES[status]
        yield Counted(
            at.decode(),
            outcome,
            binding.decode(),
            (domain or recipient).lower().decode(),
            (client or rejected).decode(),
        )


def counted(line: bytes) -> Counted | None:
    """What is counted of one line, read with all care; Postfix's and Exim's lines are known."""
    known, read = (_EXIM, exim.happening) if _is_exim(line) else (_POSTFIX, postfix.happening)
    if not any(mark in line for mark in known):
        return None
    found = read(line[:LINE_BYTES].decode("utf-8", "replace"))
    return counted_as(found) if found is not None else None


def counted_as(found: Happening) -> Counted | None:
    """What is counted of something that happened."""
    outcome = OUTCOMES.get(found.kind)
    if outcome is None:
        return None
    client = found.address if outcome in _OF_CLIENTS else ""
    return Counted(found.at, outcome, found.binding, found.domain, client)


def _is_exim(line: bytes) -> bool:
    return line[10:11] == b" " and line[:4].isdigit()

"""Which lines of a mail log are reported to the node's limits, as counts of addresses.

A connection, message or refusal counts for the client's address, an attempt to deliver for the
address of the server. What has no address (a local user, a name that is not found) is not counted.
As in `counted`, lines without one of a few texts are passed over, and one expression knows the
plain ones. Invariant: it counts what the careful reading would count.
"""

import re
from collections.abc import Iterator
from enum import StrEnum

import msgspec

from workers.maillog.core import exim, postfix
from workers.maillog.core.counted import LINE_BYTES
from workers.maillog.core.happenings import Happening, Kind
from workers.maillog.core.marks import lines_with


class Series(StrEnum):
    """What is counted by address; the value is the name that the local API knows."""

    CONNECT = "connect"
    RECEPTION = "reception"
    REJECTION = "rejection"
    DELIVERY = "delivery"
    TRANSFAIL = "transfail"
    """An attempt that failed for now: one message may have many."""
    PERMFAIL = "permfail"


class Reported(msgspec.Struct, frozen=True, gc=False):
    """One thing to count. A msgspec Struct, since there are millions of them."""

    at: str
    """The time as the log has it: see `moments`."""
    series: Series
    address: str
    """Of the client, or of the server that was tried."""
    domain: str = ""
    """The recipient's, in lower case, where a delivery was tried."""
    binding: str = ""
    """The service's name, of a delivery, as of a `Happening`."""


KINDS = {
    Kind.CONNECTED: Series.CONNECT,
    Kind.ACCEPTED: Series.RECEPTION,
    Kind.REJECTED: Series.REJECTION,
    Kind.DELIVERED: Series.DELIVERY,
    Kind.DEFERRED: Series.TRANSFAIL,
    Kind.BOUNCED: Series.PERMFAIL,
}
OUTBOUND = frozenset({Series.DELIVERY, Series.TRANSFAIL, Series.PERMFAIL})
_POSTFIX = (b" status=", b": connect from ", b"reject: ", b": client=")
_EXIM = (
    *(b" => ", b" -> ", b" >> ", b" == ", b" ** ", b"rejected ", b"SMTP connection from "),
    b" <= ",
)
_EXIM_BEGINS = re.compile(rb"\n\d{4}[^\n]{6} ")
_LOCAL, _DOMAIN = rb"[!#-;=?-~]*", rb"[!#-;=?A-~]*"
_ADDRESS = rb"[0-9A-Fa-f]*[.:][0-9A-Fa-f.:]*"
_IS_ADDRESS = re.compile(_ADDRESS.decode())
_PEER = rb"[\w.-]*\[(" + _ADDRESS + rb")\]"
_QUEUE = rb"(?:[0-9A-F]{6,20}|[0-9B-DF-HJ-NP-TV-Zb-df-hj-np-tv-z]{10,30})"
_PLAIN = re.compile(
    rb"([A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d"
    rb"|\d{4}-\d\d-\d\dT[\d:.]{8,15}(?:Z|[+-]\d\d:?\d\d))"
    rb" [\w.-]+ postfix[\w-]*/(?:([\w/.-]*)/)?"
    rb"(?:smtpd\[\d+\]: connect from " + _PEER
    + rb"|smtpd\[\d+\]: " + _QUEUE + rb": client=" + _PEER
    + rb"|(?!postscreen)[\w.-]+\[\d+\]: (?:"
    + _QUEUE + rb": to=<" + _LOCAL + rb"@(" + _DOMAIN + rb")>(?:, orig_to=<" + _LOCAL + rb">)?"
    rb", relay=" + _PEER + rb"(?::\d+)?(?:, conn_use=\d+)?, delay=[\d.]+, delays=[\d./]+"
    rb"(?:, dsn=[\d.]+)?, status=(sent|deferred|bounced)(?![\w\x80-\xff])"
    rb"|NOQUEUE: reject: [A-Z]+ from " + _PEER + rb": [ -:<-~]*; from=<" + _LOCAL
    + rb"> to=<" + _LOCAL + rb"@" + _DOMAIN + rb">))"
)  # fmt: skip
_STATUSES = {
    b"sent": Series.DELIVERY,
    b"deferred": Series.TRANSFAIL,
    b"bounced": Series.PERMFAIL,
}
_OTHERS = {3: Series.CONNECT, 4: Series.RECEPTION, 8: Series.REJECTION}
"""By the last group of a line; of a delivery that is another one."""


def reported_in(data: bytes) -> Iterator[Reported]:
    """What is reported of some lines of a log, in their order."""
    has_exim = _is_exim(data) or _EXIM_BEGINS.search(data)
    plain = _PLAIN.match
    for start, end in lines_with(_POSTFIX + _EXIM if has_exim else _POSTFIX, data):
        found = plain(data, start, min(end, start + LINE_BYTES))
        if found is None:
            careful = reported(data[start:end])
            if careful is not None:
                yield careful
            continue
        at, binding, came, sent, domain, relay, status, refused = found.groups(b"")
        series = _OTHERS.get(found.lastindex or 0)
        if series is not None:
            yield Reported(at.decode(), series, (came or sent or refused).decode())
        else:
            yield Reported(
                at.decode(),
                _STATUSES[status],
                relay.decode(),
                domain.lower().decode(),
                binding.decode(),
            )


def reported(line: bytes) -> Reported | None:
    """What is reported of one line, read with all care."""
    known, read = (_EXIM, exim.happening) if _is_exim(line) else (_POSTFIX, postfix.happening)
    if not any(mark in line for mark in known):
        return None
    found = read(line[:LINE_BYTES].decode("utf-8", "replace"))
    return reported_as(found) if found is not None else None


def reported_as(found: Happening) -> Reported | None:
    """What is reported of something that happened."""
    series = KINDS.get(found.kind)
    if series is None:
        return None
    if series in OUTBOUND:
        one = Reported(found.at, series, found.relay_address, found.domain, found.binding)
    else:
        one = Reported(found.at, series, found.address)
    return one if _IS_ADDRESS.fullmatch(one.address) else None


def _is_exim(line: bytes) -> bool:
    return line[10:11] == b" " and line[:4].isdigit()

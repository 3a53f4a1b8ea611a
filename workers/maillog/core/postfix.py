"""Postfix's lines, as it writes them itself (postlog) and as a syslog daemon does.

Never raises: a line that is cut short, of another program or of a kind that tells nothing about a
message is None. An address with a special character is quoted in the log, so what a stranger wrote
into an address or a reply is not taken for a field of its own.
"""

import re
from collections.abc import Callable

from workers.maillog.core.happenings import Happening, Kind

_LINE = re.compile(
    r"([A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d"
    r"|\d{4}-\d\d-\d\dT[\d:.]{8,15}(?:Z|[+-]\d\d:?\d\d))"
    r" (\S+) postfix[^/ ]*/([\w/.-]+)\[\d+\]: (.*)",
    re.DOTALL,
)
_QUEUE = re.compile(
    r"(NOQUEUE|[0-9A-F]{6,20}|[0-9B-DF-HJ-NP-TV-Zb-df-hj-np-tv-z]{10,30}): (?:(?:info|warning): )?"
)
_ADDRESS = r"<((?:\"(?:[^\"\\]|\\.)*\"|[^\"<>\s])*)>"
_PEER = r"([^\s\[]*)\[([^\]\s]*)\](?::\d+)?"
_DELIVERY = re.compile(
    rf"to={_ADDRESS}(?:, orig_to={_ADDRESS})?, relay=([^\s\[,]*)(?:\[([^\]\s]*)\](?::\d+)?)?"
    r"(?:, conn_use=\d+)?, delay=([\d.]+), delays=[\d./]+"
    r"(?:, dsn=([\d.]+))?, status=(\w+)(?: \((.*)\))?",
    re.DOTALL,
)
_FROM = re.compile(rf"from={_ADDRESS}, (?:size=(\d+)|status=(\w+))")
_CLIENT = re.compile(rf"client={_PEER}")
_USER = re.compile(r", sasl_username=([^\s,]+)")
_PICKUP = re.compile(rf"uid=\d+ from={_ADDRESS}")
_REJECT = re.compile(
    rf"(?:milter-)?reject: (?:(?P<stage>[\w -]+?) from {_PEER}: (?P<reply>.*?)"
    rf"|.* from {_PEER}(?=; from=))(?P<envelope>; from={_ADDRESS}.*)?$",
    re.DOTALL,
)
_RECIPIENT = re.compile(rf"\bto={_ADDRESS}")
_DSN = re.compile(r"(?:\d{3} )?([245]\.\d{1,3}\.\d{1,3})\b")
_TOLD = re.compile(r"(?:sender|postmaster) [\w -]*notification: (\w+)$")
_INBOUND = re.compile(
    rf"(connect|disconnect|lost connection after [\w ()]+?|timeout after [\w ()]+?) from {_PEER}"
)
_SCREEN = re.compile(r"(CONNECT|DISCONNECT|HANGUP) (?:after \S+ )?(?:from )?\[([^\]\s]*)\]:\d+")
_OUTBOUND = re.compile(rf"connect to {_PEER}: (.*)", re.DOTALL)
_OUTCOMES = {
    "sent": Kind.DELIVERED,
    "deferred": Kind.DEFERRED,
    "bounced": Kind.BOUNCED,
    "expired": Kind.EXPIRED,
}
"""The others (`deliverable`, `undeliverable`) are of probes, not of messages."""
_CAME = {"connect": Kind.CONNECTED, "disconnect": Kind.DISCONNECTED}
_SCREENED = {
    "CONNECT": Kind.CONNECTED,
    "DISCONNECT": Kind.DISCONNECTED,
    "HANGUP": Kind.LOST,
}

Made = Callable[..., Happening]


def happening(line: str) -> Happening | None:
    """What a line tells; None for nothing about a message or a connection."""
    found = _LINE.match(line)
    if found is None:
        return None
    at, host, tag, text = found.groups()
    binding, _, service = tag.rpartition("/")

    def made(kind: Kind, **fields: str | float) -> Happening:
        return Happening(kind=kind, at=at, host=host, binding=binding, **fields)  # type: ignore[arg-type]

    queued = _QUEUE.match(text)
    if queued is None:
        return _connection(text, service, made)
    queue_id = "" if queued[1] == "NOQUEUE" else queued[1]
    start = text[queued.end() : queued.end() + 3]
    read = _BY_START.get(start)
    return None if read is None else read(text, queued.end(), queue_id, made)


def _connection(text: str, service: str, made: Made) -> Happening | None:
    if service == "postscreen":
        found = _SCREEN.match(text)
        return found and made(_SCREENED[found[1]], address=found[2])
    found = _INBOUND.match(text)
    if found is not None:
        kind = _CAME.get(found[1], Kind.LOST)
        return made(kind, client=found[2], address=found[3])
    found = _OUTBOUND.match(text)
    if found is not None:
        return made(Kind.UNREACHED, relay=found[1], relay_address=found[2], reply=found[3])
    return None


def _delivery(text: str, start: int, queue_id: str, made: Made) -> Happening | None:
    found = _DELIVERY.match(text, start)
    if found is None or (kind := _OUTCOMES.get(found[7])) is None:
        return None
    relay = "" if found[3] == "none" else found[3]
    return made(
        kind,
        queue_id=queue_id,
        recipient=found[1],
        relay=relay,
        relay_address=found[4] or "",
        delay=_number(found[5]),
        dsn=found[6] or "",
        reply=found[8] or "",
    )


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0


def _queue(text: str, start: int, queue_id: str, made: Made) -> Happening | None:
    found = _FROM.match(text, start)
    if found is None:
        return None
    if found[2] is not None:
        return made(Kind.QUEUED, queue_id=queue_id, sender=found[1], size=int(found[2]))
    kind = _OUTCOMES.get(found[3])
    return kind and made(kind, queue_id=queue_id, sender=found[1])


def _client(text: str, start: int, queue_id: str, made: Made) -> Happening | None:
    found = _CLIENT.match(text, start)
    if found is None:
        return None
    user = _USER.search(text, found.end())
    return made(
        Kind.ACCEPTED,
        queue_id=queue_id,
        client=found[1],
        address=found[2],
        user=user[1] if user else "",
    )


def _pickup(text: str, start: int, queue_id: str, made: Made) -> Happening | None:
    found = _PICKUP.match(text, start)
    return found and made(Kind.SUBMITTED, queue_id=queue_id, sender=found[1])


def _identity(text: str, start: int, queue_id: str, made: Made) -> Happening | None:
    name, _, value = text[start:].partition("=")
    if name not in ("message-id", "resent-message-id"):
        return None
    return made(Kind.IDENTIFIED, queue_id=queue_id, message_id=value)


def _rejection(text: str, start: int, queue_id: str, made: Made) -> Happening | None:
    found = _REJECT.match(text, start)
    if found is None:
        return None
    envelope = found["envelope"] or ""
    client, address = (found[2], found[3]) if found["stage"] else (found[5], found[6])
    reply = found["reply"] or envelope.rpartition(">: ")[2]
    recipient, dsn = _RECIPIENT.search(envelope), _DSN.match(reply)
    return made(
        Kind.REJECTED,
        queue_id=queue_id,
        client=client,
        address=address,
        sender=found[8] or "",
        recipient=recipient[1] if recipient else "",
        dsn=dsn[1] if dsn else "",
        reply=reply,
    )


def _notification(text: str, start: int, queue_id: str, made: Made) -> Happening | None:
    found = _TOLD.match(text, start)
    return found and made(Kind.NOTIFIED, queue_id=queue_id, other_id=found[1])


def _removal(text: str, start: int, queue_id: str, made: Made) -> Happening | None:
    return made(Kind.REMOVED, queue_id=queue_id) if text[start:] == "removed" else None


_BY_START = {
    "to=": _delivery,
    "fro": _queue,
    "cli": _client,
    "uid": _pickup,
    "mes": _identity,
    "res": _identity,
    "rej": _rejection,
    "mil": _rejection,
    "sen": _notification,
    "pos": _notification,
    "rem": _removal,
}
"""Which function reads a line, by the three characters behind the queue id."""

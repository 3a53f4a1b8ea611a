"""Exim's lines: its main log, as it writes it itself.

Never raises: a line of another kind is None. Fields stand behind the addresses as `X=value`; a
value with spaces is in quotes. What a stranger wrote is never taken for a line of its own, and
fields are read from the left, before any free text.
"""

import re

from workers.maillog.core.happenings import Happening, Kind

_LINE = re.compile(
    r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d{3})?(?: [+-]\d{4})?) (?:\[\d+\] )?"
    r"(?:([0-9A-Za-z]{6}-(?:[0-9A-Za-z]{6}-[0-9A-Za-z]{2}|[0-9A-Za-z]{11}-[0-9A-Za-z]{4})) )?(.*)",
    re.DOTALL,
)
_HOST = re.compile(r"\bH=(\([^\s)]*\)|\S*)(?: \(([^\s)]*)\))? \[([^\]\s]*)\](?::\d+)?")
_FIELD = re.compile(r" ([A-Za-z]{1,3})=(\"(?:[^\"\\]|\\.)*\"|\S+)")
_QUOTED = re.compile(r" <(\"(?:[^\"\\]|\\.)*\"@[^\s<>]+)>")
_DURATION = re.compile(
    r"(?:(\d{1,6})d)?(?:(\d{1,6})h)?(?:(\d{1,6})m)?(?:(\d{1,6}(?:\.\d{1,6})?)s)?"
)
_DSN = re.compile(r"\b([245]\.\d{1,3}\.\d{1,3})\b")
_REJECTED = re.compile(
    r"(?:temporarily )?rejected (?:RCPT <(\"(?:[^\"\\]|\\.)*\"[^>\s]*|[^>\s]*)>|[^:]{1,80}?)"
    r"(?:: (.*))?$",
    re.DOTALL,
)
_FROM = re.compile(r"from (\S+ )??(?:\(\S*\) )?\[([^\]\s]*)\](?::\d+)?(.*)", re.DOTALL)
_CONNECTION = ("SMTP connection ", "unexpected disconnection ")
_UNREACHED = re.compile(r"H=(\S*) \[([^\]\s]*)\](?::\d+)? (.*)", re.DOTALL)
_REFUSES = ("rejected ", "temporarily rejected ")
LONGEST_NUMBER = 16
_FLAGS = {
    "=>": Kind.DELIVERED,
    "->": Kind.DELIVERED,
    ">>": Kind.DELIVERED,
    "==": Kind.DEFERRED,
    "**": Kind.BOUNCED,
}
_SECONDS = (86_400.0, 3_600.0, 60.0, 1.0)


def happening(line: str) -> Happening | None:
    """What a line tells; None for nothing about a message or a connection."""
    found = _LINE.match(line)
    if found is None:
        return None
    at, queue_id, text = found[1], found[2] or "", found[3]
    flag = text[:2]
    if queue_id and flag == "<=":
        return _arrival(at, queue_id, text[3:])
    if queue_id and flag in _FLAGS:
        return _recipient(at, queue_id, _FLAGS[flag], text[3:])
    if text.startswith("Completed"):
        return Happening(kind=Kind.REMOVED, at=at, queue_id=queue_id) if queue_id else None
    if flag == "H=" or text.startswith(_REFUSES):
        return _rejection(at, queue_id, text)
    return _connection(at, text) if text.startswith(_CONNECTION) else None


def _arrival(at: str, queue_id: str, text: str) -> Happening:
    sender, _, rest = text.partition(" ")
    fields = _fields(f" {rest}")
    if sender == "<>" and "R" in fields:
        return Happening(kind=Kind.NOTIFIED, at=at, queue_id=fields["R"], other_id=queue_id)
    client, address = _host(rest)
    size = fields.get("S", "")
    login = fields.get("A", "").partition(":")[2]
    return Happening(
        kind=Kind.ACCEPTED if address else Kind.SUBMITTED,
        at=at,
        queue_id=queue_id,
        client=client,
        address=address,
        user=login if address else fields.get("U", ""),
        sender="" if sender == "<>" else sender,
        size=int(size) if size.isdecimal() and len(size) < LONGEST_NUMBER else 0,
        message_id=f"<{fields['id']}>" if "id" in fields else "",
    )


def _recipient(at: str, queue_id: str, kind: Kind, text: str) -> Happening:
    recipient, _, rest = text.partition(" ")
    quoted = _QUOTED.search(text)
    if quoted is not None:
        # The address in front of it is without its quotes, and may be any text.
        recipient, rest = quoted[1], text[quoted.end() :]
    elif rest.startswith("<") and "@" not in recipient:
        # A user of this host: the address in front of the rewriting says the domain.
        recipient, _, rest = rest[1:].partition(">")
    fields, (relay, address) = _fields(f" {rest}"), _host(rest)
    reply = fields.get("C", "")
    if kind is not Kind.DELIVERED:
        reply = rest.partition(": ")[2] or text.partition(": ")[2] or rest
    dsn = _DSN.search(reply)
    return Happening(
        kind=kind,
        at=at,
        queue_id=queue_id,
        binding=fields.get("T", "").rstrip(":"),
        recipient=recipient.rstrip(":").strip("<>"),
        relay=relay,
        relay_address=address,
        dsn=dsn[1] if dsn else "",
        reply=reply,
        delay=_seconds(fields.get("QT", "")),
    )


def _rejection(at: str, queue_id: str, text: str) -> Happening | None:
    """Of a client's command or message; or, behind a server's name, why it was not reached."""
    found = _REJECTED.search(text)
    if found is None:
        away = _UNREACHED.match(text) if queue_id else None
        return away and Happening(
            kind=Kind.UNREACHED,
            at=at,
            queue_id=queue_id,
            relay=away[1],
            relay_address=away[2],
            reply=away[3],
        )
    client, address = _host(text) if text.startswith("H=") else _peer(text)
    dsn = _DSN.search(found[2] or "")
    return Happening(
        kind=Kind.REJECTED,
        at=at,
        queue_id=queue_id,
        client=client,
        address=address,
        sender=_fields(f" {text[: found.start()]}").get("F", "").strip("<>"),
        recipient=found[1] or "",
        dsn=dsn[1] if dsn else "",
        reply=found[2] or "",
    )


def _connection(at: str, text: str) -> Happening | None:
    found = _FROM.search(text)
    if found is None:
        return None
    kind, rest = Kind.CONNECTED, found[3]
    if text.startswith("unexpected ") or rest.startswith((" lost", " timed out")):
        kind = Kind.LOST
    elif rest.startswith(" closed"):
        kind = Kind.DISCONNECTED
    client, address = _peer(text)
    return Happening(kind=kind, at=at, client=client, address=address)


def _fields(text: str) -> dict[str, str]:
    """The first of each field; quotes taken off."""
    found: dict[str, str] = {}
    for one in _FIELD.finditer(text):
        found.setdefault(one[1], one[2][1:-1] if one[2].startswith('"') else one[2])
    return found


def _host(text: str) -> tuple[str, str]:
    """Name and address of the other side; a name in brackets is only what it claims to be."""
    found = _HOST.search(text)
    if found is None:
        return "", ""
    return ("unknown" if found[1].startswith("(") else found[1]), found[3]


def _peer(text: str) -> tuple[str, str]:
    """The same where the log says `from NAME [ADDRESS]`."""
    found = _FROM.search(text)
    if found is None:
        return "", ""
    name = (found[1] or "").strip()
    return ("unknown" if not name or name.startswith("(") else name), found[2]


def _seconds(text: str) -> float:
    """Seconds of `1h2m3s` or `0.123s`; 0 when it is no such thing."""
    found = _DURATION.fullmatch(text)
    if found is None:
        return 0.0
    parts = zip(found.groups(), _SECONDS, strict=True)
    return sum(float(part or 0) * seconds for part, seconds in parts)

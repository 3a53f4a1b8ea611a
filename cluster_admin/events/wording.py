"""What people read: a subject line and a text for each topic. Pure."""

from dataclasses import dataclass

NAMED_MAX = 20
"""VIPs or nodes that a mail or message spells out; a webhook gets them all as data."""


@dataclass(frozen=True, slots=True)
class Told:
    """What a notification is about."""

    topic: str
    subcluster: str
    node: str
    cause: str
    subjects: tuple[str, ...]
    count: int


def headline(told: Told) -> str:
    """One line."""
    return f"[Muster {told.subcluster}] {_sentence(told)}"


def body(told: Told, time: str, url: str) -> str:
    """The whole text; `url`: of the manager's pages."""
    named = list(told.subjects[:NAMED_MAX])
    if told.count > len(named):
        named.append(f"and {told.count - len(named)} more")
    lines = [_sentence(told) + ".", "", *named, "", f"Subcluster {told.subcluster}, {time}"]
    return "\n".join([*lines, f"{url}/"]) + "\n"


def _sentence(told: Told) -> str:
    vips = _many(told, "VIP")
    because = f": {told.cause}" if told.cause else ""
    match told.topic:
        case "moved":
            return f"{vips} moved to {told.node}{because}"
        case "unsafe":
            return f"UNSAFE: {vips}{because}"
        case "conflict":
            return f"{vips} claimed by two nodes; the lower claim lets go"
        case "stuck":
            return f"{vips} stuck: a silent node still answers"
        case "foreign":
            return f"{vips} answered for by a stranger"
        case "dead":
            return f"{_many(told, 'node')} dead"
        case "histories":
            way = "commits are refused until somebody decides: muster config conflict"
            return f"{_many(told, 'node')} with another history; {way}"
        case "backlog":
            return f"Logs pile up on {_many(told, 'node')}; see muster logs show"
        case "dropped":
            return f"Logs were given up on {_many(told, 'node')}; see muster logs show"
        case other:
            return f"{vips}: {other}"


def _many(told: Told, what: str) -> str:
    if told.count == 1 and told.subjects:
        return f"{what} {told.subjects[0]}"
    return f"{told.count} {what}s"

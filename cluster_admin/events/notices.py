"""What of all that happens is worth telling people, and what is told together.

Pure. One notice for each (topic, node, cause), however many VIPs: a storm is one message. Nodes in
maintenance are silent: what they do, and that they die, was to be expected.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from workers.failover.core.actions import FactKind, Reason

OLD = timedelta(hours=1)
"""What happened longer ago was caught up after an outage of the manager: history, no news."""
UNSAFE = "unsafe"
HISTORIES, BACKLOG, DROPPED = "histories", "backlog", "dropped"
OF_NODES = frozenset({HISTORIES, BACKLOG, DROPPED})
"""What only a manager tells, about a node."""
QUIET_TOPICS = OF_NODES | {UNSAFE, "conflict", "stuck", "foreign"}
"""Told of the same VIP or node again only after a while: nodes say them over and over."""


class Happened(Protocol):
    """An event, as far as it matters here."""

    kind: str
    node: str
    incarnation: int
    number: int
    vip: str
    peer: str
    reason: str
    time: datetime


@dataclass(frozen=True, slots=True)
class Key:
    """What is told together."""

    topic: str
    node: str = ""
    cause: str = ""


@dataclass(slots=True)
class Notice:
    """Things to tell at once: the first event, and the VIPs or nodes in order."""

    first: Happened
    subjects: list[str] = field(default_factory=list)


def gather(
    events: Iterable[Happened], manager: str, silent: frozenset[str], now: datetime
) -> dict[Key, Notice]:
    """The notices that these events are worth. `silent`: nodes in maintenance."""
    notices: dict[Key, Notice] = {}
    for event in events:
        told = _told(event, manager)
        if told is None or now - event.time > OLD or {event.node, event.peer} & silent:
            continue
        key, subject = told
        notice = notices.setdefault(key, Notice(event))
        if subject not in notice.subjects:
            notice.subjects.append(subject)
    return notices


def _told(event: Happened, manager: str) -> tuple[Key, str] | None:
    kind = event.kind
    if kind == FactKind.TAKEN and event.peer and event.reason != Reason.UNOWNED:
        return Key("moved", event.node, event.reason), event.vip
    if kind == UNSAFE:
        return Key(kind, cause=event.reason), event.vip
    if kind in (FactKind.CONFLICT, FactKind.STUCK, FactKind.FOREIGN):
        return Key(kind), event.vip
    if kind in OF_NODES and event.node == manager:
        return Key(kind), event.peer
    if kind == FactKind.DEAD and event.node == manager:
        return Key("dead"), event.peer
    return None

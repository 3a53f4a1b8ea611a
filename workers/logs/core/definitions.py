"""Which logs a subcluster's nodes ship, and to whom: the values that definitions carry.

`logs_refusal` says what is wrong with them. Their text form and the manager's tables are elsewhere.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

BACKLOG_BYTES = 1 << 30
"""What a node keeps for a subscriber that is away unless told otherwise: 1 GiB."""

LEAST_BACKLOG_BYTES = 1 << 20
"""One chunk has to fit: 1 MiB."""

MOST_BACKLOG_BYTES = 1 << 40

_WORD = re.compile(r"[a-z][a-z0-9_-]{0,62}")


@dataclass(frozen=True, slots=True)
class Source:
    """A log by name. `path`: absolute, may be a glob. `nodes`: who has it; empty is every node."""

    name: str
    path: str
    nodes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Subscriber:
    """A collector that takes the subcluster's logs; past `backlog_bytes` a node drops and tells."""

    name: str
    backlog_bytes: int = BACKLOG_BYTES


@dataclass(frozen=True, slots=True)
class Logs:
    """Sources and subscribers of one subcluster."""

    sources: tuple[Source, ...] = ()
    subscribers: tuple[Subscriber, ...] = ()

    def of_node(self, node: str) -> tuple[Source, ...]:
        """Return the sources that `node` ships."""
        return tuple(one for one in self.sources if not one.nodes or node in one.nodes)


def logs_refusal(logs: Logs, nodes: Iterable[str]) -> str:
    """Say what is wrong with `logs` in a subcluster of `nodes` and the way out; "" is nothing."""
    known = frozenset(nodes)
    found = [_source_refusal(one, known) for one in logs.sources]
    found += [_subscriber_refusal(one) for one in logs.subscribers]
    found.append(_twice("log", [one.name for one in logs.sources]))
    found.append(_twice("subscriber", [one.name for one in logs.subscribers]))
    return next(filter(None, found), "")


def _source_refusal(source: Source, known: frozenset[str]) -> str:
    thing = f"log {source.name!r}"
    if not _WORD.fullmatch(source.name):
        return f"{thing}: not a name; write one word in lower case, a letter first"
    if not _is_plain(source.path):
        return f"{thing}: path {source.path!r}: write an absolute path such as /var/log/mail.log"
    strange = [node for node in source.nodes if node not in known]
    if strange:
        return f"{thing}: no node {strange[0]!r} is defined; correct the name or remove it"
    return _twice(f"{thing}: node", source.nodes)


def _subscriber_refusal(subscriber: Subscriber) -> str:
    thing = f"subscriber {subscriber.name!r}"
    if not _WORD.fullmatch(subscriber.name):
        return f"{thing}: not a name; write one word in lower case, a letter first"
    if not LEAST_BACKLOG_BYTES <= subscriber.backlog_bytes <= MOST_BACKLOG_BYTES:
        bounds = f"{LEAST_BACKLOG_BYTES} to {MOST_BACKLOG_BYTES}"
        return f"{thing}: backlog_bytes is {subscriber.backlog_bytes}; write {bounds}"
    return ""


def _is_plain(path: str) -> bool:
    steps = path.split("/")[1:]
    return path.startswith("/") and path.isprintable() and not {"", ".", ".."} & set(steps)


def _twice(thing: str, names: Iterable[str]) -> str:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            return f"{thing} {name!r} stands twice; remove one"
        seen.add(name)
    return ""

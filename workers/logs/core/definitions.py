"""Which logs a subcluster's nodes ship, and to whom: the values that definitions carry.

`logs_refusal` says what is wrong with them, and where. Their text form is in `definitions_text` of
the failover, which carries them along without looking inside; the manager's tables are elsewhere.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

BACKLOG_BYTES = 1 << 30
"""What a node keeps for a subscriber that is away unless told otherwise: 1 GiB."""

LEAST_BACKLOG_BYTES = 1 << 20
"""One chunk has to fit: 1 MiB."""

MOST_BACKLOG_BYTES = 1 << 40

SOURCE_COUNT = 256
"""At most so many logs per subcluster: each one is followed for each subscriber."""

SUBSCRIBER_COUNT = 16

PATH_CHARACTERS = 500

Place = tuple[str, ...]
"""The keys of the definitions that lead to a value, such as ("log", "mail", "path")."""

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
    """Sources and subscribers of one subcluster, both in order of their names."""

    sources: tuple[Source, ...] = ()
    subscribers: tuple[Subscriber, ...] = ()

    def of_node(self, node: str) -> tuple[Source, ...]:
        """Return the sources that `node` ships."""
        return tuple(one for one in self.sources if not one.nodes or node in one.nodes)


def logs_refusal(logs: Logs, nodes: Iterable[str]) -> tuple[Place, str] | None:
    """Say where `logs` of a subcluster of `nodes` are wrong, how, and the way out, if they are."""
    known = frozenset(nodes)
    found = [_source_refusal(one, known) for one in logs.sources]
    found += [_subscriber_refusal(one) for one in logs.subscribers]
    found.append(_names_refusal("log", [one.name for one in logs.sources], SOURCE_COUNT))
    subscribers = [one.name for one in logs.subscribers]
    found.append(_names_refusal("subscriber", subscribers, SUBSCRIBER_COUNT))
    return next(filter(None, found), None)


def _source_refusal(source: Source, known: frozenset[str]) -> tuple[Place, str] | None:
    place: Place = ("log", source.name)
    thing = f"log {source.name!r}"
    if not _WORD.fullmatch(source.name):
        return place, f"{thing}: not a name; write one word in lower case, a letter first"
    thing = f"log {source.name}"
    if not _is_plain(source.path):
        way = f"write an absolute path of at most {PATH_CHARACTERS} characters: /var/log/mail.log"
        return (*place, "path"), f"{thing}: path {source.path[:PATH_CHARACTERS]!r}; {way}"
    for number, node in enumerate(source.nodes):
        what = f"{thing}: node {node!r}"
        if node not in known:
            return (*place, "nodes"), f"{what} is not defined; correct the name or remove it"
        if node in source.nodes[:number]:
            return (*place, "nodes"), f"{what} stands twice; remove one"
    return None


def _subscriber_refusal(subscriber: Subscriber) -> tuple[Place, str] | None:
    place: Place = ("subscriber", subscriber.name)
    if not _WORD.fullmatch(subscriber.name):
        way = "write one word in lower case, a letter first"
        return place, f"subscriber {subscriber.name!r}: not a name; {way}"
    if not LEAST_BACKLOG_BYTES <= subscriber.backlog_bytes <= MOST_BACKLOG_BYTES:
        way = f"write {LEAST_BACKLOG_BYTES} to {MOST_BACKLOG_BYTES}"
        what = f"backlog_bytes is {subscriber.backlog_bytes}"
        return (*place, "backlog_bytes"), f"subscriber {subscriber.name}: {what}; {way}"
    return None


def _names_refusal(kind: str, names: Sequence[str], most: int) -> tuple[Place, str] | None:
    if len(names) > most:
        return (kind,), f"{len(names)} {kind}s are too many; name at most {most}"
    twice = next((name for name in names if names.count(name) > 1), None)
    return None if twice is None else ((kind, twice), f"{kind} {twice} stands twice; remove one")


def _is_plain(path: str) -> bool:
    steps = path.split("/")[1:]
    plain = path.startswith("/") and path.isprintable() and not {"", ".", ".."} & set(steps)
    return plain and len(path) <= PATH_CHARACTERS

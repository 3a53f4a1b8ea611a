"""What belongs to one message: from a queue id to the message id, and with it to other nodes.

Lines go in, what else to look for comes out, until nothing is new. A queue id names a message only
on its node, and only until the message is removed: the same id may come again, for another one.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from workers.logs.core.lines import Line
from workers.logs.core.tokens import queue_in, token, tokens
from workers.maillog.core import exim, postfix
from workers.maillog.core.happenings import Happening, Kind

MESSAGES_MAX = 200
"""Messages that are followed: those that an address finds may be any number."""

Server = tuple[str, str]
"""Subcluster and node."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Lines with this token are wanted: of one server, or of all (None)."""

    token: bytes
    server: Server | None


@dataclass(slots=True)
class _Life:
    """The lines of a queue id until its message is removed."""

    lines: list[Line] = field(default_factory=list)
    ids: set[bytes] = field(default_factory=set)
    """Tokens of its message ids."""
    named: bool = False
    """One of the lines has the key itself."""


class Story:
    """Of one key. Mutable; lines may come twice."""

    def __init__(self, key: str) -> None:
        self._key = token(key)
        self._asked: set[Wanted] = set()
        self._lines: dict[tuple[str, int], Line] = {}
        self._ids: set[bytes] = set()
        self._queues: dict[tuple[Server, bytes], None] = {}

    def wanted(self) -> list[Wanted]:
        """What to look for now; nothing: the story is whole."""
        news = [Wanted(self._key, None)] if self._key else []
        news += [Wanted(name, server) for server, name in self._queues]
        news += [Wanted(one, None) for one in sorted(self._ids)]
        news = [one for one in dict.fromkeys(news) if one not in self._asked]
        self._asked.update(news)
        return news

    def take(self, lines: Iterable[Line]) -> None:
        """Lines that have a token that was wanted."""
        for line in lines:
            self._lines[line.path, line.offset] = line
        lives = self._lives()
        while True:
            ids = {one for life in self._told(lives) for one in life.ids}
            if ids <= self._ids:
                break
            self._ids |= ids
        for (server, name), several in lives.items():
            if (
                len(self._queues) < MESSAGES_MAX
                and (server, name) not in self._queues
                and any(self._is_told(one) for one in several)
            ):
                self._queues[server, name] = None

    def lines(self) -> list[Line]:
        """All that belongs to it, in no order."""
        lives = self._lives()
        found = [line for life in self._told(lives) for line in life.lines]
        return found + [line for line in self._lines.values() if not _queue_of(line)]

    def _told(self, lives: dict[tuple[Server, bytes], list[_Life]]) -> list[_Life]:
        return [one for several in lives.values() for one in several if self._is_told(one)]

    def _is_told(self, life: _Life) -> bool:
        return life.named or not life.ids.isdisjoint(self._ids)

    def _lives(self) -> dict[tuple[Server, bytes], list[_Life]]:
        """Queue ids and what they named, one after the other."""
        lives: dict[tuple[Server, bytes], list[_Life]] = {}
        ended: set[tuple[Server, bytes]] = set()
        for line in sorted(
            self._lines.values(), key=lambda one: (one.moment or 0.0, one.path, one.offset)
        ):
            name = _queue_of(line)
            if not name:
                continue
            key = ((line.subcluster, line.node), name)
            several = lives.setdefault(key, [])
            if not several or key in ended:
                several.append(_Life())
                ended.discard(key)
            life, told = several[-1], _happening(line)
            life.lines.append(line)
            life.named = life.named or self._key in tokens(line.text.encode())
            if told is not None and told.message_id:
                life.ids.add(token(told.message_id))
            if told is not None and told.kind is Kind.REMOVED:
                ended.add(key)
        return lives


def _happening(line: Line) -> Happening | None:
    return postfix.happening(line.text) or exim.happening(line.text)


def _queue_of(line: Line) -> bytes:
    """The token of the queue id that a line is about; empty when it is about none."""
    return queue_in(line.text.encode())

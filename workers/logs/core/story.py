"""What belongs to one message: from a queue id to the message id, and with it to other nodes.

Lines go in, what else to look for comes out, until nothing is new. A queue id names a message only
on its node, and only until the message is removed: the same id may come again, for another one.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from workers.logs.core.lines import Line, in_order
from workers.logs.core.tokens import queue_in, token, tokens
from workers.maillog.core import exim, postfix
from workers.maillog.core.happenings import Kind

MESSAGES_MAX = 200
"""Messages that are followed: those that an address finds may be any number."""

Server = tuple[str, str]
"""Subcluster and node."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Lines with this token are wanted: of one server, or of all (None)."""

    token: bytes
    server: Server | None


@dataclass(frozen=True, slots=True)
class _Told:
    """What one line says."""

    line: Line
    queue: bytes
    """Token of its queue id; empty without one."""
    message_id: bytes
    """Token of a message id, where that is what the line is for."""
    removed: bool
    named: bool
    """It has the key itself."""


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
        self._told_by: dict[tuple[str, int], _Told] = {}
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
            if (line.path, line.offset) not in self._told_by:
                self._told_by[line.path, line.offset] = self._read(line)
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
        return found + [one.line for one in self._told_by.values() if not one.queue]

    def _read(self, line: Line) -> _Told:
        text = line.text.encode()
        happening = postfix.happening(line.text) or exim.happening(line.text)
        return _Told(
            line,
            queue_in(text),
            token(happening.message_id) if happening is not None else b"",
            happening is not None and happening.kind is Kind.REMOVED,
            self._key in tokens(text),
        )

    def _told(self, lives: dict[tuple[Server, bytes], list[_Life]]) -> list[_Life]:
        return [one for several in lives.values() for one in several if self._is_told(one)]

    def _is_told(self, life: _Life) -> bool:
        return life.named or not life.ids.isdisjoint(self._ids)

    def _lives(self) -> dict[tuple[Server, bytes], list[_Life]]:
        """Queue ids and what they named, one after the other."""
        lives: dict[tuple[Server, bytes], list[_Life]] = {}
        ended: set[tuple[Server, bytes]] = set()
        for told in sorted(self._told_by.values(), key=lambda one: in_order(one.line)):
            if not told.queue:
                continue
            key = ((told.line.subcluster, told.line.node), told.queue)
            several = lives.setdefault(key, [])
            if not several or key in ended:
                several.append(_Life())
                ended.discard(key)
            life = several[-1]
            life.lines.append(told.line)
            life.named = life.named or told.named
            if told.message_id:
                life.ids.add(told.message_id)
            if told.removed:
                ended.add(key)
        return lives

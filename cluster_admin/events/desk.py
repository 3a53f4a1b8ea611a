"""One subcluster at the listener: its messages taken in, its picture, and what to ask its nodes.

Memory only; all of it can be lost and comes back by asking. Whoever signs with the cluster's key
still speaks for itself alone: a message in another's name than the broker vouches for is refused.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from cluster_admin.events.catching_up import Asker, lost, wanted
from cluster_admin.events.picture import Changes, Picture
from workers.bus.codec import Codec, Refused
from workers.bus.exchanges import MANAGER_ACCOUNT
from workers.failover.core.reports import Ask, Events, Holdings, Message, Report, Run

Told = Report | Holdings | Events
"""What nodes tell."""
RUNS_MAX = 100
"""Runs of one node that are caught up; older ones are not asked for."""


@dataclass(slots=True)
class Desk:
    """What the listener remembers of one subcluster."""

    subcluster: str
    codec: Codec[Message]
    picture: Picture
    known: dict[str, dict[int, int]] = field(default_factory=dict)
    """By node and incarnation: the number through which all events are stored, as committed."""
    runs: dict[str, tuple[Run, ...]] = field(default_factory=dict)
    """The runs that each node can tell of."""
    behind: set[str] = field(default_factory=set)
    """Nodes that may have more to tell."""
    asker: Asker = field(default_factory=Asker)
    heard: set[str] = field(default_factory=set)
    """Nodes whose agents were heard since this was last written down."""
    unwritten: Changes = field(default_factory=Changes)
    """Views that differ from the rows, as far as known."""
    refused: dict[str, int] = field(default_factory=dict)
    """By sender: messages that were not taken."""

    def open(self, body: bytes, user: str) -> Told | None:
        """The message in `body`, if it is one for managers and its sender's own."""
        try:
            message = self.codec.decode(body)
        except Refused:
            message = None
        if isinstance(message, Ask):
            return None
        if message is None or message.node != user or user == MANAGER_ACCOUNT:
            self.refused[user] = self.refused.get(user, 0) + 1
            return None
        return message

    def take(self, messages: Iterable[tuple[Told, float]]) -> list[Ask]:
        """Let the picture know; returns what has to be asked at once."""
        asks: list[Ask | None] = []
        for message, at in messages:
            if isinstance(message, Events):
                self._stretch(message)
                for one in message.events:
                    self.picture.happening(message.node, message.incarnation, one, at)
            elif isinstance(message, Holdings):
                self.picture.hold(message, at)
            else:
                self.runs[message.node] = message.runs[-RUNS_MAX:]
                self.behind.add(message.node)
                if message.answers:
                    self.heard.add(message.node)
                if not self.picture.report(message, at):
                    asks.append(
                        self.asker.for_report(message.node, self.picture.known(message.node), at)
                    )
        return [ask for ask in asks if ask is not None]

    def gaps(self) -> dict[str, tuple[Run, ...]]:
        """Nodes of which something is lost that is not written down yet, with their runs."""
        return {
            node: self.runs[node]
            for node in self.behind
            if node in self.runs and lost(self.runs[node], self.known.get(node, {}))
        }

    def new(self, message: Events) -> bool:
        """Whether something in the message is not stored yet."""
        through = self.known.get(message.node, {}).get(message.incarnation, 0)
        return any(one.number > through for one in message.events)

    def settle(self, now: float) -> None:
        """Note what is different now as unwritten."""
        changes = self.picture.settle(now)
        self.unwritten.nodes.update(changes.nodes)
        for vip, view in changes.vips.items():
            self.unwritten.vips.pop(vip, None)  # what changed last is written first
            self.unwritten.vips[vip] = view

    def asks(self, now: float) -> list[Ask]:
        """What to ask of nodes that have more to tell."""
        found = []
        for node in sorted(self.behind):
            what = wanted(self.runs.get(node, ()), self.known.get(node, {}))
            ask = self.asker.for_events(node, what, now)
            if what is None:
                self.behind.discard(node)
            if ask is not None:
                found.append(ask)
        return found

    def _stretch(self, message: Events) -> None:
        """Events show that their run has come so far, before a report says so."""
        if not message.events:
            return
        self.behind.add(message.node)
        runs, last = self.runs.get(message.node, ()), message.events[-1].number
        for place, run in enumerate(runs):
            if run.incarnation == message.incarnation:
                longer = Run(run.incarnation, run.first, max(run.last, last))
                self.runs[message.node] = (*runs[:place], longer, *runs[place + 1 :])
                return
        self.runs[message.node] = (*runs, Run(message.incarnation, 1, last))[-RUNS_MAX:]

    def keep(self, nodes: Iterable[str]) -> None:
        """Forget nodes that are defined no longer and silent."""
        gone = self.runs.keys() - set(nodes) - self.heard
        for node in gone:
            del self.runs[node]
            self.known.pop(node, None)
            self.behind.discard(node)
        self.asker.forget(gone)

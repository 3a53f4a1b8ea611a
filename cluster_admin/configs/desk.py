"""The config ear's work on the database: messages in, rows out, and who is to be told what.

One thread, one transaction a batch. Whoever signs with the cluster's key still speaks for itself
alone: a message in another's name than the broker vouches for is dropped and counted, as is one of
somebody who is no node of the subcluster. Nothing here talks to the bus.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from django.db import InterfaceError, OperationalError, transaction

from cluster_admin.configs import (
    conflict_orders,
    conflicts,
    deployments,
    records,
    refused_messages,
    stands,
    store,
)
from cluster_admin.configs.conflict_fetching import Fetching
from cluster_admin.configs.conflict_rules import Course
from cluster_admin.configs.models import Replica
from cluster_admin.configs.orders import Asked, Fetches, is_up, lags
from cluster_admin.configs.packs import head_of
from cluster_admin.events.ledger import Arrival
from cluster_admin.events.moments import Moment
from cluster_admin.events.pushes import Pushes
from cluster_admin.inventory.models import Node, Subcluster
from workers.bus.codec import Codec, Refused
from workers.config.core.messages import Message, Past, Standing
from workers.repository.errors import RepositoryError

LOOK_SECONDS = 1.0
"""How often it is looked which nodes there are, and which of them lag."""
Told = tuple[str, Message, float]
"""(subcluster, message, when it was heard: monotonic seconds)."""


@dataclass(slots=True)
class Outcome:
    """What a batch brings with it."""

    subclusters: tuple[str, ...] = ()
    """Those that are to be heard."""
    asked: dict[str, Asked] = field(default_factory=dict)
    """Nodes that are to be told now."""
    sentences: list[str] = field(default_factory=list)


class Desk:
    """What the config ear remembers; all of it may be lost."""

    def __init__(self, cluster: str, keys: Sequence[bytes]) -> None:
        self._cluster = cluster
        self._keys = keys
        self._codecs: dict[str, Codec[Message]] = {}
        self._nodes: dict[str, set[str]] = {}
        self._entered: set[str] = set()
        self._looked_at = float("-inf")
        self._pushes = Pushes()
        self._fetches = Fetches()
        self._fetching = Fetching()
        self._trouble = ""
        self.refused: dict[str, int] = {}
        """By sender: messages that were not taken."""
        self._counted: dict[str, int] = {}
        """Those of them that are in the database."""

    def entered(self, subcluster: str) -> None:
        """It is heard from now on; its nodes are asked: what they told may be lost, or the rows."""
        self._entered.add(subcluster)

    def work(self, arrivals: Sequence[Arrival], now: Moment) -> Outcome:
        """Take in a batch, which may be empty; raises what the database raises."""
        looking = now.seconds - self._looked_at >= LOOK_SECONDS
        if looking:
            self._look(now)
            self._count_refused(now)
        before = dict(self.refused)
        told = [one for one in (self._opened(each, now) for each in arrivals) if one is not None]
        fresh = self._write(told, now) if told else set()
        outcome = Outcome(tuple(self._nodes), self._wanted(told, now))
        histories = [one for _, one, _ in told if isinstance(one, Past)]
        for past in histories:
            self._fetching.take(past, now)
        outcome.sentences = list(_refusals(before, self.refused))
        if looking or fresh or self._entered or histories:
            try:
                due = self._due(fresh, looking, now)
                outcome.asked = due | outcome.asked | self._fetching.due(now)
                self._trouble = ""
            except RepositoryError as error:
                outcome.sentences += [str(error)] if str(error) != self._trouble else []
                self._trouble = str(error)
        return outcome

    def _look(self, now: Moment) -> None:
        """Which nodes each subcluster has."""
        nodes: dict[str, set[str]] = {name: set() for name in _names()}
        for name, subcluster in Node.objects.values_list("name", "subcluster__name"):
            nodes.setdefault(subcluster, set()).add(name)
        self._nodes, self._looked_at = nodes, now.seconds

    def _opened(self, arrival: Arrival, now: Moment) -> Told | None:
        """The message of an arrival, if its sender may say it."""
        try:
            message = self._codec(arrival.subcluster).decode(arrival.body)
        except Refused:
            message = None
        if message is not None and message.node == arrival.user:
            if arrival.user not in self._nodes.get(arrival.subcluster, ()):
                self._look(now)  # it may be new
            if arrival.user in self._nodes.get(arrival.subcluster, ()):
                return arrival.subcluster, message, arrival.seconds
        self._refuse(arrival.user)
        return None

    def _refuse(self, user: str) -> None:
        self.refused[user] = self.refused.get(user, 0) + 1

    def _count_refused(self, now: Moment) -> None:
        """Have the database know how many there were."""
        more = {
            user: count - self._counted.get(user, 0)
            for user, count in self.refused.items()
            if count != self._counted.get(user)
        }
        if more:
            refused_messages.add(more, now.time)
            self._counted = dict(self.refused)

    def _codec(self, subcluster: str) -> Codec[Message]:
        if subcluster not in self._codecs:
            self._codecs[subcluster] = Codec(self._cluster, subcluster, self._keys, Message)
        return self._codecs[subcluster]

    def _write(self, told: Sequence[Told], now: Moment) -> set[str]:
        """Keep what was told; nodes of which a run is new."""
        fresh = set()
        last = {one.node: one for _, one, _ in told if isinstance(one, Standing)}
        with transaction.atomic():
            for subcluster, message, seconds in told:
                if isinstance(message, Standing) and message is not last[message.node]:
                    continue  # its last word is in the same batch
                at = now.time_of(seconds)
                try:
                    with transaction.atomic():
                        if records.keep(subcluster, message, at):
                            fresh.add(message.node)
                except (OperationalError, InterfaceError):
                    raise  # the database's, not the message's fault
                except Exception:  # it would fail again: a message costs no other its place
                    self._refuse(message.node)
        return fresh

    def _wanted(self, told: Iterable[Told], now: Moment) -> dict[str, Asked]:
        """The parts of packs that nodes ask for."""
        last = {one.node: one for _, one, _ in told if isinstance(one, Standing)}
        return {
            node: Asked(one.wants, one.offset)
            for node, one in last.items()
            if self._fetches.due(node, one.wants, one.offset, now.seconds)
        }

    def _due(self, fresh: set[str], looking: bool, now: Moment) -> dict[str, Asked]:
        """Nodes that lag and are to be told again, at once those that have just started.

        And those that are only asked how they stand.
        """
        head = head_of(store.repository())
        rows = list(Replica.objects.filter(node__in=set().union(*self._nodes.values())))
        known, sides = stands.of(rows), conflicts.sides(rows)
        courses = {row.node: conflict_orders.course(row, sides[row.node]) for row in rows}
        nodes = Node.objects.filter(name__in=known)
        targets = deployments.targets(nodes, head)
        lagging = {
            name
            for name, target in targets.items()
            if is_up(known[name], now.time)
            and (
                courses[name] is Course.RESET
                or (courses[name] is Course.FOLLOW and lags(known[name], head, target))
            )
        }
        lagging -= self._fetches.busy(now.seconds)
        due = set(self._pushes.due(lagging, now.seconds)) if looking else set()
        asked = set().union(*(self._nodes.get(name, set()) for name in self._entered))
        self._entered.clear()
        due |= (fresh & lagging) | (asked - set(known))
        return dict.fromkeys(asked, Asked(tells=True)) | dict.fromkeys(due, Asked())


def _names() -> list[str]:
    return list(Subcluster.objects.values_list("name", flat=True))


def _refusals(before: dict[str, int], after: dict[str, int]) -> Iterable[str]:
    """A line when a sender's count gets a digit more: seldom, however much is sent."""
    for user, count in after.items():
        if len(str(count)) > len(str(before.get(user, ""))):
            way = "check its key, its account and its subcluster"
            shown = user or "somebody without a name"
            yield f"{shown}: messages about configuration refused so far: {count}; {way}"

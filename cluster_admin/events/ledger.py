"""The listener's work on the database: batches of messages in, rows out, questions back.

One thread, one transaction a batch: events, cursors, states and what people are to be told, all or
nothing. Invariant: memory counts as known only what was committed; whatever a failed transaction
held is asked for again, or written by the next. Nothing here talks to the bus.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

from django.db import IntegrityError, transaction

from cluster_admin.events import notifications, statuses
from cluster_admin.events.desk import Told
from cluster_admin.events.models import Event
from cluster_admin.events.moments import Moment
from cluster_admin.events.offices import LONG_AGO, Office, Offices
from cluster_admin.events.ownership import VipView
from cluster_admin.events.storing import Story, take_turn
from workers.bus.codec import Codec
from workers.failover.core import reports

VIPS_AT_ONCE = 500
"""VIP states in one transaction: what happens meanwhile, and other writers, wait no longer."""
HEARING_SECONDS = 1.0
"""How often it is written when nodes were heard, if nothing else about them changes."""
Heard = list[tuple[Told, float]]
"""Messages, and when each was heard (monotonic seconds)."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """A message as it came from the bus; `seconds`: monotonic, when it was heard."""

    subcluster: str
    body: bytes
    user: str
    seconds: float


@dataclass(slots=True)
class Outcome:
    """What a batch brings with it."""

    asks: list[tuple[str, reports.Ask]] = field(default_factory=list)
    """(subcluster, question)."""
    subclusters: tuple[str, ...] = ()
    """Those that are to be heard."""
    more: bool = False
    """There is more to write at once."""


class Ledger:
    """Keeps the database as the bus tells it."""

    def __init__(
        self, cluster: str, keys: Sequence[bytes], vips_at_once: int = VIPS_AT_ONCE
    ) -> None:
        self._cluster = cluster
        self._keys = keys
        self._vips_at_once = vips_at_once
        self._offices = Offices(self.codec)
        self._heard_at = LONG_AGO

    def codec(self, subcluster: str) -> Codec[reports.Message]:
        """Encodes and decodes the messages of a subcluster."""
        return Codec(self._cluster, subcluster, self._keys, reports.Message)

    def refused(self) -> Mapping[tuple[str, str], int]:
        """How many messages were not taken, by subcluster and sender."""
        return {
            (name, user): count
            for name, office in self._offices
            for user, count in office.desk.refused.items()
        }

    def lagging(self) -> dict[str, set[str]]:
        """By subcluster: living nodes that do not have the newest definitions."""
        return {
            name: office.desk.picture.lagging(office.revision) for name, office in self._offices
        }

    def work(self, arrivals: Sequence[Arrival], writing: bool, now: Moment) -> Outcome:
        """Take in a batch, which may be empty; `writing`: whether states are this one's to write.

        Raises `DatabaseError` when the database does not take it; the next call goes on.
        """
        outcome = Outcome()
        self._offices.look(now)
        told = {name: list(_opened(name, office, arrivals)) for name, office in self._offices}
        if any(_names_unknown(office, told[name]) for name, office in self._offices):
            self._offices.look(now, again=True)
        for name, office in self._offices:
            messages = told.get(name, [])
            outcome.asks += [(name, ask) for ask in office.desk.take(messages)]
            office.desk.settle(now.seconds)
        self._write(told, writing, now)
        for name, office in self._offices:
            outcome.asks += [(name, ask) for ask in office.desk.asks(now.seconds)]
        outcome.more = writing and any(office.desk.unwritten.vips for _, office in self._offices)
        outcome.subclusters = tuple(name for name, _ in self._offices)
        return outcome

    def _write(self, told: Mapping[str, Heard], writing: bool, now: Moment) -> None:
        hearing = writing and now.seconds - self._heard_at >= HEARING_SECONDS
        parts = [
            Part(name, office, _new(office, told.get(name, [])), writing, hearing)
            for name, office in self._offices
        ]
        busy = [part for part in parts if part.busy]
        if not busy:
            return
        try:
            with transaction.atomic():
                take_turn()
                for part in busy:
                    part.write(now, self._vips_at_once)
        except IntegrityError:
            self._offices.doubt()  # a row went away meanwhile
            raise
        for part in busy:
            part.committed()
        if hearing:
            self._heard_at = now.seconds


@dataclass(slots=True)
class Part:
    """What a transaction writes of one subcluster."""

    name: str
    office: Office
    told: list[reports.Events]
    writing: bool
    hearing: bool
    vips: dict[str, VipView] = field(default_factory=dict)
    through: dict[tuple[str, int], int] = field(default_factory=dict)

    @property
    def busy(self) -> bool:
        """Whether there is anything to write."""
        desk = self.office.desk
        changed = self.writing and (desk.unwritten.nodes or desk.unwritten.vips)
        return bool(self.told or desk.gaps() or changed or (self.hearing and desk.heard))

    def write(self, now: Moment, vips_at_once: int) -> None:
        """Inside the transaction."""
        desk, defined = self.office.desk, self.office.defined
        story = Story(self.name, now)
        story.add(self.told, desk.gaps())
        if self.writing:
            dead = statuses.write_nodes(desk.unwritten.nodes, defined.nodes, desk.heard, now)
            newest = islice(reversed(desk.unwritten.vips.items()), vips_at_once)
            self.vips = dict(newest)
            unsafe, safe = statuses.write_vips(self.vips, defined.vips, now)
            story.tell(Event.Kind.DEAD, (("", name, "") for name in dead))
            story.tell(Event.Kind.UNSAFE, ((vip, "", reason) for vip, reason in unsafe))
            story.tell(Event.Kind.SAFE, ((vip, "", "") for vip in safe))
        if self.hearing:
            statuses.write_heard(desk.heard, defined.nodes, now)
        story.write()
        notifications.note(self.name, story.events, now.time)
        self.through = story.through

    def committed(self) -> None:
        """What was written is known now."""
        desk = self.office.desk
        for (node, incarnation), through in self.through.items():
            desk.known.setdefault(node, {})[incarnation] = through
        if self.writing:
            desk.unwritten.nodes.clear()
            for vip in self.vips:
                del desk.unwritten.vips[vip]
        if self.hearing:
            desk.heard.clear()


def _opened(name: str, office: Office, arrivals: Sequence[Arrival]) -> Iterator[tuple[Told, float]]:
    for arrival in arrivals:
        if arrival.subcluster == name:
            message = office.desk.open(arrival.body, arrival.user)
            if message is not None:
                yield message, arrival.seconds


def _names_unknown(office: Office, told: Heard) -> bool:
    return any(
        one.vip and one.vip not in office.defined.vips
        for message, _ in told
        if isinstance(message, reports.Events)
        for one in message.events
    )


def _new(office: Office, told: Heard) -> list[reports.Events]:
    events = [message for message, _ in told if isinstance(message, reports.Events)]
    return [message for message in events if office.desk.new(message)]

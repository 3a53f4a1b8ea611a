"""What nodes tell of their logs becomes rows, and events where logs pile up or are given up.

Runs in one thread of the listener. Invariant: an event tells of a change that its transaction
writes, so it is told once, however many managers hear the same.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from django.db import transaction

from cluster_admin.events import notifications, storing
from cluster_admin.events.ledger import Arrival
from cluster_admin.events.models import Event
from cluster_admin.events.moments import Moment
from cluster_admin.inventory.models import Node, Subcluster
from cluster_admin.logs.shipping_models import SENTENCE_LENGTH, Shipping
from workers.bus.codec import Codec, Refused
from workers.logs.core.backlog import alarm
from workers.logs.core.standing import Standing, Subscription, on_disk

DROPS = timedelta(minutes=10)
"""While a node gives up logs, people are told so often: how many bytes since they were last."""
Kind = Event.Kind


class Desk:
    """Takes in what was heard; remembers nothing that may not be lost."""

    def __init__(self, cluster: str, keys: Sequence[bytes]) -> None:
        self._cluster = cluster
        self._keys = keys
        self._codecs: dict[str, Codec[Standing]] = {}

    def subclusters(self) -> set[str]:
        """Those that are to be heard; what is kept of nodes that are gone goes."""
        gone = Shipping.objects.exclude(node__in=Node.objects.values("name"))
        if gone.exists():
            gone.delete()
        return set(Subcluster.objects.values_list("name", flat=True))

    def work(self, arrivals: Sequence[Arrival], now: Moment) -> None:
        """Keep the last word of each node; raises what the database raises."""
        told = {}
        for arrival in arrivals:
            standing = self._opened(arrival)
            if standing is not None:
                told[arrival.subcluster, standing.node] = standing
        for (subcluster, node), standing in told.items():
            if Node.objects.filter(subcluster__name=subcluster, name=node).exists():
                with transaction.atomic():
                    keep(subcluster, standing, now)

    def _opened(self, arrival: Arrival) -> Standing | None:
        """The message of an arrival, if its sender may say it."""
        name = arrival.subcluster
        if name not in self._codecs:
            self._codecs[name] = Codec(self._cluster, name, self._keys, Standing)
        try:
            found = self._codecs[name].decode(arrival.body)
        except Refused:
            return None
        return found if found.node == arrival.user else None


def keep(subcluster: str, standing: Standing, now: Moment) -> None:
    """Write how a node's logs are, and what people are to be told; in the caller's transaction."""
    rows = Shipping.objects.select_for_update().filter(node=standing.node)
    before = {row.subscriber: row for row in rows}
    named = {one.name for one in standing.subscribers}
    rows.exclude(subscriber__in=named).delete()
    told: list[tuple[str, str]] = []
    for one in standing.subscribers:
        row = before.get(one.name) or Shipping(node=standing.node, subscriber=one.name)
        told += _changes(row, one, now.time)
        row.subcluster, row.heard_at = subcluster, now.time
        row.save()
    _tell(subcluster, standing.node, told, now)


def _changes(row: Shipping, one: Subscription, now: datetime) -> Iterator[tuple[str, str]]:
    """Bring a row up to date; (kind, sentence) of what is news in that."""
    had = row.alarm
    limit = one.backlog_limit_bytes
    wrong = alarm(one.backlog_bytes, one.backlog_seconds, limit, raised=bool(had))
    row.alarm = wrong[:SENTENCE_LENGTH]
    if wrong and not had:
        yield Kind.BACKLOG, f"logs for {one.name} pile up: {wrong}"
    if had and not wrong:
        yield Kind.CAUGHT_UP, f"logs for {one.name} pile up no longer"
    if one.dropped_bytes < row.drop_told_bytes:  # the node counts anew
        row.drop_told_bytes = 0
    due = row.drop_told_at is None or now - row.drop_told_at >= DROPS
    if due and one.dropped_bytes > row.drop_told_bytes:
        more = one.dropped_bytes - row.drop_told_bytes
        yield (
            Kind.DROPPED,
            f"{more} bytes of logs for {one.name} were given up: its backlog was full",
        )
        row.drop_told_bytes, row.drop_told_at = one.dropped_bytes, now
    row.connected = one.connected
    row.on_disk_bytes = on_disk(one.sources)
    row.backlog_bytes, row.backlog_seconds = one.backlog_bytes, one.backlog_seconds
    row.in_flight_bytes, row.dropped_bytes = one.in_flight_bytes, one.dropped_bytes
    row.lost_bytes, row.duplicates = one.lost_bytes, one.duplicates
    row.files = [
        {
            "name": file.name,
            "path": storing.clean(file.path),
            "size": file.size,
            "kept": file.kept,
            "lag_seconds": file.lag_seconds,
        }
        for file in one.sources
    ]
    row.more_files = one.more


def _tell(subcluster: str, node: str, told: Sequence[tuple[str, str]], now: Moment) -> None:
    """Events of the manager, about the node."""
    if not told:
        return
    storing.take_turn()
    story = storing.Story(subcluster, now)
    for kind, sentence in told:
        story.tell(kind, [("", node, sentence)])
    story.write()
    notifications.note(subcluster, story.events, now.time)

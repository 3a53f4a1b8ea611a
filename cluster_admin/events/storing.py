"""Events and cursors as rows: each event once, cursors moved in the same transaction.

Everything here runs inside the caller's transaction, after `take_turn`: listeners of several
managers store one after the other, so that ids grow in the order in which they become visible.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from typing import Any

from django.db import connection
from django.db.models import Max

from cluster_admin.events.catching_up import Advance, Lost
from cluster_admin.events.models import SENTENCE_LENGTH, Cursor, Event
from cluster_admin.events.moments import Moment
from workers.bus.exchanges import MANAGER_ACCOUNT
from workers.failover.core import reports

Run = tuple[str, int]
"""(node, incarnation)."""

TURN = 0x6D7573746572
"""Key of the advisory lock of listeners at PostgreSQL."""
ROWS = 500
"""In one statement."""
KIND_LENGTH, ACTOR_LENGTH, VIEW_LENGTH = 32, 16, 64
YEARS = (1970, 9000)
MANAGER_RUN = 1
"""Managers number what they tell themselves as one run without end."""


def take_turn() -> None:
    """Wait until no other listener is storing; at SQLite a transaction does that anyway."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [TURN])


@dataclass(slots=True)
class Story:
    """The part of the story of a subcluster's nodes that a transaction adds."""

    subcluster: str
    now: Moment
    through: dict[Run, int] = field(default_factory=dict)
    """Where the cursors stand, of the runs that were touched."""
    events: list[Event] = field(default_factory=list)
    """New ones; they have no ids."""
    _before: dict[Run, int] = field(default_factory=dict)

    def add(
        self, told: Iterable[reports.Events], runs: Mapping[str, Sequence[reports.Run]]
    ) -> None:
        """What continues the known part of each run; and of `runs`, what nobody can tell now."""
        by_node: dict[str, list[reports.Events]] = {node: [] for node in runs}
        for message in told:
            by_node.setdefault(message.node, []).append(message)
        self._load(set(by_node))
        for node, messages in by_node.items():
            node_runs = runs.get(node, ())
            named = {run.incarnation for run in node_runs} | {one.incarnation for one in messages}
            advance = Advance({run: self._at((node, run)) for run in sorted(named)})
            advance.give_up(node_runs)
            for message in messages:
                advance.take(message.incarnation, message.events)
            self.events += [self._missing((node, gap.incarnation), gap) for gap in advance.lost]
            self.events += [self._told((node, run), one) for run, one in advance.taken]
            self.through.update({(node, run): at for run, at in advance.through.items()})

    def tell(self, kind: str, subjects: Iterable[tuple[str, str, str]]) -> None:
        """Events of the manager itself; (vip, peer, reason) of each."""
        told = list(subjects)
        if not told:
            return
        run = (MANAGER_ACCOUNT, MANAGER_RUN)
        self._load({MANAGER_ACCOUNT})
        numbers = count(self._at(run) + 1)
        made = [
            self._event(run, number, kind=kind, vip=vip, peer=peer, reason=reason)
            for number, (vip, peer, reason) in zip(numbers, told, strict=False)
        ]
        self.through[run] += len(made)
        self.events += made

    def write(self) -> None:
        """Events, and the cursors that moved."""
        rows = _in_order_of_time(self.events)
        Event.objects.bulk_create(rows, batch_size=ROWS, ignore_conflicts=True)
        moved = [
            Cursor(
                subcluster=self.subcluster,
                node=node,
                incarnation=incarnation,
                through=through,
                moved_at=self.now.time,
            )
            for (node, incarnation), through in self.through.items()
            if through != self._before.get((node, incarnation), 0)
        ]
        Cursor.objects.bulk_create(
            moved,
            batch_size=ROWS,
            update_conflicts=True,
            unique_fields=["subcluster", "node", "incarnation"],
            update_fields=["through", "moved_at"],
        )

    def _load(self, nodes: set[str]) -> None:
        found = cursors(self.subcluster, nodes - {node for node, _ in self.through})
        self.through.update(found)
        self._before.update(found)

    def _at(self, run: Run) -> int:
        """Where a run's cursor stands; a run without one begins after what is stored of it."""
        if run not in self.through:
            of_run = Event.objects.filter(
                subcluster=self.subcluster, node=run[0], incarnation=run[1]
            )
            self.through[run] = of_run.aggregate(newest=Max("number"))["newest"] or 0
        return self.through[run]

    def _missing(self, run: Run, gap: Lost) -> Event:
        sentence = f"events {gap.first} to {gap.last} of this run can no longer be told"
        return self._event(run, gap.first, kind=Event.Kind.MISSING, detail=sentence)

    def _told(self, run: Run, one: reports.Happening) -> Event:
        return self._event(
            run,
            one.number,
            time=_time(one.time, self.now.time),
            kind=clean(one.kind, KIND_LENGTH),
            vip=clean(one.vip),
            peer=clean(one.node),
            reason=clean(one.reason),
            epoch=one.epoch,
            detail=clean(one.detail),
            actor=clean(one.actor, ACTOR_LENGTH),
            view=clean(one.view, VIEW_LENGTH),
            gap_ms=one.gap_ms,
        )

    def _event(self, run: Run, number: int, **values: Any) -> Event:
        return Event(
            subcluster=self.subcluster,
            node=run[0],
            incarnation=run[1],
            number=number,
            received_at=self.now.time,
            **{"time": self.now.time, **values},
        )


def cursors(subcluster: str, nodes: Iterable[str] | None = None) -> dict[Run, int]:
    """Where the cursors of a subcluster stand; of all its nodes unless some are named."""
    found = Cursor.objects.filter(subcluster=subcluster)
    if nodes is not None:
        found = found.filter(node__in=list(nodes))
    return {(row.node, row.incarnation): row.through for row in found}


def _in_order_of_time(events: list[Event]) -> list[Event]:
    """What nodes tell together, as it happened; each run stays in its own order."""
    newest: dict[Run, datetime] = {}
    keys = []
    for event in events:
        run = (event.node, event.incarnation)
        newest[run] = max(event.time, newest.get(run, event.time))
        keys.append(newest[run])
    return [event for _, event in sorted(zip(keys, events, strict=True), key=lambda pair: pair[0])]


def clean(text: str, length: int = SENTENCE_LENGTH) -> str:
    """Text as every database takes it: without NUL, bounded."""
    return text.replace("\0", "")[:length]


def _time(text: str, instead: datetime) -> datetime:
    """The teller's time; `instead` when it is none that can be shown."""
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return instead
    if not YEARS[0] <= time.year <= YEARS[1]:
        return instead
    return time if time.tzinfo else time.replace(tzinfo=UTC)

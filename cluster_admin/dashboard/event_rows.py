"""Events as pages show them: filters, and pages that go by id; `events.history` has the CSV.

A page is named by the newest id that it may have (`before`), so that it stays the same while new
events come, and no counting of a long history is needed. Ids tell when a manager learned of it;
within a page events stand in the order of their own times.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Max, Q, QuerySet

from cluster_admin.dashboard import badges
from cluster_admin.dashboard.badges import Badge
from cluster_admin.dashboard.tables import number, word
from cluster_admin.events.models import Event
from cluster_admin.events.moves import MOVE
from workers.failover.core.actions import Actor

SIZE = 50
KINDS = tuple(Event.Kind.values)
ACTORS = tuple(one.value for one in Actor if one)
UNKNOWN_GAP = "unknown"


@dataclass(frozen=True, slots=True)
class EventRow:
    """An event, ready to be shown."""

    event: Event
    badge: Badge

    @property
    def gap(self) -> str:
        """How long nobody served the VIP, of a taking."""
        return gap_text(self.event.gap_ms) if self.event.kind == MOVE else ""


def matching(rows: QuerySet[Event], query: Mapping[str, str]) -> QuerySet[Event]:
    """Those that the filters of a URL ask for, but for `node`: see `about` and `stretch`."""
    for name in ("subcluster", "kind", "vip", "actor"):
        if value := word(query, name):
            rows = rows.filter(**{name: value})
    if query.get("moves") == "1":
        rows = rows.filter(kind=MOVE)
    if text := word(query, "q"):
        rows = rows.filter(
            Q(reason__icontains=text)
            | Q(detail__icontains=text)
            | Q(vip__icontains=text)
            | Q(node__icontains=text)
            | Q(peer__icontains=text)
        )
    return rows


def gap_text(gap_ms: float | None) -> str:
    """Milliseconds as people read them."""
    return UNKNOWN_GAP if gap_ms is None else f"{math.ceil(gap_ms)} ms"


def sentence(event: Event) -> str:
    """An event in one line, as live.js says it."""
    by = event.node
    if event.vip:
        said = f"{event.vip} {event.kind} by {by}"
    elif event.peer and event.peer != by:
        said = f"{event.peer} {event.kind}, says {by}"
    else:
        said = f"{by} {event.detail or event.kind}"
    said += f": {event.reason}" if event.reason else ""
    if event.gap_ms is not None:
        said += f", not served for {gap_text(event.gap_ms)}"
    return f"{event.time:%H:%M:%S} {said}"


@dataclass(frozen=True, slots=True)
class Moved:
    """How often a VIP moved of late, and the longest time nobody served it."""

    day: int
    week: int
    longest: str
    """Of the week; unknown when no new owner knew it."""


def moved(rows: QuerySet[Event], now: datetime) -> Moved:
    """Count takings: one query."""
    week = rows.filter(kind=MOVE, time__gte=now - timedelta(days=7)).order_by()
    today = Q(time__gte=now - timedelta(days=1))
    found = week.aggregate(day=Count("pk", filter=today), week=Count("pk"), longest=Max("gap_ms"))
    return Moved(found["day"], found["week"], gap_text(found["longest"]))


def about(rows: QuerySet[Event], node: str) -> QuerySet[Event]:
    """Those that a node tells, or that are told of it."""
    return rows.filter(Q(node=node) | Q(peer=node))


def stretch(
    rows: QuerySet[Event], query: Mapping[str, str], node: str = "", size: int = SIZE
) -> dict[str, Any]:
    """A page of events (about `node`), the newest first, and where the next one begins."""
    before = number(query, "before", 0)
    if before:
        rows = rows.filter(id__lt=before)
    if node:
        rows = _newest_about(rows, node, size + 1)
    found = list(rows.order_by("-id")[: size + 1])
    older = found[size - 1].pk if len(found) > size else 0
    found = sorted(found[:size], key=lambda event: (event.time, event.pk), reverse=True)
    return {
        "events": [EventRow(one, badges.of_kind(one.kind)) for one in found],
        "before": before,
        "older": older,
    }


def _newest_about(rows: QuerySet[Event], node: str, number: int) -> QuerySet[Event]:
    """The newest ones `about` a node: two walks along an index each, where `or` has none."""
    ids: set[int] = set()
    for side in (rows.filter(node=node), rows.filter(peer=node)):
        ids.update(side.order_by("-id").values_list("id", flat=True)[:number])
    return rows.filter(id__in=ids)

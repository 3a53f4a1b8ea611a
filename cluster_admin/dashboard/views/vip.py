"""The page of a VIP: who holds it, since when and why, who did before, and what was told of it."""

from datetime import datetime, timedelta
from typing import Any

from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.utils import timezone

from cluster_admin.accounts.roles import Role
from cluster_admin.accounts.services import allowed
from cluster_admin.dashboard import event_rows, scope, vip_rows
from cluster_admin.dashboard.timeline import BEGINS, ENDS, MARKS, Span, Told, draw, spans
from cluster_admin.dashboard.views.base import Page
from cluster_admin.dashboard.views.vip_move import FREE, offers
from cluster_admin.events.models import Event
from cluster_admin.vips.models import Vip

RANGES = {
    "1h": timedelta(hours=1),
    "24h": timedelta(days=1),
    "7d": timedelta(days=7),
    "30d": timedelta(days=30),
}
USUAL = "24h"
EVENTS_MAX = 300
"""Newest events of a VIP that its time line is drawn from."""
FOLLOWERS_MAX = 50
TOLD = (*BEGINS, *ENDS, *MARKS)


class VipPage(Page):
    """Everything about one address."""

    template, part, place = "dashboard/vip.html", "dashboard/parts/vip.html", "vips"

    def context(self, request: HttpRequest, **named: str) -> dict[str, Any]:
        """The VIP, its time line and its history."""
        vip = get_object_or_404(scope.vips(request.user), address=named["address"].lower())
        row = vip_rows.row_of(vip)
        now = timezone.now()
        story, found = history(vip, row)
        span = request.GET.get("span", "")
        span = span if span in RANGES else fitting(found, now)
        history_rows = scope.events(request.user).filter(vip=vip.address)
        narrowed = {"moves": request.GET.get("moves", "")}
        shown = event_rows.matching(history_rows, narrowed)
        return event_rows.stretch(shown, request.GET, size=25) | {
            "row": row,
            "vip": vip,
            "may_operate": allowed(request.user, Role.OPERATOR, vip.subcluster.name),
            "offers": offers(vip),
            "free": FREE,
            "followers": list(vip.vip_set.order_by("address_key")[:FOLLOWERS_MAX]),
            "drawing": draw(found, story, now - RANGES[span], now),
            "span": span,
            "ranges": list(RANGES),
            "moved": event_rows.moved(history_rows, now),
        }


def fitting(found: list[Span], now: datetime) -> str:
    """The smallest range with the whole story in it; the usual one when there is none."""
    age = now - min((one.start for one in found), default=now)
    return next((name for name, length in RANGES.items() if age <= length), USUAL)


def history(vip: Vip, row: vip_rows.VipRow) -> tuple[list[Told], list[Span]]:
    """What was told of a VIP, and who held it when; two queries."""
    rows = Event.objects.filter(vip=vip.address, kind__in=TOLD, subcluster=vip.subcluster.name)
    story = [
        Told(time, kind, node, reason)
        for time, kind, node, reason in rows.order_by("-id").values_list(
            "time", "kind", "node", "reason"
        )[:EVENTS_MAX]
    ]
    holders = {one.node for one in story if one.kind in BEGINS}
    if holders:
        deaths = Event.objects.filter(kind="dead", peer__in=holders)
        pairs = deaths.order_by("-id").values_list("time", "peer")[:EVENTS_MAX]
        story += [Told(time, "dead", peer) for time, peer in pairs]
    return story, spans(story, row.status.owner, row.status.since)

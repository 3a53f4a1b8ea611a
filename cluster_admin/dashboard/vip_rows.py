"""VIPs as pages and CSV show them: filters and columns."""

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Case, IntegerField, Q, QuerySet, Value, When

from cluster_admin.dashboard import badges
from cluster_admin.dashboard.badges import Badge
from cluster_admin.dashboard.tables import Choice, Column, page_of, word
from cluster_admin.vips.models import Vip, VipStatus
from workers.failover.core.hooks import hook_warning

SEVERITY = ("UNSAFE", "BROKEN", "unowned", "stuck", "foreign", "conflict", "unknown", "owned")
BAD = SEVERITY[:6]
"""States that need somebody; the worst first."""
TROUBLED = Q(status__state__in=BAD) & ~Q(status__cause=VipStatus.Cause.HOOK)
"""VIPs that need somebody; a hook is never fenced, and was wanted so."""
RANK = Case(
    *(When(status__state=state, then=Value(rank)) for rank, state in enumerate(SEVERITY)),
    default=Value(SEVERITY.index("unknown")),
    output_field=IntegerField(),
)


@dataclass(frozen=True, slots=True)
class VipRow:
    """A VIP, ready to be shown."""

    vip: Vip
    status: VipStatus
    badge: Badge

    @property
    def since(self) -> datetime | None:
        """Since when it is as it is."""
        return self.status.since

    @property
    def others(self) -> list[str]:
        """Further nodes that have it: it is UNSAFE then."""
        return [name for name in self.status.holders if name != self.status.owner]

    @property
    def heirless(self) -> Badge | None:
        """A mark beside an owned VIP that no other node could take."""
        no_heir = self.status.cause == VipStatus.Cause.NO_HEIR
        return badges.NO_HEIR if no_heir else None

    @property
    def hooked(self) -> bool:
        """Whether its state says already what its hook costs."""
        return bool(self.status.cause == VipStatus.Cause.HOOK)

    @property
    def note(self) -> str:
        """What is to be known of its state, if nothing else in its row says it."""
        said = self.heirless or self.hooked or self.status.note == self.status.reason
        return "" if said else self.status.note

    @property
    def place(self) -> str:
        """Where operators want it."""
        if self.vip.follow:
            return f"follows {self.vip.follow.address}"
        return f"prefers {', '.join(self.vip.prefer)}" if self.vip.prefer else ""

    @property
    def hook_warning(self) -> str:
        """What its hook costs in safety; empty without one."""
        return hook_warning(self.vip.hook)

    @property
    def away(self) -> bool:
        """Whether another node than the first choice has it."""
        wanted = self.vip.prefer[:1]
        return bool(wanted and self.status.owner and wanted != [self.status.owner])


COLUMNS = (
    Column("address", "VIP", lambda row: row.vip.address, ("address_key",)),
    Column("state", "State", lambda row: row.status.state, (RANK,)),
    Column("owner", "Owner", lambda row: row.status.owner, ("status__owner", "address_key")),
    Column("since", "Since", lambda row: row.since, ("status__since",), "number"),
    Column("reason", "Why", lambda row: row.status.reason, ("status__reason",), "wide"),
    Column("note", "", lambda row: row.status.note, shown=False),
    Column("cause", "", lambda row: row.status.cause, shown=False),
    Column("previous", "", lambda row: row.status.previous, shown=False),
    Column("epoch", "", lambda row: row.status.epoch, shown=False),
    Column("holders", "", lambda row: row.status.holders, shown=False),
    Column("place", "Wanted place", lambda row: row.place, css="lo"),
    Column("binding", "Binding", lambda row: row.vip.binding, ("binding",), "lo"),
    Column(
        "subcluster", "Subcluster", lambda row: row.vip.subcluster.name, ("subcluster__name",), "lo"
    ),
    Column("description", "", lambda row: row.vip.description, shown=False),
    Column("check", "", lambda row: row.vip.check_command, shown=False),
    Column("hook", "", lambda row: row.vip.hook, shown=False),
)


def matching(rows: QuerySet[Vip], query: Mapping[str, str]) -> QuerySet[Vip]:
    """Those that the filters of a URL ask for."""
    names = ("state", "owner", "subcluster", "q")
    state, owner, subcluster, text = (word(query, name) for name in names)
    if state == "bad":
        rows = rows.filter(TROUBLED)
    elif state == "unknown":
        rows = rows.filter(Q(status__state=state) | Q(status=None))
    elif state in SEVERITY:
        rows = rows.filter(status__state=state)
    if owner:
        rows = rows.filter(status__owner=owner)
    if subcluster:
        rows = rows.filter(subcluster__name=subcluster)
    if text:
        rows = rows.filter(
            Q(address__icontains=_spelled(text))
            | Q(description__icontains=text)
            | Q(binding__icontains=text)
            | Q(status__owner__icontains=text)
            | Q(status__reason__icontains=text)
            | Q(status__note__icontains=text)
        )
    return rows


def table_of(rows: QuerySet[Vip], query: Mapping[str, str]) -> dict[str, Any]:
    """The page of these VIPs that a URL asks for: two queries."""
    table = page_of(rows, COLUMNS, Choice.of(query, COLUMNS, "address"), "address_key")
    return {"table": table, "rows": [row_of(vip) for vip in table.rows]}


def row_of(vip: Vip) -> VipRow:
    """One VIP; its status, subcluster and leader were fetched with it."""
    status = vip.last_heard
    return VipRow(vip, status, badges.of_vip(status.state, status.cause, status.note))


def _spelled(text: str) -> str:
    """An address in its one way; anything else as it is."""
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return text

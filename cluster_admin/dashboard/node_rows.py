"""Nodes as pages and CSV show them: filters, columns, and what about a node needs a look."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Case, Count, IntegerField, OuterRef, Q, QuerySet, Subquery, Value, When
from django.db.models.functions import Coalesce

from cluster_admin.dashboard import badges
from cluster_admin.dashboard.badges import Badge
from cluster_admin.dashboard.tables import Column, word
from cluster_admin.inventory.models import Node, NodeStatus
from cluster_admin.vips.models import VipStatus

STATES = {
    "alive": Q(status__verdict="alive"),
    "suspected": Q(status__verdict="suspected"),
    "dead": Q(status__verdict="dead"),
    "left": Q(status__verdict="left"),
    "unknown": Q(status__verdict="unknown") | Q(status=None),
    "isolated": Q(status__state="isolated", status__verdict__in=("alive", "suspected")),
    "joining": Q(status__state="joining", status__verdict__in=("alive", "suspected")),
    "draining": Q(admin_state="draining"),
    "maintenance": Q(admin_state="maintenance"),
}
"""Filter in the URL -> rows."""
REFUSALS_SHOWN = 3
QUIET = Q(admin_state="maintenance") | Q(status__verdict="left")
"""Nodes whose troubles raise no alarm."""
TROUBLED = ~QUIET & (~Q(status__verdict="alive") | Q(status=None) | STATES["isolated"])
RANK = Case(When(TROUBLED, then=Value(0)), default=Value(1), output_field=IntegerField())
HELD = Coalesce(
    Subquery(
        VipStatus.objects.filter(owner=OuterRef("name"))
        .values("owner")
        .annotate(held=Count("pk"))
        .values("held"),
        output_field=IntegerField(),
    ),
    0,
)


@dataclass(frozen=True, slots=True)
class NodeRow:
    """A node, ready to be shown."""

    node: Node
    status: NodeStatus | None
    badges: list[Badge]
    vips: int
    notes: list[str]
    """What needs a look, one sentence each."""

    @property
    def heard_at(self) -> datetime | None:
        """When its agent was last heard."""
        return self.status.heard_at if self.status else None

    @property
    def now_seconds(self) -> int:
        """Below this age it was heard "now": pages ask every few seconds."""
        return 6 if self.status and self.status.verdict == "alive" else 0

    @property
    def subcluster(self) -> str:
        """Name of its subcluster."""
        return self.node.subcluster.name

    @property
    def acted(self) -> int:
        """The revision it acts on."""
        return self.status.revision if self.status else 0

    @property
    def behind(self) -> bool:
        """Whether it acts on an older revision than the newest."""
        return self.acted != self.node.subcluster.revision

    @property
    def rings(self) -> list[tuple[str, bool]]:
        """(name of the ring, whether it works)."""
        return sorted((self.status.rings if self.status else {}).items())

    @property
    def words(self) -> str:
        """All states, for CSV."""
        return " ".join(badge.word for badge in self.badges)


COLUMNS = (
    Column("node", "Node", lambda row: row.node.name, ("name",)),
    Column("state", "State", lambda row: row.words, (RANK, "status__verdict", "admin_state")),
    Column("vips", "VIPs", lambda row: row.vips, (HELD,), "number"),
    Column("heard", "Heard", lambda row: row.heard_at, ("status__heard_at",), "number"),
    Column("revision", "Acts on", lambda row: row.acted, ("status__revision",), "number lo"),
    Column("newest", "", lambda row: row.node.subcluster.revision, shown=False),
    Column("rings", "Rings", lambda row: [name for name, up in row.rings if up], css="lo"),
    Column("address", "Address", lambda row: row.node.address, css="lo"),
    Column(
        "subcluster",
        "Subcluster",
        lambda row: row.node.subcluster.name,
        ("subcluster__name",),
        "lo",
    ),
    Column("notes", "Needs a look", lambda row: "; ".join(row.notes), css="wide"),
)


def matching(rows: QuerySet[Node], query: Mapping[str, str]) -> QuerySet[Node]:
    """Those that the filters of a URL ask for."""
    state, subcluster, text = (word(query, name) for name in ("state", "subcluster", "q"))
    if state in STATES:
        rows = rows.filter(STATES[state])
    if subcluster:
        rows = rows.filter(subcluster__name=subcluster)
    if text:
        rows = rows.filter(
            Q(name__icontains=text)
            | Q(address__icontains=text)
            | Q(status__warnings__icontains=text)
        )
    return rows


def shown(nodes: Iterable[Node]) -> list[NodeRow]:
    """Rows of these nodes; one query for what they hold."""
    found = list(nodes)
    held = counts([node.name for node in found])
    return [row_of(node, held.get(node.name, 0)) for node in found]


def row_of(node: Node, vips: int) -> NodeRow:
    """One node; its status and subcluster were fetched with it."""
    status: NodeStatus | None = getattr(node, "status", None)
    return NodeRow(node, status, badges.of_node(node, status), vips, list(_notes(node, status)))


def counts(names: list[str]) -> dict[str, int]:
    """Name of a node -> how many VIPs it owns."""
    owned = VipStatus.objects.filter(owner__in=names).values_list("owner")
    return dict(owned.annotate(Count("pk")))


def _notes(node: Node, status: NodeStatus | None) -> Iterable[str]:
    if status is None:
        yield "nothing was heard of it yet: start its processes"
        return
    if status.problem:
        yield status.problem
    elif status.verdict == "alive" and status.revision != node.subcluster.revision:
        yield f"acts on r{status.revision}, the newest is r{node.subcluster.revision}"
    if status.objection:
        yield status.objection
    if status.late:
        yield "its loop is chronically late: it gets no VIPs from others"
    down = [name for name, up in sorted(status.rings.items()) if not up]
    if down and status.verdict in ("alive", "suspected"):
        yield f"ring {' and '.join(down).upper()} does not work"
    for check, said in sorted(status.unhealthy.items()):
        yield f"health check {check} fails" + (f": {said}" if said else "")
    for number, (vip, why) in enumerate(sorted(status.refusals.items()), 1):
        if number > REFUSALS_SHOWN:
            yield f"cannot hold {len(status.refusals) - REFUSALS_SHOWN} VIPs more"
            break
        yield f"cannot hold {vip}: {why}"
    yield from map(str, status.warnings)


def as_row(node: Any) -> NodeRow:
    """For CSV, where the query counts what each holds (`held`)."""
    return row_of(node, node.held)

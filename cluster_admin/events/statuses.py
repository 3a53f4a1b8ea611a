"""Node and VIP states as rows: read once, then written when they differ.

Runs inside the caller's transaction. What changed is compared with the rows first, so that two
listeners that see the same write it once, and each turn for the worse is named once.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any, TypeVar

from django.db.models import QuerySet

from cluster_admin.events.fitness import Terms
from cluster_admin.events.moments import Moment
from cluster_admin.events.node_views import NodeView
from cluster_admin.events.ownership import VipView
from cluster_admin.events.storing import ROWS, clean
from cluster_admin.events.verdicts import Verdict
from cluster_admin.inventory.models import Node, NodeStatus
from cluster_admin.vips.models import Vip, VipStatus
from workers.failover.core.standing import SENTENCE_MAX, Cause, State

T = TypeVar("T")
SAME_SECONDS = 5.0
"""So much the age of an owner varies, as it is told by one report and the next."""
NODE_FIELDS = tuple(NodeView.__dataclass_fields__)
VIP_FIELDS = tuple(VipView.__dataclass_fields__)


@dataclass(slots=True)
class Defined:
    """What is defined in a subcluster: primary keys by name, and the views last shown."""

    nodes: dict[str, int] = field(default_factory=dict)
    vips: dict[str, int] = field(default_factory=dict)
    node_views: dict[str, NodeView] = field(default_factory=dict)
    vip_views: dict[str, VipView] = field(default_factory=dict)
    terms: Terms = field(default_factory=Terms)
    rowless_nodes: set[str] = field(default_factory=set)
    rowless_vips: set[str] = field(default_factory=set)


def load(subcluster_pk: int, now: Moment) -> Defined:
    """Read what there is of a subcluster."""
    node_values = list(
        Node.objects.filter(subcluster_id=subcluster_pk).values_list("name", "pk", "admin_state")
    )
    vip_values = list(
        Vip.objects.filter(subcluster_id=subcluster_pk).values_list(
            "address", "pk", "check_command", "hook"
        )
    )
    nodes = {name: pk for name, pk, _ in node_values}
    vips = {vip: pk for vip, pk, _, _ in vip_values}
    node_rows = {
        row.node_id: row for row in NodeStatus.objects.filter(node__subcluster_id=subcluster_pk)
    }
    vip_rows = {
        row.vip_id: row for row in VipStatus.objects.filter(vip__subcluster_id=subcluster_pk)
    }
    return Defined(
        nodes,
        vips,
        {name: _node_view(node_rows.get(pk)) for name, pk in nodes.items()},
        {vip: _vip_view(vip_rows.get(pk), now) for vip, pk in vips.items()},
        Terms(
            frozenset(name for name, _, wanted in node_values if wanted != Node.Admin.ENABLED),
            {vip: check for vip, _, check, _ in vip_values if check},
            {vip: hook for vip, _, _, hook in vip_values if hook},
        ),
        {name for name, pk in nodes.items() if pk not in node_rows},
        {vip for vip, pk in vips.items() if pk not in vip_rows},
    )


def write_nodes(
    views: Mapping[str, NodeView], keys: Mapping[str, int], heard: set[str], now: Moment
) -> list[str]:
    """Write the node views that differ from the rows; returns the nodes that turned dead."""
    died, changed = [], []
    wanted = {keys[name]: (name, view) for name, view in views.items() if name in keys}
    found = _rows(NodeStatus.objects.all(), "node_id", wanted)
    for pk, (name, view) in wanted.items():
        row, values = found.get(pk), _node_values(view)
        if row is not None and all(getattr(row, key) == value for key, value in values.items()):
            continue
        before = (row.verdict, row.state) if row else None
        if row is not None and view.verdict is Verdict.DEAD and row.verdict != Verdict.DEAD:
            died.append(name)
        turned = before != (values["verdict"], values["state"])
        changed_at = now.time if turned or row is None else row.changed_at
        heard_at = now.time if name in heard else row and row.heard_at
        changed.append(NodeStatus(node_id=pk, changed_at=changed_at, heard_at=heard_at, **values))
    NodeStatus.objects.bulk_create(
        changed,
        batch_size=ROWS,
        update_conflicts=True,
        unique_fields=["node"],
        update_fields=[*NODE_FIELDS, "changed_at", "heard_at"],
    )
    return died


def write_heard(nodes: Iterable[str], keys: Mapping[str, int], now: Moment) -> None:
    """Note that these nodes were heard; a fresher time is kept."""
    for some in _pieces(keys[name] for name in nodes if name in keys):
        NodeStatus.objects.filter(node_id__in=some).update(heard_at=now.time)


def write_vips(
    views: Mapping[str, VipView], keys: Mapping[str, int], now: Moment
) -> tuple[list[tuple[str, str]], list[str]]:
    """Write the VIP views that differ from the rows.

    Returns those that turned UNSAFE, each with the reason, and those that are so no longer.
    """
    unsafe, safe, changed = [], [], []
    wanted = {keys[vip]: (vip, view) for vip, view in views.items() if vip in keys}
    found = _rows(VipStatus.objects.all(), "vip_id", wanted)
    for pk, (vip, view) in wanted.items():
        row, values = found.get(pk), _vip_values(view, now)
        if row is not None and _same(row, values):
            continue
        if _turned_unsafe(row, view):
            unsafe.append((vip, values["note"]))
        elif row and _calmed(row, view):
            safe.append(vip)
        changed.append(VipStatus(vip_id=pk, seen_at=now.time, **values))
    VipStatus.objects.bulk_create(
        changed,
        batch_size=ROWS,
        update_conflicts=True,
        unique_fields=["vip"],
        update_fields=[*VIP_FIELDS, "seen_at"],
    )
    return unsafe, safe


def _alarming(state: str, cause: str) -> bool:
    """UNSAFE for a reason that comes and goes: a hook is always one."""
    return state == State.UNSAFE and cause != Cause.HOOK


def _turned_unsafe(row: VipStatus | None, view: VipView) -> bool:
    """Whether it is worth telling: it became UNSAFE, or UNSAFE in a worse way."""
    if not _alarming(view.state, view.cause):
        return False
    if row is None or not _alarming(row.state, row.cause):
        return True
    return view.cause is Cause.TWO_OWNERS and row.cause != Cause.TWO_OWNERS


def _calmed(row: VipStatus, view: VipView) -> bool:
    """Whether it is known to be UNSAFE no longer, but for a hook."""
    if view.state is State.UNKNOWN or _alarming(view.state, view.cause):
        return False
    return _alarming(row.state, row.cause)


def _same(row: VipStatus, values: dict[str, Any]) -> bool:
    """Whether the row says it already. Of the same taking, the row may know more than was told."""
    if (row.owner, row.epoch) == (values["owner"], values["epoch"]):
        values["since"] = _earlier(row.since, values["since"])
        if row.state == values["state"]:
            values["reason"] = values["reason"] or row.reason
            values["previous"] = values["previous"] or row.previous
    return all(getattr(row, key) == value for key, value in values.items())


def _earlier(row: datetime | None, told: datetime | None) -> datetime | None:
    """`since` is told as an age, which varies a little and is never too large."""
    if row is None or told is None:
        return row or told
    return told if (row - told).total_seconds() > SAME_SECONDS else row


def _node_view(row: NodeStatus | None) -> NodeView:
    if row is None:
        return NodeView()
    values = {key: getattr(row, key) for key in NODE_FIELDS}
    values["verdict"] = Verdict(row.verdict)
    values["members"], values["warnings"] = tuple(row.members), tuple(row.warnings)
    values["rings"] = tuple((str(ring), bool(up)) for ring, up in row.rings.items())
    for key in ("unhealthy", "refusals"):
        values[key] = tuple(getattr(row, key).items())
    return NodeView(**values)


def _node_values(view: NodeView) -> dict[str, Any]:
    values: dict[str, Any] = {key: getattr(view, key) for key in NODE_FIELDS}
    return {
        **values,
        "verdict": view.verdict.value,
        "state": clean(view.state, 16),
        "objection": clean(view.objection, 200),
        "problem": clean(view.problem),
        "members": [clean(name) for name in view.members],
        "rings": {clean(ring): up for ring, up in view.rings},
        "warnings": [clean(one) for one in view.warnings],
        "unhealthy": {clean(check): clean(said) for check, said in view.unhealthy},
        "refusals": {clean(vip): clean(why) for vip, why in view.refusals},
    }


def _vip_view(row: VipStatus | None, now: Moment) -> VipView:
    if row is None:
        return VipView()
    since = None if row.since is None else now.seconds_of(row.since)
    return VipView(
        *(State(row.state), row.owner, row.epoch, since, row.reason, row.previous),
        holders=tuple(row.holders),
        cause=Cause(row.cause),
        note=row.note,
    )


def _vip_values(view: VipView, now: Moment) -> dict[str, Any]:
    return {
        "state": view.state.value,
        "owner": view.owner,
        "epoch": view.epoch,
        "since": None if view.since is None else now.time_of(view.since),
        "reason": clean(view.reason, 200),
        "previous": clean(view.previous),
        "holders": list(view.holders),
        "cause": view.cause.value,
        "note": clean(view.note, SENTENCE_MAX),
    }


def _rows(rows: QuerySet[Any], key: str, wanted: Iterable[int]) -> dict[int, Any]:
    found: dict[int, Any] = {}
    for some in _pieces(wanted):
        found.update({getattr(row, key): row for row in rows.filter(pk__in=some)})
    return found


def _pieces(items: Iterable[T]) -> Iterator[list[T]]:
    rest = iter(items)
    while piece := list(islice(rest, ROWS)):
        yield piece

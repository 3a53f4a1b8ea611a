"""How the nodes of a rollout are seen: rows in, the core's `Look` out. Nothing is changed here.

Beyond what nodes tell of their configuration it is asked how their agents judge them: a revision
after which a node dies, or a health check fails, is not to go on.
"""

from collections.abc import Iterable
from datetime import datetime

from django.utils import timezone

from cluster_admin.configs import rollout_mail
from cluster_admin.configs.models import Application, Replica
from cluster_admin.configs.rollout_models import Rollout
from cluster_admin.events.freshness import freshness
from cluster_admin.inventory.models import Node, NodeStatus, Subcluster
from cluster_admin.vips.holding import held_in
from workers.config.core.reports import Outcome
from workers.config.core.rollout_values import Look, Seen, Told
from workers.failover.core.messages import NodeState

REPORTS_MAX = 5_000
"""Of all nodes of a rollout; more come only from a node that tells without end."""
OUTCOMES = {one.value for one in Outcome}
GONE = {NodeStatus.Verdict.DEAD: "is dead", NodeStatus.Verdict.LEFT: "was stopped"}
SERVING = {"", NodeState.READY.value, NodeState.DRAINING.value}
"""States of an agent that are none to complain of; empty: it was never heard."""


def look(
    row: Rollout, floor: int, *, deaf: bool | None = None, now: datetime | None = None
) -> Look:
    """The nodes of the rollout's subcluster, with reports whose number is above `floor`.

    `deaf`: None asks how fresh the listener is.
    """
    if freshness().stale if deaf is None else deaf:
        return Look(deaf=True)
    subcluster = Subcluster.objects.filter(name=row.subcluster).first()
    if subcluster is None:
        return Look()
    nodes = list(subcluster.node_set.select_related("status"))
    replicas = {one.node: one for one in Replica.objects.filter(node__in=[n.name for n in nodes])}
    reports = _reports(replicas, floor)
    held = held_in(subcluster)
    mail = rollout_mail.judged(row, now or timezone.now())
    nothing = Replica()
    return Look(
        {
            node.name: seen(
                node,
                replicas.get(node.name, nothing),
                reports.get(node.name, []),
                held.get(node.name, 0),
                mail.complaints.get(node.name, ""),
            )
            for node in nodes
        },
        unjudged=mail.unjudged,
    )


def seen(node: Node, replica: Replica, reports: Iterable[Told], held: int, mail: str = "") -> Seen:
    """One node; `mail` says why that fares worse there, if it does."""
    status = node.last_heard
    excused = node.admin_state == Node.Admin.MAINTENANCE
    return Seen(
        heard=replica.heard_at.timestamp() if replica.heard_at else 0.0,
        live=replica.live,
        target=replica.target,
        busy=replica.busy,
        reports=tuple(reports),
        away=away(node),
        complaints=() if excused else tuple(_complaints(node.name, status, replica.trouble, mail)),
        draining=node.admin_state == Node.Admin.DRAINING,
        excused=excused,
        held=held,
    )


def away(node: Node) -> str:
    """Why a node counts as away, as its agent's neighbours see it; empty when it does not."""
    gone = GONE.get(NodeStatus.Verdict(node.last_heard.verdict))
    return f"{node.name} {gone}" if gone else ""


def newest_report() -> int:
    """The number of the newest report of all; 0 when there is none."""
    return Application.objects.values_list("pk", flat=True).first() or 0


def _complaints(name: str, status: NodeStatus, trouble: str, mail: str) -> Iterable[str]:
    if mail:
        yield mail
    if trouble:
        yield f"{name}: {trouble}"
    if status.state not in SERVING:
        yield f"the agent of {name} is {status.state}"
    for check in sorted(status.unhealthy):
        yield f"the health check {check} fails on {name}"


def _reports(nodes: Iterable[str], floor: int) -> dict[str, list[Told]]:
    found: dict[str, list[Told]] = {}
    rows = Application.objects.filter(node__in=list(nodes), pk__gt=floor).order_by("-pk")
    values = rows.values_list("pk", "node", "revision", "outcome", "sentence")[:REPORTS_MAX]
    for mark, node, revision, outcome, sentence in reversed(values):
        if outcome in OUTCOMES:
            told = Told(mark, revision, Outcome(outcome), sentence)
            found.setdefault(node, []).append(told)
    return found

"""Moving a VIP by hand: its definition puts a node first, and the nodes hand it over at once.

Done inside a change of definitions, so it is a revision like any other. Refused, with the way out,
is what would not bring the VIP there; the answer rests on what the manager last heard. Undone by
other preferences, or none.
"""

from cluster_admin.inventory.models import Node, NodeStatus
from cluster_admin.inventory.services import Change, Overridable, Refused
from cluster_admin.vips.models import Vip
from workers.failover.core.messages import NodeState

ACTION = "move"
FREE = "-"
"""In forms, in place of a node: no preference, wherever there is room."""
NAMED_MAX = 10
"""Nodes that a sentence offers."""


def move(done: Change, vip: Vip, name: str, *, force: bool = False) -> None:
    """Put node `name` first in what `vip` prefers; nothing when it is first and holds it already.

    `force`: although the node is not alive, or not ready. Raises `Refused`.
    """
    _refuse_follower(vip)
    if not (vip.prefer[:1] == [name] and vip.last_heard.owner == name):
        _check(vip, _node(vip, name), force=force)
    _prefer(done, vip, [name, *(one for one in vip.prefer if one != name)], f"to {name}")


def free(done: Change, vip: Vip) -> None:
    """Take its preferences away: it is placed by balance; `Refused` for one that follows."""
    _refuse_follower(vip)
    _prefer(done, vip, [], "to wherever there is room")


def _prefer(done: Change, vip: Vip, wanted: list[str], where: str) -> None:
    if vip.prefer == wanted:
        return
    before, vip.prefer = {"prefer": vip.prefer}, wanted
    vip.save(update_fields=["prefer"])
    done.comment = f"move {vip.address} {where}"
    done.note(ACTION, vip, before, {"prefer": wanted})


def _refuse_follower(vip: Vip) -> None:
    leader = vip
    while leader.follow is not None:
        leader = leader.follow
    if leader is not vip:
        raise Refused(
            f"{vip.address} follows {leader.address} and always sits with it; "
            f"move {leader.address} instead"
        )


def _node(vip: Vip, name: str) -> Node:
    nodes = Node.objects.select_related("status").filter(subcluster=vip.subcluster_id)
    found = nodes.filter(name=name).first()
    if found is None:
        names = list(nodes.order_by("name").values_list("name", flat=True)[: NAMED_MAX + 1])
        more = ", ..." if len(names) > NAMED_MAX else ""
        raise Refused(
            f"there is no node {name[:63]!r} in subcluster {vip.subcluster.name}; "
            f"choose one of {', '.join(names[:NAMED_MAX])}{more}"
        )
    return found


def _check(vip: Vip, node: Node, *, force: bool) -> None:
    status = node.last_heard
    if node.admin_state != Node.Admin.ENABLED:
        raise Refused(
            f"{node.name} is {node.wish}, so it gets no VIPs; undrain it first "
            "or choose another node"
        )
    problem = _absence(node.name, status)
    if problem and not force:
        raise Overridable(
            f"{problem}; choose another node, or force it: it moves when that is over"
        )
    for one in (vip, *_followers(vip)):
        check = one.check_command
        if check and check in status.unhealthy:
            told = status.unhealthy[check]
            why = f": {told}" if told else ""
            raise Refused(
                f"the health check {check} of {one.address} fails on {node.name}{why}; "
                "mend that first or choose another node"
            )
        if one.address in status.refusals:
            raise Refused(
                f"{node.name} cannot hold {one.address}: {status.refusals[one.address]}; "
                "mend that first or choose another node"
            )


def _followers(vip: Vip) -> list[Vip]:
    """All that sit with it: each has to be well where it goes."""
    found: list[Vip] = []
    layer = {vip.pk}
    while layer:
        rows = list(Vip.objects.filter(follow__in=layer).only("pk", "address", "check_command"))
        found += rows
        layer = {row.pk for row in rows}
    return found


def _absence(name: str, status: NodeStatus) -> str:
    """Why the node could not take anything now; empty when it could."""
    if status.verdict != NodeStatus.Verdict.ALIVE:
        return f"{name} is {status.verdict}"
    return "" if status.state == NodeState.READY else f"{name} is {status.state}, not ready"

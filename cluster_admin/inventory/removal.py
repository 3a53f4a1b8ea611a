"""Whether nodes may leave the definitions now: not while that costs their VIPs a moment unserved.

A node that is removed while it serves hands nothing over, since the others no longer hear it: they
have to find its addresses silent. So it is drained first. Judged by what the manager last heard;
who holds what is another app's to say (`contributions`). Files imported as a whole are not asked.
"""

from collections import Counter
from collections.abc import Iterable

from cluster_admin.inventory.contributions import contributions
from cluster_admin.inventory.models import LIVING, Node, Subcluster
from cluster_admin.inventory.services import Change, Overridable

NAMED_MAX = 5
"""Nodes that a refusal tells about."""


def check(done: Change, nodes: Iterable[Node], *, force: bool = False) -> None:
    """Within a change, before nodes are deleted: raise `Overridable` if one of them serves."""
    if force:
        return
    keys = {node.pk for node in nodes}
    rows = Node.objects.select_related("status").filter(subcluster=done.subcluster, pk__in=keys)
    held = _held(done.subcluster)
    asked = (hindrance(row, held[row.name]) for row in rows.order_by("name"))
    found = [hindered for hindered in asked if hindered]
    if found:
        more = f"; {len(found) - NAMED_MAX} more serve too" if len(found) > NAMED_MAX else ""
        raise Overridable("; ".join(found[:NAMED_MAX]) + more)


def hindrance(node: Node, held: int) -> str:
    """Why a node that holds so many VIPs may not go, with the way out; empty when it may."""
    verdict = node.last_heard.verdict
    if node.admin_state == Node.Admin.ENABLED:
        if verdict not in LIVING:
            return ""
        way = f"drain it first (muster node drain {node.name})"
        return f"{node.name} is {verdict} and not drained: {way}, or force it"
    if not held:
        return ""
    number = "1 VIP" if held == 1 else f"{held} VIPs"
    way = f"wait until it holds none (muster node show {node.name} --watch)"
    return f"{node.name} is {node.wish} and still holds {number}: {way}, or force it"


def _held(subcluster: Subcluster) -> Counter[str]:
    found: Counter[str] = Counter()
    for one in contributions:
        found.update(one.held(subcluster))
    return found

"""Which revision each node shall have live: the pointer of its subcluster, or one of its own.

A subcluster that follows has each commit at once. One that is deployed by hand has what was asked
for, and each of its nodes what was last asked of that node alone: so a rollout goes node by node.
Invariant: nobody but an operator ever moves a pointer of a subcluster that is deployed by hand.
"""

from collections.abc import Iterable

from cluster_admin.configs import wishes
from cluster_admin.configs.models import Deployment, Replica
from cluster_admin.configs.orders import Head, Target
from cluster_admin.inventory.models import Node, Subcluster


def pointer(subcluster: str) -> Deployment:
    """The deployment of a subcluster; one that follows when nobody said anything yet."""
    found = Deployment.objects.filter(subcluster__name=subcluster).first()
    return found or Deployment(mode=Deployment.Mode.FOLLOW)


def target_of(node: Node, head: Head) -> Target:
    """What shall be live on a node, `head` being the newest revision."""
    return targets([node], head)[node.name]


def targets(nodes: Iterable[Node], head: Head) -> dict[str, Target]:
    """The same for many nodes, by name."""
    nodes = list(nodes)
    manual = Deployment.objects.filter(mode=Deployment.Mode.MANUAL)
    pointers = dict(manual.values_list("subcluster_id", "revision"))
    names = dict(Subcluster.objects.values_list("pk", "name"))
    rows = {(row.node, row.subcluster): row for row in Replica.objects.defer("drift")}
    found: dict[str, Target] = {}
    for node in nodes:
        row = rows.get((node.name, names.get(node.subcluster_id, "")))
        aim = target(pointers.get(node.subcluster_id), row.wanted if row else 0, head)
        found[node.name] = wishes.insisted(aim, row) if row else aim
    return found


def target(pointed: int | None, pinned: int, head: Head) -> Target:
    """The target by a subcluster's pointer (None: it follows) and what was asked of the node."""
    if pointed is None:
        return Target(head.number)
    return Target(pinned or pointed, ordered=True, backwards=True)

"""Preview: what would happen if a node died, from the very function that the nodes run.

It is as good as the owners and the ready nodes it is told: callers say how old those are.
"""

from collections.abc import Collection, Mapping

from workers.failover.core.assignment import assign, heirs
from workers.failover.core.definitions import Definitions


def if_dies(
    node: str,
    definitions: Definitions,
    owners: Mapping[str, str],
    ready: Collection[str],
    late: Collection[str] = (),
    barred: Mapping[str, Collection[str]] | None = None,
) -> tuple[dict[str, str], tuple[str, ...]]:
    """(VIP -> its new owner, VIPs that nobody would serve), for the VIPs that `node` owns.

    `owners`: VIP -> node; `ready`: nodes in state ready; `late`: those whose loop is chronically
    late; `barred`: VIP -> nodes that cannot hold it. Nodes and VIPs that are not defined count for
    nothing.
    """
    rest = heirs({name: name in late for name in ready if name != node}, definitions.nodes)
    targets = assign(rest, definitions.vips, owners, barred)
    lost = [vip for vip in definitions.vips if owners.get(vip) == node]
    moves = {vip: targets[vip] for vip in lost if vip in targets}
    return moves, tuple(vip for vip in lost if vip not in moves)

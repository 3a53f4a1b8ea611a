"""What changes make of the definitions; pure, each result at the next revision.

Invariant: what comes out is something nodes can act on: whoever prefers a node that goes no longer
prefers it, and who follows a VIP that goes follows nobody.
"""

import dataclasses
from collections.abc import Mapping

from chaos.core.steps import Change, ChangeKind, Round
from workers.failover.core.definitions import AdminState, Definitions, Node, Vip

SWIFT_MATURE_SECONDS, SWIFT_BALANCE_SECONDS = 1.0, 2.0


def base(plain: Definitions, round_: Round) -> Definitions:
    """What the definitions are at the start of a round, and are again at its end."""
    knobs = plain.knobs
    if round_.swift:
        knobs = dataclasses.replace(
            knobs, view_mature_time=SWIFT_MATURE_SECONDS, balance_interval=SWIFT_BALANCE_SECONDS
        )
    vips = {**plain.vips, **{vip: Vip(vip, prefer=nodes) for vip, nodes in round_.wishes}}
    return dataclasses.replace(plain, knobs=knobs, vips=vips)


def changed(now: Definitions, change: Change, first: Definitions) -> Definitions:
    """The definitions after a change; `first` are those of the round's start."""
    made = _changed(now, change, first)
    return dataclasses.replace(made, revision=now.revision + 1)


def _changed(now: Definitions, change: Change, first: Definitions) -> Definitions:
    target, nodes, vips = change.target, dict(now.nodes), dict(now.vips)
    wanted = tuple(name for name in change.nodes if name in nodes)
    match change.kind:
        case ChangeKind.ADD_VIP | ChangeKind.PREFER:
            vips[target] = Vip(target, prefer=wanted)
        case ChangeKind.REMOVE_VIP:
            vips.pop(target, None)
        case ChangeKind.DRAIN:
            nodes[target] = dataclasses.replace(nodes[target], admin_state=AdminState.DRAINING)
        case ChangeKind.ENABLE | ChangeKind.ADD_NODE:
            nodes[target] = first.nodes[target]
        case ChangeKind.REMOVE_NODE:
            nodes.pop(target, None)
        case ChangeKind.RESTORE:
            return first
    return dataclasses.replace(now, nodes=nodes, vips=_fitting(vips, nodes))


def _fitting(vips: dict[str, Vip], nodes: Mapping[str, Node]) -> dict[str, Vip]:
    return {
        address: dataclasses.replace(
            vip,
            prefer=tuple(name for name in vip.prefer if name in nodes),
            follow=vip.follow if vip.follow in vips else "",
        )
        for address, vip in vips.items()
    }

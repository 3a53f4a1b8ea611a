"""Moving: which VIPs of mine are to be another's, why, and when they may go.

A node that drains or stops gives everything away that somebody else may hold, and keeps the rest. A
ready node gives away at once what its own definition puts elsewhere or what fails its health check;
what only balance or a preferred node's return ask for waits for an agreed, mature view. How a VIP
changes hands is decided in `handoff`.
"""

import math
from collections.abc import Iterator
from operator import is_not

from workers.failover.core import handoff
from workers.failover.core.actions import Reason
from workers.failover.core.assignment import leader
from workers.failover.core.messages import NodeState, Why
from workers.failover.core.node import GOODBYES, Node
from workers.failover.core.ownership import BUSY_SECONDS

SETTLE_SECONDS = 1.0
"""Members that do not agree with me on view and revision are waited for no longer than this."""
STOP_SECONDS = 10.0
"""A stop takes no longer than this, however much there is to hand over."""
STALL_SECONDS = 1.5
"""A stop that hands nothing over for so long is over."""


def give(node: Node, now: float) -> None:
    """Offer what is to be another's, by the last look at who owns what."""
    handoff.complete(node)
    if node.resuming or node.objection is not Reason.NONE:
        return
    _withdraw(node)
    _arrived(node, now)
    if node.moves.surplus:
        handoff.offer(node, _moves(node, now), now)


def depart(node: Node, now: float) -> None:
    """While stopping: once nothing more can be handed over, let go of the rest and say goodbye."""
    if node.state is not NodeState.STOPPING or node.stop.departing or node.dirty:
        return
    coming = len(node.handoffs.arming) + len(node.taking)
    waiting = len(node.holdings.held) + len(node.handoffs.giving) + coming
    if waiting < node.stop.waiting:
        node.stop.waiting, node.stop.by = waiting, min(now + STALL_SECONDS, node.stop.latest)
    going = node.moves.surplus or node.handoffs.giving or coming
    if waiting and going and now < node.stop.by and node.objection is Reason.NONE:
        return
    node.let_go(Reason.STOPPING)
    node.handoffs.arming.clear()
    node.stop.departing = True
    node.stop.goodbyes_left = GOODBYES
    node.next_heartbeat = now


def begin_stop(node: Node, now: float) -> None:
    """From now on everything is handed over; what I said I would take is taken first."""
    node.stop.latest = now + STOP_SECONDS
    node.stop.by = now + STALL_SECONDS
    node.stop.waiting = len(node.holdings.held) + 1
    node.takeover.forget(list(node.takeover.candidates))


def deadline(node: Node) -> float:
    """When `depart` has waited for long enough."""
    waiting = node.state is NodeState.STOPPING and not node.stop.departing
    look_at = node.ownership.next_look if node.dirty else -math.inf
    return max(node.stop.by, look_at) if waiting else math.inf


def balance(node: Node, now: float) -> None:
    """Choose the next set that goes for balance's sake or back to whom it prefers."""
    knobs = node.definitions.knobs
    if node.state is not NodeState.READY or node.dirty or not node.moves.surplus:
        return
    young = any(now < one.since + BUSY_SECONDS for one in node.ownership.orphans.values())
    if now < node.next_balance or young:
        return
    if not node.view.mature(node.detector, knobs.view_mature_time, now) or not _same(node):
        return
    node.next_balance = now + knobs.balance_interval
    node.moves.balancing = frozenset(_in_order(node)[: knobs.balance_set_size])


def _moves(node: Node, now: float) -> Iterator[tuple[str, str, Why]]:
    """(VIP, heir, why) of what may go now, those that sit together one after another."""
    settled = _settled(node, now)
    for vip, why in _planned(node):
        if vip not in node.holdings.held:  # gone since that look
            continue
        if why is Why.STOP or (settled and _may_go(node, vip, why)):
            yield vip, node.moves.surplus[vip], why


def _planned(node: Node) -> tuple[tuple[str, Why], ...]:
    """What may go, in order; with thousands that wait for balance this is not for every step."""
    moves = node.moves
    made_of = (
        moves.surplus,
        moves.redefined,
        moves.balancing,
        moves.sick,
        node.state,
        node.enabled,
    )
    if len(moves.planned_of) != len(made_of) or any(map(is_not, moves.planned_of, made_of)):
        every = ((vip, _why(node, vip)) for vip in _in_order(node))
        moves.planned = tuple((vip, why) for vip, why in every if _chosen(node, vip, why))
        moves.planned_of = made_of
    return moves.planned


def _chosen(node: Node, vip: str, why: Why) -> bool:
    """Balance goes in sets."""
    return why not in (Why.BALANCE, Why.FAILBACK) or vip in node.moves.balancing


def _may_go(node: Node, vip: str, why: Why) -> bool:
    """A drain waits for nothing; what came by handoff stays a while."""
    return why is Why.DRAIN or vip not in node.handoffs.came_at


def _in_order(node: Node) -> list[str]:
    vips = node.definitions.vips
    return sorted(node.moves.surplus, key=lambda vip: (leader(vip, vips), vip))


def _why(node: Node, vip: str) -> Why:
    if node.state is NodeState.STOPPING:
        return Why.STOP
    if not node.enabled:
        return Why.DRAIN
    first = leader(vip, node.definitions.vips)
    if first in node.moves.sick:
        return Why.HEALTH
    if (
        vip in node.moves.redefined
        or first in node.moves.redefined
        or _left_behind(node, vip, first)
    ):
        return Why.MOVE
    return (
        Why.FAILBACK
        if node.moves.surplus[vip] in node.definitions.vips[first].prefer
        else Why.BALANCE
    )


def _left_behind(node: Node, vip: str, first: str) -> bool:
    """Whom it follows is where it is to go."""
    return vip != first and node.ownership.owners.get(first, (0, ""))[1] == node.moves.surplus[vip]


def _arrived(node: Node, now: float) -> None:
    """What its new definition put elsewhere, and is there by all accounts, moves no more."""
    if node.moves.redefined and _settled(node, now):
        owners, targets = node.ownership.owners, node.ownership.targets
        node.moves.redefined = frozenset(
            vip
            for vip in node.moves.redefined
            if vip not in owners or owners[vip][1] != targets.get(vip)
        )


def _withdraw(node: Node) -> None:
    """Offers whose heir is another now are void."""
    for vip, one in tuple(node.handoffs.giving.items()):
        if not one.released and node.moves.surplus.get(vip) != one.heir:
            del node.handoffs.giving[vip]


def _same(node: Node) -> bool:
    """All live peers act on my revision."""
    revision = node.definitions.revision
    return all(p.revision == revision for p in node.detector.peers.values() if p.live)


def _settled(node: Node, now: float) -> bool:
    """All members see the same members and act on the same revision, or had time enough to."""
    if node.view.agreed(node.detector) and _same(node):
        return True
    return now >= max(node.view.changed_at, node.revisions.acted_at) + SETTLE_SECONDS

"""Taking: from assignment to candidate, from silence to a Take, from the kernel's word to holding.

Invariants: only an entitled node means to take; nothing with a live owner is taken, nor what was
released to somebody else; what the kernel did not confirm is not held.
"""

import math
from collections.abc import Container, Mapping
from itertools import islice

from workers.failover.core import handoff, mediation
from workers.failover.core.actions import (
    DECISION_SECONDS,
    Announce,
    FactKind,
    Reason,
    Release,
    Take,
)
from workers.failover.core.assignment import heirs, leader
from workers.failover.core.definitions import AdminState
from workers.failover.core.detector import Verdict
from workers.failover.core.events import Taken
from workers.failover.core.hearing import give_opinion
from workers.failover.core.holdings import Held
from workers.failover.core.messages import CANNOT_MAX, NodeState
from workers.failover.core.node import Node, Refusal
from workers.failover.core.ownership import why
from workers.failover.core.probation import PROBATION_SECONDS
from workers.failover.core.rounds import Check
from workers.failover.core.sentinels import Candidate
from workers.failover.core.takeover import LEASE_SLACK_SECONDS

RETRY_SECONDS, RETRY_MAX_SECONDS = 10.0, 600.0
"""After the kernel refused a VIP, it is tried again; each time it waits twice as long."""
TAKE_VIPS = 512
"""VIPs taken at once; with more, events of others come between."""
FEW_VIPS = 512
LOOK_SECONDS_A_VIP = 25e-6
"""To look at more than a few VIPs takes milliseconds: between two looks is at least that, a VIP."""
GROUND_PEERS = 2
"""Live peers asked for wire proof in each round, beside the witnesses."""


def turn_round(node: Node, now: float) -> None:
    """Close the round that is over, open the next one while somebody has something to ask."""
    if node.rounds.over():
        finished, done = node.rounds.finish(now)
        node.takeover.finish(finished, _heard_macs(node), now)
        node.takeover.report_stuck(_heard_macs(node), node.told_stuck)
        for check in done:
            _checked(node, check, now)
    due = max(node.takeover.deadline(), node.quiet_until)
    if node.rounds.current is None and now >= due:
        node.fencing.ask_witness(now)
        node.takeover.begin(now, _ground(node))


def _ground(node: Node) -> list[str]:
    """Whom to ask for wire proof: the witnesses, and a few live peers."""
    peers = sorted(p.name for p in node.detector.peers.values() if p.verdict is Verdict.ALIVE)
    addresses = [node.definitions.nodes[name].address for name in peers[:GROUND_PEERS]]
    return [*node.definitions.witnesses, *addresses]


def _heard_macs(node: Node) -> dict[str, float]:
    """Map the link addresses of known nodes to when their agents were last heard."""
    return {mac: peer.heard_at for peer in node.detector.peers.values() for mac in peer.macs}


def _checked(node: Node, check: Check, now: float) -> None:
    answered = tuple(vip for vip in check.vips if vip in check.answered)
    silent = tuple(vip for vip in check.vips if vip not in check.answered)
    if check.purpose == "question":
        give_opinion(
            node, check.asker, check.number, silent=silent, held=answered, proved=check.proved
        )
    elif check.purpose == "resume":
        node.resuming = node.rounds.waits_for("resume")
        node.release(list(answered), Reason.CONFLICT)
        node.renew(now)
    else:
        _adopt(node, silent, answered, now)


def _adopt(node: Node, silent: tuple[str, ...], answered: tuple[str, ...], now: float) -> None:
    if answered:
        node.out.act(Release(answered))
    live = [peer for peer in node.detector.peers.values() if peer.live]
    found = set(node.found)
    for vip in (vip for vip in silent if vip in found):
        claimed = any(vip in peer.claims for peer in live)
        epoch = 0 if claimed else node.ownership.epochs.get(vip, 0)
        node.holdings.add(Held(vip, epoch, now, Reason.ADOPTED))
        node.out.tell(FactKind.ADOPTED, Reason.ADOPTED, vip=vip, epoch=epoch)
    done = {*silent, *answered}
    node.found = tuple(vip for vip in node.found if vip not in done)
    node.dirty = node.urgent = True
    node.renew(now)


def looks(node: Node, now: float) -> bool:
    """Whether to reassess in this step; with thousands of VIPs not at every piece of news."""
    return node.dirty and now >= node.ownership.next_look


def reassess(node: Node, now: float) -> None:
    """Who owns what, who should, and so: what do I mean to take, and what to give?"""
    node.dirty = False
    vips = len(node.definitions.vips)
    node.ownership.next_look = now + (LOOK_SECONDS_A_VIP * vips if vips > FEW_VIPS else 0.0)
    ownership = node.ownership
    ownership.collect(node.me, node.holdings, node.detector)
    mediation.watch(node, now)
    weights, welcome = _eligible(node, now)
    barred = _barred(node, weights, now)
    left = _bar_refusing(node, weights, barred, now)
    reserved = handoff.reserved(node)
    ownership.aim(weights, node.definitions, barred, reserved)
    rank = ownership.rank(node.me, weights)
    served = _served(node, reserved)
    node.takeover.forget(served & node.takeover.candidates.keys())
    for vip in served & ownership.orphans.keys():
        del ownership.orphans[vip]
    # Late and drained nodes, last of all, take what no heir has taken: any service before none.
    eligible = node.state in (NodeState.READY, NodeState.DRAINING)
    for vip in node.definitions.vips:
        if vip not in served:
            mine = eligible and (vip in left or node.me not in barred.get(vip, ()))
            _place(node, vip, rank, now, mine=mine)
    node.moves.surplus = _surplus(node, welcome)


def _barred(node: Node, weights: Mapping[str, int], now: float) -> dict[str, set[str]]:
    """VIP -> nodes that cannot hold it, or where its health check fails but not everywhere."""
    barred = node.revisions.barred(node.detector)
    for peer in node.detector.peers.values():
        for vip in peer.cannot:
            barred.setdefault(vip, set()).add(peer.name)
    for vip in node.cannot(now):
        barred.setdefault(vip, set()).add(node.me)
    failing = {p.name: p.unhealthy for p in node.detector.peers.values() if p.unhealthy}
    if node.unhealthy:
        failing[node.me] = frozenset(node.unhealthy)
    node.moves.sick = frozenset()
    if failing:
        _bar_unhealthy(node, weights, failing, barred)
    return barred


def _bar_refusing(
    node: Node, weights: Mapping[str, int], barred: dict[str, set[str]], now: float
) -> set[str]:
    """Who refuses more than it can name keeps what it has; of the rest, anybody else has first try.

    Where there is nobody else, it is tried there: most VIPs may be well. Returns those that others
    are to have for this reason alone, not I.
    """
    refusing: dict[str, Container[str]] = {
        peer.name: peer.claims for peer in node.detector.peers.values() if peer.cannot_more
    }
    if next(islice(node.cannot(now), CANNOT_MAX, None), None) is not None:
        refusing[node.me] = node.holdings.held
    mine = set()
    for vip in node.definitions.vips if refusing else ():
        names = {name for name, held in refusing.items() if vip not in held}
        known = barred.get(vip, set())
        if names and weights.keys() - names - known:
            if node.me in names - known:
                mine.add(vip)
            barred.setdefault(vip, set()).update(names)
    return mine


def _bar_unhealthy(
    node: Node,
    weights: Mapping[str, int],
    failing: Mapping[str, frozenset[str]],
    barred: dict[str, set[str]],
) -> None:
    """VIPs that sit together keep away from where a check of one of them fails.

    Whose check fails everywhere stays where it is: no place is better than another.
    """
    vips = node.definitions.vips
    sick: dict[str, set[str]] = {}
    for vip, definition in vips.items():
        if definition.check:
            names = {name for name, checks in failing.items() if definition.check in checks}
            sick.setdefault(leader(vip, vips), set()).update(names)
    node.moves.sick = frozenset(first for first, names in sick.items() if node.me in names)
    for first, names in sick.items():
        well = weights.keys() - names - barred.get(first, set())
        owner = node.ownership.owners.get(first, (0, ""))[1]
        if well:
            barred.setdefault(first, set()).update(names)
        elif names and owner in weights:
            barred.setdefault(first, set()).update(weights.keys() - {owner})


def _eligible(node: Node, now: float) -> tuple[dict[str, int], bool]:
    """Nodes that may be heirs, with their weights; whether they are there to get more than orphans.

    Nodes that drain are heirs only when there is no other.
    """
    found: dict[NodeState, dict[str, bool]] = {NodeState.READY: {}, NodeState.DRAINING: {}}
    for peer in node.detector.peers.values():
        if peer.verdict is Verdict.ALIVE and node.view.member(peer, node.detector, now):
            found.get(peer.state, {})[peer.name] = peer.late
    found.get(node.state, {})[node.me] = node.late
    nodes = node.definitions.nodes
    weights = heirs(found[NodeState.READY], nodes)
    if any(nodes[name].admin_state is AdminState.ENABLED for name in weights):
        return weights, True
    return heirs(found[NodeState.READY] | found[NodeState.DRAINING], nodes), False


def _surplus(node: Node, welcome: bool) -> dict[str, str]:
    """VIP of mine -> who is to have it; nobody who is there for orphans only, unless I stop."""
    if not welcome and node.state is not NodeState.STOPPING:
        return {}
    targets = node.ownership.targets
    aims = ((vip, targets.get(vip, node.me)) for vip in node.holdings.held)
    return {vip: target for vip, target in aims if target != node.me}


def _served(node: Node, reserved: Mapping[str, str]) -> set[str]:
    """VIPs whose owner lives, or that somebody is about to take."""
    peers = node.detector.peers.values()
    alive = {node.me, *(peer.name for peer in peers if peer.verdict is Verdict.ALIVE)}
    owned = {vip for vip, (_, owner) in node.ownership.owners.items() if owner in alive}
    return owned.union(reserved)


def _place(node: Node, vip: str, rank: int, now: float, *, mine: bool) -> None:
    """Pursue, watch or leave one VIP whose owner does not live, if it has one at all."""
    ownership = node.ownership
    if vip not in ownership.owners and vip not in ownership.orphans:
        ownership.watch(vip, now)
    # Who has counted its silence goes on, whoever became the better heir meanwhile.
    aimed = ownership.targets.get(vip) == node.me or node.takeover.progressing(vip, now)
    if not (mine and (aimed or ownership.overdue(vip, rank, now))):
        if vip in node.takeover.candidates:
            node.takeover.forget((vip,))
        return
    previous = ownership.last_owner.get(vip, "")
    peer = node.detector.peers.get(previous)
    reason = why(peer) if aimed else Reason.HEIR_IDLE
    heard_at = peer.heard_at if peer and peer.heard_at > -math.inf else node.started_at
    node.takeover.pursue(vip, previous, heard_at, reason, peer.lease if peer else 0.0)


def take(node: Node, now: float) -> None:
    """Confer about what is silent, and take what is ready."""
    if not handoff.entitled(node):
        node.takeover.opinions.asked = None
        return
    waives = not any(peer.hearsay for peer in node.detector.peers.values())
    node.takeover.confer(now, _helpers(node), waives=waives)
    ready = [
        candidate
        for candidate in node.takeover.ready(now)
        if candidate.vip not in node.ownership.owners
        and node.fencing.may_take(node.detector, candidate.lease_from, now)
    ]
    if node.dirty and ready:
        ready = _unclaimed(node, ready)
    took, node.took = node.took, False
    node.next_take = now if took and ready else math.inf
    if took or not ready or node.taking:
        return
    knobs = node.definitions.knobs
    for candidate in ready[:TAKE_VIPS]:
        peer = node.detector.peers.get(candidate.previous)
        released = peer is not None and peer.live and peer.state is not NodeState.JOINING
        goodbye = candidate.reason is Reason.OWNER_LEFT or released
        lease = max(candidate.lease, knobs.lease_ttl)
        probation = now + lease + LEASE_SLACK_SECONDS
        reason = candidate.reason
        if reason is Reason.OWNER_DIED and peer and now - peer.heard_at > knobs.lease_ttl:
            reason = Reason.LEASE_ENDED
        node.taking[candidate.vip] = Held(
            candidate.vip,
            node.ownership.next_epoch(candidate.vip),
            now,
            reason,
            candidate.previous,
            0.0 if goodbye else probation,
            candidate.served_at(peer is not None),
            frozenset(candidate.ignored),
        )
    node.lent = node.takeover.forget(list(node.taking))
    node.out.act(Take(tuple(node.taking), now))


def _unclaimed(node: Node, ready: list[Candidate]) -> list[Candidate]:
    """Without those that got an owner, or are about to, by news that were not looked at yet."""
    reserved = handoff.reserved(node)
    claimed = [peer.claims for peer in node.detector.peers.values() if peer.live]
    return [
        c for c in ready if c.vip not in reserved and all(c.vip not in claims for claims in claimed)
    ]


def _helpers(node: Node) -> list[str]:
    states = (NodeState.READY, NodeState.JOINING, NodeState.DRAINING)
    return [
        p.name
        for p in node.detector.peers.values()
        if p.verdict is Verdict.ALIVE and p.state in states and p.name in node.view.members
    ]


def confirm(node: Node, event: Taken, now: float) -> None:
    """Hold what the kernel confirms of a Take; start anew with what grew stale."""
    if event.stale:
        _take_again(node, {*event.added, *(vip for vip, _ in event.failed)}, now)
    for vip in event.added:
        held = node.taking[vip]
        held.since = now
        node.holdings.add(held)
        node.refusals.pop(vip, None)
        node.ownership.note(node.me, {vip: held.epoch}, now)
        since = held.unserved_since
        node.out.tell(
            FactKind.TAKEN,
            held.reason,
            vip=vip,
            node=held.previous,
            epoch=held.epoch,
            view=node.view.hash,
            gap=None if since is None else max(0.0, now - since),
        )
    for vip, sentence in event.failed:
        before = node.refusals.pop(vip, None)
        seconds = min(2 * before.seconds, RETRY_MAX_SECONDS) if before else RETRY_SECONDS
        node.refusals[vip] = Refusal(sentence, now + seconds, seconds)
        node.out.tell(FactKind.FAILED, Reason.KERNEL_REFUSED, vip=vip, detail=sentence)
    if event.added:
        node.probation.next_at = min(node.probation.next_at, now + PROBATION_SECONDS)
        node.out.act(Announce(event.added))
        node.holdings.announce(event.added, node.definitions.knobs.announce_count, now, done=1)
    node.taking.clear()
    node.dirty = node.urgent = node.took = True


def _take_again(node: Node, done: set[str], now: float) -> None:
    """Some were left for lack of time: their silence stands if the decision is still young."""
    decided_at = min((held.since for held in node.taking.values()), default=now)
    if done and now - decided_at <= DECISION_SECONDS:
        node.takeover.resume(one for one in node.lent if one.vip not in done)
    else:
        node.takeover.restart()

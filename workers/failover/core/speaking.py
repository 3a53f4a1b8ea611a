"""Speaking: heartbeats, questions to the silent, announcements; what a node does once per interval.

A lease is renewed before the heartbeat that tells of it, never after.
"""

from workers.failover.core import mediation, moving
from workers.failover.core.actions import Announce, Probe, Probing, Reason
from workers.failover.core.definitions import PartitionPolicy
from workers.failover.core.messages import NodeState
from workers.failover.core.node import Node

GOODBYE_SECONDS = 0.03
ORPHANS_A_TICK = 64


def seek(node: Node, now: float) -> None:
    """Ask who is silent or unclear; when evidence gets old, the witnesses, then the peers."""
    for peer in node.detector.peers.values():
        if peer.unclear:
            node.ask(peer, now)
    quorum = node.definitions.knobs.partition_policy is PartitionPolicy.QUORUM
    if quorum and node.takeover.candidates:
        for peer in node.detector.peers.values():
            if peer.live:
                node.ask(peer, now)
    if now >= max(node.fencing.sought_at(node.detector), node.next_seek, node.quiet_until):
        isolated = node.state is NodeState.ISOLATED
        knobs = node.definitions.knobs
        node.next_seek = now + (knobs.heartbeat_interval if isolated else knobs.probe_interval)
        if node.definitions.witnesses:
            node.fencing.ask_witness(now)
            node.out.act(Probe(node.definitions.witnesses, Probing.CHECK))
        for peer in node.detector.peers.values():
            if peer.live and now >= node.fencing.asked_from(peer, node.detector):
                node.ask(peer, now)


def speak(node: Node, now: float) -> None:
    """Announce, and send the heartbeat that is due or urgent."""
    if now >= node.next_announce_all:
        node.next_announce_all = now + node.definitions.knobs.announce_period
        node.holdings.remind(now)
    vips = node.holdings.due(now)
    if vips:
        for vip in vips:
            node.holdings.held[vip].announced_at = now
        node.out.act(Announce(vips))
    due = now >= node.next_heartbeat
    if due:
        _tick(node, now)
    if due or node.urgent:
        full, node.urgent = node.urgent, False
        node.fencing.spoken_at = now
        node.say(now, full=full)
    if due and node.stop.departing:
        _leave(node, now)


def _tick(node: Node, now: float) -> None:
    """Once per heartbeat interval: renew before speaking, probe, watch orphans, balance."""
    node.next_heartbeat = now + node.definitions.knobs.heartbeat_interval
    node.forgive(now)
    node.renew(now)
    moving.balance(node, now)
    mediation.mediate(node, now)
    orphans = node.ownership.orphans.keys() - node.takeover.candidates.keys()
    if orphans:
        node.dirty = True
        node.out.act(Probe(tuple(sorted(orphans)[:ORPHANS_A_TICK]), Probing.CHECK))


def _leave(node: Node, now: float) -> None:
    node.stop.goodbyes_left -= 1
    node.next_heartbeat = now + GOODBYE_SECONDS
    if node.stop.goodbyes_left <= 0:
        node.exit(Reason.STOPPING)

"""What can go wrong, and how it is mended: each function is one step of a plan.

Cuts add up (two cuts of one pair need two mendings), stops too. A step aimed at a host without a
running agent does nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tests.simulation.network import Layer
from tests.simulation.shell import Point
from workers.failover.core.definitions import AdminState, Vip

if TYPE_CHECKING:
    from tests.simulation.world import World


def power_loss(world: World, name: str) -> None:
    """The port first, then everything: no FIN, no goodbye."""
    world.hosts[name].power_off()


def power_return(world: World, name: str) -> None:
    """The host boots."""
    world.hosts[name].power_on()


def kill(world: World, name: str, restart_after: float | None) -> None:
    """SIGKILL for the agent; its supervisor restarts it, or not."""
    world.hosts[name].kill_agent(restart_after)


def start(world: World, name: str) -> None:
    """Start the agent again."""
    world.hosts[name].wanted = True
    world.hosts[name].start_agent()


def stop(world: World, name: str) -> None:
    """SIGSTOP, a freezer, or a starved loop."""
    agent = world.hosts[name].agent
    if agent is not None:
        agent.stop()


def resume(world: World, name: str) -> None:
    """SIGCONT."""
    agent = world.hosts[name].agent
    if agent is not None:
        agent.go_on()


def starve(world: World, name: str, seconds: float) -> None:
    """The agent's loop gets no CPU for a while."""
    agent = world.hosts[name].agent
    if agent is not None:
        agent.stop()
        world.after(seconds, agent.go_on)


def ambush(world: World, name: str, point: str, seconds: float) -> None:
    """Stop the agent at this point of its next take."""
    agent = world.hosts[name].agent
    if agent is not None:
        agent.ambush = (Point[point], None, seconds)


def assassinate(world: World, name: str, point: str, restart_after: float) -> None:
    """Kill the agent at this point of its next take."""
    agent = world.hosts[name].agent
    if agent is not None:
        agent.ambush = (Point[point], restart_after, 0.0)


def disarm(world: World, name: str) -> None:
    """No ambush any longer."""
    agent = world.hosts[name].agent
    if agent is not None:
        agent.ambush = None


def ask_to_stop(world: World, name: str) -> None:
    """SIGTERM: a clean stop."""
    agent = world.hosts[name].agent
    if agent is not None:
        agent.request_stop()


def cut_port(world: World, name: str, carrier: bool = False) -> None:
    """Nothing passes the host's port; with `carrier` the host sees its link go down."""
    endpoint = world.network.endpoints[name]
    endpoint.port_cuts += 1
    world.network.refresh()
    if carrier and endpoint.port_cuts == 1 and name in world.hosts:
        world.after(0.001, world.hosts[name].carrier, False)


def mend_port(world: World, name: str, carrier: bool = False) -> None:
    """The port works again."""
    endpoint = world.network.endpoints[name]
    endpoint.port_cuts -= 1
    if not endpoint.port_cuts and name in world.hosts:
        world.hosts[name].away_until = world.now
    world.network.refresh()
    if carrier and not endpoint.port_cuts and name in world.hosts:
        world.after(0.001, world.hosts[name].carrier, True)


def _pairs(ones: str, others: str) -> list[tuple[str, str]]:
    return [(a, b) for a in ones.split() for b in others.split() if a != b]


def cut(world: World, layers: str, ones: str, others: str, by: int = 1) -> None:
    """Cut all pairs between two groups in both directions on `layers` (b, arp, both)."""
    for one, other in _pairs(ones, others):
        for layer in _layers(layers):
            world.network.block(layer, one, other, by)
            world.network.block(layer, other, one, by)
    world.network.refresh()


def mend(world: World, layers: str, ones: str, others: str) -> None:
    """Undo a cut."""
    cut(world, layers, ones, others, -1)


def cut_one_way(world: World, layers: str, senders: str, receivers: str, by: int = 1) -> None:
    """The receivers no longer hear the senders."""
    for one, other in _pairs(senders, receivers):
        for layer in _layers(layers):
            world.network.block(layer, one, other, by)
    world.network.refresh()


def mend_one_way(world: World, layers: str, senders: str, receivers: str) -> None:
    """Undo a one-way cut."""
    cut_one_way(world, layers, senders, receivers, -1)


def _layers(layers: str) -> tuple[Layer, ...]:
    return {"b": (Layer.B,), "arp": (Layer.ARP,), "both": (Layer.B, Layer.ARP)}[layers]


def broker_down(world: World, quietly: bool = False) -> None:
    """The broker is killed, or (`quietly`) its host is gone."""
    world.broker.go_down(quietly)


def broker_up(world: World) -> None:
    """The broker is back."""
    world.broker.come_up()


def broker_silent(world: World, names: str, keeps: bool = False) -> None:
    """The brokers of these nodes take messages and pass nothing on (later, with `keeps`)."""
    world.broker.silent |= set(names.split())
    world.broker.keeps = keeps
    world.ears.refresh()


def broker_holds(world: World) -> None:
    """The broker keeps every message for later."""
    world.broker.holding = True
    world.ears.refresh()


def broker_speaks(world: World) -> None:
    """The broker works again; what it held comes in a burst."""
    world.broker.let_go()


def cut_broker(world: World, names: str) -> None:
    """These nodes' connections to the broker carry nothing."""
    world.broker.blocked |= set(names.split())
    world.network.refresh()


def mend_broker(world: World, names: str) -> None:
    """TCP catches up."""
    world.broker.blocked -= set(names.split())
    world.network.refresh()


def quality(world: World, layer: str, **changes: float) -> None:
    """Make a layer worse, or good again."""
    for one in _layers(layer):
        world.network.quality[one] = replace(world.network.quality[one], **changes)


def degrade(world: World, layer: str, loss: float, duplicate: float, spike: float) -> None:
    """Loss, duplicates, and late (reordered) datagrams with these shares."""
    quality(world, layer, loss=loss, duplicate=duplicate, spike=spike, spike_seconds=0.25)


def restore(world: World, layer: str) -> None:
    """The layer is good again."""
    quality(world, layer, loss=0.0, duplicate=0.0, spike=0.0)


def slow_broker(world: World, seconds: float) -> None:
    """Ring A's latency spreads this far."""
    world.broker.spread = seconds


def delay_broker(world: World, seconds: float) -> None:
    """Every word on ring A takes so long."""
    world.broker.latency = seconds / 1.5


def pause(world: World, name: str, keeps_frames: bool) -> None:
    """The hypervisor pauses the machine."""
    world.hosts[name].pause(keeps_frames)


def unpause(world: World, name: str) -> None:
    """And lets it go on."""
    world.hosts[name].unpause()


def define(world: World, name: str, add: str, remove: str) -> None:
    """A new revision arrives on one node's disk."""
    latest = world.latest
    vips = {v: vip for v, vip in latest.vips.items() if v not in remove.split()}
    vips.update({v: Vip(v) for v in add.split()})
    world.latest = replace(latest, revision=latest.revision + 1, vips=vips)
    world.watch.define([v for v in vips if v in world.watch.cells])
    write(world, name)


def set_state(world: World, name: str, names: str, state: str) -> None:
    """A new revision that sets the state of `names` arrives on one node's disk."""
    latest = world.latest
    changed = {n: replace(latest.nodes[n], admin_state=AdminState(state)) for n in names.split()}
    nodes = {**latest.nodes, **changed}
    world.latest = replace(latest, revision=latest.revision + 1, nodes=nodes)
    write(world, name)


def write(world: World, name: str) -> None:
    """Hand the newest definitions to a node, or to another when its host is away."""
    host = world.hosts[name]
    if not host.powered or host.paused:
        awake = (h for h in world.hosts.values() if h.powered and not h.paused)
        host = next(awake, host)
    host.learn(world.latest)


def expect(world: World) -> None:
    """From now on all VIPs of the newest definitions must be served."""
    world.watch.define(list(world.latest.vips))


def break_lease(world: World, name: str) -> None:
    """promote_secondaries came back: this host's lease never ends."""
    world.hosts[name].kernel.lasting = True


def mend_lease(world: World, name: str) -> None:
    """Leases end again."""
    kernel = world.hosts[name].kernel
    kernel.lasting = False
    kernel.wind_up()


def refuse(world: World, name: str, vips: str) -> None:
    """This host's kernel refuses to add these VIPs."""
    world.hosts[name].kernel.refuses |= set(vips.split())


def accept(world: World, name: str) -> None:
    """It takes them again."""
    world.hosts[name].kernel.refuses.clear()


FAULTS: dict[str, Callable[..., Any]] = {
    one.__name__: one
    for one in (
        power_loss, power_return, kill, start, stop, resume, starve, ambush, assassinate, disarm,
        ask_to_stop, cut_port, mend_port, cut, mend, cut_one_way, mend_one_way, broker_down,
        broker_up, broker_silent, broker_holds, broker_speaks, cut_broker, mend_broker, degrade,
        restore, slow_broker, delay_broker, pause, unpause, define, set_state, expect, break_lease,
        mend_lease, refuse, accept,
    )
}  # fmt: skip

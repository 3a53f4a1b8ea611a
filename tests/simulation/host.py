"""One machine of the cluster: power, clock, disk, kernel, and what restarts its agent.

Its clock has an origin of its own and a small drift, and stands still while the machine is paused.
What is on the disk (incarnation, definitions) outlives everything; the rest goes with the power.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from tests.simulation.kernel import Kernel
from tests.simulation.shell import Agent
from workers.failover.core.definitions import Definitions
from workers.failover.core.events import (
    Defined,
    Event,
    KernelChanged,
    LinkChanged,
    Ring,
    RingChanged,
)

if TYPE_CHECKING:
    from tests.simulation.world import World

INTERFACE = "eth0"


class Endpoint:
    """Whatever has a port on the switch: nodes, the witness, clients."""

    def __init__(self, world: World, name: str, address: str, mac: str) -> None:
        self.world = world
        self.name = name
        self.address = address
        self.mac = mac
        self.powered = True
        self.paused = False
        self.port_cuts = 0

    @property
    def attached(self) -> bool:
        """Frames pass between this host and the switch."""
        return self.powered and not self.port_cuts

    def answers_for(self, address: str) -> bool:
        """Whether the kernel answers ARP for `address`."""
        return address == self.address

    def frame(self, asker: Endpoint, addresses: tuple[str, ...], taker: bool) -> None:
        """A request was seen: only agents care."""

    def claimed(self, owner: Endpoint, vips: tuple[str, ...]) -> None:
        """A gratuitous announcement was seen."""

    def answered(self, owner: Endpoint, address: str) -> None:
        """An answer to a request of ours came."""


class Host(Endpoint):
    """A node of the cluster."""

    def __init__(self, world: World, name: str, address: str, mac: str, disk: Definitions) -> None:
        super().__init__(world, name, address, mac)
        self.disk = disk
        self._peers: tuple[str, ...] = ()
        self._peers_of: Definitions | None = None
        self.kernel = Kernel(self)
        self.incarnation = 0
        self.agent: Agent | None = None
        self.wanted = True
        """The supervisor restarts the agent when it ends."""
        self.sick: set[str] = set()
        """Health checks that fail here."""
        self.origin = 10.0 + world.random() * 1e6
        self.rate = 1.0 + (world.random() - 0.5) * 1e-4
        self.stood_still = 0.0
        self.paused_at = self.woke_at = 0.0
        self.waking: list[tuple[Callable[..., None], tuple[object, ...]]] = []
        """Frames that wait in the tap device of a paused machine."""
        self.keeps_frames = False
        self.numb_until = 0.0
        """The last instant at which the agent could not act (stopped, starved, dead, paused)."""
        self.away_until = 0.0
        """The last instant at which the host was off the switch or paused."""

    @property
    def peers(self) -> tuple[str, ...]:
        """Every other node that the definitions on disk name."""
        if self._peers_of is not self.disk:
            self._peers_of = self.disk
            self._peers = tuple(n for n in self.disk.nodes if n != self.name)
        return self._peers

    # -- clock

    def clock(self) -> float:
        """The monotonic clock of this host, seconds."""
        now = self.paused_at if self.paused else self.world.now
        return self.origin + (now - self.stood_still) * self.rate

    def instant(self, clock: float) -> float:
        """The world's time at which the clock will show `clock` (if it runs on)."""
        return (clock - self.origin) / self.rate + self.stood_still

    # -- power and agent

    def power_on(self) -> None:
        """Boot: kernel empty, disk as it was."""
        self.powered = True
        self.wanted = True
        self.world.network.refresh()
        self.start_agent()

    def power_off(self) -> None:
        """Everything ends at once; nobody is told."""
        self.powered = False
        self.wanted = False
        if self.agent is not None:
            self.agent.die()
            self.agent = None
        self.world.broker.drop(self.name, silently=True)
        self.kernel.clear()
        self.world.network.refresh()

    def start_agent(self) -> None:
        """Start the agent under a new incarnation; it finds what the kernel still has."""
        if self.agent is not None or not self.powered or self.name not in self.disk.nodes:
            return
        self.incarnation += 1
        self.agent = Agent(self)
        self.numb_until = self.world.now
        self.world.disturb()
        self.world.note("agent", f"{self.name}: started, incarnation {self.incarnation}")
        self.agent.start()

    def kill_agent(self, restart_after: float | None) -> None:
        """SIGKILL; the supervisor starts a new one after `restart_after` (never when None)."""
        if self.agent is None:
            return
        self.wanted = restart_after is not None
        self.agent.die()
        self.agent = None
        self.numb_until = self.world.now
        self.world.broker.drop(self.name, silently=False)
        if restart_after is not None:
            self.world.after(restart_after, self._restart)

    def agent_exited(self, agent: Agent) -> None:
        """The agent ended by itself: for good after a stop, else the supervisor starts another."""
        if agent is not self.agent:
            return
        self.agent = None
        self.world.broker.drop(self.name, silently=False)
        if agent.stop_requested:
            self.wanted = False
            if self.kernel.held:
                self.world.fail("left behind", f"{self.name} stopped and still has VIPs")
        elif agent.successor_after is None:
            self.wanted = False
        else:
            self.world.after(agent.successor_after, self._restart)

    def _restart(self) -> None:
        if self.wanted:
            self.start_agent()

    # -- what the agent is told

    def tell(self, source: str, event: Event) -> None:
        """Give the agent an event, if there is one."""
        if self.paused:
            if self.keeps_frames or source == "amqp":
                self.waking.append((self.tell, (source, event)))
            return
        if self.agent is not None:
            self.agent.receive(source, event)

    def from_wire(self, source: str, event: Event) -> None:
        """The same for what comes through the port, which may be cut by now."""
        if self.powered and not self.port_cuts:
            self.tell(source, event)

    def lease_ended(self, gone: tuple[str, ...]) -> None:
        """The kernel tells the agent which VIPs it removed."""
        self.world.after(0.0005, self.tell, "rtm", KernelChanged(gone=gone))

    def carrier(self, up: bool) -> None:
        """The interface's carrier changed."""
        self.tell("rtm", LinkChanged(INTERFACE, up))

    def ring_a(self, up: bool) -> None:
        """The connection to the broker came or went."""
        self.tell("amqp", RingChanged(Ring.A, up))

    def learn(self, definitions: Definitions) -> None:
        """Definitions arrived (an operator, the manager or a peer): disk first, then the agent."""
        if not self.powered or self.paused or definitions.revision <= self.disk.revision:
            return
        self.disk = definitions
        self.tell("udp", Defined(definitions))

    # -- the wire

    def answers_for(self, address: str) -> bool:
        """The kernel answers for its own address and every VIP it has."""
        return not self.paused and (address == self.address or address in self.kernel.held)

    def frame(self, asker: Endpoint, addresses: tuple[str, ...], taker: bool) -> None:
        """A taker's probe was seen; of ordinary requests and their senders agents are not told."""
        if taker:
            for address in addresses:
                self.tell("arp", self.world.network.sighting("PROBE", address, asker.mac))

    def claimed(self, owner: Endpoint, vips: tuple[str, ...]) -> None:
        """Another host's gratuitous ARP."""
        for vip in vips:
            self.tell("arp", self.world.network.sighting("CLAIM", vip, owner.mac))

    def answered(self, owner: Endpoint, address: str) -> None:
        """An answer to a request of this host's agent."""
        self.tell("arp", self.world.network.sighting("ANSWER", address, owner.mac))

    # -- a paused machine

    def pause(self, keeps_frames: bool) -> None:
        """The hypervisor stops the machine: clock, kernel timers, everything."""
        if not self.paused:
            self.paused_at = self.world.now
            self.paused = True
            self.keeps_frames = keeps_frames
            self.world.network.refresh()

    def unpause(self) -> None:
        """The machine goes on as if nothing had been."""
        if not self.paused:
            return
        gap = self.world.now - self.paused_at
        self.stood_still += gap
        self.paused = False
        self.woke_at = self.world.now
        self.kernel.shift(gap)
        waiting, self.waking = self.waking, []
        self.numb_until = self.away_until = self.world.now
        self.world.network.refresh()
        if self.agent is not None and self.agent.running:
            self.agent.finish()
        for action, arguments in waiting:
            action(*arguments)
        if self.agent is not None:
            self.agent.rearm()

"""The switch, by layer: ring B's datagrams between nodes, and ARP between all that have a port.

Each layer can be cut for one direction of one pair, and loses, delays, reorders and duplicates.
What a client reaches is what ARP reaches in both directions. Nothing here knows who should own
what.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import Enum, auto
from functools import lru_cache
from heapq import heappush
from typing import TYPE_CHECKING

from tests.simulation.host import Endpoint, Host
from tests.simulation.traps import overhear
from workers.failover.core.actions import Probing, Send
from workers.failover.core.events import Received, Ring, Seen, Sighting
from workers.failover.core.messages import Heartbeat

if TYPE_CHECKING:
    from tests.simulation.world import World


class Layer(Enum):
    """What a cut cuts."""

    B = auto()
    ARP = auto()


@dataclass(slots=True)
class Quality:
    """How badly a layer treats what it carries; seconds and shares."""

    latency: float = 0.0001
    spread: float = 0.0005
    loss: float = 0.0
    duplicate: float = 0.0
    spike: float = 0.0
    spike_seconds: float = 0.0


class Client(Endpoint):
    """Asks the VIPs all the time through its kernel's neighbour cache."""

    def __init__(self, world: World, name: str, address: str, mac: str) -> None:
        super().__init__(world, name, address, mac)
        self.cache: dict[str, Endpoint] = {}

    def claimed(self, owner: Endpoint, vips: tuple[str, ...]) -> None:
        """An announcement corrects the cache."""
        for vip in vips:
            if self.cache.get(vip) is not owner:
                self.cache[vip] = owner
                self.world.watch.cached(self, vip)


@dataclass
class Reach:
    """Who hears whom, by layer, recomputed whenever something changes."""

    b: dict[str, frozenset[str]] = field(default_factory=dict)
    arp: dict[str, tuple[Endpoint, ...]] = field(default_factory=dict)
    arp_names: dict[str, frozenset[str]] = field(default_factory=dict)


class Network:
    """Carries messages and frames between endpoints."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.endpoints: dict[str, Endpoint] = {}
        self.by_mac: dict[str, Endpoint] = {}
        self.quality = {Layer.B: Quality(), Layer.ARP: Quality()}
        self.blocked: dict[Layer, Counter[tuple[str, str]]] = {
            Layer.B: Counter(),
            Layer.ARP: Counter(),
        }
        self.reach = Reach()

    def add(self, endpoint: Endpoint) -> None:
        """Plug an endpoint in."""
        self.endpoints[endpoint.name] = endpoint
        self.by_mac[endpoint.mac] = endpoint

    # -- topology

    def block(self, layer: Layer, sender: str, receiver: str, by: int = 1) -> None:
        """Cut (by=1) or mend (by=-1) one direction; cuts add up."""
        self.blocked[layer][sender, receiver] += by

    def refresh(self) -> None:
        """Work out anew who hears whom."""
        attached = [e for e in self.endpoints.values() if e.attached]
        b, arp = self.blocked[Layer.B], self.blocked[Layer.ARP]
        reach = Reach()
        for name, sender in self.endpoints.items():
            others = [e for e in attached if e is not sender] if sender.attached else []
            reach.arp[name] = tuple(e for e in others if not arp.get((name, e.name)))
            reach.arp_names[name] = frozenset(e.name for e in reach.arp[name])
            reach.b[name] = frozenset(e.name for e in others if not b.get((name, e.name)))
        self.reach = reach
        self.world.broker.refresh()
        self.world.ears.refresh()
        self.world.watch.reach_changed()

    def meets(self, one: str, other: str) -> bool:
        """Whether frames pass both ways."""
        return other in self.reach.arp_names[one] and one in self.reach.arp_names[other]

    # -- messages

    def send(self, host: Host, action: Send) -> None:
        """Carry a message on the rings the machine named."""
        if self.world.traps and isinstance(action.message, Heartbeat):
            overhear(self.world, host, action.message)
        if action.ring_b:
            targets = action.to or host.peers
            event = Received(Ring.B, action.message)
            for name in targets:
                if name in self.reach.b[host.name]:
                    self._datagram(self.world.hosts[name], event)
        if action.ring_a:
            self.world.broker.publish(host.name, Received(Ring.A, action.message))

    def _datagram(self, receiver: Host, event: Received) -> None:
        world, quality = self.world, self.quality[Layer.B]
        random = world.random
        if quality.loss and random() < quality.loss:
            return
        delay = quality.latency + quality.spread * random()
        if quality.spike and random() < quality.spike:
            delay += quality.spike_seconds * random()
        heappush(world.heap, (world.now + delay, world.tick(), receiver.from_wire, ("udp", event)))
        if quality.duplicate and random() < quality.duplicate:
            world.after(delay + random() * 0.05, receiver.from_wire, "udp", event)

    def hand(self, host: Host, to: str) -> None:
        """Definitions in pieces on ring B: they arrive whole or not at all."""
        if to not in self.reach.b[host.name] or to not in self.world.hosts:
            return
        if self.world.random() < self.quality[Layer.B].loss:
            return
        delay = 0.002 + self.world.random() * 0.02
        self.world.after(delay, self.world.hosts[to].learn, host.disk)

    # -- frames

    @staticmethod
    @lru_cache(maxsize=4096)
    def sighting(seen: str, address: str, mac: str) -> Sighting:
        """A Sighting; they are values, so one of each is enough."""
        return Sighting(Seen[seen], address, mac)

    def _passes(self) -> float | None:
        """The delay of one frame, or None when it is lost."""
        quality, random = self.quality[Layer.ARP], self.world.random
        if quality.loss and random() < quality.loss:
            return None
        delay = quality.latency + quality.spread * random()
        if quality.spike and random() < quality.spike:
            delay += quality.spike_seconds * random()
        return delay

    def ask(self, host: Host, addresses: tuple[str, ...], probing: Probing, mac: str) -> None:
        """Send one request for each address."""
        targets = self.reach.arp[host.name]
        if probing is Probing.UNICAST:
            only = self.by_mac.get(mac)
            targets = (only,) if only in targets else ()
        lossy = self.quality[Layer.ARP].loss > 0
        taker = probing is Probing.TAKER
        for target in targets:
            if type(target) is Client:
                continue
            for part in [(one,) for one in addresses] if lossy else [addresses]:
                delay = self._passes()
                if delay is not None:
                    self.world.after(delay, self._request, host, target, part, taker)

    def _request(
        self, asker: Host, target: Endpoint, addresses: tuple[str, ...], taker: bool
    ) -> None:
        if target.paused and isinstance(target, Host):
            if target.keeps_frames:
                target.waking.append((self._request, (asker, target, addresses, taker)))
            return
        if not target.attached:
            return
        target.frame(asker, addresses, taker)
        if asker.name in self.reach.arp_names[target.name]:
            for address in addresses:
                if target.answers_for(address):
                    delay = self._passes()
                    if delay is not None:
                        self.world.after(delay, self._answer, asker, target, address)

    def _answer(self, asker: Host, target: Endpoint, address: str) -> None:
        if asker.attached:
            asker.answered(target, address)

    def announce(self, host: Host, vips: tuple[str, ...]) -> None:
        """Gratuitous ARP to everybody in reach."""
        self._tell(host, host, vips)

    def refer(self, host: Host, vips: tuple[str, ...], mac: str) -> None:
        """The same, of VIPs that are elsewhere."""
        self._tell(host, self.by_mac[mac], vips)

    def _tell(self, host: Host, owner: Endpoint, vips: tuple[str, ...]) -> None:
        self.world.watch.announced(host, vips)
        lossy = self.quality[Layer.ARP].loss > 0
        for target in self.reach.arp[host.name]:
            if target is owner:
                continue
            for part in [(one,) for one in vips] if lossy else [vips]:
                delay = self._passes()
                if delay is not None:
                    self.world.after(delay, self._claim, owner, target, part)

    def _claim(self, host: Host, target: Endpoint, vips: tuple[str, ...]) -> None:
        if target.paused and isinstance(target, Host):
            if target.keeps_frames:
                target.waking.append((self._claim, (host, target, vips)))
        elif target.attached:
            target.claimed(host, vips)

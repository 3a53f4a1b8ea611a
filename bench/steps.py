"""How long the machine's steps take: whole clusters of pure machines in virtual time.

Machines, codec and clock are real, the network is perfect and the kernels are sets: what is
measured is CPU time of deciding, encoding and decoding, never time on a wire. What it costs to
put addresses on a kernel is not seen here.
"""

import heapq
import itertools
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from workers.bus.codec import Codec
from workers.failover.core import actions as act
from workers.failover.core import events as ev
from workers.failover.core.definitions import Definitions, Knobs, Node, Topology, Vip
from workers.failover.core.machine import Machine
from workers.failover.core.messages import Message

WAY_SECONDS = 0.0003
RING_A_SECONDS = 0.001
WAKE_SECONDS = 0.0002
GATEWAY, GATEWAY_MAC = "10.0.0.1", "02:00:00:00:01:01"
_KEY = b"0123456789abcdef0123456789abcdef"


@dataclass(slots=True)
class Cost:
    """CPU seconds spent by one node in one phase."""

    spent: float = 0.0
    steps: int = 0
    longest: float = 0.0
    longest_on: str = ""

    def add(self, seconds: float, what: str) -> None:
        """One step took so long."""
        self.spent += seconds
        self.steps += 1
        if seconds > self.longest:
            self.longest, self.longest_on = seconds, what


@dataclass(slots=True)
class Host:
    """A node: its machine and its kernel's addresses."""

    name: str
    mac: str
    machine: Machine
    held: set[str] = field(default_factory=set)
    alive: bool = True
    armed: float = float("inf")
    cost: Cost = field(default_factory=Cost)
    ring: Cost = field(default_factory=Cost)
    """Encoding and decoding."""


def definitions(nodes: int, vips: int, revision: int = 1, **knobs: Any) -> Definitions:
    """A subcluster of `nodes` nodes with `vips` VIPs without preference."""
    names = [f"n{number:02d}" for number in range(1, nodes + 1)]
    return Definitions(
        cluster="bench",
        subcluster="steps",
        revision=revision,
        knobs=Knobs(**knobs),
        topologies=(Topology("10.0.0.0/8", "eth0", (GATEWAY,)),),
        nodes={name: Node(name, f"10.1.0.{at}") for at, name in enumerate(names, 1)},
        vips={vip: Vip(vip) for vip in (f"10.2.{n >> 8}.{n & 255}" for n in range(vips))},
    )


class Cluster:
    """All machines and what is on its way between them."""

    def __init__(self, defined: Definitions, *, ring_a: bool = True) -> None:
        self.defined = defined
        self.ring_a = ring_a
        self.now = 100.0
        self._heap: list[tuple[float, int, Callable[..., None], tuple[Any, ...]]] = []
        self._tick = itertools.count()
        self.hosts: dict[str, Host] = {}
        self.owner: dict[str, Host] = {}
        self.taken_at: dict[str, float] = {}
        names = (defined.cluster, defined.subcluster)
        self.codec: Codec[Message] = Codec(*names, [_KEY], Message)
        self.largest = self.sent = 0
        """Bytes of the largest message; bytes of all, counted once for each receiver."""

    # Time.

    def after(self, seconds: float, action: Callable[..., None], *arguments: Any) -> None:
        """Do something later."""
        heapq.heappush(self._heap, (self.now + seconds, next(self._tick), action, arguments))

    def run(self, seconds: float) -> None:
        """Let the time pass."""
        ends = self.now + seconds
        while self._heap and self._heap[0][0] <= ends:
            self.now, _, action, arguments = heapq.heappop(self._heap)
            action(*arguments)
        self.now = ends

    @contextmanager
    def phase(self) -> Iterator[None]:
        """Count costs from here."""
        self.largest = self.sent = 0
        for host in self.hosts.values():
            host.cost, host.ring = Cost(), Cost()
        yield

    # Nodes.

    def start(self, name: str, incarnation: int = 1) -> None:
        """Start a node's agent on an empty kernel."""
        number = list(self.defined.nodes).index(name) + 1
        mac = f"02:00:00:00:00:{number:02x}"
        machine = Machine(name, self.defined, incarnation, (mac,))
        host = self.hosts[name] = Host(name, mac, machine)
        self.step(host, ev.Started(()))
        for ring in ev.Ring:
            self.step(host, ev.RingChanged(ring, ring is ev.Ring.B or self.ring_a))

    def kill(self, name: str) -> None:
        """Power loss."""
        host = self.hosts.pop(name)
        host.alive = False
        self.owner = {vip: owner for vip, owner in self.owner.items() if owner is not host}

    def step(self, host: Host, event: ev.Event) -> None:
        """Have a machine decide, and carry out what it wants."""
        if not host.alive:
            return
        began = time.thread_time()
        actions, _facts = host.machine.decide(event, self.now)
        host.cost.add(time.thread_time() - began, _name(event))
        for action in actions:
            self._perform(host, action)
        due = host.machine.deadline()
        if due < host.armed:
            host.armed = due
            self.after(max(0.0, due - self.now) + WAKE_SECONDS, self._wake, host, due)

    def _wake(self, host: Host, due: float) -> None:
        if host.armed != due:
            return
        host.armed = float("inf")
        if host.machine.deadline() <= self.now:
            self.step(host, ev.Wake())
        elif host.machine.deadline() < float("inf"):
            host.armed = host.machine.deadline()
            self.after(host.armed - self.now + WAKE_SECONDS, self._wake, host, host.armed)

    # What machines want.

    def _perform(self, host: Host, action: act.Action) -> None:
        match action:
            case act.Send():
                self._send(host, action)
            case act.Probe():
                self._probe(host, action)
            case act.Take():
                for vip in action.vips:
                    host.held.add(vip)
                    self.owner[vip] = host
                    self.taken_at[vip] = self.now
                self.step(host, ev.Taken(action.vips))
            case act.Release():
                for vip in action.vips:
                    host.held.discard(vip)
                    if self.owner.get(vip) is host:
                        del self.owner[vip]
            case _:
                pass

    def _send(self, host: Host, action: act.Send) -> None:
        began = time.thread_time()
        data = self.codec.encode(action.message)
        host.ring.add(time.thread_time() - began, "encode")
        self.largest = max(self.largest, len(data))
        for name in action.to or tuple(self.hosts):
            if name != host.name and name in self.hosts:
                self._deliver(name, ev.Ring.B, data, WAY_SECONDS)
        if action.ring_a and self.ring_a:
            for name in self.hosts:
                if name != host.name:
                    self._deliver(name, ev.Ring.A, data, RING_A_SECONDS)

    def _deliver(self, name: str, ring: ev.Ring, data: bytes, seconds: float) -> None:
        self.sent += len(data)
        self.after(seconds, self._receive, self.hosts[name], ring, data)

    def _receive(self, host: Host, ring: ev.Ring, data: bytes) -> None:
        if host.alive:
            began = time.thread_time()
            message = self.codec.decode(data)
            host.ring.add(time.thread_time() - began, "decode")
            self.step(host, ev.Received(ring, message))

    def _probe(self, host: Host, action: act.Probe) -> None:
        for address in action.addresses:
            owner = self.owner.get(address)
            mac = GATEWAY_MAC if address == GATEWAY else owner.mac if owner else self._own(address)
            if mac and mac != host.mac:
                seen = ev.Sighting(ev.Seen.ANSWER, address, mac)
                self.after(WAY_SECONDS, self.step, host, seen)
        if action.probing is act.Probing.TAKER:
            for other in tuple(self.hosts.values()):
                if other is not host:
                    for address in action.addresses:
                        seen = ev.Sighting(ev.Seen.PROBE, address, host.mac)
                        self.after(WAY_SECONDS, self.step, other, seen)

    def _own(self, address: str) -> str:
        for host in self.hosts.values():
            if self.defined.nodes[host.name].address == address:
                return host.mac
        return ""


def _name(event: ev.Event) -> str:
    if isinstance(event, ev.Received):
        return f"{type(event.message).__name__} {event.ring.value}"
    return type(event).__name__

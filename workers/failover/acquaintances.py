"""Learns whom the kernel knows on the wire, tells the peers, and hears what they know.

Only where `announce_to` is `interest`. What is then done with it is decided in `core.interest`.
Bounded: at most 256 hosts for each interface, every 5 s, on ring B alone.
"""

import ipaddress
import time
from asyncio import AbstractEventLoop, TimerHandle
from collections.abc import Callable
from contextlib import AbstractContextManager

from workers.failover.core.actions import Fact, FactKind, Probe, Probing, Send
from workers.failover.core.definitions import AnnounceTo, Definitions
from workers.failover.core.interest import Interest, choose, unpack_mac
from workers.failover.core.messages import Neighbourhood
from workers.failover.neighbours import Neighbours
from workers.failover.netlink import KernelNeighbour, Requests

TELL_SECONDS = 5.0


class Acquaintances:
    """`send`: how a message goes to the peers."""

    def __init__(
        self,
        node: str,
        definitions: Definitions,
        neighbours: Neighbours,
        send: Callable[[Send], None],
    ) -> None:
        self._node, self._neighbours, self._send = node, neighbours, send
        self._requests = Requests()
        self._timer: TimerHandle | None = None
        self.redefine(definitions)

    @property
    def _interest(self) -> Interest:
        return self._neighbours.interest

    def open(
        self, loop: AbstractEventLoop, guard: Callable[[], AbstractContextManager[None]]
    ) -> None:
        """Meet now, and from now on; `guard`: around each time."""
        with guard():
            self.meet()
        self._timer = loop.call_later(TELL_SECONDS, self.open, loop, guard)

    def close(self) -> None:
        """Meet no more."""
        if self._timer is not None:
            self._timer.cancel()
        self._requests.close()

    def redefine(self, definitions: Definitions) -> None:
        """Follow the setting, and the nodes there are."""
        self._wanted = definitions.knobs.announce_to is AnnounceTo.INTEREST
        self._interest.keep_only(definitions.nodes)

    def note(self, fact: Fact) -> None:
        """When a peer is alive again, or this node changed its state, everybody is told."""
        if fact.kind in (FactKind.ALIVE, FactKind.STATE):
            self._interest.healed(time.monotonic())

    def hear(self, message: Neighbourhood) -> None:
        """A peer tells whom it knows."""
        hosts = [(to, mac) for to, mac in message.hosts if _is_address(to) and unpack_mac(mac)]
        self._interest.hear(message.node, hosts, time.monotonic())

    def meet(self) -> None:
        """Look whom the kernel knows, tell the peers, and ask for named hosts that nobody knows."""
        if not self._wanted:
            return
        links = self._neighbours.link_numbers()
        met = [one for one in self._requests.neighbours() if one.ifindex in links and one.known]
        met.sort(key=KernelNeighbour.age)
        hosts = choose((one.ifindex, one.address, one.mac) for one in met)
        self._interest.known = dict(hosts)
        self._send(Send(Neighbourhood(node=self._node, hosts=hosts), ring_a=False))
        unknown = self._interest.unknown()
        if unknown:
            self._neighbours.probe(Probe(tuple(unknown), Probing.CHECK))


def _is_address(text: str) -> bool:
    try:
        return "%" not in text and bool(ipaddress.ip_address(text))
    except ValueError:
        return False

"""Hosts of interest: who is told of a VIP one by one, and when everybody is told instead.

Told are the gateways and hosts that the definitions name, and whom any node's kernel has lately
known on the wire: among them are all that may remember the old owner. Invariant: whoever is named
is told; where one of them cannot be reached by itself, or many VIPs meet many hosts, all are told.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from workers.failover.core.messages import NEIGHBOURS_MAX

Host = tuple[str, str]
"""Address and link address."""

PER_INTERFACE = 256
"""Hosts that a node tells of, for each of its interfaces."""
FRAMES_MAX = 4096
"""Telling hosts one by one may take so many frames; beyond, one to all for each VIP is cheaper."""
KEPT_SECONDS = 600.0
"""So long a node's list is good: longer than its neighbours remember it without asking."""
HEALING_SECONDS = 1.5
"""After a link or a peer came back everybody is told: lists of before say little."""


@dataclass(slots=True)
class Interest:
    """What one node knows of the hosts on its wires. Instants are its monotonic seconds."""

    named: frozenset[str] = frozenset()
    """Witnesses and hosts of interest in the definitions."""
    known: dict[str, str] = field(default_factory=dict)
    """Address -> link address, by my own kernel."""
    answered: dict[str, str] = field(default_factory=dict)
    """The same by answers of named hosts to my questions."""
    heard: dict[str, tuple[float, tuple[Host, ...]]] = field(default_factory=dict)
    """Node -> when it told, and of whom."""
    healing_until: float = 0.0

    def hear(self, node: str, hosts: Iterable[Host], now: float) -> None:
        """Keep what a peer tells, instead of what it told before."""
        self.heard[node] = (now, tuple(hosts)[:NEIGHBOURS_MAX])

    def answer(self, address: str, mac: str) -> None:
        """A host answered for an address."""
        if address in self.named:
            self.answered[address] = mac

    def redefine(self, named: Iterable[str]) -> None:
        """Follow who is named."""
        self.named = frozenset(named)
        self.answered = {a: mac for a, mac in self.answered.items() if a in self.named}

    def keep_only(self, peers: Iterable[str]) -> None:
        """Forget what nodes told that are no longer defined."""
        kept = set(peers)
        self.heard = {node: told for node, told in self.heard.items() if node in kept}

    def healed(self, now: float) -> None:
        """A link or a peer came back."""
        self.healing_until = now + HEALING_SECONDS

    def unknown(self) -> list[str]:
        """Named hosts whose link address nobody knows."""
        known = self._everybody(now=None)
        return sorted(host for host in self.named if host not in known)

    def audience(
        self, interface: str, size: int, vips: int, places: Mapping[str, str], now: float
    ) -> tuple[bytes, ...] | None:
        """Link addresses to tell of `vips` addresses of `size` bytes; None: tell everybody.

        `places`: address -> interface, of hosts that lie in a topology; others may be anywhere.
        """
        if now < self.healing_until or not self.heard:
            return None
        known = {
            address: packed
            for address, mac in self._everybody(now).items()
            if _size(address) == size and (packed := unpack_mac(mac))
        }
        macs = {packed for a, packed in known.items() if places.get(a, interface) == interface}
        missing = [
            host
            for host in self.named
            if _size(host) == size and places.get(host) == interface and host not in known
        ]
        lists = [*(hosts for _, hosts in self.heard.values()), tuple(self.known.items())]
        here = (sum(places.get(a, interface) == interface for a, _ in hosts) for hosts in lists)
        cut = max(map(len, lists)) >= NEIGHBOURS_MAX or max(here) >= PER_INTERFACE
        if missing or cut or not macs or len(macs) * vips > FRAMES_MAX:
            return None
        return tuple(sorted(macs))

    def hosts(self) -> list[str]:
        """Every address of which somebody told."""
        return list(self._everybody(now=None))

    def _everybody(self, now: float | None) -> dict[str, str]:
        """Address -> link address; the newest word counts, my own most."""
        told = sorted(self.heard.values(), key=lambda one: one[0])
        fresh = [hosts for at, hosts in told if now is None or now - at <= KEPT_SECONDS]
        others = {address: mac for hosts in fresh for address, mac in hosts}
        return others | self.answered | self.known


def choose(listed: Iterable[tuple[int, str, str]]) -> tuple[Host, ...]:
    """Whom to tell the peers of; (interface number, address, link address) as the kernel lists."""
    counts: dict[int, int] = {}
    chosen: list[Host] = []
    for index, address, mac in listed:
        counts[index] = counts.get(index, 0) + 1
        if counts[index] <= PER_INTERFACE and len(chosen) < NEIGHBOURS_MAX:
            chosen.append((address, mac))
    return tuple(chosen)


def unpack_mac(mac: str) -> bytes | None:
    """The bytes of one host's link address; None for anything else."""
    try:
        packed = bytes.fromhex(mac.replace(":", ""))
    except ValueError:
        return None
    return packed if len(packed) == 6 and any(packed) and not packed[0] & 1 else None


def _size(address: str) -> int:
    return 16 if ":" in address else 4

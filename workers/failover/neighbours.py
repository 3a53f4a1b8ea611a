"""Raw ARP and neighbour discovery on the topology interfaces: asks, announces, and sees.

Reported is only what other hosts say about VIPs, and their answers about witnesses and peers; our
own frames never are. What an answer means is decided by the core.
"""

import itertools
import socket
import time
from collections import Counter
from collections.abc import Iterable

from workers.failover import capability, leases
from workers.failover.core import frames
from workers.failover.core.actions import Probe, Probing, Refer
from workers.failover.core.definitions import AnnounceTo, Definitions
from workers.failover.core.events import Seen, Sighting
from workers.failover.core.interest import Interest
from workers.failover.errors import InterfaceError, NeighboursError
from workers.failover.layout import Layout, Place, lay_out
from workers.failover.netlink import (
    IFA_F_DADFAILED,
    SCOPE_GLOBAL,
    SCOPE_LINK,
    KernelAddress,
    Requests,
)
from workers.failover.wire import Wire

FRAMES_PER_READ = 256
"""Of one interface, so that a flood cannot hold the loop."""
_SPEAK_SECONDS = 0.015
_SPEAK_AT_ONCE = 2048
_ANSWER_SECONDS = 1.0
"""A DAD probe is answered to all nodes (RFC 4861, 7.2.4); within this time it is our answer."""
_FAMILIES = {4: socket.AF_INET, 16: socket.AF_INET6}


class Neighbours:
    """All raw frames of one node. Raises `NeighboursError` when they are not possible."""

    def __init__(self, node: str, definitions: Definitions) -> None:
        if not capability.has(capability.Capability.NET_RAW):
            raise NeighboursError("ARP cannot be spoken without CAP_NET_RAW; run as root")
        self._node = node
        self._wires: dict[str, Wire] = {}
        self._asked: dict[bytes, float] = {}
        """When we last sent a DAD probe for an IPv6 address."""
        self._unasked: set[str] = set()
        self._unsaid: dict[str, tuple[bytes, ...] | None] = {}
        """VIPs to announce, in order, and the link addresses to tell; None: everybody."""
        self.interest = Interest()
        self.more = False
        """The last read left frames in a socket."""
        self.malformed = 0
        """Frames that the filter let through and that were no proper frames."""
        self.errors = 0
        """Frames that could not be sent: the link is down, or the kernel has no room for more."""
        self.redefine(definitions)

    def redefine(self, definitions: Definitions) -> None:
        """Follow new interfaces, VIPs, witnesses and peers; nothing changes if they do not fit."""
        requests = Requests()
        try:
            layout = lay_out(self._node, definitions, requests.links())
            wires = self._open(layout, requests)
        finally:
            requests.close()
        vips = self._places_of(layout, definitions.vips)
        peers = [n.address for name, n in definitions.nodes.items() if name != self._node]
        interest = {host for t in definitions.topologies for host in t.interest}
        others = self._places_of(layout, [*definitions.witnesses, *peers, *interest])
        self._listen(wires, vips, others)
        for name, wire in self._wires.items():
            if wires.get(name) is not wire:
                wire.close()
        self._wires = wires
        self._layout = layout
        self._selective = definitions.knobs.announce_to is AnnounceTo.INTEREST
        self.interest.redefine({*definitions.witnesses, *interest})
        self._unreported = interest.difference(definitions.witnesses, peers, definitions.vips)
        self._vips = {place.packed: place.address for place in vips}
        self._names = {place.packed: place.address for place in [*others, *vips]}
        self._places = {place.address: place for place in [*others, *vips]}

    def close(self) -> None:
        """Close all sockets."""
        for wire in self._wires.values():
            wire.close()
        self._wires.clear()

    def filenos(self) -> tuple[int, ...]:
        """Readable when somebody spoke."""
        return tuple(number for wire in self._wires.values() for number in wire.filenos())

    def probe(self, probe: Probe) -> None:
        """Send one question for each address; addresses not in the definitions are passed over."""
        self._refresh()
        to = None
        if probe.probing is Probing.UNICAST:
            to = bytes.fromhex(probe.mac.replace(":", ""))
        for address in probe.addresses:
            place = self._places.get(address)
            if place is None:
                continue
            size, wire = len(place.packed), self._wires[place.interface]
            source = wire.sources[size]
            if probe.probing is Probing.TAKER:
                self._note_asked(place.packed)
                question = frames.question(place.packed, wire.mac, None)
            else:
                question = frames.question(place.packed, wire.mac, source, to)
            if not self._send(wire, size, question):
                self._unasked.add(address)

    def announce(self, vips: Iterable[str]) -> None:
        """Tell everybody on the segment, or the hosts of interest, that each VIP is here.

        Of thousands some may wait; call `speak` in the next turns of the loop while it is true.
        """
        places = [self._places[vip] for vip in vips if vip in self._places]
        counts = Counter((place.interface, len(place.packed)) for place in places)
        audiences = {where: self._audience(*where, count) for where, count in counts.items()}
        for place in places:
            self._unsaid[place.address] = audiences[place.interface, len(place.packed)]
        self.speak()

    def send(self, action: Probe | Refer) -> None:
        """Send the frames of an action at once."""
        if isinstance(action, Refer):
            self.refer(action)
        else:
            self.probe(action)

    def refer(self, refer: Refer) -> None:
        """Tell everybody once that VIPs are at another node's link address."""
        self._refresh()
        theirs = bytes.fromhex(refer.mac.replace(":", ""))
        for place in (self._places[vip] for vip in refer.vips if vip in self._places):
            wire = self._wires[place.interface]
            frame = frames.announcement(place.packed, theirs)
            # Sent from our own link address: the switch must not look for theirs at our port.
            self._send(wire, len(place.packed), frame[:6] + wire.mac + frame[12:])

    def speak(self) -> bool:
        """Announce the next of those that wait; whether there are more."""
        self._refresh()
        until = time.monotonic() + _SPEAK_SECONDS
        for vip in tuple(itertools.islice(self._unsaid, _SPEAK_AT_ONCE)):
            if time.monotonic() > until:
                break
            audience = self._unsaid.pop(vip)
            place = self._places.get(vip)
            if place is None:
                continue
            wire, size = self._wires[place.interface], len(place.packed)
            frame = frames.announcement(place.packed, wire.mac)
            for told in (frame,) if audience is None else (to + frame[6:] for to in audience):
                self._send(wire, size, told)
        return bool(self._unsaid)

    def _audience(self, interface: str, size: int, vips: int) -> tuple[bytes, ...] | None:
        if not self._selective:
            return None
        places = {}
        for address in (*self.interest.hosts(), *self.interest.named):
            place = self._layout.place(address)
            if place is not None:
                places[address] = place.interface
        return self.interest.audience(interface, size, vips, places, time.monotonic())

    def link_numbers(self) -> set[int]:
        """Numbers of the interfaces that are listened on."""
        return {wire.ifindex for wire in self._wires.values()}

    def hush(self, vips: Iterable[str]) -> None:
        """Do not announce these any more: they are not here."""
        for vip in vips:
            self._unsaid.pop(vip, None)

    def read(self) -> list[Sighting]:
        """What others said since the last call; never blocks, and leaves the rest for the next."""
        own = self._refresh()
        sightings: list[Sighting] = []
        self.more = False
        for wire in self._wires.values():
            for number, frame in enumerate(wire.receive(FRAMES_PER_READ), 1):
                self.more = self.more or number == FRAMES_PER_READ
                try:
                    said = frames.read(frame, wire.mac)
                except frames.Malformed:
                    self.malformed += 1
                    continue
                if said is not None and said.mac not in own and frame[6:12] not in own:
                    sightings += self._sighted(said)
        return sightings

    def lost(self) -> bool:
        """Whether the kernel had to drop frames since the last call."""
        return any([wire.lost() for wire in self._wires.values()])

    def unasked(self) -> frozenset[str]:
        """Addresses that were to be asked for since the last call, and could not be."""
        unasked, self._unasked = frozenset(self._unasked), set()
        return unasked

    def _sighted(self, said: frames.Frame) -> list[Sighting]:
        seen, address, mac = said
        if seen is Seen.CLAIM and self._was_asked(address):
            seen = Seen.ANSWER
        names = self._names if seen is Seen.ANSWER else self._vips
        if address not in names:
            return []
        sighting = Sighting(seen, names[address], mac.hex(":"))
        if seen is Seen.ANSWER:
            self.interest.answer(sighting.address, sighting.mac)
        return [] if sighting.address in self._unreported else [sighting]

    def _refresh(self) -> set[bytes]:
        """Our link addresses of now."""
        for wire in self._wires.values():
            wire.refresh()
        return {wire.mac for wire in self._wires.values()}

    def _note_asked(self, address: bytes) -> None:
        if len(address) == 16:
            self._asked[address] = time.monotonic()

    def _was_asked(self, address: bytes) -> bool:
        asked_at = self._asked.get(address)
        return asked_at is not None and time.monotonic() - asked_at <= _ANSWER_SECONDS

    def _send(self, wire: Wire, size: int, frame: bytes) -> bool:
        sent = wire.send(size, frame)
        self.errors += not sent
        return sent

    @staticmethod
    def _places_of(layout: Layout, addresses: Iterable[str]) -> list[Place]:
        places = (layout.place(address) for address in addresses)
        return [place for place in places if place is not None]

    def _open(self, layout: Layout, requests: Requests) -> dict[str, Wire]:
        """A wire for each interface; one that is open and still right stays open."""
        wires: dict[str, Wire] = {}
        try:
            for name, link in layout.links.items():
                sources = _sources(layout, name, requests)
                mac, known = bytes.fromhex(link.mac.replace(":", "")), self._wires.get(name)
                if known and (known.ifindex, known.mac, known.sources) == (
                    link.ifindex,
                    mac,
                    sources,
                ):
                    wires[name] = known
                else:
                    wires[name] = Wire.open(link, sources)
        except NeighboursError:
            self._discard(wires)
            raise
        return wires

    def _listen(self, wires: dict[str, Wire], vips: list[Place], others: list[Place]) -> None:
        """Hear of these addresses, each on its interface."""
        try:
            for name, wire in wires.items():
                wire.listen(
                    (place.packed for place in vips if place.interface == name),
                    (place.packed for place in others if place.interface == name),
                )
        except NeighboursError:
            self._discard(wires)
            raise

    def _discard(self, wires: dict[str, Wire]) -> None:
        """Close those that were opened just now, and are not to be used."""
        for name, wire in wires.items():
            if self._wires.get(name) is not wire:
                wire.close()


def _sources(layout: Layout, name: str, requests: Requests) -> dict[int, bytes]:
    """The node's own address on an interface for each IP version that has a topology there."""
    sources: dict[int, bytes] = {}
    for version, size in ((4, 4), (6, 16)):
        networks = layout.networks_of(name, version)
        if not networks:
            continue
        listed = requests.addresses(layout.links[name].ifindex, _FAMILIES[size])
        vips = {p.packed for v in layout.definitions.vips if (p := layout.place(v))}
        usable = [a.packed for a in listed if _is_own(a) and a.packed not in vips]
        own = layout.place(layout.own_address)
        if own is not None and own.interface == name and len(own.packed) == size:
            usable.insert(0, own.packed)
        if not usable:
            raise InterfaceError(
                f"interface {name} has no IPv{version} address of its own to ask from;"
                f" give it one (it carries {networks[0]})"
            )
        sources[size] = usable[0]
    return sources


def _is_own(address: KernelAddress) -> bool:
    """Whether the node may ask from it: never a VIP or an anchor."""
    if address.flags & IFA_F_DADFAILED or leases.has_our_form(address):
        return False
    return address.scope in (SCOPE_GLOBAL, SCOPE_LINK)

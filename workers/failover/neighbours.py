"""Raw ARP and neighbour discovery on the topology interfaces: asks, announces, and sees.

One packet socket per interface; the kernel filters so that ordinary traffic never wakes us. Our own
frames are not seen. What an answer means is decided by the core.
"""

import ctypes
import socket
import struct
from collections.abc import Iterable

from workers.failover import capability
from workers.failover.core import frames
from workers.failover.core.actions import Probe, Probing
from workers.failover.core.definitions import Definitions
from workers.failover.core.events import Sighting
from workers.failover.errors import NeighboursError
from workers.failover.layout import Layout, Place, lay_out
from workers.failover.netlink import Requests

_ETH_P_ALL = 0x0003
_SO_ATTACH_FILTER = 26
_RECEIVE_BUFFER_BYTES = 4 << 20
_FRAMES_PER_READ = 2048
_FRAME_BYTES = 256
_IFA_SCOPE_LINK = 253
# Classic BPF, relative to the Ethernet header: all ARP; ICMPv6 solicitations and advertisements.
_FILTER = (
    (0x28, 0, 0, 12),  # ldh ethertype
    (0x15, 6, 0, frames.ARP),  # ARP -> accept
    (0x15, 0, 6, frames.IPV6),
    (0x30, 0, 0, 20),  # ldb next header
    (0x15, 0, 4, 58),
    (0x30, 0, 0, 54),  # ldb ICMPv6 type
    (0x15, 1, 0, 135),
    (0x15, 0, 1, 136),
    (0x06, 0, 0, _FRAME_BYTES),  # accept
    (0x06, 0, 0, 0),  # refuse
)


class _Port:
    """The packet socket of one interface, with what it needs to build frames."""

    def __init__(self, name: str, mac: str, sources: dict[int, bytes]) -> None:
        self.mac = bytes.fromhex(mac.replace(":", ""))
        self.sources = sources
        """Own address to ask from, by packed length; absent: questions are asked as probes."""
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_NONBLOCK, 0)
        try:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER_BYTES)
            _attach_filter(self.socket)
            self.socket.bind((name, _ETH_P_ALL))
        except OSError:
            self.socket.close()
            raise


class Neighbours:
    """All raw frames of one node. Raises `NeighboursError` when they are not possible."""

    def __init__(self, node: str, definitions: Definitions) -> None:
        if not capability.has(capability.Capability.NET_RAW):
            raise NeighboursError("ARP cannot be spoken without CAP_NET_RAW; run as root")
        self._node = node
        self._ports: dict[str, _Port] = {}
        self.malformed = 0
        """Frames that the filter let through and that said nothing."""
        self.errors = 0
        """Frames that could not be sent (the link is down)."""
        self.redefine(definitions)

    def redefine(self, definitions: Definitions) -> None:
        """Follow new interfaces, VIPs, witnesses and peers."""
        requests = Requests()
        try:
            layout = lay_out(self._node, definitions, requests.links())
            for name in self._ports.keys() - layout.links.keys():
                self._ports.pop(name).socket.close()
            for name in layout.links.keys() - self._ports.keys():
                self._ports[name] = self._open(layout, name, requests)
        finally:
            requests.close()
        addresses = [*definitions.vips, *definitions.witnesses]
        addresses += [n.address for name, n in definitions.nodes.items() if name != self._node]
        places = (layout.place(address) for address in addresses)
        self._places: dict[str, Place] = {p.address: p for p in places if p is not None}
        self._names = {place.packed: address for address, place in self._places.items()}
        self._own = {port.mac.hex(":") for port in self._ports.values()}

    def close(self) -> None:
        """Close all sockets."""
        for port in self._ports.values():
            port.socket.close()
        self._ports.clear()

    def filenos(self) -> tuple[int, ...]:
        """Readable when somebody spoke."""
        return tuple(port.socket.fileno() for port in self._ports.values())

    def probe(self, probe: Probe) -> None:
        """Send one question for each address; unknown addresses are passed over."""
        to = bytes.fromhex(probe.mac.replace(":", "")) if probe.mac else None
        for address in probe.addresses:
            place = self._places.get(address)
            if place is None:
                continue
            port = self._ports[place.interface]
            source = port.sources.get(len(place.packed))
            if probe.probing is Probing.TAKER:
                source = None
            only = to if probe.probing is Probing.UNICAST else None
            self._send(port, frames.question(place.packed, port.mac, source, only))

    def announce(self, vips: Iterable[str]) -> None:
        """Tell everybody on the segment who has each VIP now."""
        for vip in vips:
            place = self._places.get(vip)
            if place is not None:
                port = self._ports[place.interface]
                self._send(port, frames.announcement(place.packed, port.mac))

    def read(self) -> list[Sighting]:
        """What others said about VIPs, witnesses and peers since the last call; never blocks."""
        sightings: list[Sighting] = []
        for port in self._ports.values():
            for _ in range(_FRAMES_PER_READ):
                try:
                    frame, origin = port.socket.recvfrom(_FRAME_BYTES)
                except BlockingIOError:
                    break
                except OSError:  # the link went down; it is read again when it is back
                    break
                if origin[2] != socket.PACKET_OUTGOING:
                    sightings += self._sighted(frame)
        return sightings

    def _sighted(self, frame: bytes) -> list[Sighting]:
        said = frames.read(frame)
        self.malformed += not said
        return [
            Sighting(seen, self._names[address], mac)
            for seen, address, mac in said
            if address in self._names and mac not in self._own
        ]

    def _send(self, port: _Port, frame: bytes) -> None:
        try:
            port.socket.send(frame)
        except OSError:
            self.errors += 1

    def _open(self, layout: Layout, name: str, requests: Requests) -> _Port:
        link = layout.links[name]
        sources: dict[int, bytes] = {}
        own = layout.place(layout.own_address)
        if own is not None and own.interface == name:
            sources[len(own.packed)] = own.packed
        elif ipv4 := [a.packed for a in requests.addresses(link.ifindex, socket.AF_INET)]:
            sources[4] = ipv4[0]
        for address in requests.addresses(link.ifindex, socket.AF_INET6):
            if address.scope == _IFA_SCOPE_LINK:
                sources.setdefault(16, address.packed)
        try:
            return _Port(name, link.mac, sources)
        except OSError as error:
            raise NeighboursError(
                f"interface {name}: raw frames are not possible: {error.strerror}"
            ) from error


def _attach_filter(sock: socket.socket) -> None:
    program = b"".join(struct.pack("=HBBI", *instruction) for instruction in _FILTER)
    buffer = ctypes.create_string_buffer(program)
    attached = struct.pack("@HP", len(_FILTER), ctypes.addressof(buffer))
    sock.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, attached)

"""The packet sockets of one interface: one for ARP, one for neighbour discovery, as needed.

Bound to their protocol, and filtered in the kernel, so that neither mail nor a busy segment wakes
this process. Frames are built and read in `core.frames`.
"""

import contextlib
import errno
import fcntl
import socket
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from workers.failover import packet_filter
from workers.failover.core import frames
from workers.failover.errors import NeighboursError
from workers.failover.netlink import KernelLink

_BUFFER_BYTES = 4 << 20
"""Of each direction: a round's questions, or the answers to them, fit in however slow the link."""
_SNDBUFFORCE, _RCVBUFFORCE = 32, 33
_FRAME_BYTES = 2048
_SOL_PACKET, _ADD_MEMBERSHIP, _ALL_MULTICAST = 263, 1, 2
_STATISTICS = 6
_COUNTS = struct.Struct("@II")
_PROTOCOLS = {4: frames.ARP, 16: frames.IPV6}
_GET_LINK_ADDRESS = 0x8927
_LOST = {errno.ENETDOWN, errno.ENODEV, errno.ENXIO}


@dataclass(slots=True)
class Wire:
    """One interface. `sources`: own address to ask from, by size of address (4 or 16 bytes)."""

    name: str
    ifindex: int
    mac: bytes
    sources: dict[int, bytes]
    _sockets: dict[int, socket.socket] = field(default_factory=dict)
    _groups: list[socket.socket] = field(default_factory=list)
    _joined: list[bytes] = field(default_factory=list)

    @classmethod
    def open(cls, link: KernelLink, sources: dict[int, bytes]) -> "Wire":
        """Open a socket for each size in `sources`."""
        wire = cls(link.name, link.ifindex, bytes.fromhex(link.mac.replace(":", "")), sources)
        if len(wire.mac) != 6:
            raise NeighboursError(f"interface {link.name} is no Ethernet; ARP needs one")
        try:
            for size in sources:
                wire._sockets[size] = _open_socket(link.name, _PROTOCOLS[size])
        except OSError as error:
            wire.close()
            raise NeighboursError(
                f"interface {link.name}: raw frames are not possible: {error.strerror}"
            ) from error
        return wire

    def close(self) -> None:
        """Close all sockets."""
        for sock in (*self._sockets.values(), *self._groups):
            sock.close()

    def filenos(self) -> tuple[int, ...]:
        """Readable when somebody spoke."""
        return tuple(sock.fileno() for sock in self._sockets.values())

    def listen(self, vips: Iterable[bytes], answers: Iterable[bytes]) -> None:
        """Hear what is said of `vips`, and answers about `answers`; nothing else wakes us.

        NeighboursError when the kernel has no room for it: a filter stays as it was.
        """
        try:
            self._listen(tuple(vips), tuple(answers))
        except OSError as error:
            raise NeighboursError(
                f"interface {self.name}: what to hear was refused: {error.strerror};"
                " net.core.optmem_max may be too small"
            ) from error

    def _listen(self, vips: tuple[bytes, ...], answers: tuple[bytes, ...]) -> None:
        programs = {4: packet_filter.arp_about, 16: packet_filter.discovery_about}
        for size, sock in self._sockets.items():
            known = [
                packet_filter.ranges(int.from_bytes(a[-4:], "big") for a in some if len(a) == size)
                for some in (vips, answers)
            ]
            packet_filter.attach(sock, programs[size](*known))
        self._joined = [frames.solicited_node(vip) for vip in vips if len(vip) == 16]
        self._join()

    def refresh(self) -> None:
        """Learn the link address of now: to announce an old one would lead clients astray."""
        request = struct.pack("16s24x", self.name.encode())
        for sock in list(self._sockets.values())[:1]:
            with contextlib.suppress(OSError):  # gone for now
                self.mac = fcntl.ioctl(sock, _GET_LINK_ADDRESS, request)[18:24]

    def send(self, size: int, frame: bytes) -> bool:
        """Put a frame on the wire; False when it did not get there."""
        sock = self._sockets[size]
        try:
            sock.send(frame)
        except OSError as error:
            if error.errno in _LOST:
                self._bind_again()
            return False
        return True

    def receive(self, limit: int) -> Iterator[bytes]:
        """At most `limit` waiting frames."""
        for sock in self._sockets.values():
            while limit > 0:
                try:
                    frame = sock.recv(_FRAME_BYTES)
                except BlockingIOError:
                    break
                except OSError:  # told once when the link goes down
                    break
                limit -= 1
                yield frame

    def lost(self) -> bool:
        """Whether the kernel dropped frames since the last call, because too many waited."""
        read = [
            sock.getsockopt(_SOL_PACKET, _STATISTICS, _COUNTS.size)
            for sock in self._sockets.values()
        ]
        return any(_COUNTS.unpack(counts)[1] for counts in read)

    def _bind_again(self) -> None:
        """Follow an interface that was made anew under its name, if it is there."""
        try:
            index = socket.if_nametoindex(self.name)
            for size, sock in self._sockets.items():
                sock.bind((self.name, _PROTOCOLS[size]))
        except OSError:
            return
        if index != self.ifindex:
            self.ifindex = index
            self._join()

    def _join(self) -> None:
        """Hear other takers' IPv6 probes, also behind switches that filter multicast."""
        for sock in self._groups:
            sock.close()
        self._groups.clear()
        if not self._joined:
            return
        member = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        self._groups.append(member)
        try:
            for group in set(self._joined):
                where = group + struct.pack("@I", self.ifindex)
                member.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, where)
        except OSError:  # too many for one socket: take all that the interface can hear
            every = struct.pack("@iHH8x", self.ifindex, _ALL_MULTICAST, 0)
            self._sockets[16].setsockopt(_SOL_PACKET, _ADD_MEMBERSHIP, every)


def _open_socket(name: str, protocol: int) -> socket.socket:
    # Protocol 0 until bound: nothing of other interfaces gets in between.
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_NONBLOCK, 0)
    try:
        sock.setsockopt(socket.SOL_SOCKET, _RCVBUFFORCE, _BUFFER_BYTES)
        sock.setsockopt(socket.SOL_SOCKET, _SNDBUFFORCE, _BUFFER_BYTES)
        packet_filter.attach(sock, packet_filter.NOTHING)
        sock.bind((name, protocol))
    except OSError:
        sock.close()
        raise
    return sock

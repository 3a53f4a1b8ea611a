"""The sockets of the probe: echo through the kernel's neighbour cache, raw frames beside it.

Nothing here waits: questions are sent, and what has come in is read until there is no more.
Answers carry the kernel's receive time, so that how late the probe reads them is not measured as
an outage.
"""

import contextlib
import ctypes
import socket
import struct
import time
from collections.abc import Iterator

from workers.lab import probe_frames
from workers.lab.core.timeline import Answer

SO_TIMESTAMPNS = 35
SO_ATTACH_FILTER = 26
SOL_PACKET = 263
PACKET_ADD_MEMBERSHIP = 1
PACKET_MR_PROMISC = 1
RECEIVE_BYTES = 1 << 22
SO_SNDBUFFORCE = 32
SEND_BYTES = 1 << 22
"""The kernel doubles it: questions to 32 VIPs that nobody has wait in it for their neighbours, some
208 KiB each, and must not keep those to others from being sent."""
ENOUGH = 4096
"""Datagrams read at a time: a flood must not keep the probe from asking."""


class Echo:
    """UDP questions to VIPs of one address family; the answer is `<question> <node>`."""

    def __init__(self, family: socket.AddressFamily, port: int) -> None:
        """Open the socket; `port` is the echo servers'."""
        self._port = port
        self._socket = socket.socket(family, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BYTES)
        self._socket.setsockopt(socket.SOL_SOCKET, SO_SNDBUFFORCE, SEND_BYTES)
        self._socket.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)

    def ask(self, vip: str, question: bytes) -> None:
        """Send one question; a refusal by the kernel counts as no answer."""
        with contextlib.suppress(OSError):
            self._socket.sendto(question, (vip, self._port))

    def read(self) -> Iterator[tuple[str, Answer]]:
        """Answers that have arrived: (VIP, answer)."""
        offset = time.time() - time.monotonic()
        for _ in range(ENOUGH):
            try:
                data, ancillary, _, source = self._socket.recvmsg(256, 64)
            except BlockingIOError:
                return
            except OSError:
                continue
            at = time.monotonic()
            for level, kind, content in ancillary:
                if level == socket.SOL_SOCKET and kind == SO_TIMESTAMPNS:
                    seconds, nanoseconds = struct.unpack("qq", content)
                    at = seconds + nanoseconds * 1e-9 - offset
            yield source[0], Answer(at, data.rsplit(b" ", 1)[-1].decode("ascii", "replace"))

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()


class Wire:
    """Raw questions about VIPs of one address family on one interface."""

    def __init__(self, family: socket.AddressFamily, interface: str, watcher: bytes) -> None:
        """Open the socket; `watcher` is the IPv4 address that asks (unused by any host)."""
        self._arp = family == socket.AF_INET
        self._watcher = watcher
        kind = probe_frames.ARP if self._arp else probe_frames.IPV6
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        self._socket.setblocking(False)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BYTES)
        _attach_filter(self._socket)
        self._socket.bind((interface, kind))
        membership = struct.pack(
            "iHH8s", socket.if_nametoindex(interface), PACKET_MR_PROMISC, 0, b""
        )
        self._socket.setsockopt(SOL_PACKET, PACKET_ADD_MEMBERSHIP, membership)

    def question(self, vip: str, mark: int) -> bytes:
        """The frame that asks about `vip` in rounds marked `mark`."""
        if self._arp:
            return probe_frames.arp_question(probe_frames.packed(vip), self._watcher, mark)
        return probe_frames.neighbour_question(probe_frames.packed(vip), mark)

    def ask(self, frame: bytes) -> None:
        """Send one frame; a link that is down counts as no answer."""
        with contextlib.suppress(OSError):
            self._socket.send(frame)

    def read(self) -> Iterator[tuple[bytes, bytes, int]]:
        """Answers that have arrived: (packed address, MAC, mark of the round)."""
        parse = probe_frames.parse_arp_answer if self._arp else probe_frames.parse_neighbour_answer
        for _ in range(ENOUGH):
            try:
                frame = self._socket.recv(256)
            except BlockingIOError:
                return
            except OSError:
                continue
            answer = parse(frame)
            if answer is not None:
                yield answer

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()


def _attach_filter(sock: socket.socket) -> None:
    """Let the kernel drop every frame that is not addressed to the watcher."""
    head = int.from_bytes(probe_frames.WATCHER[:4], "big")
    program = b"".join(
        struct.pack("HBBI", *instruction)
        for instruction in (
            (0x20, 0, 0, 0),  # load the first four bytes of the destination
            (0x15, 0, 3, head),  # not the watcher's: drop
            (0x30, 0, 0, 4),  # load the fifth byte
            (0x15, 0, 1, probe_frames.WATCHER[4]),  # not the watcher's: drop
            (0x06, 0, 0, 0xFFFF),  # accept
            (0x06, 0, 0, 0),  # drop
        )
    )
    buffer = ctypes.create_string_buffer(program)
    sock.setsockopt(
        socket.SOL_SOCKET,
        SO_ATTACH_FILTER,
        struct.pack("HL", len(program) // 8, ctypes.addressof(buffer)),
    )

"""Looking at a lab from outside: frames between hosts, addresses in kernels, waiting."""

import contextlib
import json
import secrets
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from workers.lab import network, state
from workers.lab.health import in_namespace
from workers.lab.lab import Lab
from workers.lab.network import INTERFACE
from workers.lab.processes import started_at

ALL = 3
ARP, EXPERIMENTAL = b"\x08\x06", b"\x88\xb5"
BROADCAST = b"\xff" * 6
FRAME_SECONDS = 0.15


def wait_until(true: Callable[[], object], seconds: float, what: str) -> None:
    """Wait for a condition; fail with `what` when it does not come."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what}"
        time.sleep(0.05)


def hears(lab: Lab, receiver: str, sender: str) -> bool:
    """Whether frames of `sender` reach `receiver`."""
    return (receiver, sender) not in deaf_pairs(lab)


def hears_udp(lab: Lab, receiver: str, sender: str, port: int) -> bool:
    """Whether a datagram of `sender` to `port` gets as far as the receiver's interface."""
    mark = secrets.token_bytes(8)
    with _packets(lab, receiver) as ear, _datagrams(lab, sender) as mouth:
        mouth.sendto(mark, (lab.hosts[receiver].address, port))
        time.sleep(FRAME_SECONDS)
        return any(mark in frame for frame in _frames(ear))


def deaf_pairs(lab: Lab) -> set[tuple[str, str]]:
    """(receiver, sender) pairs of hosts between which nothing passes in that direction.

    Every host sends a broadcast ARP question and a unicast frame to each other host.
    """
    names = [*lab.nodes, *lab.brokers, "client", "gateway"]
    marks = {(a, b): secrets.token_bytes(8) for a in names for b in names}
    doors = {name: _packets(lab, name) for name in names}
    try:
        for (to, sender), mark in marks.items():
            with contextlib.suppress(OSError):  # an interface that is down
                doors[sender].send(_frame(lab, to, sender, mark))
        time.sleep(FRAME_SECONDS)
        heard = {name: b"".join(_frames(door)) for name, door in doors.items()}
    finally:
        for door in doors.values():
            door.close()
    pairs = [(a, b) for a in names for b in names if a != b]
    unicast = {(a, b) for a, b in pairs if marks[a, b] not in heard[a]}
    broadcast = {(a, b) for a, b in pairs if marks[b, b] not in heard[a]}
    assert unicast == broadcast
    return unicast


def kernel_vips(lab: Lab, node: str) -> set[str]:
    """VIPs that the kernel of a node lists."""
    links = json.loads(lab.exec(node, ["ip", "-j", "-4", "address"]).stdout)
    return {a["local"] for link in links for a in link["addr_info"]} & set(lab.vips)


def owners(lab: Lab) -> dict[str, list[str]]:
    """VIP -> the nodes whose kernels list it."""
    held = {node: kernel_vips(lab, node) for node in lab.nodes}
    return {vip: [node for node in lab.nodes if vip in held[node]] for vip in lab.vips}


def roles(lab: Lab, host: str) -> dict[str, list[str]]:
    """Role -> states of the processes of a host."""
    found: dict[str, list[str]] = {}
    for process in lab.processes():
        if process.host == host and process.state != "Z":
            found.setdefault(process.role, []).append(process.state)
    return found


def assert_nothing_left(name: str, pids: list[int]) -> None:
    """No namespace, process or file of the lab."""
    assert network.namespaces(name) == []
    assert not state.directory(name).exists()
    assert [pid for pid in pids if started_at(pid)] == []  # a zombie is init's to reap
    marked = [p for p in Path("/proc").glob("[0-9]*/cmdline") if mentions(p, f"/lab/{name}/")]
    assert marked == []


def mentions(path: Path, text: str) -> bool:
    """Whether a process has `text` in its command line."""
    try:
        return text.encode() in path.read_bytes()
    except OSError:
        return False


def _frame(lab: Lab, to: str, sender: str, mark: bytes) -> bytes:
    """A unicast frame, or a broadcast ARP question when a host sends to itself."""
    target, source = (bytes.fromhex(lab.hosts[h].mac.replace(":", "")) for h in (to, sender))
    if to != sender:
        return target + source + EXPERIMENTAL + mark
    question = b"\x00\x01\x08\x00\x06\x04\x00\x01" + source + bytes(14)
    return BROADCAST + source + ARP + question + mark


def _frames(door: socket.socket) -> Iterator[bytes]:
    """What has arrived so far; nothing when the interface is down."""
    with contextlib.suppress(OSError):
        while True:
            yield door.recv(2048)


def _packets(lab: Lab, host: str) -> socket.socket:
    def make() -> socket.socket:
        packets = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ALL))
        packets.bind((INTERFACE, ALL))
        packets.setblocking(False)
        return packets

    return in_namespace(lab.namespace(host), make)


def _datagrams(lab: Lab, host: str) -> socket.socket:
    return in_namespace(
        lab.namespace(host), lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    )

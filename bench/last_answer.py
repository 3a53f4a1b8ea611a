"""When does the last of thousands of VIPs answer again? `python -m bench.last_answer` in a lab.

Runs in a client's namespace. Each VIP is asked for by ARP until another link address than the old
owner's answers, and then no more: so few are left at the end that the last answer is seen within
milliseconds. Who announces one is asked at once, alone; for all others everybody is asked, some at
a time, as fast as `RATE` allows. Prints one JSON line.
"""

import argparse
import contextlib
import json
import os
import select
import socket
import sys
import time
from collections import deque
from collections.abc import Iterator
from ipaddress import IPv4Address

from workers.failover.core import frames
from workers.failover.core.events import Seen
from workers.failover.urgency import PRIORITY

RATE = 2000
"""Questions to everybody a second: every host has to look at each of them."""
BURST = 64
_RECEIVE_BYTES = 1 << 23


def watch(
    interface: str, own: str, old: bytes, vips: list[str], seconds: float
) -> dict[str, float]:
    """VIP -> monotonic second of its first answer of a host that is not `old`."""
    line = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(frames.ARP))
    line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BYTES)
    line.bind((interface, frames.ARP))
    line.setblocking(False)
    mac, source = line.getsockname()[4], IPv4Address(own).packed
    wanted = {IPv4Address(vip).packed for vip in vips}
    waiting = deque(wanted)
    found: dict[bytes, float] = {}
    ends, due = time.monotonic() + seconds, time.monotonic()
    while time.monotonic() < ends and len(found) < len(vips):
        if time.monotonic() >= due:
            due = max(due + BURST / RATE, time.monotonic() - 0.01)
            _ask(line, mac, source, waiting, found)
        select.select([line], [], [], max(0.0, due - time.monotonic()))
        for vip, announcer in _read(line, mac, old, found):
            if vip in wanted:
                line.send(frames.question(vip, mac, source, to=announcer))
    return {str(IPv4Address(vip)): at for vip, at in found.items()}


def _ask(
    line: socket.socket, mac: bytes, source: bytes, waiting: deque[bytes], found: dict[bytes, float]
) -> None:
    asked = 0
    for _ in range(len(waiting)):
        if asked == BURST:
            return
        vip = waiting.popleft()
        if vip not in found:
            line.send(frames.question(vip, mac, source))
            waiting.append(vip)
            asked += 1


def _read(
    line: socket.socket, mac: bytes, old: bytes, found: dict[bytes, float]
) -> Iterator[tuple[bytes, bytes]]:
    """Take down who answers; yields what another announces, by its packed address and link's."""
    while True:
        try:
            said = frames.read(line.recv(128), mac)
        except BlockingIOError:
            return
        except frames.Malformed:
            continue
        if said is None or said.mac in (old, mac) or said.address in found:
            continue
        if said.seen is Seen.ANSWER:
            found[said.address] = time.monotonic()
        elif said.seen is Seen.CLAIM:
            yield said.address, said.mac


def main() -> None:
    """VIPs come on standard input, one a line."""
    with contextlib.suppress(OSError):  # as the nodes beside it on this machine
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(PRIORITY))
    parser = argparse.ArgumentParser(prog="python -m bench.last_answer")
    parser.add_argument("--interface", required=True)
    parser.add_argument("--own", required=True, help="address to ask from")
    parser.add_argument("--old", required=True, help="link address of the old owner")
    parser.add_argument("--seconds", type=float, required=True)
    wanted = parser.parse_args()
    vips = sys.stdin.read().split()
    print("asking", file=sys.stderr, flush=True)
    old = bytes.fromhex(wanted.old.replace(":", ""))
    print(json.dumps(watch(wanted.interface, wanted.own, old, vips, wanted.seconds)))


if __name__ == "__main__":
    main()

"""A UDP echo that answers from the address that was asked: `python -m workers.lab.echo NAME`.

The probe measures outages with it. An answer is the question followed by a space and NAME, so that
the probe learns which node answered. A socket bound to no address alone would answer from the
node's own address; IP_PKTINFO and IPV6_PKTINFO keep the VIP.
"""

import contextlib
import os
import socket
import sys

PORT = 7
PRIORITY = 5
"""Real-time, just below the probe: a busy machine must not look like an address that is away."""
MOST_BYTES = 1024
_ANCILLARY_BYTES = 256


def open_socket(port: int = PORT) -> socket.socket:
    """One socket for IPv4 and IPv6, on every address this host has or gets."""
    door = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    door.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    door.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
    door.bind(("::", port))
    return door


def answer(door: socket.socket, name: bytes) -> None:
    """Answer one question, from the address it was sent to."""
    question, ancillary, _, asker = door.recvmsg(MOST_BYTES, _ANCILLARY_BYTES)
    info = [item for item in ancillary if item[:2] == (socket.IPPROTO_IPV6, socket.IPV6_PKTINFO)]
    # A VIP may leave between question and answer: then nobody answers, which is right.
    try:
        door.sendmsg([question, b" ", name], info, 0, asker)
    except OSError:
        return


def main() -> None:
    """Answer for ever."""
    name = sys.argv[1].encode()
    door = open_socket()
    with contextlib.suppress(OSError):
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(PRIORITY))
    while True:
        answer(door, name)


if __name__ == "__main__":
    main()

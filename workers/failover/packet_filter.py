"""Classic BPF programs that keep frames and notices nobody here needs from waking this process.

Each is a list of instructions that the kernel runs on every packet of a socket. A program may let
too much through, never too little: whoever reads the socket judges each frame again.
"""

import ctypes
import socket
import struct
from collections.abc import Iterable, Sequence

Range = tuple[int, int]
"""First and last of the 32-bit values that match."""
Instruction = tuple[int, int, int, int]
"""Code, jumps if true and if false, operand."""

_LOAD_WORD, _LOAD_HALF, _LOAD_BYTE = 0x20, 0x28, 0x30
_JUMP, _IF_EQUAL, _IF_GREATER, _IF_AT_LEAST = 0x05, 0x15, 0x25, 0x35
_PASS: Instruction = (0x06, 0, 0, 0xFFFF)
_DROP: Instruction = (0x06, 0, 0, 0)
NOTHING: Sequence[Instruction] = (_DROP,)
"""Drops everything."""
_INSTRUCTION = struct.Struct("=HBBI")
_ATTACH_FILTER = 26
MOST_RANGES = 40
"""Of one set. A new filter counts against `net.core.optmem_max` (20 KiB before Linux 6.8) while the
old one still does."""

_NETLINK_PORT = 12
_ARP_OPERATION, _ARP_SENDER, _ARP_TARGET, _ARP_REPLY = 20, 28, 38, 2
_NEXT_HEADER, _ICMP_TYPE, _SOURCE_END, _ND_TARGET_END = 20, 54, 34, 74
_ICMPV6, _SOLICITATION, _ADVERTISEMENT = 58, 135, 136


def attach(sock: socket.socket, program: Sequence[Instruction]) -> None:
    """Let the kernel run `program` on everything that `sock` would receive from now on."""
    code = ctypes.create_string_buffer(b"".join(_INSTRUCTION.pack(*step) for step in program))
    head = struct.pack("@HP", len(program), ctypes.addressof(code))
    sock.setsockopt(socket.SOL_SOCKET, _ATTACH_FILTER, head)


def ranges(values: Iterable[int]) -> tuple[Range, ...]:
    """The values as few closed ranges; of too many, those that lie closest become one."""
    merged: list[Range] = []
    for value in sorted(set(values)):
        if merged and value == merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], value)
        else:
            merged.append((value, value))
    if len(merged) <= MOST_RANGES:
        return tuple(merged)
    widest = sorted(range(1, len(merged)), key=lambda n: merged[n - 1][1] - merged[n][0])
    cuts = sorted(widest[: MOST_RANGES - 1])
    starts, ends = [0, *cuts], [*cuts, len(merged)]
    return tuple((merged[s][0], merged[e - 1][1]) for s, e in zip(starts, ends, strict=True))


def notices_not_by(port: int) -> list[Instruction]:
    """Netlink: drop notices of what the socket numbered `port` asked for."""
    # Loads are big-endian, netlink is in the host's order.
    doer = int.from_bytes(struct.pack("=I", port), "big")
    return [(_LOAD_WORD, 0, 0, _NETLINK_PORT), (_IF_EQUAL, 0, 1, doer), _DROP, _PASS]


def arp_about(vips: Sequence[Range], answers: Sequence[Range]) -> list[Instruction]:
    """ARP: replies from `answers`, requests from `vips`, and probes (sender 0.0.0.0) for them."""
    replies = [(_LOAD_WORD, 0, 0, _ARP_SENDER), *_pass_if_in(answers), *_pass_if_in(vips), _DROP]
    return [
        (_LOAD_HALF, 0, 0, _ARP_OPERATION),
        (_IF_EQUAL, 1, 0, _ARP_REPLY),
        (_JUMP, 0, 0, len(replies)),
        *replies,
        (_LOAD_WORD, 0, 0, _ARP_SENDER),
        *_pass_if_in(vips),
        (_IF_EQUAL, 1, 0, 0),
        _DROP,
        (_LOAD_WORD, 0, 0, _ARP_TARGET),
        *_pass_if_in(vips),
        _DROP,
    ]


def discovery_about(vips: Sequence[Range], answers: Sequence[Range]) -> list[Instruction]:
    """Neighbour discovery likewise, by the last 32 bits of each address."""
    advertised = [
        (_LOAD_WORD, 0, 0, _ND_TARGET_END),
        *_pass_if_in(answers),
        *_pass_if_in(vips),
        _DROP,
    ]
    return [
        (_LOAD_BYTE, 0, 0, _NEXT_HEADER),
        (_IF_EQUAL, 1, 0, _ICMPV6),
        _DROP,
        (_LOAD_BYTE, 0, 0, _ICMP_TYPE),
        (_IF_EQUAL, 1, 0, _ADVERTISEMENT),
        (_JUMP, 0, 0, len(advertised)),
        *advertised,
        (_IF_EQUAL, 1, 0, _SOLICITATION),
        _DROP,
        (_LOAD_WORD, 0, 0, _SOURCE_END),
        *_pass_if_in(vips),
        (_IF_EQUAL, 1, 0, 0),
        _DROP,
        (_LOAD_WORD, 0, 0, _ND_TARGET_END),
        *_pass_if_in(vips),
        _DROP,
    ]


def _pass_if_in(wanted: Sequence[Range]) -> list[Instruction]:
    program: list[Instruction] = []
    for first, last in wanted:
        program += [(_IF_AT_LEAST, 0, 2, first), (_IF_GREATER, 1, 0, last), _PASS]
    return program

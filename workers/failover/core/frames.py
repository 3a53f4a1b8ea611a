"""ARP and neighbour-discovery frames, built from and read into plain values. Bytes only.

A frame of another host says one of three things about an address: an answer to us (somebody has
it), a probe (somebody wants it, RFC 5227 or DAD), a claim (somebody says unasked that it has it).
Whatever is damaged says nothing: `Malformed`.
"""

import struct
from typing import NamedTuple

from workers.failover.core.events import Seen

ARP, IPV6 = 0x0806, 0x86DD
SHORTEST = 42
"""Bytes of an ARP frame without padding."""

_REQUEST, _REPLY = 1, 2
_SOLICITATION, _ADVERTISEMENT = 135, 136
_ICMPV6, _HOP_LIMIT = 58, 255
_SOLICITED, _OVERRIDE = 0x40, 0x20
_SOURCE_OPTION, _TARGET_OPTION = 1, 2
_BROADCAST, _NO_MAC = b"\xff" * 6, b"\0" * 6
_ANY4, _ANY6 = b"\0" * 4, b"\0" * 16
_ALL_NODES = bytes.fromhex("ff020000000000000000000000000001")
_SOLICITED_NODE = bytes.fromhex("ff0200000000000000000001ff")
_ARP = struct.Struct("!HHBBH6s4s6s4s")
_ARP_HEAD = (1, 0x0800, 6, 4)
_IPV6 = struct.Struct("!IHBB16s16s")
_ICMP = struct.Struct("!BBHI16s")


class Malformed(ValueError):
    """Bytes that are no proper ARP, neighbour solicitation or advertisement."""


class Frame(NamedTuple):
    """What a frame says: `seen` about the packed `address`, by link address `mac`."""

    seen: Seen
    address: bytes
    mac: bytes


def question(target: bytes, mac: bytes, source: bytes | None, to: bytes | None = None) -> bytes:
    """Who has `target`? `source` None: a taker's probe; `to`: ask that link address alone."""
    if len(target) == 4:
        return _arp(mac, source or _ANY4, target, to or _BROADCAST)
    group = solicited_node(target)
    option = b"" if source is None else bytes((_SOURCE_OPTION, 1)) + mac
    ethernet = (to or b"\x33\x33" + group[12:]) + mac
    destination = target if to else group
    return _discovery(ethernet, source or _ANY6, destination, _SOLICITATION, 0, target + option)


def announcement(address: bytes, mac: bytes) -> bytes:
    """Gratuitous ARP request, or an unsolicited neighbour advertisement that overrides."""
    if len(address) == 4:
        return _arp(mac, address, address, _BROADCAST)
    ethernet = b"\x33\x33" + _ALL_NODES[12:] + mac
    said = address + bytes((_TARGET_OPTION, 1)) + mac
    return _discovery(ethernet, address, _ALL_NODES, _ADVERTISEMENT, _OVERRIDE, said)


def solicited_node(address: bytes) -> bytes:
    """The multicast group on which the owner of an IPv6 address is asked (RFC 4291, 2.7.1)."""
    return _SOLICITED_NODE + address[13:]


def read(frame: bytes, own: bytes) -> Frame | None:
    """What the frame says to the host with link address `own`; None when nothing of interest."""
    if len(frame) < SHORTEST:
        raise Malformed(f"{len(frame)} bytes are no frame")
    kind = int.from_bytes(frame[12:14], "big")
    if kind == ARP:
        return _read_arp(frame, own)
    return _read_discovery(frame, own) if kind == IPV6 else None


def _read_arp(frame: bytes, own: bytes) -> Frame | None:
    *head, operation, mac, sender, _, target = _ARP.unpack_from(frame, 14)
    if tuple(head) != _ARP_HEAD:
        raise Malformed("not ARP for IPv4 on Ethernet")
    _require_host(mac)
    if operation == _REQUEST:
        if sender == _ANY4:
            return Frame(Seen.PROBE, target, mac)
        return Frame(Seen.CLAIM, sender, mac)
    if operation != _REPLY:
        return None
    if frame[:6] == own and sender != target:
        return Frame(Seen.ANSWER, sender, mac)
    # An overheard reply to another host is no answer to us; one to all is an announcement.
    return Frame(Seen.CLAIM, sender, mac) if sender == target or frame[0] & 1 else None


def _read_discovery(frame: bytes, own: bytes) -> Frame | None:
    if len(frame) < 78:
        raise Malformed("too short for neighbour discovery")
    version, length, following, hops, source, destination = _IPV6.unpack_from(frame, 14)
    kind, code, _, flags, target = _ICMP.unpack_from(frame, 54)
    if version >> 28 != 6 or following != _ICMPV6 or kind not in (_SOLICITATION, _ADVERTISEMENT):
        return None
    body = frame[54 : 54 + length]
    # RFC 4861, 7.1: what every receiver must check.
    if hops != _HOP_LIMIT or code or len(body) != length or length < 24 or target[0] == 0xFF:
        raise Malformed("neighbour discovery that RFC 4861 says to drop")
    if _checksum(_pseudo(source, destination, length) + body):
        raise Malformed("wrong checksum")
    wanted = _TARGET_OPTION if kind == _ADVERTISEMENT else _SOURCE_OPTION
    mac = _option(body[24:], wanted) or frame[6:12]
    _require_host(mac)
    if kind == _SOLICITATION:
        if source == _ANY6:
            return Frame(Seen.PROBE, target, mac)
        return Frame(Seen.CLAIM, source, mac)
    if flags >> 24 & _SOLICITED:
        return Frame(Seen.ANSWER, target, mac) if frame[:6] == own else None
    return Frame(Seen.CLAIM, target, mac)


def _option(options: bytes, wanted: int) -> bytes | None:
    found = None
    while options:
        if len(options) < 8 or not options[1] or len(options) < 8 * options[1]:
            raise Malformed("an option that is cut short")
        if options[0] == wanted and options[1] == 1:
            found = options[2:8]
        options = options[8 * options[1] :]
    return found


def _require_host(mac: bytes) -> None:
    if mac == _NO_MAC or mac[0] & 1:
        raise Malformed(f"{mac.hex(':')} is no host's link address")


def _arp(mac: bytes, sender: bytes, target: bytes, to: bytes) -> bytes:
    head = to + mac + struct.pack("!H", ARP)
    return head + _ARP.pack(*_ARP_HEAD, _REQUEST, mac, sender, _NO_MAC, target)


def _discovery(
    ethernet: bytes, source: bytes, destination: bytes, kind: int, flags: int, said: bytes
) -> bytes:
    after = struct.pack("!I", flags << 24) + said
    length = 4 + len(after)
    pseudo = _pseudo(source, destination, length)
    checksum = _checksum(pseudo + struct.pack("!BBH", kind, 0, 0) + after)
    header = _IPV6.pack(6 << 28, length, _ICMPV6, _HOP_LIMIT, source, destination)
    return (
        ethernet + struct.pack("!H", IPV6) + header + struct.pack("!BBH", kind, 0, checksum) + after
    )


def _pseudo(source: bytes, destination: bytes, length: int) -> bytes:
    return source + destination + struct.pack("!I3xB", length, _ICMPV6)


def _checksum(data: bytes) -> int:
    """Internet checksum (RFC 1071); 0 over data that carries its own right checksum."""
    if len(data) % 2:
        data += b"\0"
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF

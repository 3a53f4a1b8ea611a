"""ARP and neighbour-discovery frames, built from and read into plain values. Bytes only.

A frame of another host says one of three things about an address: an answer (somebody has it), a
probe (somebody wants it, RFC 5227 or DAD), a claim (somebody says unasked that it has it).
"""

import ipaddress
import struct
from typing import NamedTuple

from workers.failover.core.events import Seen

ARP, IPV6 = 0x0806, 0x86DD
_REQUEST, _REPLY = 1, 2
_SOLICITATION, _ADVERTISEMENT = 135, 136
_ICMPV6 = 58
_SOLICITED, _OVERRIDE = 0x40, 0x20
_BROADCAST = b"\xff" * 6
_NO_MAC = b"\0" * 6
_ARP = struct.Struct("!HHBBH6s4s6s4s")
_ALL_NODES = ipaddress.ip_address("ff02::1").packed
_ANY4, _ANY6 = b"\0" * 4, b"\0" * 16
_SOLICITED_NODE = ipaddress.ip_address("ff02::1:ff00:0").packed[:13]


class Frame(NamedTuple):
    """What a frame says: `seen` about the packed `address`, by link address `mac`."""

    seen: Seen
    address: bytes
    mac: str


def question(target: bytes, mac: bytes, source: bytes | None, to: bytes | None = None) -> bytes:
    """Who has `target`? `source` None: a taker's probe; `to`: ask that link address alone."""
    if len(target) == 4:
        return _arp(_REQUEST, mac, source or _ANY4, _NO_MAC, target, to or _BROADCAST)
    group = _SOLICITED_NODE + target[13:]
    option = b"" if source is None else b"\x01\x01" + mac
    body = struct.pack("!I", 0) + target + option
    ethernet = (to or b"\x33\x33" + group[12:]) + mac
    destination = target if to else group
    return _icmp(ethernet, source or _ANY6, destination, _SOLICITATION, body)


def announcement(address: bytes, mac: bytes) -> bytes:
    """Gratuitous ARP, or an unsolicited neighbour advertisement with the override flag."""
    if len(address) == 4:
        return _arp(_REQUEST, mac, address, _NO_MAC, address, _BROADCAST)
    body = struct.pack("!BxH", _OVERRIDE, 0) + address + b"\x02\x01" + mac
    return _icmp(b"\x33\x33" + _ALL_NODES[12:] + mac, address, _ALL_NODES, _ADVERTISEMENT, body)


def read(frame: bytes) -> list[Frame]:
    """Everything the frame says about addresses; empty for malformed and other frames."""
    if len(frame) < 42:
        return []
    kind = int.from_bytes(frame[12:14], "big")
    if kind == ARP:
        return _read_arp(frame)
    if kind == IPV6 and len(frame) >= 78 and frame[20] == _ICMPV6 and frame[21] == 255:
        return _read_discovery(frame)
    return []


def _read_arp(frame: bytes) -> list[Frame]:
    hardware, protocol, hlen, plen, operation, sha, spa, _, tpa = _ARP.unpack_from(frame, 14)
    if (hardware, protocol, hlen, plen) != (1, 0x0800, 6, 4):
        return []
    mac = sha.hex(":")
    if operation == _REPLY:
        return [Frame(Seen.CLAIM if spa == tpa else Seen.ANSWER, spa, mac)]
    if operation != _REQUEST:
        return []
    if spa == _ANY4:
        return [Frame(Seen.PROBE, tpa, mac)]
    return [Frame(Seen.CLAIM, spa, mac)]


def _read_discovery(frame: bytes) -> list[Frame]:
    source, kind, target = frame[22:38], frame[54], frame[62:78]
    mac = frame[6:12].hex(":")
    if kind == _ADVERTISEMENT:
        return [Frame(Seen.ANSWER if frame[58] & _SOLICITED else Seen.CLAIM, target, mac)]
    if kind != _SOLICITATION:
        return []
    if source == _ANY6:
        return [Frame(Seen.PROBE, target, mac)]
    return [Frame(Seen.CLAIM, source, mac)]


def _arp(operation: int, mac: bytes, spa: bytes, tha: bytes, tpa: bytes, to: bytes) -> bytes:
    head = to + mac + struct.pack("!H", ARP)
    return head + _ARP.pack(1, 0x0800, 6, 4, operation, mac, spa, tha, tpa)


def _icmp(ethernet: bytes, source: bytes, destination: bytes, kind: int, body: bytes) -> bytes:
    length = 4 + len(body)
    pseudo = source + destination + struct.pack("!I3xB", length, _ICMPV6)
    checksum = _checksum(pseudo + struct.pack("!BBH", kind, 0, 0) + body)
    header = struct.pack("!IHBB", 6 << 28, length, _ICMPV6, 255) + source + destination
    icmp = struct.pack("!BBH", kind, 0, checksum) + body
    return ethernet + struct.pack("!H", IPV6) + header + icmp


def _checksum(data: bytes) -> int:
    """Internet checksum (RFC 1071)."""
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total & 0xFFFF) + (total >> 16)
    return ~((total & 0xFFFF) + (total >> 16)) & 0xFFFF

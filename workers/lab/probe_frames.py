"""The probe's raw questions and their answers: ARP for IPv4, neighbour solicitation for IPv6.

Questions are asked in the name of a host that does not exist: a link address of the probe's own
whose last byte is the mark of the round. So an answer says which round it belongs to, and the
client's kernel, to which it is not addressed, learns nothing from it: the neighbour cache that the
echo goes through depends on the owners' announcements alone. Bytes in, bytes out; sockets are
`workers.lab.probe`'s.
"""

import ipaddress
import socket
import struct

MARKS = 16
"""Rounds are told apart modulo this: at 5 ms an answer may be 75 ms late and still be put right."""
WATCHER = bytes.fromhex("02b5e05e0a00")
BROADCAST = b"\xff" * 6
ARP = 0x0806
IPV6 = 0x86DD
ICMPV6 = 58
SOLICITATION = 135
ADVERTISEMENT = 136


def watcher_mac(mark: int) -> bytes:
    """The link address that asks in rounds marked `mark`."""
    return WATCHER[:5] + bytes([mark])


def arp_question(vip: bytes, watcher: bytes, mark: int) -> bytes:
    """Broadcast who-has `vip` from the IPv4 address `watcher`."""
    mac = watcher_mac(mark)
    head = BROADCAST + mac + struct.pack("!HHHBBH", ARP, 1, 0x0800, 6, 4, 1)
    return head + mac + watcher + bytes(6) + vip


def neighbour_question(vip: bytes, mark: int) -> bytes:
    """Multicast neighbour solicitation for `vip` from a link-local address of the watcher's own."""
    mac = watcher_mac(mark)
    source = watcher_link_local(mark)
    group = bytes.fromhex("ff0200000000000000000001ff") + vip[13:]
    body = bytes(4) + vip + b"\x01\x01" + mac
    checksum = _icmp_checksum(source, group, struct.pack("!BBH", SOLICITATION, 0, 0) + body)
    icmp = struct.pack("!BBH", SOLICITATION, 0, checksum) + body
    ip = struct.pack("!IHBB", 6 << 28, len(icmp), ICMPV6, 255) + source + group
    return b"\x33\x33" + group[12:] + mac + struct.pack("!H", IPV6) + ip + icmp


def watcher_link_local(mark: int) -> bytes:
    """The watcher's IPv6 source address in rounds marked `mark`."""
    return bytes.fromhex("fe8000000000000000b5e0fffe5e0a") + bytes([mark])


def parse_arp_answer(frame: bytes) -> tuple[bytes, bytes, int] | None:
    """(address, MAC that answers for it, mark of the round), or None for any other frame."""
    if len(frame) < 42 or frame[:5] != WATCHER[:5] or frame[12:14] != b"\x08\x06":
        return None
    if frame[20:22] != b"\x00\x02" or frame[5] >= MARKS:
        return None
    return frame[28:32], frame[22:28], frame[5]


def parse_neighbour_answer(frame: bytes) -> tuple[bytes, bytes, int] | None:
    """The same for a neighbour advertisement addressed to the watcher."""
    if len(frame) < 78 or frame[:5] != WATCHER[:5] or frame[12:14] != b"\x86\xdd":
        return None
    if frame[20] != ICMPV6 or frame[54] != ADVERTISEMENT or frame[5] >= MARKS:
        return None
    has_option = len(frame) >= 86 and frame[78:80] == b"\x02\x01"
    return frame[62:78], frame[80:86] if has_option else frame[6:12], frame[5]


def mac_text(mac: bytes) -> str:
    """`02:00:00:00:00:01`."""
    return mac.hex(":")


def packed(vip: str) -> bytes:
    """The address as bytes."""
    return ipaddress.ip_address(vip).packed


def family(vip: str) -> socket.AddressFamily:
    """AF_INET or AF_INET6."""
    return socket.AF_INET6 if ":" in vip else socket.AF_INET


def _icmp_checksum(source: bytes, target: bytes, icmp: bytes) -> int:
    data = source + target + struct.pack("!II", len(icmp), ICMPV6) + icmp
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total & 0xFFFF) + (total >> 16)
    return ~(total + (total >> 16)) & 0xFFFF

"""Frames: what is built is read back, what is damaged says nothing, no bytes break the reader."""

import socket
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.failover.core import frames
from workers.failover.core.events import Seen
from workers.failover.core.frames import Frame, Malformed

OWN = bytes.fromhex("020000000001")
macs = st.binary(min_size=6, max_size=6).map(lambda b: bytes((b[0] & 0xFE,)) + b[1:])
host_macs = macs.filter(lambda mac: any(mac))
ipv4 = st.binary(min_size=4, max_size=4).filter(any)
ipv6 = st.binary(min_size=16, max_size=16).filter(lambda a: a[0] != 0xFF and any(a))
addresses = ipv4 | ipv6
pairs = st.tuples(ipv4, ipv4) | st.tuples(ipv6, ipv6)


def arp_reply(mac: bytes, sender: bytes, to: bytes, target: bytes) -> bytes:
    head = to + mac + struct.pack("!H", frames.ARP)
    return head + struct.pack("!HHBBH", 1, 0x0800, 6, 4, 2) + mac + sender + to + target


def checked(frame: bytes) -> bytes:
    """A neighbour-discovery frame with its checksum made right, by the textbook."""
    body = frame[54:56] + b"\0\0" + frame[58:]
    data = frame[22:54] + struct.pack("!II", len(body), 58) + body
    words = struct.unpack(f"!{len(data) // 2}H", data)
    return frame[:56] + struct.pack("!H", 0xFFFF - (sum(words) - 1) % 0xFFFF - 1) + body[4:]


def advertisement(mac: bytes, address: bytes, to: bytes, flags: int) -> bytes:
    announced = frames.announcement(address, mac)
    return checked(to + announced[6:58] + bytes((flags,)) + announced[59:])


@given(addresses, host_macs, st.none() | host_macs)
def test_a_takers_question_is_seen_as_a_probe(target: bytes, mac: bytes, to: bytes | None) -> None:
    frame = frames.question(target, mac, None, to)

    assert frames.read(frame, OWN) == Frame(Seen.PROBE, target, mac)


@given(pairs, host_macs, st.none() | host_macs)
def test_an_ordinary_question_says_who_asks(
    pair: tuple[bytes, bytes], mac: bytes, to: bytes | None
) -> None:
    target, source = pair
    frame = frames.question(target, mac, source, to)

    assert frames.read(frame, OWN) == Frame(Seen.CLAIM, source, mac)
    assert to is None or frame[:6] == to


@given(addresses, host_macs)
def test_an_announcement_is_a_claim_sent_to_all(address: bytes, mac: bytes) -> None:
    frame = frames.announcement(address, mac)

    assert frames.read(frame, OWN) == Frame(Seen.CLAIM, address, mac)
    assert frame[0] & 1
    assert frame[6:12] == mac


@given(ipv4, host_macs, ipv4 | st.just(bytes(4)))
def test_a_reply_is_an_answer_only_to_whom_it_is_sent(
    sender: bytes, mac: bytes, target: bytes
) -> None:
    answer = frames.read(arp_reply(mac, sender, OWN, target), OWN)
    overheard = frames.read(arp_reply(mac, sender, bytes.fromhex("020000000002"), target), OWN)
    to_all = frames.read(arp_reply(mac, sender, b"\xff" * 6, target), OWN)

    gratuitous = sender == target
    assert answer == Frame(Seen.CLAIM if gratuitous else Seen.ANSWER, sender, mac)
    assert overheard == (Frame(Seen.CLAIM, sender, mac) if gratuitous else None)
    assert to_all == Frame(Seen.CLAIM, sender, mac)


@given(ipv6, host_macs)
def test_an_advertisement_is_an_answer_if_solicited_and_sent_to_us(
    address: bytes, mac: bytes
) -> None:
    assert frames.read(advertisement(mac, address, OWN, 0x60), OWN) == Frame(
        Seen.ANSWER, address, mac
    )
    assert frames.read(advertisement(mac, address, bytes.fromhex("020000000002"), 0x60), OWN) is (
        None
    )
    assert frames.read(advertisement(mac, address, OWN, 0x20), OWN) == Frame(
        Seen.CLAIM, address, mac
    )


@given(ipv6, host_macs, st.data())
def test_one_flipped_bit_of_neighbour_discovery_is_found(
    address: bytes, mac: bytes, data: st.DataObject
) -> None:
    frame = bytearray(frames.announcement(address, mac))
    # All that the checksum covers: the addresses, and everything after the IPv6 header.
    position = data.draw(st.integers(22, len(frame) - 1))
    frame[position] ^= 1 << data.draw(st.integers(0, 7))

    try:
        said = frames.read(bytes(frame), OWN)
    except Malformed:
        said = None
    assert said is None


@given(pairs, host_macs, st.data())
def test_a_frame_cut_short_says_nothing(
    pair: tuple[bytes, bytes], mac: bytes, data: st.DataObject
) -> None:
    frame = frames.question(pair[0], mac, pair[1])
    length = data.draw(st.integers(0, len(frame) - 1))

    with pytest.raises(Malformed):
        frames.read(frame[:length], OWN)


@given(addresses, host_macs, st.binary(max_size=40))
def test_padding_changes_nothing(address: bytes, mac: bytes, padding: bytes) -> None:
    frame = frames.announcement(address, mac)

    assert frames.read(frame + padding, OWN) == frames.read(frame, OWN)


@given(st.binary(max_size=128), st.sampled_from([b"", b"\x08\x06", b"\x86\xdd"]))
def test_no_bytes_break_the_reader(noise: bytes, kind: bytes) -> None:
    frame = noise[:12].ljust(12, b"\0") + kind + noise[12:] if kind else noise

    try:
        said = frames.read(frame, OWN)
    except Malformed:
        return
    assert said is None or len(said.address) in {4, 16}


@given(ipv6, host_macs, st.lists(st.tuples(st.integers(0, 255), st.integers(0, 3)), max_size=4))
def test_strange_options_break_nothing(
    address: bytes, mac: bytes, options: list[tuple[int, int]]
) -> None:
    extra = b"".join(bytes((kind, units)) + bytes(max(8 * units - 2, 6)) for kind, units in options)
    grown = frames.announcement(address, mac)[:78] + extra
    frame = checked(grown[:18] + struct.pack("!H", len(grown) - 54) + grown[20:])

    try:
        said = frames.read(frame, OWN)
    except Malformed:
        return
    assert said is not None
    assert said.address == address


def test_the_frames_are_those_of_the_standards() -> None:
    mac, vip = bytes.fromhex("0a0b0c0d0e0f"), socket.inet_aton("198.18.0.9")
    vip6 = socket.inet_pton(socket.AF_INET6, "2001:db8::1:2:3")

    assert frames.question(vip, mac, None) == bytes.fromhex(
        "ffffffffffff 0a0b0c0d0e0f 0806 0001 0800 06 04 0001"
        "0a0b0c0d0e0f 00000000 000000000000 c6120009"
    )
    asked = frames.question(vip6, mac, None)
    assert asked[:6] == bytes.fromhex("3333ff020003")
    assert asked[38:54] == socket.inet_pton(socket.AF_INET6, "ff02::1:ff02:3")
    assert len(asked) == 78  # DAD: no option
    assert asked[54:56] == bytes((135, 0))
    told = frames.announcement(vip6, mac)
    assert told[:6] == bytes.fromhex("333300000001")
    assert told[58] == 0x20  # override, not solicited
    assert told[78:] == bytes((2, 1)) + mac

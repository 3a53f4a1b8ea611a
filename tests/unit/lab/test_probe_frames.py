"""Raw questions and answers, byte by byte."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.lab import probe_frames as frames

VIP = frames.packed("198.18.0.101")
VIP6 = frames.packed("fd00::101")
OWNER = bytes.fromhex("024dc612000b")


def arp_answer(mark: int, address: bytes = VIP, mac: bytes = OWNER) -> bytes:
    """What a Linux host sends back to the watcher."""
    watcher = frames.watcher_mac(mark)
    head = watcher + mac + struct.pack("!HHHBBH", frames.ARP, 1, 0x0800, 6, 4, 2)
    return head + mac + address + watcher + frames.packed("198.18.0.254")


def advertisement(mark: int, option: bytes) -> bytes:
    """A solicited neighbour advertisement to the watcher."""
    icmp = struct.pack("!BBHI", frames.ADVERTISEMENT, 0, 0, 0x60000000) + VIP6 + option
    ip = struct.pack("!IHBB", 6 << 28, len(icmp), frames.ICMPV6, 255)
    ip += VIP6 + frames.watcher_link_local(mark)
    return frames.watcher_mac(mark) + OWNER + struct.pack("!H", frames.IPV6) + ip + icmp


def test_an_arp_question_asks_for_the_vip_in_the_watchers_name() -> None:
    """Given a VIP and a mark, then the frame is a who-has that bears the mark twice."""
    frame = frames.arp_question(VIP, frames.packed("198.18.0.254"), 7)
    assert frame[:6] == b"\xff" * 6
    assert frame[6:12] == frame[22:28] == frames.watcher_mac(7)
    assert frame[20:22] == b"\x00\x01"
    assert frame[28:32] == bytes([198, 18, 0, 254])
    assert frame[38:42] == VIP


@pytest.mark.parametrize("mark", range(frames.MARKS))
def test_an_answer_tells_address_owner_and_round(mark: int) -> None:
    """Given an answer to a marked question, then all three are read from it."""
    assert frames.parse_arp_answer(arp_answer(mark)) == (VIP, OWNER, mark)


def test_other_frames_are_no_answers() -> None:
    """Given requests, answers to others, and cut frames, then they are left alone."""
    request = frames.arp_question(VIP, frames.packed("198.18.0.254"), 1)
    assert frames.parse_arp_answer(request) is None
    assert frames.parse_arp_answer(OWNER + arp_answer(1)[6:]) is None
    assert frames.parse_arp_answer(arp_answer(1)[:41]) is None
    assert frames.parse_arp_answer(arp_answer(frames.MARKS)) is None


@given(st.binary(max_size=120))
def test_random_bytes_never_crash(data: bytes) -> None:
    """Given anything, even addressed to the watcher, then parsing ends with an answer or None."""
    for frame in (data, frames.watcher_mac(3) + data):
        frames.parse_arp_answer(frame)
        frames.parse_neighbour_answer(frame)


def test_a_solicitation_has_a_right_checksum() -> None:
    """Given a solicitation, then the sum over pseudo header and message is all ones."""
    frame = frames.neighbour_question(VIP6, 5)
    icmp = frame[54:]
    data = frame[22:54] + struct.pack("!II", len(icmp), frames.ICMPV6) + icmp
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    assert total == 0xFFFF


def test_an_advertisement_tells_address_owner_and_round() -> None:
    """Given an advertisement with or without the link address option, then the owner is known."""
    other = bytes.fromhex("020000000001")
    assert frames.parse_neighbour_answer(advertisement(4, b"\x02\x01" + other)) == (VIP6, other, 4)
    assert frames.parse_neighbour_answer(advertisement(4, b"")) == (VIP6, OWNER, 4)

"""Packet filters never keep back what the reader would report: run here by a small interpreter."""

import struct
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from workers.failover import packet_filter
from workers.failover.core import frames
from workers.failover.packet_filter import MOST_RANGES, Instruction

MAC, OWN = bytes.fromhex("020000000009"), bytes.fromhex("020000000001")
words = st.integers(1, 0xFFFFFFFF)
word_sets = st.frozensets(st.integers(1, 60) | words, max_size=150)


def passes(program: list[Instruction], packet: bytes) -> bool:
    """Classic BPF, as far as these programs use it."""
    position = accumulator = 0
    while True:
        code, if_true, if_false, operand = program[position]
        position += 1
        if code == 0x06:
            return operand > 0
        if code in {0x20, 0x28, 0x30}:
            size = {0x20: 4, 0x28: 2, 0x30: 1}[code]
            if operand + size > len(packet):
                return False
            accumulator = int.from_bytes(packet[operand : operand + size], "big")
        elif code == 0x05:
            position += operand
        else:
            truth = {
                0x15: accumulator == operand,
                0x25: accumulator > operand,
                0x35: accumulator >= operand,
            }[code]
            position += if_true if truth else if_false


def six(word: int) -> bytes:
    return bytes.fromhex("20010db8") + bytes(8) + word.to_bytes(4, "big")


@given(word_sets)
def test_ranges_hold_all_values_and_nothing_else_if_they_are_few(values: frozenset[int]) -> None:
    found = packet_filter.ranges(values)

    assert all(any(first <= value <= last for first, last in found) for value in values)
    assert list(found) == sorted(found)
    if len(values) <= MOST_RANGES:
        assert sum(last - first + 1 for first, last in found) == len(values)
    assert len(found) <= MOST_RANGES


@given(word_sets)
def test_of_too_many_ranges_the_closest_are_joined(values: frozenset[int]) -> None:
    found = packet_filter.ranges(values)
    inside = [
        gap
        for one, next_ in pairwise(sorted(values))
        if (gap := next_ - one) > 1 and any(first <= one < last for first, last in found)
    ]
    between = [later[0] - earlier[1] for earlier, later in pairwise(found)]

    assert not inside or (len(found) == MOST_RANGES and max(inside) <= min(between))


@given(word_sets, word_sets, st.integers(1, 60) | words, st.sampled_from([4, 16]))
def test_filters_pass_what_is_wanted(
    vips: frozenset[int], others: frozenset[int], about: int, size: int
) -> None:
    known = packet_filter.ranges(vips), packet_filter.ranges(others)
    if size == 4:
        program, address = packet_filter.arp_about(*known), about.to_bytes(4, "big")
    else:
        program, address = packet_filter.discovery_about(*known), six(about)
    elsewhere = address[:-4] + b"\xff\xff\xff\xfe"

    exact = len(vips) <= MOST_RANGES and len(others) <= MOST_RANGES
    for frame, wanted in (
        (frames.announcement(address, MAC), about in vips),
        (frames.question(address, MAC, None), about in vips),
        (frames.question(elsewhere, MAC, address), about in vips),
        (_answer(address), about in vips or about in others),
    ):
        if wanted or exact:
            # An unsolicited advertisement of a witness passes: only the reader can tell.
            lenient = size == 16 and frame[54] == 136 and about in others
            assert passes(program, frame) == (wanted or lenient)


def _answer(address: bytes) -> bytes:
    if len(address) == 16:
        return OWN + frames.announcement(address, MAC)[6:]
    asked = frames.question(b"\x01\x02\x03\x04", MAC, address, OWN)
    return asked[:20] + struct.pack("!H", 2) + asked[22:]


@given(words, words)
def test_notices_of_our_own_doing_are_dropped(port: int, other: int) -> None:
    program = packet_filter.notices_not_by(port)
    notice = struct.pack("=IHHII", 16, 20, 0, 1, other)

    assert passes(program, notice) == (other != port)


@given(st.binary(max_size=90), word_sets)
def test_noise_ends_every_program(noise: bytes, vips: frozenset[int]) -> None:
    known = packet_filter.ranges(vips)

    for program in (packet_filter.arp_about, packet_filter.discovery_about):
        passes(program(known, known), noise)

"""Raw ARP and neighbour discovery against real kernels: who answers, who claims, who probes."""

import errno
import json
import os
import random
import select
import socket
import struct
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from typing import Any

import pytest

from tests.integration.segment import Host, define, hosts, run, wait_until
from workers.failover import packet_filter
from workers.failover.core import frames
from workers.failover.core.actions import Probe, Probing, Take
from workers.failover.core.events import Seen, Sighting
from workers.failover.errors import InterfaceError, NeighboursError
from workers.failover.neighbours import Neighbours
from workers.failover.plumber import Plumber

VIP, VIP6, FREE, FREE6 = "198.18.78.1", "2001:db8:77::a1", "198.18.78.9", "2001:db8:77::a9"
WITNESS, PEER, STRANGER = "198.18.77.3", "198.18.77.2", "198.18.77.50"
HEARD_SECONDS = 5.0
"""So long many announcements may take on a busy machine."""
PEER_OF_TWO = "198.18.77.1"
DEFINITIONS = define(VIP, VIP6, FREE, FREE6, lease_ttl=30, witnesses=(WITNESS,))
MEMORY_OF, OPTMEM_BYTES = 55, 20_480
BOTH = pytest.mark.parametrize(("vip", "free"), [(VIP, FREE), (VIP6, FREE6)])


@dataclass(frozen=True)
class Segment:
    """`one` asks; the kernel of `two` holds VIP and VIP6; `three` is a bystander and witness."""

    one: Host
    two: Host
    three: Host
    asker: Neighbours
    holder: Neighbours
    plumber: Plumber


@pytest.fixture
def segment() -> Iterator[Segment]:
    with hosts(3) as (one, two, three), ExitStack() as stack:
        with one.inside():
            asker = stack.enter_context(closing(Neighbours("one", DEFINITIONS)))
        with two.inside():
            plumber = stack.enter_context(closing(Plumber("two", DEFINITIONS)))
            plumber.open()
            never_late = time.monotonic() + 60
            taken = plumber.take(Take((VIP, VIP6), never_late))
            assert taken.added == (VIP, VIP6), taken
            holder = stack.enter_context(closing(Neighbours("two", DEFINITIONS)))
        heard(asker, 0.05)  # what the kernels say when addresses come up
        yield Segment(one, two, three, asker, holder, plumber)


def heard(neighbours: Neighbours, seconds: float = 0.1) -> list[Sighting]:
    """What is seen within a time."""
    found: list[Sighting] = []
    deadline = time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0:
        if select.select(neighbours.filenos(), [], [], left)[0]:
            found += neighbours.read()
    return found


def send_raw(host: Host, *sent: bytes) -> None:
    with (
        host.inside(),
        socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as sock,
    ):
        sock.bind(("eth0", 0))
        for frame in sent:
            sock.send(frame)


def mac_of(host: Host) -> bytes:
    return bytes.fromhex(host.mac.replace(":", ""))


def call(host: Host, address: str) -> None:
    """Let a host's kernel look for an address by itself."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with host.inside(), socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.sendto(b"hello", (address, 9))


def cached(host: Host, address: str) -> str:
    """Link address in a kernel's own neighbour cache."""
    listed = json.loads(host.ip("-j", "neigh", "show", address, "dev", "eth0"))
    return str(listed[0].get("lladdr", "")) if listed else ""


# Asking.


@pytest.mark.parametrize("probing", Probing)
@BOTH
def test_the_owners_kernel_answers_and_a_free_address_is_silent(
    segment: Segment, probing: Probing, vip: str, free: str
) -> None:
    segment.asker.probe(Probe((vip, free), probing, segment.two.mac))

    assert heard(segment.asker) == [Sighting(Seen.ANSWER, vip, segment.two.mac)]
    assert segment.asker.malformed == segment.asker.errors == 0


@BOTH
def test_a_question_to_one_link_address_reaches_nobody_else(
    segment: Segment, vip: str, free: str
) -> None:
    segment.asker.probe(Probe((vip,), Probing.UNICAST, segment.three.mac))

    assert heard(segment.asker) == []


@BOTH
def test_only_takers_are_seen_as_probing(segment: Segment, vip: str, free: str) -> None:
    segment.asker.probe(Probe((vip, free), Probing.CHECK))
    segment.asker.probe(Probe((vip,), Probing.UNICAST, segment.two.mac))
    assert heard(segment.holder) == []

    segment.asker.probe(Probe((vip, free), Probing.TAKER))
    assert heard(segment.holder) == [
        Sighting(Seen.PROBE, address, segment.one.mac) for address in (vip, free)
    ]


def test_a_check_asks_from_the_nodes_own_address_though_the_anchor_stands_first(
    segment: Segment,
) -> None:
    with segment.two.inside(), closing(Neighbours("two", DEFINITIONS)) as restarted:
        segment.three.ip("neigh", "flush", "all")
        restarted.probe(Probe((WITNESS,), Probing.CHECK))

        assert heard(restarted) == [Sighting(Seen.ANSWER, WITNESS, segment.three.mac)]
        assert cached(segment.three, PEER) == segment.two.mac  # learnt from the question
        assert next(iter(segment.two.addresses())) == "192.0.2.1"


def test_witnesses_and_peers_answer_and_strangers_are_passed_over(segment: Segment) -> None:
    segment.asker.probe(Probe((WITNESS, PEER, STRANGER), Probing.CHECK))

    assert sorted(heard(segment.asker), key=lambda s: s.address) == [
        Sighting(Seen.ANSWER, PEER, segment.two.mac),
        Sighting(Seen.ANSWER, WITNESS, segment.three.mac),
    ]


def test_the_kernel_answers_while_the_agent_is_stopped_and_not_after_release(
    segment: Segment,
) -> None:
    segment.asker.probe(Probe((VIP,), Probing.TAKER))  # nobody runs on `two` meanwhile
    assert heard(segment.asker)

    with segment.two.inside():
        segment.plumber.release((VIP, VIP6))
    segment.asker.probe(Probe((VIP, VIP6), Probing.TAKER))

    assert heard(segment.asker) == []


def test_every_question_is_answered(segment: Segment) -> None:
    spans: dict[str, list[float]] = {VIP: [], VIP6: []}
    for vip, found in spans.items():
        for _ in range(50):
            began = time.monotonic()
            segment.asker.probe(Probe((vip,), Probing.TAKER))
            assert select.select(segment.asker.filenos(), [], [], 1)[0]
            assert segment.asker.read()[0].seen is Seen.ANSWER
            found.append(time.monotonic() - began)
        print(f"{vip}: best {min(found) * 1e6:.0f}, median {sorted(found)[25] * 1e6:.0f} us")


# Announcing.


@BOTH
def test_an_announcement_is_a_claim_and_moves_a_clients_cache(
    segment: Segment, vip: str, free: str
) -> None:
    call(segment.three, vip)
    wait_until(lambda: cached(segment.three, vip) == segment.two.mac)

    segment.asker.announce((vip,))

    assert heard(segment.holder) == [Sighting(Seen.CLAIM, vip, segment.one.mac)]
    wait_until(lambda: cached(segment.three, vip) == segment.one.mac)


def test_our_own_frames_are_never_seen(segment: Segment) -> None:
    segment.asker.probe(Probe((FREE, FREE6), Probing.TAKER))
    segment.asker.announce((FREE, FREE6))
    for own in (segment.one, segment.two):  # a loop in the network, or somebody with our address
        send_raw(own, frames.announcement(socket.inet_aton(VIP), mac_of(segment.one)))

    assert heard(segment.asker) == []


# Hearing.


def test_a_question_of_a_host_that_uses_the_vip_is_a_claim(segment: Segment) -> None:
    target = socket.inet_aton(STRANGER)
    send_raw(segment.two, frames.question(target, mac_of(segment.two), socket.inet_aton(VIP)))
    source, target6 = (socket.inet_pton(socket.AF_INET6, a) for a in (VIP6, "2001:db8:77::99"))
    send_raw(segment.two, frames.question(target6, mac_of(segment.two), source))

    assert heard(segment.asker) == [
        Sighting(Seen.CLAIM, vip, segment.two.mac) for vip in (VIP, VIP6)
    ]


def test_ordinary_questions_about_vips_and_others_do_not_even_wake_us(segment: Segment) -> None:
    for address in (VIP, PEER, STRANGER, VIP6, "2001:db8:77::99"):
        call(segment.three, address)
    wait_until(lambda: all(cached(segment.three, vip) for vip in (VIP, VIP6)))

    assert select.select(segment.asker.filenos(), [], [], 0.1)[0] == []


def test_damaged_frames_are_counted_and_say_nothing(segment: Segment) -> None:
    good = frames.announcement(socket.inet_aton(VIP), mac_of(segment.three))
    good6 = frames.announcement(socket.inet_pton(socket.AF_INET6, VIP6), mac_of(segment.three))
    bad = [
        good[:18] + b"\x07" + good[19:],  # link addresses of seven bytes
        good[:22] + bytes(6) + good[28:],  # sent by nobody
        good6[:-1] + bytes((good6[-1] ^ 1,)),  # checksum
        good6[:21] + b"\x40" + good6[22:],  # came through a router
    ]
    send_raw(segment.three, *bad)

    assert heard(segment.asker) == []
    assert segment.asker.malformed == len(bad)


def test_random_frames_do_no_harm(segment: Segment) -> None:
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    to_all, mac = b"\xff" * 6, mac_of(segment.three)
    seeds = [
        frames.announcement(socket.inet_aton(VIP), mac),
        frames.question(socket.inet_aton(VIP), mac, None),
        frames.announcement(socket.inet_pton(socket.AF_INET6, VIP6), mac),
        frames.question(socket.inet_pton(socket.AF_INET6, VIP6), mac, None),
    ]
    flood = []
    for number in range(2000):
        if number % 2:
            frame = to_all + mac + chance.choice((b"\x08\x06", b"\x86\xdd"))
            frame += chance.randbytes(chance.randrange(28, 100))
        else:
            damaged = bytearray(chance.choice(seeds))
            for _ in range(chance.randrange(1, 4)):
                damaged[chance.randrange(14, len(damaged))] = chance.randrange(256)
            frame = to_all + bytes(damaged[6:])
        flood.append(frame)
    send_raw(segment.three, *flood)

    known = {VIP, VIP6, FREE, FREE6, WITNESS, PEER}
    assert {s.address for s in heard(segment.asker)} <= known
    assert segment.asker.malformed > 0
    segment.asker.probe(Probe((VIP, VIP6), Probing.TAKER))
    assert {s.address for s in heard(segment.asker) if s.seen is Seen.ANSWER} == {VIP, VIP6}


def test_a_flood_is_read_in_bounded_parts(segment: Segment) -> None:
    frame = frames.announcement(socket.inet_aton(VIP), mac_of(segment.three))
    send_raw(segment.three, *[frame] * 3000)

    first = len(segment.asker.read())

    assert 0 < first < 3000
    assert segment.asker.more
    assert first + len(heard(segment.asker)) == 3000
    assert not segment.asker.more
    assert not segment.asker.lost()


def test_frames_that_found_no_room_are_noticed_once(segment: Segment) -> None:
    frame = frames.announcement(socket.inet_aton(VIP), mac_of(segment.three))
    send_raw(segment.three, *[frame] * 20_000)

    assert len(heard(segment.asker)) < 20_000

    assert segment.asker.lost()
    assert not segment.asker.lost()


# Links and definitions.


@BOTH
def test_a_question_that_the_kernel_has_no_room_for_is_reported_once(
    segment: Segment, vip: str, free: str
) -> None:
    slow = ("root", "tbf", "rate", "8bit", "burst", "100", "limit", "1")
    run("tc", "-n", segment.one.name, "qdisc", "replace", "dev", "eth0", *slow)

    for _ in range(3):
        segment.asker.probe(Probe((vip, free), Probing.TAKER))

    assert segment.asker.errors >= 4
    assert segment.asker.unasked() == {vip, free}
    assert segment.asker.unasked() == frozenset()


def test_frames_that_cannot_leave_are_counted_and_work_goes_on_afterwards(
    segment: Segment,
) -> None:
    segment.one.ip("link", "set", "eth0", "down")
    segment.asker.probe(Probe((VIP,), Probing.TAKER))
    assert segment.asker.errors == 1
    segment.asker.read()

    segment.one.ip("link", "set", "eth0", "up")

    def answered() -> bool:
        segment.asker.probe(Probe((VIP,), Probing.TAKER))
        return Sighting(Seen.ANSWER, VIP, segment.two.mac) in heard(segment.asker, 0.05)

    wait_until(answered)


@BOTH
def test_the_link_address_of_now_is_announced_and_asked_from(
    segment: Segment, vip: str, free: str
) -> None:
    call(segment.three, vip)
    wait_until(lambda: cached(segment.three, vip) == segment.two.mac)
    segment.two.ip("link", "set", "eth0", "address", "02:00:00:00:77:77")

    segment.holder.announce((vip,))

    assert heard(segment.asker) == [Sighting(Seen.CLAIM, vip, "02:00:00:00:77:77")]
    wait_until(lambda: cached(segment.three, vip) == "02:00:00:00:77:77")
    segment.holder.probe(Probe((PEER_OF_TWO,), Probing.CHECK))
    assert heard(segment.holder) == [Sighting(Seen.ANSWER, PEER_OF_TWO, segment.one.mac)]


def test_an_interface_made_anew_is_followed(segment: Segment) -> None:
    segment.one.ip("link", "del", "eth0")
    segment.asker.read()
    segment.one.attach()

    def answered() -> bool:
        segment.asker.probe(Probe((VIP,), Probing.TAKER))
        return Sighting(Seen.ANSWER, VIP, segment.two.mac) in heard(segment.asker, 0.05)

    wait_until(answered)
    segment.holder.probe(Probe((FREE, FREE6), Probing.TAKER))
    assert {s.address for s in heard(segment.asker) if s.seen is Seen.PROBE} == {FREE, FREE6}
    segment.asker.announce((FREE,))
    assert heard(segment.holder)[-1] == Sighting(Seen.CLAIM, FREE, segment.one.mac)


def test_new_definitions_change_what_is_heard(segment: Segment) -> None:
    before = segment.asker.filenos()
    with segment.one.inside():
        segment.asker.redefine(define(FREE, lease_ttl=30))
    segment.holder.announce((VIP, VIP6, FREE))

    assert segment.asker.filenos() == before
    assert heard(segment.asker) == [Sighting(Seen.CLAIM, FREE, segment.two.mac)]


def test_definitions_that_do_not_fit_change_nothing(segment: Segment) -> None:
    with segment.one.inside(), pytest.raises(InterfaceError, match="eth7"):
        segment.asker.redefine(define(FREE, interface="eth7"))
    segment.holder.announce((VIP,))

    assert heard(segment.asker) == [Sighting(Seen.CLAIM, VIP, segment.two.mac)]


def test_many_vips_pass_the_filter(segment: Segment) -> None:
    many = [f"198.18.{80 + i // 120}.{2 * (i % 120) + 1}" for i in range(600)]
    six = [f"2001:db8:77::{2 * i + 1:x}" for i in range(0x1000, 0x1000 + 600)]
    for host, neighbours in ((segment.one, segment.asker), (segment.two, segment.holder)):
        with host.inside():
            neighbours.redefine(define(*many, *six))

    segment.holder.announce((*many, *six))
    while segment.holder.speak():
        continue

    found, deadline = set[str](), time.monotonic() + HEARD_SECONDS
    while found != {*many, *six} and time.monotonic() < deadline:
        found |= {one.address for one in heard(segment.asker)}
    assert found == {*many, *six}
    segment.asker.probe(Probe((six[-1],), Probing.TAKER))
    assert [s.seen for s in heard(segment.holder)] == [Seen.PROBE]


@pytest.mark.parametrize("program", [packet_filter.arp_about, packet_filter.discovery_about])
def test_two_of_the_largest_filters_fit_into_what_older_kernels_grant(
    program: Callable[..., Sequence[packet_filter.Instruction]],
) -> None:
    scattered = packet_filter.ranges(range(0xC6120000, 0xC6130000, 3))
    assert len(scattered) == packet_filter.MOST_RANGES
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        packet_filter.attach(sock, program(scattered, scattered))
        charged = struct.unpack("=9I", sock.getsockopt(socket.SOL_SOCKET, MEMORY_OF, 36))[6]

    assert 0 < charged <= OPTMEM_BYTES / 2


@dataclass
class Full:
    """A socket to which the kernel grants no filter."""

    real: socket.socket

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)

    def setsockopt(self, *_: object) -> None:
        raise OSError(errno.ENOMEM, os.strerror(errno.ENOMEM))


def test_definitions_whose_filter_finds_no_room_change_nothing(segment: Segment) -> None:
    wire = segment.asker._wires["eth0"]
    real = wire._sockets[4]
    wire._sockets[4] = Full(real)  # type: ignore[assignment]
    with segment.one.inside(), pytest.raises(NeighboursError, match="optmem_max"):
        segment.asker.redefine(define(FREE, lease_ttl=30))
    wire._sockets[4] = real
    segment.holder.announce((VIP, FREE))

    assert heard(segment.asker) == [Sighting(Seen.CLAIM, v, segment.two.mac) for v in (VIP, FREE)]


def test_an_interface_without_an_own_address_is_one_clear_error(segment: Segment) -> None:
    segment.three.ip("addr", "flush", "dev", "eth0", "scope", "global")
    run("ip", "-n", segment.three.name, "addr", "add", f"{VIP}/0", "dev", "eth0", "scope", "host")
    strange = define(VIP)
    strange.nodes["three"] = type(strange.nodes["three"])("three", "203.0.113.3")

    with segment.three.inside(), pytest.raises(NeighboursError, match="no IPv4 address of its own"):
        Neighbours("three", strange)


def test_without_the_capability_there_is_one_clear_error(segment: Segment) -> None:
    os.seteuid(65534)
    try:
        with pytest.raises(NeighboursError, match="run as root"):
            Neighbours("one", DEFINITIONS)
    finally:
        os.seteuid(0)

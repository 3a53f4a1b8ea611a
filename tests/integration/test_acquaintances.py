"""Hosts of interest on a real segment: who is told is told, and nobody else hears of it."""

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace

import pytest

from tests.integration.segment import Host, define, hosts, run, wait_until
from workers.failover.acquaintances import Acquaintances
from workers.failover.core.actions import Fact, FactKind, Send
from workers.failover.core.definitions import AnnounceTo, Definitions
from workers.failover.core.messages import Neighbourhood
from workers.failover.neighbours import Neighbours

VIP, VIP6 = "198.18.78.1", "2001:db8:77::a1"
NAMED, NAMED6 = "198.18.77.4", "2001:db8:77::4"
OLD_MAC = "02:00:00:00:0d:ed"
BOTH = pytest.mark.parametrize("vip", [VIP, VIP6])


def interested(*named: str) -> Definitions:
    """Announce to hosts of interest only, and to these by name."""
    made = define(VIP, VIP6)
    knobs = replace(made.knobs, announce_to=AnnounceTo.INTEREST)
    topologies = tuple(
        replace(t, interest=tuple(n for n in named if (":" in n) == (":" in t.cidr)))
        for t in made.topologies
    )
    return replace(made, knobs=knobs, topologies=topologies)


@dataclass(frozen=True)
class Segment:
    """`one` and `two` are nodes, `client` and `stranger` talk to VIPs."""

    one: Host
    two: Host
    client: Host
    stranger: Host
    neighbours: dict[str, Neighbours]
    acquaintances: dict[str, Acquaintances]
    sent: list[Send]

    def meet(self, node: str) -> Neighbourhood:
        """A node looks around and tells the other."""
        self.acquaintances[node].meet()
        message = self.sent[-1].message
        assert isinstance(message, Neighbourhood)
        assert not self.sent[-1].ring_a
        other = {"one": "two", "two": "one"}[node]
        self.acquaintances[other].hear(message)
        return message

    def remember(self, vip: str) -> None:
        """Client and stranger remember an owner that is dead."""
        for host in (self.client, self.stranger):
            command = ("neigh", "replace", vip, "lladdr", OLD_MAC, "dev", "eth0", "nud", "stale")
            run("ip", "-n", host.name, *command)


def cached(host: Host, vip: str) -> str:
    words = host.ip("neigh", "show", "to", vip, "dev", "eth0").split()
    return words[words.index("lladdr") + 1] if "lladdr" in words else ""


def call(host: Host, to: Host) -> None:
    """The kernels get to know each other by both IP versions."""
    for address in (f"198.18.77.{to.number}", f"2001:db8:77::{to.number}"):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        with host.inside(), socket.socket(family, socket.SOCK_DGRAM) as sock:
            sock.sendto(b"", (address, 9))
        wait_until(lambda address=address: bool(cached(host, address)))


@pytest.fixture
def segment(request: pytest.FixtureRequest) -> Iterator[Segment]:
    definitions = interested(*getattr(request, "param", ()))
    with hosts(4) as (one, two, stranger, client), ExitStack() as stack:
        neighbours: dict[str, Neighbours] = {}
        acquaintances: dict[str, Acquaintances] = {}
        sent: list[Send] = []
        for name, host in (("one", one), ("two", two)):
            with host.inside():
                neighbours[name] = stack.enter_context(closing(Neighbours(name, definitions)))
                acquaintances[name] = stack.enter_context(
                    closing(Acquaintances(name, definitions, neighbours[name], sent.append))
                )
        yield Segment(one, two, client, stranger, neighbours, acquaintances, sent)


@BOTH
def test_whom_the_dead_owner_knew_is_told_and_nobody_else(segment: Segment, vip: str) -> None:
    call(segment.client, segment.one)
    assert any(mac == segment.client.mac for _, mac in segment.meet("one").hosts)
    segment.remember(vip)

    segment.neighbours["two"].announce((vip,))

    wait_until(lambda: cached(segment.client, vip) == segment.two.mac)
    assert cached(segment.stranger, vip) == OLD_MAC


@BOTH
def test_before_anything_is_known_everybody_is_told(segment: Segment, vip: str) -> None:
    segment.remember(vip)

    segment.neighbours["two"].announce((vip,))

    for host in (segment.client, segment.stranger):
        wait_until(lambda host=host: cached(host, vip) == segment.two.mac)


@pytest.mark.parametrize("segment", [(NAMED, NAMED6)], indirect=True)
@BOTH
def test_a_named_host_is_asked_for_and_then_told_alone(segment: Segment, vip: str) -> None:
    segment.meet("one")
    two = segment.neighbours["two"]
    assert set(two.interest.unknown()) == {NAMED, NAMED6}
    segment.meet("two")  # asks for them

    def answered() -> bool:
        assert two.read() == []  # the answers are no business of the core
        return not two.interest.unknown()

    wait_until(answered)
    segment.remember(vip)
    two.announce((vip,))

    wait_until(lambda: cached(segment.client, vip) == segment.two.mac)
    assert cached(segment.stranger, vip) == OLD_MAC


def test_after_a_peer_came_back_everybody_is_told(segment: Segment) -> None:
    call(segment.client, segment.one)
    segment.meet("one")
    segment.remember(VIP)
    segment.acquaintances["two"].note(Fact(FactKind.DEAD, node="one"))
    segment.neighbours["two"].announce((VIP,))
    wait_until(lambda: cached(segment.client, VIP) == segment.two.mac)
    assert cached(segment.stranger, VIP) == OLD_MAC

    segment.acquaintances["two"].note(Fact(FactKind.ALIVE, node="one"))
    segment.neighbours["two"].announce((VIP,))

    wait_until(lambda: cached(segment.stranger, VIP) == segment.two.mac)


def test_where_everybody_is_told_nobody_is_asked_or_listed(segment: Segment) -> None:
    segment.acquaintances["one"].redefine(define(VIP))
    segment.acquaintances["one"].meet()

    assert segment.sent == []


def test_what_is_no_host_in_a_message_is_passed_over(segment: Segment) -> None:
    hosts_ = (("x", "02:00:00:00:00:01"), (NAMED, "no"), ("fe80::1%eth0", OLD_MAC))
    segment.acquaintances["two"].hear(Neighbourhood(node="one", hosts=hosts_))

    assert segment.neighbours["two"].interest.hosts() == []


def test_many_neighbours_are_listed_quickly_and_within_bounds(segment: Segment) -> None:
    lines = [
        f"neigh replace 198.18.{80 + n // 250}.{n % 250 + 1} lladdr {OLD_MAC} dev eth0 nud stale"
        for n in range(600)
    ]
    run("sh", "-c", f"printf '{chr(10).join(lines)}' | ip -n {segment.one.name} -batch -")
    began = time.monotonic()

    message = segment.meet("one")

    print(f"600 neighbours in {(time.monotonic() - began) * 1000:.1f} ms")
    assert len(message.hosts) == 256

"""Both rings with real sockets and a real broker: faults are counted, nothing is raised."""

import asyncio
import contextlib
import random
import signal
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from tests.integration.brokers import (
    CLUSTER,
    LOOPBACK,
    NODES,
    SUBCLUSTER,
    RunningBroker,
    free_ports,
)
from workers.bus.codec import MAX_BYTES, Codec, Refusal
from workers.bus.errors import BusError
from workers.failover.core.actions import Send
from workers.failover.core.definitions import Definitions, Knobs, Node
from workers.failover.core.events import Received, Ring, RingChanged
from workers.failover.core.messages import Heartbeat, Message, NodeState, Question
from workers.failover.rings import RingRefusal, Rings

KEY = b"k" * 32
PATIENCE_SECONDS = 15.0
BACK_SECONDS = 1.0
NOTICED_SECONDS = 4.0
"""Sooner than AMQP's own heartbeats, which give a hung broker 7 s."""


def heartbeat(node: str, sequence: int = 1, incarnation: int = 1) -> Heartbeat:
    return Heartbeat(
        node=node,
        incarnation=incarnation,
        sequence=sequence,
        sent_at=1.0,
        state=NodeState.READY,
        revision=1,
        known_revision=1,
        view="v",
        macs=(),
        heard=(),
        digest=0,
    )


class Station:
    """One node's rings and what they delivered."""

    def __init__(self, name: str, definitions: Definitions, brokers: list[str]) -> None:
        self.name = name
        self.events: list[Received | RingChanged] = []
        self.rings = Rings(name, definitions, [KEY], brokers, self.events.append)

    def heard(self, ring: Ring) -> list[Message]:
        return [e.message for e in self.events if isinstance(e, Received) and e.ring is ring]

    def up(self, ring: Ring) -> bool | None:
        changes = [e.up for e in self.events if isinstance(e, RingChanged) and e.ring is ring]
        return changes[-1] if changes else None

    async def beat(self, until: Callable[[], bool], seconds: float = PATIENCE_SECONDS) -> float:
        """Send heartbeats as a machine does until something holds; how long that took."""
        loop = asyncio.get_running_loop()
        start, sequence = loop.time(), 1000
        while not until():
            assert loop.time() - start < seconds, f"{self.name}: nothing after {seconds} s"
            sequence += 1
            self.rings.send(Send(heartbeat(self.name, sequence)))
            await asyncio.sleep(0.02)
        return loop.time() - start


def defined(ports: list[int]) -> Definitions:
    nodes = {n: Node(n, LOOPBACK, port) for n, port in zip(NODES, ports, strict=True)}
    return Definitions(CLUSTER, SUBCLUSTER, 1, Knobs(), nodes=nodes)


@contextlib.asynccontextmanager
async def stations(*brokers: list[str]) -> AsyncIterator[list[Station]]:
    """Open rings for as many nodes as there are lists of brokers."""
    definitions = defined(udp_ports())
    found = [Station(name, definitions, list(b)) for name, b in zip(NODES, brokers, strict=False)]
    try:
        for station in found:
            station.rings.open()
        yield found
    finally:
        for station in found:
            await station.rings.close()


def udp_ports() -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket(type=socket.SOCK_DGRAM)) for _ in NODES]
        for each in sockets:
            each.bind((LOOPBACK, 0))
        return [each.getsockname()[1] for each in sockets]


async def eventually(condition: Callable[[], bool], seconds: float = PATIENCE_SECONDS) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.01)


def run(test: Awaitable[None]) -> None:
    """Run a test in a loop that fails it for whatever was raised into the loop."""
    raised: list[object] = []

    async def guarded() -> None:
        handler = lambda _loop, context: raised.append(context)  # noqa: E731
        asyncio.get_running_loop().set_exception_handler(handler)
        await test

    asyncio.run(guarded())
    assert not raised


@pytest.fixture
def second(tmp_path: Path) -> Iterator[RunningBroker]:
    """One more broker, to be ill-treated."""
    broker = RunningBroker.laid_down(tmp_path / "second")
    try:
        broker.start()
        broker.wait_ready()
        yield broker
    finally:
        broker.stop()


def test_messages_arrive_on_both_rings_and_ones_own_are_only_noted(rabbitmq: RunningBroker) -> None:
    async def test() -> None:
        async with stations(*[[rabbitmq.url(n)] for n in NODES]) as (one, two, three):
            await eventually(lambda: all(s.up(r) for s in (one, two, three) for r in Ring))
            one.rings.send(Send(heartbeat("mta1")))
            for other in (two, three):
                await eventually(lambda o=other: bool(o.heard(Ring.A) and o.heard(Ring.B)))
                assert other.heard(Ring.A) == other.heard(Ring.B) == [heartbeat("mta1")]
            await eventually(lambda: one.rings.ring_a_echo_at is not None)
            assert one.heard(Ring.A) == one.heard(Ring.B) == []

    run(test())


def test_a_message_goes_where_it_is_sent() -> None:
    async def test() -> None:
        async with stations([], [], []) as (one, two, three):
            question = Question(node="mta1", to="mta3", number=1, vips=())
            one.rings.send(Send(question, to=("mta3",), ring_a=False))
            await eventually(lambda: three.heard(Ring.B) == [question])
            assert two.heard(Ring.B) == []
            assert one.rings.counts[Ring.B].sent == 1

    run(test())


def test_without_brokers_ring_a_is_known_to_be_down() -> None:
    async def test() -> None:
        async with stations([]) as (one,):
            await eventually(lambda: one.up(Ring.A) is False and one.up(Ring.B) is True)
            one.rings.send(Send(heartbeat("mta1")))
            assert one.rings.counts[Ring.A].dropped == 1

    run(test())


def test_drain_delivers_what_waits_before_it_returns() -> None:
    async def test() -> None:
        async with stations([], []) as (one, two):
            for sequence in range(100):
                one.rings.send(Send(heartbeat("mta1", sequence)))
            two.rings.drain()
            assert [m.sequence for m in two.heard(Ring.B)] == list(range(100))  # type: ignore[union-attr]

    run(test())


def test_an_account_cannot_speak_for_another_node(rabbitmq: RunningBroker) -> None:
    async def test() -> None:
        brokers = [[rabbitmq.url("mta1")], [rabbitmq.url("mta3")]]  # mta2 uses mta3's account
        async with stations(*brokers) as (one, two):
            await eventually(lambda: bool(one.up(Ring.A) and two.up(Ring.A)))
            two.rings.send(Send(heartbeat("mta2"), ring_b=False))
            refused = one.rings.counts[Ring.A].refused
            await eventually(lambda: refused[RingRefusal.WRONG_SENDER] == 1)
            assert one.heard(Ring.A) == []

    run(test())


def test_another_instance_of_the_same_node_is_heard(rabbitmq: RunningBroker) -> None:
    async def test() -> None:
        async with stations([rabbitmq.url("mta1")]) as (one,):
            other = Station("mta1", defined(udp_ports()), [rabbitmq.url("mta1")])
            other.rings.open()
            await eventually(lambda: bool(one.up(Ring.A) and other.up(Ring.A)))
            one.rings.send(Send(heartbeat("mta1", incarnation=4)))
            other.rings.send(Send(heartbeat("mta1", incarnation=5), ring_b=False))
            await eventually(lambda: one.heard(Ring.A) == [heartbeat("mta1", incarnation=5)])
            await other.rings.close()

    run(test())


def test_bad_bytes_on_either_ring_are_counted_and_nothing_else(rabbitmq: RunningBroker) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    rng = random.Random(seed)
    good = Codec(CLUSTER, SUBCLUSTER, [KEY], Message).encode(heartbeat("mta1"))
    foreign = Codec("other", SUBCLUSTER, [KEY], Message).encode(heartbeat("mta1"))
    forged = Codec(CLUSTER, SUBCLUSTER, [b"f" * 32], Message).encode(heartbeat("mta1"))
    bad = [rng.randbytes(rng.randrange(200)) for _ in range(1000)]
    bad += [good[:n] for n in range(len(good))] + [foreign, forged, bytes(MAX_BYTES + 1)]

    async def test() -> None:
        async with stations([rabbitmq.url("mta1")], [rabbitmq.url("mta2")]) as (one, two):
            await eventually(lambda: bool(one.up(Ring.A) and two.up(Ring.A)))
            for data in bad:
                one.rings._send_b("mta2", data)
                one.rings._send_a(data)
                await asyncio.sleep(0)
            one.rings.send(Send(heartbeat("mta1", 77)))
            for ring in Ring:
                await eventually(lambda r=ring: two.heard(r) == [heartbeat("mta1", 77)])
                refused = two.rings.counts[ring].refused
                assert sum(refused.values()) == len(bad)
                for refusal in (Refusal.OVERSIZED, Refusal.FOREIGN_CLUSTER, Refusal.BAD_SIGNATURE):
                    assert refused[refusal] > 0

    run(test())


def test_a_port_that_is_taken_is_bound_when_it_is_free() -> None:
    async def test() -> None:
        ports = udp_ports()
        with socket.socket(type=socket.SOCK_DGRAM) as squatter:
            squatter.bind((LOOPBACK, ports[0]))
            one = Station("mta1", defined(ports), [])
            one.rings.open()
            await eventually(lambda: one.up(Ring.B) is False)
            assert str(ports[0]) in one.rings.ring_b_sentence
        await eventually(lambda: one.up(Ring.B) is True)
        await one.rings.close()

    run(test())


def test_new_definitions_move_ring_b() -> None:
    async def test() -> None:
        async with stations([], []) as (one, two):
            moved = defined(udp_ports())
            for station in (one, two):
                station.rings.redefine(moved)
            one.rings.send(Send(heartbeat("mta1")))
            await eventually(lambda: two.heard(Ring.B) == [heartbeat("mta1")])

    run(test())


def test_a_peer_that_cannot_be_reached_is_counted() -> None:
    async def test() -> None:
        nodes = {"mta1": Node("mta1", LOOPBACK, udp_ports()[0]), "mta2": Node("mta2", "192.0.2.9")}
        one = Station("mta1", Definitions(CLUSTER, SUBCLUSTER, 1, nodes=nodes), [])
        one.rings.open()
        one.rings.send(Send(heartbeat("mta1")))  # bound to loopback: no way out
        assert sum(one.rings.counts[Ring.B].errors.values()) == 1
        await one.rings.close()

    run(test())


def test_a_killed_broker_is_replaced_by_the_next(
    rabbitmq: RunningBroker, second: RunningBroker
) -> None:
    async def test() -> None:
        brokers = [second.url("mta1"), rabbitmq.url("mta1")]
        async with stations(brokers, [rabbitmq.url("mta2")]) as (one, two):
            await eventually(lambda: bool(one.up(Ring.A) and two.up(Ring.A)))
            second.signal(signal.SIGKILL)
            await eventually(lambda: one.up(Ring.A) is False)
            await eventually(lambda: one.up(Ring.A) is True, BACK_SECONDS)
            await two.beat(lambda: bool(one.heard(Ring.A)))

    run(test())


def test_a_hung_broker_is_left(rabbitmq: RunningBroker, second: RunningBroker) -> None:
    async def test() -> None:
        async with stations([second.url("mta1"), rabbitmq.url("mta1")]) as (one,):
            await eventually(lambda: one.up(Ring.A) is True)
            second.signal(signal.SIGSTOP)
            await one.beat(lambda: one.up(Ring.A) is False, NOTICED_SECONDS)
            seconds = await one.beat(lambda: one.up(Ring.A) is True)
            assert seconds < BACK_SECONDS
            assert one.rings.broker.endswith(str(rabbitmq.broker.port))

    run(test())


def test_a_broker_that_accepts_and_says_nothing_is_left(rabbitmq: RunningBroker) -> None:
    async def test() -> None:
        with socket.create_server((LOOPBACK, 0)) as mute:
            address = f"amqp://mta1:x@{LOOPBACK}:{mute.getsockname()[1]}/"
            async with stations([address, rabbitmq.url("mta1")]) as (one,):
                await eventually(lambda: one.up(Ring.A) is False)
                await eventually(lambda: one.up(Ring.A) is True)

    run(test())


def test_a_broker_that_talks_nonsense_is_left(rabbitmq: RunningBroker) -> None:
    rng = random.Random(1)

    async def babble(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(rng.randbytes(100_000))
        await asyncio.sleep(0.05)
        writer.close()

    async def test() -> None:
        async with await asyncio.start_server(babble, LOOPBACK, 0) as server:
            address = f"amqp://mta1:x@{LOOPBACK}:{server.sockets[0].getsockname()[1]}/"
            async with stations([address] * 3 + [rabbitmq.url("mta1")]) as (one,):
                await eventually(lambda: one.up(Ring.A) is True)

    run(test())


def test_nobody_there_and_a_wrong_password_cost_only_ring_a(rabbitmq: RunningBroker) -> None:
    async def test() -> None:
        wrong = f"amqp://mta1:wrong@{LOOPBACK}:{rabbitmq.broker.port}/"
        nobody = f"amqp://mta1:x@{LOOPBACK}:{free_ports(1)[0]}/"
        async with stations([nobody, wrong], []) as (one, two):
            await eventually(lambda: one.up(Ring.A) is False)
            two.rings.send(Send(heartbeat("mta2")))
            await eventually(lambda: one.heard(Ring.B) == [heartbeat("mta2")])

    run(test())


def test_a_goodbye_sent_just_before_the_end_is_delivered(rabbitmq: RunningBroker) -> None:
    async def test() -> None:
        async with stations([rabbitmq.url("mta1")], [rabbitmq.url("mta2")]) as (one, two):
            await eventually(lambda: bool(one.up(Ring.A) and two.up(Ring.A)))
            for sequence in range(50):
                one.rings.send(Send(heartbeat("mta1", sequence), ring_b=False))
            await one.rings.close()
            await eventually(lambda: len(two.heard(Ring.A)) == 50)

    run(test())


@pytest.mark.parametrize(
    "address", ["http://mta1:s3cret@host/", "amqp://host/", "amqp://mta1:s3cret@host:port/", "host"]
)
def test_a_wrong_broker_address_is_refused_without_its_password(address: str) -> None:
    with pytest.raises(BusError) as raised:
        Rings("mta1", defined([1, 2, 3]), [KEY], [address], lambda _event: None)
    assert "s3cret" not in str(raised.value)

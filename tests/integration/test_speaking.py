"""Hearing one room and speaking to another: nodes to managers and back, with a real broker."""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Callable

import pika

from tests.integration.brokers import CLUSTER, SUBCLUSTER, RunningBroker
from workers.bus.connection import Connection
from workers.bus.exchanges import control_room, events_room

EVENTS = events_room(CLUSTER, SUBCLUSTER)
CONTROL = control_room(CLUSTER, SUBCLUSTER)
PATIENCE_SECONDS = 15.0
NOTICED_SECONDS = 4.0
"""Sooner than AMQP's own heartbeats, which give a hung broker 7 s."""


class Party:
    """One participant, what it heard, and whether it is in its room."""

    def __init__(self, brokers: list[str], room: str, speak: str = "") -> None:
        self.heard: list[tuple[bytes, str]] = []
        self.changes: list[tuple[bool, str]] = []
        rooms = {one.exchange: one for one in (EVENTS, CONTROL)}
        self.connection = Connection(
            brokers,
            rooms.get(room) or control_room(CLUSTER, room),
            lambda *message: self.heard.append(message),
            lambda *change: self.changes.append(change),
            speak=speak,
        )


@contextlib.asynccontextmanager
async def opened(*parties: Party) -> AsyncIterator[None]:
    try:
        for party in parties:
            party.connection.open()
        await eventually(lambda: all(party.connection.up for party in parties))
        yield
    finally:
        for party in parties:
            await party.connection.close()


async def eventually(condition: Callable[[], bool], spares: float = PATIENCE_SECONDS) -> None:
    async with asyncio.timeout(spares):
        while not condition():
            await asyncio.sleep(0.01)


def reporter(*brokers: str) -> Party:
    return Party(list(brokers), CONTROL.exchange, EVENTS.exchange)


def manager(*brokers: str) -> Party:
    return Party(list(brokers), EVENTS.exchange, CONTROL.exchange)


def test_each_hears_the_other_and_not_itself(rabbitmq: RunningBroker) -> None:
    async def test() -> None:
        node, boss = reporter(rabbitmq.url("mta1")), manager(rabbitmq.url("manager"))
        async with opened(node, boss):
            assert node.connection.publish(b"report")
            assert boss.connection.publish(b"ask")
            await eventually(lambda: bool(node.heard and boss.heard))
        assert boss.heard == [(b"report", "mta1")]
        assert node.heard == [(b"ask", "manager")]

    asyncio.run(test())


def test_a_place_is_kept_while_everything_is_confirmed(rabbitmq: RunningBroker) -> None:
    async def test() -> None:
        node = reporter(rabbitmq.url("mta1"))
        async with opened(node):
            for _ in range(20):
                assert node.connection.publish(b"report")
                await asyncio.sleep(0.1)
        assert node.connection.counts.losses == 0

    asyncio.run(test())


def test_a_hung_broker_is_left_after_a_single_message(
    rabbitmq: RunningBroker, spare: RunningBroker
) -> None:
    async def test() -> None:
        boss = manager(spare.url("manager"), rabbitmq.url("manager"))
        async with opened(boss):
            spare.signal(signal.SIGSTOP)
            try:
                began = asyncio.get_running_loop().time()
                boss.connection.publish(b"ask")
                await eventually(lambda: boss.connection.counts.losses == 1, NOTICED_SECONDS)
                await eventually(lambda: boss.connection.up)
                assert asyncio.get_running_loop().time() - began < NOTICED_SECONDS
            finally:
                spare.signal(signal.SIGCONT)

    asyncio.run(test())


def test_missing_exchanges_are_made_by_those_who_may(rabbitmq: RunningBroker) -> None:
    async def test() -> None:
        room, speak = "new", f"muster.{CLUSTER}.new.events"
        boss = Party([rabbitmq.url("manager")], room, speak)
        async with opened(boss):
            assert boss.connection.counts.attempts == 3
            assert boss.connection.publish(b"anybody?")

    asyncio.run(test())
    parameters = pika.URLParameters(rabbitmq.url("manager"))
    with contextlib.closing(pika.BlockingConnection(parameters)) as connection:
        channel = connection.channel()
        for name in ("events", "control"):
            channel.exchange_delete(f"muster.{CLUSTER}.new.{name}")


def test_a_node_makes_no_exchange(rabbitmq: RunningBroker) -> None:
    async def test() -> None:
        node = Party([rabbitmq.url("mta1")], CONTROL.exchange, "muster.test.nowhere.events")
        node.connection.open()
        await eventually(lambda: bool(node.changes))
        await eventually(lambda: node.connection.counts.attempts >= 3)
        await node.connection.close()
        assert [up for up, _sentence in node.changes] == [False]

    asyncio.run(test())

"""Links to a room at real brokers: who is heard, answers at the broker's pace, and fail-over."""

import asyncio
import signal
from collections import deque
from collections.abc import Awaitable, Callable

import msgspec

from tests.integration.brokers import CLUSTER, SUBCLUSTER, RunningBroker
from workers.bus.codec import Codec
from workers.bus.exchanges import replication_exchange
from workers.replication.bus_link import FAULT, FOREIGN, ON_THE_WAY_BYTES, Link

KEYS = [b"k" * 32]
EXCHANGE = replication_exchange(CLUSTER, SUBCLUSTER)
PATIENCE_SECONDS = 30.0


class Said(msgspec.Struct, frozen=True):
    sender: str
    text: bytes


def named(user: str, message: Said) -> bool:
    """Whether a message names the account that it came from."""
    return bool(user) and message.sender == user


class Ear:
    """A link, and what it heard."""

    def __init__(self, node: str, *brokers: RunningBroker, keys: list[bytes] = KEYS) -> None:
        self.heard: list[Said] = []
        self.changes: list[bool] = []
        self.owed: deque[Said] = deque()
        codec: Codec[Said] = Codec(CLUSTER, SUBCLUSTER, keys, Said)
        self.link: Link[Said] = Link(
            [broker.url(node) for broker in brokers],
            EXCHANGE,
            codec,
            self.heard.append,
            lambda up, _sentence: self.changes.append(up),
            named,
            lambda: self.owed.popleft() if self.owed else None,
        )


async def until(true: Callable[[], object], what: str) -> None:
    """Wait for a condition."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not true():
            await asyncio.sleep(0.005)
    assert true(), what


def run(story: Callable[..., Awaitable[None]], *ears: Callable[[], Ear]) -> None:
    """Play a story with open links, which end with it."""

    async def play() -> None:
        made = [make() for make in ears]
        for one in made:
            one.link.open()
        try:
            await until(lambda: all(one.link.up for one in made), "up")
            await story(*made)
        finally:
            for one in made:
                await one.link.close()

    asyncio.run(play())


def test_what_one_says_the_others_hear_and_it_does_not(rabbitmq: RunningBroker) -> None:
    async def story(first: Ear, second: Ear) -> None:
        first.link.say(Said("mta1", b"hello"))
        await until(lambda: second.heard, "heard")
        second.link.say(Said("mta2", b"hello too"))
        await until(lambda: first.heard, "heard")
        assert second.heard == [Said("mta1", b"hello")]
        assert first.heard == [Said("mta2", b"hello too")]

    run(story, lambda: Ear("mta1", rabbitmq), lambda: Ear("mta2", rabbitmq))


def test_who_names_another_sender_or_has_another_key_is_refused(rabbitmq: RunningBroker) -> None:
    async def story(liar: Ear, stranger: Ear, ear: Ear) -> None:
        liar.link.say(Said("mta3", b"a lie"))
        stranger.link.say(Said("mta2", b"signed by nobody"))
        await until(lambda: ear.link.refused.total() == 2, "refused")
        liar.link.say(Said("mta1", b"the truth"))
        await until(lambda: ear.heard, "heard")
        assert ear.heard == [Said("mta1", b"the truth")]
        assert ear.link.refused[FOREIGN] == 1

    run(
        story,
        lambda: Ear("mta1", rabbitmq),
        lambda: Ear("mta2", rabbitmq, keys=[b"x" * 32]),
        lambda: Ear("mta3", rabbitmq),
    )


def test_a_mistake_with_one_message_costs_no_other(rabbitmq: RunningBroker) -> None:
    async def story(first: Ear, second: Ear) -> None:
        hear = second.heard.append

        def mistaken(message: Said) -> None:
            if message.text == b"1":
                raise KeyError("a mistake")
            hear(message)

        second.link._heard = mistaken
        for number in range(5):
            first.link.say(Said("mta1", b"%d" % number))
        await until(lambda: len(second.heard) == 4, "the others are heard")
        assert second.link.refused == {FAULT: 1}

    run(story, lambda: Ear("mta1", rabbitmq), lambda: Ear("mta2", rabbitmq))


def test_a_long_answer_is_sent_as_fast_as_the_broker_hands_it_out(rabbitmq: RunningBroker) -> None:
    pieces = [Said("mta1", bytes([number % 256]) * 1_000) for number in range(3_000)]
    most = 0

    async def story(first: Ear, second: Ear) -> None:
        def all_of_it() -> bool:
            nonlocal most
            most = max(most, first.link._on_the_way)
            first.link.tick()
            return len(second.heard) == len(pieces)

        first.owed.extend(pieces)
        await until(all_of_it, "all of it")
        assert second.heard == pieces
        await until(lambda: first.link._on_the_way == 0, "nothing on the way")
        assert most < ON_THE_WAY_BYTES + 70_000

    run(story, lambda: Ear("mta1", rabbitmq), lambda: Ear("mta2", rabbitmq))


def test_a_broker_that_dies_is_left_for_the_next(
    rabbitmq: RunningBroker, spare: RunningBroker
) -> None:
    async def story(first: Ear, second: Ear) -> None:
        spare.signal(signal.SIGKILL)
        try:
            await until(lambda: first.changes[-2:] == [False, True], "back")
            await until(lambda: second.changes[-2:] == [False, True], "back")
            first.link.say(Said("mta1", b"at the other broker"))
            await until(lambda: second.heard, "heard")
        finally:
            spare.start()
            await asyncio.to_thread(spare.wait_ready)

    run(story, lambda: Ear("mta1", spare, rabbitmq), lambda: Ear("mta2", spare, rabbitmq))


def test_a_broker_that_hangs_is_left_and_what_it_holds_is_not_waited_for(
    rabbitmq: RunningBroker, spare: RunningBroker
) -> None:
    async def story(first: Ear, second: Ear) -> None:
        spare.signal(signal.SIGSTOP)
        try:
            first.owed.extend([Said("mta1", b"x" * 1_000)] * 1_000)
            while first.changes[-2:] != [False, True] or second.changes[-2:] != [False, True]:
                for ear, name in ((first, "mta1"), (second, "mta2")):
                    ear.link.say(Said(name, b"still there?"))
                    ear.link.tick()
                await asyncio.sleep(0.1)
            assert first.link.broker.endswith(str(rabbitmq.broker.port))
            first.owed.clear()
            second.heard.clear()
            first.link.say(Said("mta1", b"at the other broker"))
            await until(lambda: second.heard, "heard")
        finally:
            spare.signal(signal.SIGCONT)

    run(story, lambda: Ear("mta1", spare, rabbitmq), lambda: Ear("mta2", spare, rabbitmq))

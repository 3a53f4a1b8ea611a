"""The reporter with a real broker: what managers hear, whoever dies, and what it costs."""

import asyncio
import contextlib
import itertools
import random
import signal
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.integration.agents import times_awake
from tests.integration.brokers import CLUSTER, SUBCLUSTER, RunningBroker
from tests.integration.fake_agent import FakeAgent
from tests.integration.node_parts import KEY, PATIENCE_SECONDS, Home
from workers.bus.codec import Codec
from workers.bus.connection import Connection
from workers.bus.exchanges import control_exchange, events_room
from workers.exit_codes import Exit
from workers.failover.core.claims import BUCKETS, Claims, bucket_of
from workers.failover.core.reports import (
    EVENTS_MAX,
    PIECE_HOLDINGS,
    Ask,
    Events,
    Holdings,
    Message,
    Report,
)
from workers.failover.reporter import Reporter
from workers.failover.reporter_door import AgentSilentError, Caller
from workers.failover.settings import read_settings

REPORTER = "workers.failover.reporter"
WAKES_A_SECOND = 20
MANY = tuple(f"198.18.{100 + n // 250}.{n % 250}" for n in range(10_240))
CODEC: Codec[Message] = Codec(CLUSTER, SUBCLUSTER, [bytes.fromhex(KEY)], Message)


@dataclass
class Manager:
    """What a manager hears, and its place on the bus."""

    connection: Connection
    reports: list[Report] = field(default_factory=list)
    events: list[Events] = field(default_factory=list)
    pieces: list[Holdings] = field(default_factory=list)
    held: Claims = field(default_factory=Claims)

    def hear(self, body: bytes, _user: str) -> None:
        message = CODEC.decode(body)
        if isinstance(message, Report):
            self.reports.append(message)
        elif isinstance(message, Events):
            self.events.append(message)
        elif isinstance(message, Holdings):
            self.pieces.append(message)
            self.held.replace({one.vip: one.epoch for one in message.held}, set(message.buckets))

    def ask(
        self, incarnation: int = 0, after: int = 0, to: str = "mta1", known: tuple[int, ...] = ()
    ) -> None:
        question = Ask(to=to, incarnation=incarnation, after=after, known=known)
        assert self.connection.publish(CODEC.encode(question))

    def numbers(self, incarnation: int) -> list[int]:
        """Of all events heard of a run, in the order in which they came."""
        of_run = [m for m in self.events if m.incarnation == incarnation]
        return [event.number for message in of_run for event in message.events]

    async def until(self, true: Callable[[Report], object], what: str) -> Report:
        """Wait for a report; the newest."""
        await eventually(lambda: bool(self.reports and true(self.reports[-1])), what)
        return self.reports[-1]


@dataclass
class Scene:
    """A node with its agent, and where its reporter and the managers meet."""

    home: Home
    agent: FakeAgent
    broker: RunningBroker

    def play(self, story: Callable[[Manager], Coroutine[Any, Any, None]]) -> None:
        """A manager listens first, then the reporter starts."""

        async def whole() -> None:
            async with listening(self.broker) as manager:
                self.home.start(REPORTER)
                await manager.until(lambda report: report.answers, "a report")
                await story(manager)

        asyncio.run(whole())


@contextlib.asynccontextmanager
async def listening(broker: RunningBroker) -> AsyncIterator[Manager]:
    heard: list[Manager] = []
    connection = Connection(
        [broker.url("manager")],
        events_room(CLUSTER, SUBCLUSTER),
        lambda body, user: heard[0].hear(body, user),
        lambda _up, _sentence: None,
        speak=control_exchange(CLUSTER, SUBCLUSTER),
    )
    heard.append(Manager(connection))
    connection.open()
    await eventually(lambda: connection.up, "the manager is on the bus")
    yield heard[0]
    await connection.close()


async def eventually(true: Callable[[], bool], what: str) -> None:
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not true():
                await asyncio.sleep(0.01)
    except TimeoutError:
        pytest.fail(f"not within {PATIENCE_SECONDS:g} s: {what}")


@contextlib.contextmanager
def on_stage(directory: Path, broker: RunningBroker) -> Iterator[Scene]:
    home = Home(directory, [broker.url("mta1")])
    home.lay_down()
    agent = FakeAgent(home.state, home.door)
    agent.start()
    try:
        yield Scene(home, agent, broker)
    finally:
        home.end()
        agent.stop()


@pytest.fixture
def scene(tmp_path: Path, rabbitmq: RunningBroker) -> Iterator[Scene]:
    with on_stage(tmp_path, rabbitmq) as found:
        yield found


def test_what_happens_is_told_as_it_happens(scene: Scene) -> None:
    scene.agent.take("198.18.0.1")

    async def story(manager: Manager) -> None:
        first = await manager.until(lambda r: r.held_count == 1, "what it holds")
        assert manager.held.table == {"198.18.0.1": 1}
        assert first.held_digest == manager.held.digest
        assert [(run.incarnation, run.first, run.last) for run in first.runs] == [(1, 1, 1)]
        assert manager.events == []  # what was before is asked for
        scene.agent.take("198.18.0.2")
        told = await manager.until(lambda r: r.held_count == 2, "what it holds now")
        assert manager.held.table == {"198.18.0.1": 1, "198.18.0.2": 1}
        assert told.held_digest == manager.held.digest != first.held_digest
        assert manager.pieces[-1].buckets == (bucket_of("198.18.0.2"),)
        pieces = len(manager.pieces)
        assert manager.numbers(1) == [2]
        assert told.runs[-1].last == 2
        count = len(manager.reports)
        await eventually(lambda: len(manager.reports) > count, "a report without any news")
        assert len(manager.pieces) == pieces
        assert manager.reports[-1].held_digest == told.held_digest
        sequences = [message.sequence for message in (*manager.pieces, *manager.reports)]
        sequences.sort()
        assert sequences == list(range(sequences[0], sequences[0] + len(sequences)))

    scene.play(story)


def test_a_flood_of_events_comes_whole_and_in_order(scene: Scene) -> None:
    async def story(manager: Manager) -> None:
        scene.agent.happen(3000)
        await eventually(lambda: len(manager.numbers(1)) >= 3000, "all events")
        assert manager.numbers(1) == list(range(1, 3001))
        assert max(len(message.events) for message in manager.events) <= EVENTS_MAX

    scene.play(story)


def test_a_manager_asks_for_what_it_missed(scene: Scene) -> None:
    scene.agent.happen(2500)
    scene.agent.take("198.18.0.1")

    async def story(manager: Manager) -> None:
        after = 0
        while after < 2501:
            manager.ask(incarnation=1, after=after)
            before = after
            await eventually(lambda seen=before: len(manager.numbers(1)) > seen, "more events")
            await asyncio.sleep(0.1)
            after = manager.numbers(1)[-1]
            assert after - before <= 5 * EVENTS_MAX
        assert manager.numbers(1) == list(range(1, 2502))
        pieces = len(manager.pieces)
        manager.ask(to="", known=(0,) * BUCKETS)
        await eventually(lambda: len(manager.pieces) > pieces, "what it lacks")
        assert manager.pieces[-1].buckets == (bucket_of("198.18.0.1"),)
        manager.ask(to="")
        await eventually(lambda: len(manager.pieces[-1].buckets) == BUCKETS, "everything held")
        count = len(manager.reports)
        manager.ask(to="mta2")
        manager.ask(incarnation=1, after=2501)
        manager.ask(incarnation=77)
        manager.connection.publish(random.Random(1).randbytes(300))
        await eventually(lambda: len(manager.reports) > count + 1, "it goes on")
        assert len(manager.numbers(1)) == 2501

    scene.play(story)


def test_an_agent_that_dies_is_said_and_its_events_are_still_told(scene: Scene) -> None:
    scene.agent.happen(5)

    async def story(manager: Manager) -> None:
        scene.agent.stop()
        down = await manager.until(lambda r: not r.answers, "that it does not answer")
        assert (down.state, down.incarnation, down.runs[-1].last) == ("ready", 1, 5)
        manager.ask(incarnation=1, after=2)
        await eventually(lambda: manager.numbers(1) == [3, 4, 5], "events from the files")
        scene.agent.start()
        scene.agent.happen(3)
        back = await manager.until(
            lambda r: r.answers and r.runs[-1].last == 3, "the new run is followed"
        )
        spans = [(run.incarnation, run.first, run.last) for run in back.runs]
        assert (spans, back.incarnation) == ([(1, 1, 5), (2, 1, 3)], 2)
        assert manager.numbers(2) == [1, 2, 3]
        manager.ask(incarnation=1, after=0)
        await eventually(lambda: len(manager.numbers(1)) == 8, "the old run can be asked for")

    scene.play(story)


def test_an_agent_that_stands_still_is_said_and_missed_by_nobody(scene: Scene) -> None:
    async def story(manager: Manager) -> None:
        scene.agent.stand_still(2.5)
        await manager.until(lambda r: not r.answers, "that it does not answer")
        await manager.until(lambda r: r.answers, "that it answers again")
        scene.agent.happen(2)
        await eventually(lambda: manager.numbers(1) == [1, 2], "events go on")

    scene.play(story)


def test_what_is_missed_while_the_broker_is_down_can_be_asked_for(
    tmp_path: Path, spare: RunningBroker
) -> None:
    with on_stage(tmp_path, spare) as scene:
        scene.agent.take("198.18.0.1")

        async def story(manager: Manager) -> None:
            scene.agent.happen(1)
            await eventually(lambda: bool(manager.events), "an event")
            spare.signal(signal.SIGKILL)
            await eventually(lambda: not manager.connection.up, "the broker is missed")
            scene.agent.happen(300)
            scene.agent.take("198.18.0.2")
            spare.start()
            await asyncio.to_thread(spare.wait_ready)
            await eventually(lambda: manager.connection.up, "the manager is back")
            back = await manager.until(lambda r: r.held_count == 2, "the reporter is back")
            assert back.runs[-1].last == 303
            await eventually(lambda: len(manager.held.table) == 2, "all")
            heard = manager.numbers(1)
            manager.ask(incarnation=1, after=heard[-1])
            await eventually(lambda: manager.numbers(1)[-1] == 303, "the rest")
            assert manager.numbers(1) == list(range(heard[0], 304))

        scene.play(story)


def test_10240_holdings_are_told_in_pieces_and_seldom(scene: Scene) -> None:
    scene.agent.take(*MANY)

    async def story(manager: Manager) -> None:
        full = await manager.until(lambda r: r.answers and not r.more, "everything held")
        assert manager.held.digest == full.held_digest
        assert manager.held.table.keys() == set(MANY)
        assert max(len(piece.held) for piece in manager.pieces) <= PIECE_HOLDINGS
        pieces = len(manager.pieces)
        scene.agent.questions.clear()
        for number in range(200):
            scene.agent.take(MANY[number])
            await asyncio.sleep(0.005)
        await manager.until(lambda r: r.runs[-1].last == 10_440, "all of it")
        await manager.until(lambda r: r.held_digest == manager.held.digest, "all that changed")
        assert sum(len(piece.held) for piece in manager.pieces[pieces:]) < 200 * 250
        asked = [at for at, _listed in scene.agent.questions]
        gaps = [later - sooner for sooner, later in itertools.pairwise(asked)]
        assert min(gaps, default=1.0) >= 0.05
        assert manager.numbers(1)[-200:] == list(range(10_241, 10_441))

    scene.play(story)


def test_it_is_seldom_awake_and_ends_when_told(scene: Scene) -> None:
    scene.agent.take(*MANY[:100])

    async def story(manager: Manager) -> None:
        pid = scene.home.processes[0].pid
        await asyncio.sleep(0.5)
        began, before = time.monotonic(), times_awake(pid)
        await asyncio.sleep(3.0)
        wakes = (times_awake(pid) - before) / (time.monotonic() - began)
        print(f"awake {wakes:.0f} times a second")
        assert wakes < WAKES_A_SECOND
        scene.home.processes[0].terminate()
        assert await asyncio.to_thread(scene.home.processes[0].wait, PATIENCE_SECONDS) == Exit.OK

    scene.play(story)


def test_only_managers_are_answered(scene: Scene) -> None:
    reporter = Reporter(read_settings(scene.home.config))
    question = CODEC.encode(Ask(incarnation=1))
    report = CODEC.encode(Events(node="mta2", incarnation=1, events=()))
    foreign = Codec[Message](CLUSTER, SUBCLUSTER, [b"f" * 32], Message).encode(Ask(incarnation=1))

    async def hear() -> None:
        reporter._loop = asyncio.get_running_loop()
        for body, user in (
            (question, "mta2"),
            (question, ""),
            (report, "manager"),
            (foreign, "manager"),
            (b"", "manager"),
        ):
            reporter._heard(body, user)
        assert reporter._asks == {}
        for after in range(100):
            reporter._heard(CODEC.encode(Ask(incarnation=1, after=after)), "manager")
        assert len(reporter._asks) == 16

    asyncio.run(hear())


def test_what_it_cannot_use_is_said(tmp_path: Path) -> None:
    home = Home(tmp_path, ["redis://localhost"])
    home.lay_down()
    assert home.start(REPORTER).wait(PATIENCE_SECONDS) == Exit.USAGE
    assert "the address must be amqp://USER:PASSWORD@HOST:PORT/" in home.said()


def test_an_agent_that_does_not_answer_is_said_in_words(tmp_path: Path) -> None:
    path = tmp_path / "door"

    async def ask() -> None:
        kept: list[Any] = []
        async with await asyncio.start_unix_server(lambda *ends: kept.append(ends), path) as server:
            with pytest.raises(AgentSilentError, match="door: no answer"):
                await Caller(path).ask({"command": "status"}, dict)
            server.close()

    asyncio.run(ask())

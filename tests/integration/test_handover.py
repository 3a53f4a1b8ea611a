"""Definitions that peers hand over, with a store on a real disk: what is read, and how often."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest

from tests.unit.failover.situation import A, B, C, define
from workers.failover.core.actions import Send
from workers.failover.core.definitions import Definitions
from workers.failover.core.definitions_text import render
from workers.failover.core.handover import split
from workers.failover.core.messages import DefinitionsPiece
from workers.failover.handover import REFUSED_MAX, Handover
from workers.failover.store import Store

PATIENCE_SECONDS = 10.0


class Counting(Store):
    """Notes who handed what was put in place, or was to be."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory, "demo", "default")
        self.senders: list[str] = []

    def put(self, text: str, sender: str) -> Definitions | None:
        self.senders.append(sender)
        return super().put(text, sender)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Counting]:
    (tmp_path / "definitions.toml").write_text(render(define(revision=6)))
    with closing(Counting(tmp_path)) as one:
        one.load()
        yield one


@asynccontextmanager
async def handover(store: Store) -> AsyncIterator[tuple[Handover, list[int]]]:
    """A node's, and the revisions it delivered."""
    delivered: list[int] = []

    def deliver(definitions: Definitions) -> None:
        delivered.append(definitions.revision)

    def send(_: Send) -> None:
        raise AssertionError("nobody asked for it")

    one = Handover(B, store, deliver, send)
    one.open()
    yield one, delivered
    one.close()


def handed(revision: int, sender: str, text: str = "") -> list[DefinitionsPiece]:
    return split(text or render(define(revision=revision)), revision, sender, B)


async def settled(one: Handover) -> None:
    """All that was given to the thread is done."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while one._waiting:
            await asyncio.sleep(0.005)


def accept(one: Handover, pieces: list[DefinitionsPiece]) -> None:
    for piece in pieces:
        one.accept(piece)


def test_what_many_peers_hand_at_once_is_put_in_place_once(store: Counting) -> None:
    async def hand() -> None:
        async with handover(store) as (one, delivered):
            for sender in (A, C):
                accept(one, handed(7, sender))
            await settled(one)
            accept(one, handed(7, C))
            assert delivered == [7]

    asyncio.run(hand())
    assert store.senders == [A]


def test_what_is_no_good_is_read_once_and_the_reason_stays(store: Counting) -> None:
    async def hand() -> None:
        async with handover(store) as (one, delivered):
            for sender in (A, C, A):
                accept(one, handed(7, sender, "new_knob = 1\n"))
                await settled(one)
                assert "handed over by mta1" in store.problem
                store.problem = ""  # as a look at the own file does
            accept(one, handed(7, C))
            await settled(one)
            assert delivered == [7]

    asyncio.run(hand())
    assert store.senders == [A, C]


def test_a_disk_that_takes_nothing_is_tried_again(store: Counting, tmp_path: Path) -> None:
    good = tmp_path / "definitions.last-good.toml"

    async def hand() -> None:
        async with handover(store) as (one, delivered):
            good.unlink()
            good.mkdir()
            accept(one, handed(7, A))
            await settled(one)
            assert delivered == []
            good.rmdir()
            accept(one, handed(7, A))
            await settled(one)
            assert delivered == [7]

    asyncio.run(hand())


def test_few_refusals_are_remembered(store: Counting) -> None:
    async def hand() -> None:
        async with handover(store) as (one, _):
            for number in range(REFUSED_MAX + 1):
                accept(one, handed(7, A, f"new_knob = {number}\n"))
                await settled(one)
            accept(one, handed(7, C, "new_knob = 0\n"))
            await settled(one)
            accept(one, handed(7, C, "new_knob = 8\n"))
            await settled(one)

    asyncio.run(hand())
    assert store.senders == [A] * (REFUSED_MAX + 1) + [C]

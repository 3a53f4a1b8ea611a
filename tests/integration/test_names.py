"""Names of brokers: every address gets its turn, and a resolver that hangs holds nobody up."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from workers.bus.names import THREAD, resolved

NAME, PORT = "broker.example", 5672
FOUND = [
    (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("2001:db8::5", PORT, 0, 0)),
    (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("198.18.0.5", PORT)),
]
GUARD_SECONDS = 20.0
"""Only what hangs for good takes so long."""


class Resolver:
    """Stands for the system's: answers when `answers` is set."""

    def __init__(self) -> None:
        self.answers = threading.Event()
        self.asked = 0
        self.ended = threading.Semaphore(0)

    def getaddrinfo(self, *_: Any, **__: Any) -> list[Any]:
        self.asked += 1
        self.answers.wait(GUARD_SECONDS)
        self.ended.release()
        return FOUND


@pytest.fixture
def resolver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Resolver]:
    one = Resolver()
    monkeypatch.setattr(socket, "getaddrinfo", one.getaddrinfo)
    yield one
    one.answers.set()
    for thread in threading.enumerate():
        if thread.name == THREAD:
            thread.join(GUARD_SECONDS)


async def begun(count: int = 1) -> list[asyncio.Task[tuple[str, int]]]:
    """Look-ups that have had their turn."""
    tasks = [asyncio.create_task(resolved(NAME, PORT)) for _ in range(count)]
    await asyncio.sleep(0)
    return tasks


@pytest.mark.parametrize("address", ["198.18.0.1", "2001:db8::1"])
def test_a_numeric_address_is_not_looked_up(resolver: Resolver, address: str) -> None:
    assert asyncio.run(resolved(address, PORT)) == (address, PORT)
    assert resolver.asked == 0


def test_every_address_of_a_name_gets_its_turn(resolver: Resolver) -> None:
    resolver.answers.set()

    async def tries() -> set[tuple[str, int]]:
        return {await resolved(NAME, PORT) for _ in range(64)}

    assert asyncio.run(tries()) == {("2001:db8::5", PORT), ("198.18.0.5", PORT)}


def test_a_resolver_that_hangs_does_not_hold_the_end_up(resolver: Resolver) -> None:
    async def leave() -> None:
        (task,) = await begun()
        task.cancel()

    asyncio.run(leave())

    assert resolver.asked == 1
    assert not resolver.ended.acquire(blocking=False)


def test_a_name_is_looked_up_by_one_thread_at_a_time(resolver: Resolver) -> None:
    async def tries() -> None:
        first, second = await begun(2)
        with pytest.raises(OSError, match="still being looked up"):
            await second
        resolver.answers.set()
        await first
        await resolved(NAME, PORT)

    asyncio.run(tries())
    assert resolver.asked == 2


def test_what_the_resolver_says_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    with pytest.raises(OSError, match="Temporary failure"):
        asyncio.run(resolved(NAME, PORT))

"""The listener's door on a real socket: crowds, nonsense, and a young one in its place."""

import asyncio
import json
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cluster_admin.replication.door import AT_ONCE, Door, DoorError, ask


async def _echo(question: dict[str, Any]) -> dict[str, Any]:
    return {"asked": question}


def played(path: Path, story: Callable[[], None], answering: Any = _echo) -> None:
    """A story told in a thread, while a door is open."""

    async def live() -> None:
        made = Door(path, answering)
        await made.open()
        try:
            await asyncio.to_thread(story)
        finally:
            await made.close()

    asyncio.run(live())


def test_a_question_is_answered_however_long_the_path(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 100)
    deep.mkdir()
    path = deep / "shared.sock"

    played(path, lambda: _is({"ask": "x"}, path))

    assert not path.exists()


def _is(question: dict[str, Any], path: Path) -> None:
    assert ask(path, question) == {"asked": question}


@pytest.mark.parametrize("words", [b"", b"\n", b"[1]\n", b"{\n", b"\xff\xfe\n", b"{}" * 100_000])
def test_nonsense_ends_nothing(tmp_path: Path, words: bytes) -> None:
    path = tmp_path / "s"

    def story() -> None:
        with socket.socket(socket.AF_UNIX) as one:
            one.settimeout(20.0)
            one.connect(str(path))
            try:
                one.sendall(words)
                one.shutdown(socket.SHUT_WR)
                answer = b"".join(iter(lambda: one.recv(65_536), b""))
            except OSError:
                answer = b""
        assert not answer or "error" in json.loads(answer)
        _is({"ask": "x"}, path)

    played(path, story)


def test_beyond_so_many_at_once_the_next_is_told_to_come_again(tmp_path: Path) -> None:
    path, over = tmp_path / "s", threading.Event()

    async def slow(question: dict[str, Any]) -> dict[str, Any]:
        while not over.is_set():
            await asyncio.sleep(0.01)
        return question

    def story() -> None:
        told: list[str] = []

        def come() -> None:
            if code := ask(path, {}, 60.0).get("code"):
                told.append(code)
                over.set()

        every = [threading.Thread(target=come) for _ in range(AT_ONCE + 5)]
        for one in every:
            one.start()
        for one in every:
            one.join(60.0)
        assert set(told) == {"throttled"}
        assert 1 <= len(told) <= 5

    played(path, story, slow)


def test_an_old_listener_that_ends_leaves_the_door_of_a_young_one(tmp_path: Path) -> None:
    path = tmp_path / "s"

    async def story() -> None:
        old, young = Door(path, _echo), Door(path, _echo)
        await old.open()
        await young.open()
        await old.close()
        await asyncio.to_thread(_is, {"ask": "x"}, path)
        await young.close()

    asyncio.run(story())
    assert not path.exists()


def test_whoever_finds_nobody_is_told_the_way_out(tmp_path: Path) -> None:
    for path in (tmp_path / "none", tmp_path / "no" / "where"):
        with pytest.raises(DoorError, match="muster-listener"):
            ask(path, {})


def test_a_listener_that_dies_while_it_answers_is_told(tmp_path: Path) -> None:
    path = tmp_path / "s"

    async def dies(_question: dict[str, Any]) -> dict[str, Any]:
        raise ConnectionResetError

    def story() -> None:
        with pytest.raises(DoorError, match="ended while it told"):
            ask(path, {})

    played(path, story, dies)

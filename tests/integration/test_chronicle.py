"""Events of this run and of earlier ones, on a real disk: no gap is told, no loop held."""

import asyncio
import os
from collections.abc import Awaitable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from workers.failover import chronicle
from workers.failover.core.actions import Fact, FactKind
from workers.failover.history import History
from workers.failover.journal import FILE_BYTES, KEPT_EVENTS, Journal
from workers.failover.output import Output

NOWHERE = os.open(os.devnull, os.O_WRONLY)
TURNS = 20
"""The agent's loop goes on at least so often while old events are read: far more, where it is not
held; a handful, where it is."""


def told(directory: Path, incarnation: int, count: int) -> Journal:
    """A run of the agent that told of so many events; nobody reads its lines."""
    one = Journal(directory, incarnation)
    one.output = Output(NOWHERE)
    record(one, count)
    return one


def record(one: Journal, count: int) -> None:
    for _ in range(count):
        one.record(Fact(FactKind.TAKEN, vip="198.18.0.1", epoch=7))
    while one.waiting:
        one.flush()


def numbers(events: list[dict[str, Any]]) -> list[int]:
    return [event["number"] for event in events]


def answered(answer: dict[str, Any] | Awaitable[dict[str, Any]]) -> dict[str, Any]:
    """An answer, whether it comes at once or later."""

    async def wait() -> dict[str, Any]:
        return answer if isinstance(answer, dict) else await answer

    return asyncio.run(wait())


def test_a_run_is_read_back_as_it_was_told(tmp_path: Path) -> None:
    first = told(tmp_path, 1, 5)
    first.close()
    told(tmp_path, 2, 3).close()
    assert chronicle.runs(tmp_path) == {1: (1, 5), 2: (1, 3)}
    assert chronicle.events(tmp_path, 1, 0, 100) == first.since(0)
    assert numbers(chronicle.events(tmp_path, 1, 2, 2)) == [3, 4]
    assert chronicle.events(tmp_path, 3, 0, 100) == []


def test_a_lost_or_spoilt_line_ends_the_stretch_before_it(tmp_path: Path) -> None:
    told(tmp_path, 1, 9).close()
    file = tmp_path / chronicle.NAME
    lines = file.read_bytes().splitlines(keepends=True)
    lines[3] = lines[3][:20] + b"\n"
    lines[6:6] = [b"\n", b"[]\n", b"\xff\xfe\n", b'{"number": "x", "incarnation": 1}\n']
    file.write_bytes(b"".join(lines)[:-30])
    assert chronicle.runs(tmp_path) == {1: (5, 8)}
    assert numbers(chronicle.events(tmp_path, 1, 0, 100)) == [5, 6, 7, 8]


@pytest.mark.parametrize("lacking", [b'"time": ', b'"kind": '])
@pytest.mark.parametrize("instead", [b'"was": ', b'"was": 1, %s[1], "is": '])
def test_a_line_that_lacks_something_or_has_it_wrong_is_no_event(
    tmp_path: Path, lacking: bytes, instead: bytes
) -> None:
    told(tmp_path, 1, 9).close()
    file = tmp_path / chronicle.NAME
    lines = file.read_bytes().splitlines(keepends=True)
    lines[3] = lines[3].replace(lacking, instead.replace(b"%s", lacking))
    assert msgspec.json.decode(lines[3])
    file.write_bytes(b"".join(lines))
    assert chronicle.runs(tmp_path) == {1: (5, 9)}
    assert numbers(chronicle.events(tmp_path, 1, 0, 100)) == [5, 6, 7, 8, 9]


def test_a_run_goes_on_in_the_next_file(tmp_path: Path) -> None:
    count = FILE_BYTES // 100
    told(tmp_path, 1, count).close()
    assert (tmp_path / chronicle.OLD_NAME).exists()
    [(first, last)] = chronicle.runs(tmp_path).values()
    assert 1 <= first < last == count
    assert numbers(chronicle.events(tmp_path, 1, count - 3, 1000)) == [count - 2, count - 1, count]
    assert numbers(chronicle.events(tmp_path, 1, 0, 2)) == [first, first + 1]


def test_a_file_put_aside_meanwhile_is_read_once(tmp_path: Path) -> None:
    told(tmp_path, 1, 3).close()
    os.link(tmp_path / chronicle.NAME, tmp_path / chronicle.OLD_NAME)
    assert numbers(chronicle.events(tmp_path, 1, 0, 100)) == [1, 2, 3]


def test_an_agent_that_goes_on_under_another_incarnation_begins_at_one(tmp_path: Path) -> None:
    one = told(tmp_path, 1, 3)
    one.record(Fact(FactKind.LATE))
    one.reincarnate(8)
    record(one, 2)
    assert (one.first, one.last, numbers(one.since(0))) == (1, 2, [1, 2])
    one.close()
    assert chronicle.runs(tmp_path) == {1: (1, 4), 8: (1, 2)}


@pytest.mark.parametrize(
    ("request_", "sentence"),
    [
        ({"since": "5"}, "since is '5'"),
        ({"limit": -1}, "limit is -1"),
        ({"incarnation": True}, "incarnation is True"),
        ({"incarnation": 3, "follow": True}, "follow this run, 2"),
    ],
)
def test_a_wrong_question_is_refused(
    tmp_path: Path, request_: dict[str, Any], sentence: str
) -> None:
    answer = answered(History(told(tmp_path, 2, 1)).events(request_))
    assert sentence in answer["error"]


def test_the_socket_tells_of_both_runs(tmp_path: Path) -> None:
    told(tmp_path, 1, 4).close()
    history = History(told(tmp_path, 2, 6))
    old = answered(history.events({"incarnation": 1, "since": 1, "limit": 2}))
    assert (old["incarnation"], numbers(old["events"])) == (1, [2, 3])
    now = answered(history.events({"since": 4}))
    assert (now["incarnation"], now["last"], numbers(now["events"])) == (2, 6, [5, 6])
    assert answered(history.events({"limit": 0}))["events"] == []
    assert answered(history.runs({}))["runs"] == [
        {"incarnation": 1, "first": 1, "last": 4},
        {"incarnation": 2, "first": 1, "last": 6},
    ]
    history.close()


def test_neither_much_history_nor_files_hold_the_loop(tmp_path: Path) -> None:
    told(tmp_path, 1, KEPT_EVENTS).close()
    history = History(told(tmp_path, 2, KEPT_EVENTS + 10))

    async def turned() -> int:
        """How many turns the loop made while files were read."""
        turns = 0
        question = asyncio.ensure_future(history.runs({}))
        other = history.events({"incarnation": 1})
        assert not isinstance(other, dict)
        events = asyncio.ensure_future(other)
        while not (question.done() and events.done()):
            await asyncio.sleep(0)
            turns += 1
        assert len(events.result()["events"]) == KEPT_EVENTS
        return turns

    assert asyncio.run(turned()) > TURNS
    found = history.events({"since": 0})
    assert isinstance(found, dict)
    assert len(msgspec.json.encode(found)) > 1_000_000
    assert numbers(found["events"]) == list(range(11, KEPT_EVENTS + 11))
    history.close()

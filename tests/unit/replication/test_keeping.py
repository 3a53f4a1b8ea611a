"""What a node counts outlives deaths at any moment, whatever of a snapshot was written."""

import asyncio
import errno
import json
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from workers.replication import state
from workers.replication.journal import path_of
from workers.replication.keeping import EVERY_SECONDS, Keeper

SEGMENT = 4_096


class Counts:
    """The least that can be kept: absolute counts by name."""

    def __init__(self) -> None:
        self.values: dict[str, int] = {}
        self.journal: Callable[[bytes], object] | None = None
        self.at_piece: Callable[[], None] = lambda: None

    def add(self, name: str, n: int = 1) -> None:
        self.values[name] = self.values.get(name, 0) + n
        if self.journal is not None:
            self.journal(json.dumps([name, self.values[name]]).encode())

    def dump(self) -> Iterator[bytes]:
        for name in list(self.values):
            self.at_piece()
            yield json.dumps([name, self.values[name]]).encode()

    def load(self, pieces: Iterable[bytes], records: Iterable[bytes], now: float) -> None:
        for one in (*pieces, *records):
            name, value = json.loads(one)
            self.values[name] = value


def begun(directory: Path) -> tuple[Keeper, Counts, Counts]:
    """A process that starts; the one before was killed if it did not close."""
    first, second = Counts(), Counts()
    keeper = Keeper(directory, [first, second], SEGMENT)
    keeper.begin(0.0)
    return keeper, first, second


def test_a_killed_process_loses_nothing(tmp_path: Path) -> None:
    for life in range(1, 6):
        _keeper, first, second = begun(tmp_path)
        for number in range(500):
            first.add(f"key {number % 7}")
            second.add(f"key {number % 3}", 2)
        assert sum(first.values.values()) == 500 * life
        assert sum(second.values.values()) == 1_000 * life


def test_counts_of_while_a_snapshot_is_written_count_once(tmp_path: Path) -> None:
    keeper, first, second = begun(tmp_path)
    for number in range(50):
        first.add(f"key {number}")
    first.at_piece = lambda: (first.add("key 3"), second.add("other"))[0]
    asyncio.run(keeper.save())

    _keeper, again, other = begun(tmp_path)

    assert (again.values, other.values) == (first.values, second.values)
    assert first.values["key 3"] == 51


@pytest.mark.parametrize("after", range(12))
def test_a_death_while_a_snapshot_is_written_loses_nothing(tmp_path: Path, after: int) -> None:
    class Death(Exception):
        pass

    keeper, first, second = begun(tmp_path)
    for number in range(10):
        first.add(f"key {number}")
    asyncio.run(keeper.save())
    pieces = 0

    def piece() -> None:
        nonlocal pieces
        first.add("key 1")
        second.add("other")
        pieces += 1
        if pieces > after:
            raise Death

    first.at_piece = piece
    if after < 10:
        with pytest.raises(Death):
            asyncio.run(keeper.save())
    else:
        asyncio.run(keeper.save())

    _keeper, again, other = begun(tmp_path)

    assert (again.values, other.values) == (first.values, second.values)


def test_snapshots_are_due_by_time_and_by_what_was_counted(tmp_path: Path) -> None:
    keeper, first, _second = begun(tmp_path)
    assert keeper.due(1.0)
    asyncio.run(keeper.save())
    now = keeper._saved_at

    assert not keeper.due(now + 0.5)
    assert not keeper.due(now + EVERY_SECONDS - 1)
    assert keeper.due(now + EVERY_SECONDS)
    first.add("x")
    keeper.journal.appended += 1 << 30
    assert not keeper.due(now + 0.5)
    assert keeper.due(now + 5)


def test_a_full_disk_is_told_and_counting_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keeper, first, _second = begun(tmp_path)
    first.add("before")
    full = True

    def without_room(real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            if full:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return real(*arguments)

        return call

    monkeypatch.setattr(os, "posix_fallocate", without_room(os.posix_fallocate))
    monkeypatch.setattr(os, "fsync", without_room(os.fsync))
    for _ in range(1_000):
        first.add("while it is full")
    asyncio.run(keeper.save())

    assert any("No space left" in one for one in keeper.complaints)
    assert keeper.journal.unkept > 0
    assert not (tmp_path / f"{state.SNAPSHOT}.new").exists()

    full = False
    keeper.tick()
    asyncio.run(keeper.save())
    first.add("after")

    assert keeper.complaints == []
    _keeper, again, _other = begun(tmp_path)
    assert again.values == first.values == {"before": 1, "while it is full": 1_000, "after": 1}


def test_what_is_not_understood_is_told_and_kept_beside(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    writing = state.Writing(tmp_path, 1)
    writing.add(b"\0no json")
    writing.finish()

    keeper, first, _second = begun(tmp_path)

    assert first.values == {}
    assert "kept as" in keeper.complaints[0]
    assert "cannot be used" in caplog.text
    asyncio.run(keeper.save())
    assert b"no json" in (tmp_path / f"snapshot.1{state.ASIDE}").read_bytes()


def test_what_is_kept_together_is_there_as_a_whole_or_not_at_all(tmp_path: Path) -> None:
    keeper, first, second = begun(tmp_path)
    with keeper.together():
        first.add("one")
        second.add("two", 5)
    end = keeper.journal._at
    with keeper.together():
        first.add("one")
        second.add("two", 5)
    path = path_of(tmp_path, keeper.journal.generation)
    content = path.read_bytes()
    for cut in range(end + 1, keeper.journal._at):
        path.write_bytes(content[:cut] + bytes(len(content) - cut))
        _keeper, again, other = begun(tmp_path)
        assert (again.values, other.values) == ({"one": 1}, {"two": 5})
    path.write_bytes(content)
    _keeper, again, other = begun(tmp_path)
    assert (again.values, other.values) == ({"one": 2}, {"two": 10})


def test_nothing_is_kept_of_what_raised_and_then_all_goes_on(tmp_path: Path) -> None:
    keeper, first, _second = begun(tmp_path)

    def half() -> None:
        with keeper.together():
            first.add("one")
            raise ValueError("half")

    with pytest.raises(ValueError, match="half"):
        half()
    first.add("two")

    _keeper, again, _other = begun(tmp_path)

    assert again.values == {"two": 1}

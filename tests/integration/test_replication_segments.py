"""Files for journals: what is written outlives the process, and a full disk is an answer."""

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from workers.replication.segments import Segments, generations, path_of

SIZE = 8_192


def test_what_is_written_is_in_the_files_at_once(tmp_path: Path) -> None:
    made = Segments(tmp_path, ("one", "two"), SIZE).make(3)
    assert made is not None
    made[1][:5] = b"hello"

    assert path_of(tmp_path, "one", 3).read_bytes() == bytes(SIZE)
    assert path_of(tmp_path, "two", 3).read_bytes() == b"hello" + bytes(SIZE - 5)
    assert generations(tmp_path, "two") == [3]


def test_files_that_a_death_left_are_made_anew(tmp_path: Path) -> None:
    path_of(tmp_path, "one", 3).write_bytes(b"half")

    assert Segments(tmp_path, ("one",), SIZE).make(3) is not None
    assert path_of(tmp_path, "one", 3).read_bytes() == bytes(SIZE)


def test_a_full_disk_leaves_nothing_and_is_told_until_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, room = os.posix_fallocate, [1]

    def allocate(*arguments: Any) -> None:
        if not room[0]:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        room[0] -= 1
        real(*arguments)

    monkeypatch.setattr(os, "posix_fallocate", allocate)
    segments = Segments(tmp_path, ("one", "two"), SIZE)

    assert segments.make(1) is None
    assert "No space left" in segments.problem
    assert list(tmp_path.iterdir()) == []

    room[0] = 2
    assert segments.make(1) is not None
    assert not segments.problem


def test_other_files_are_no_generation(tmp_path: Path) -> None:
    for name in ("journal.one.12", "journal.one.x", "journal.one.000000000001.1.aside", "snapshot"):
        (tmp_path / name).touch()
    path_of(tmp_path, "one", 9).touch()
    path_of(tmp_path, "one", 2).touch()

    assert generations(tmp_path, "one") == [2, 9]

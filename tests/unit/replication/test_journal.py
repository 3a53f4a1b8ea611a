"""The journal: what is appended is read back whole, whatever a death or a full disk did to it."""

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from workers.replication import journal
from workers.replication.journal import FIRST, HEAD, Journal, path_of, read

SEGMENT = 4_096
RECORDS = [f"record {number}".encode() * 3 for number in range(20)]


def written(directory: Path, records: list[bytes] = RECORDS) -> Path:
    """A journal that was killed: nothing closed it."""
    made = Journal(directory, 7, SEGMENT)
    assert all(map(made.append, records))
    assert journal.generations(directory) == [7]
    return path_of(directory, 7)


def test_what_a_killed_process_appended_is_there(tmp_path: Path) -> None:
    kept = read(written(tmp_path))

    assert kept.records == RECORDS
    assert not kept.damage


def test_a_full_file_is_followed_by_the_next(tmp_path: Path) -> None:
    made = Journal(tmp_path, 1, SEGMENT)
    records = [bytes([number]) * 1_000 for number in range(1, 11)]

    assert all(map(made.append, records))

    found = [read(path_of(tmp_path, one)) for one in journal.generations(tmp_path)]
    assert [record for one in found for record in one.records] == records
    assert not any(one.damage for one in found)
    assert len(found) == 3


def test_a_turn_begins_a_new_file_once_there_is_something_in_the_old_one(tmp_path: Path) -> None:
    made = Journal(tmp_path, 1, SEGMENT)
    made.append(b"before")
    assert made.turn() == 2
    assert made.turn() == 2
    made.append(b"after")

    assert read(path_of(tmp_path, 1)).records == [b"before"]
    assert read(path_of(tmp_path, 2)).records == [b"after"]


@pytest.mark.parametrize("bytes_written", range(1, HEAD.size + len(RECORDS[-1])))
def test_a_record_that_a_death_cut_off_is_dropped(tmp_path: Path, bytes_written: int) -> None:
    path = written(tmp_path)
    size = HEAD.size + len(RECORDS[-1])
    end = FIRST.size + sum(HEAD.size + len(record) for record in RECORDS)
    with path.open("r+b") as file:
        file.seek(end - size + bytes_written)
        file.write(bytes(size - bytes_written))

    kept = read(path)

    assert kept.records == RECORDS[:-1]
    assert not kept.damage


def test_a_garbled_record_is_damage_and_what_is_before_it_is_kept(tmp_path: Path) -> None:
    path = written(tmp_path)
    with path.open("r+b") as file:
        file.seek(FIRST.size + 2 * (HEAD.size + len(RECORDS[0])) + HEAD.size + 3)
        file.write(b"\xff\xff")

    kept = read(path)

    assert kept.records == RECORDS[:2]
    assert "damaged" in kept.damage


def test_a_file_that_was_cut_off_is_damage(tmp_path: Path) -> None:
    path = written(tmp_path)
    os.truncate(path, 200)

    kept = read(path)

    assert kept.records == RECORDS[: len(kept.records)]
    assert "cut off" in kept.damage


def test_a_file_of_another_version_is_damage(tmp_path: Path) -> None:
    path = written(tmp_path)
    path.write_bytes(b"MUSTERJ\0" + path.read_bytes()[8:])

    assert "this version" in read(path).damage


def test_a_file_that_lost_power_before_its_first_record_is_empty(tmp_path: Path) -> None:
    path_of(tmp_path, 1).write_bytes(bytes(SEGMENT))

    assert read(path_of(tmp_path, 1)) == journal.Kept([], "")


def test_a_record_that_no_file_can_hold_is_not_kept(tmp_path: Path) -> None:
    made = Journal(tmp_path, 1, SEGMENT)

    assert not made.append(bytes(SEGMENT))
    assert made.append(b"small")
    assert made.unkept == 1


def test_a_full_disk_is_told_and_gone_on_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, full = os.posix_fallocate, [False]

    def allocate(*arguments: Any) -> None:
        if full[0]:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(*arguments)

    monkeypatch.setattr(os, "posix_fallocate", allocate)
    made = Journal(tmp_path, 1, SEGMENT)
    full[0] = True

    assert not made.append(b"lost")
    assert not made.append(b"lost too")
    assert "No space left" in made.problem
    assert journal.generations(tmp_path) == []

    full[0] = False
    made.prepare()
    assert made.append(b"kept")
    assert not made.problem
    assert made.unkept == 2
    assert read(path_of(tmp_path, made.generation)).records == [b"kept"]


def test_room_is_made_before_it_is_needed(tmp_path: Path) -> None:
    made = Journal(tmp_path, 1, SEGMENT)
    made.prepare()
    made.append(bytes(SEGMENT - 100))
    made.prepare()
    assert journal.generations(tmp_path) == [1, 2]

    made.close()

    assert journal.generations(tmp_path) == [1]

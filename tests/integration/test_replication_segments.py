"""Files for journals: what is written outlives the process, and a full disk is an answer."""

import os
from pathlib import Path

from bench.small_disk import FILLER, fill, free
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


def test_a_full_disk_leaves_nothing_and_is_told_until_there_is_room(small_disk: Path) -> None:
    place = small_disk / "counts"
    place.mkdir()
    fill(small_disk)
    with (small_disk / FILLER).open("r+b") as filler:
        filler.truncate(filler.seek(0, os.SEEK_END) - SIZE)  # room for one of the two
    segments = Segments(place, ("one", "two"), SIZE)

    assert segments.make(1) is None
    assert "No space left" in segments.problem
    assert list(place.iterdir()) == []

    free(small_disk)
    assert segments.make(1) is not None
    assert not segments.problem


def test_other_files_are_no_generation(tmp_path: Path) -> None:
    for name in ("journal.one.12", "journal.one.x", "journal.one.000000000001.1.aside", "snapshot"):
        (tmp_path / name).touch()
    path_of(tmp_path, "one", 9).touch()
    path_of(tmp_path, "one", 2).touch()

    assert generations(tmp_path, "one") == [2, 9]

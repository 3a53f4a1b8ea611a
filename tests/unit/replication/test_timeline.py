"""The time by which a node counts."""

from pathlib import Path

import pytest

from workers.replication.timeline import BOOT_ID, NAME, TimeLine


def begun(directory: Path, boot: str, wall: float, steady: float) -> float:
    """What the time line says when a process starts so."""
    return TimeLine(directory, boot, lambda: wall, lambda: steady)()


def test_it_goes_on_through_restarts_whatever_becomes_of_the_wall_clock(tmp_path: Path) -> None:
    assert begun(tmp_path, "one", 5_000.0, 100.0) == 5_000.0
    assert begun(tmp_path, "one", 1_400.0, 160.0) == 5_060.0


def test_it_begins_anew_with_the_machine(tmp_path: Path) -> None:
    begun(tmp_path, "one", 5_000.0, 100.0)

    assert begun(tmp_path, "two", 9_000.0, 10.0) == 9_000.0


@pytest.mark.parametrize("content", [b"", b"\xff", b"{}", b'{"boot":"one","seconds":"x"}'])
def test_a_file_that_cannot_be_read_is_written_anew(tmp_path: Path, content: bytes) -> None:
    (tmp_path / NAME).write_bytes(content)

    assert begun(tmp_path, "one", 5_000.0, 100.0) == 5_000.0
    assert begun(tmp_path, "one", 6_000.0, 101.0) == 5_001.0


def test_a_disk_without_the_directory_costs_nothing_but_the_beginning(tmp_path: Path) -> None:
    assert begun(tmp_path / "none", "one", 5_000.0, 100.0) == 5_000.0


def test_this_machine_says_when_it_started(tmp_path: Path) -> None:
    assert BOOT_ID.read_text().strip()
    assert TimeLine(tmp_path)() <= TimeLine(tmp_path)()

"""The file of events on disks that stand still, are full, or take half a line."""

import errno
import os
from pathlib import Path

import pytest

from workers.failover import chronicle
from workers.failover.core.actions import Fact, FactKind
from workers.failover.event_file import WAITING_BYTES, EventFile
from workers.failover.journal import Journal
from workers.failover.output import Output

LINE = b"x" * 999 + b"\n"


class Lost:
    """Counts the lines that were dropped."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, count: int) -> None:
        self.count += count


@pytest.fixture
def stopped(tmp_path: Path) -> int:
    """The end of a file of events that takes nothing until it is read."""
    os.mkfifo(tmp_path / chronicle.NAME)
    return os.open(tmp_path / chronicle.NAME, os.O_RDONLY | os.O_NONBLOCK)


def drained(end: int, size: int) -> bytes:
    """What comes out, up to so many bytes."""
    os.set_blocking(end, True)
    found = b""
    while len(found) < size:
        found += os.read(end, size - len(found))
    return found


def test_a_disk_that_stands_still_holds_nobody_up_and_gets_all_in_order(
    tmp_path: Path, stopped: int
) -> None:
    lost = Lost()
    one = EventFile(tmp_path, lost)
    lines = [b"%06d" % number + LINE[6:] for number in range(1000)]
    for line in lines:
        one.append(line)

    assert drained(stopped, len(lines) * len(LINE)) == b"".join(lines)
    one.close()
    assert lost.count == 0


def test_what_waits_for_the_disk_is_bounded_and_the_rest_counted(
    tmp_path: Path, stopped: int
) -> None:
    lost = Lost()
    one = EventFile(tmp_path, lost)
    batch, room = 100 * LINE, WAITING_BYTES // (100 * len(LINE))
    for _ in range(room + 3):
        one.append(batch)

    assert 0 < lost.count <= 300
    assert "wait for the disk" in one.problem
    os.close(stopped)


def test_a_full_disk_is_counted_and_said(tmp_path: Path) -> None:
    (tmp_path / chronicle.NAME).symlink_to("/dev/full")
    reading, writing = os.pipe()
    journal = Journal(tmp_path, 1)
    journal.output = Output(writing)
    for _ in range(3):
        journal.record(Fact(FactKind.LATE))
    journal.close()

    assert journal.output.dropped == 3
    assert b"cannot be written: No space left on device; make room" in os.read(reading, 4096)


def test_a_directory_that_is_gone_and_comes_back_is_written_again(tmp_path: Path) -> None:
    lost = Lost()
    one = EventFile(tmp_path / "state", lost)
    one._write(LINE)
    assert (lost.count, "No such file" in one.problem) == (1, True)
    (tmp_path / "state").mkdir()
    one._write(LINE)

    assert (lost.count, one.problem) == (1, "")
    assert (tmp_path / "state" / chronicle.NAME).read_bytes() == LINE


class Filling:
    """A file on a disk with room for so many bytes."""

    def __init__(self, room: int) -> None:
        self.room = room
        self.content = b""

    def write(self, data: bytes) -> int:
        taken = data[: self.room]
        if not taken:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self.room -= len(taken)
        self.content += taken
        return len(taken)

    def tell(self) -> int:
        return 0


@pytest.mark.parametrize(("room", "cut"), [(2, b"aa\n"), (3, b"aaa\n"), (4, b"aaa\n"), (6, None)])
def test_a_line_that_was_cut_is_ended_before_the_next(
    tmp_path: Path, room: int, cut: bytes | None
) -> None:
    lost = Lost()
    one = EventFile(tmp_path, lost)
    disk = Filling(room)
    one._file = disk  # type: ignore[assignment]
    one._write(b"aaa\nbbb\n")
    disk.room = 100
    one._write(b"ccc\n")

    assert disk.content == (cut or b"aaa\nbb\n") + b"ccc\n"
    assert lost.count == (1 if room >= 4 else 2)

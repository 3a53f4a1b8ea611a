"""A log that is written and rotated in every way, read through restarts: each line in its turn."""

import itertools
import os
import random
import shutil
import subprocess
import threading
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path

import pytest

from workers.logs.core.segments import Fact
from workers.logs.tail import Tail

STEPS = 250
ROTATIONS = 200
KEEP = 3
ROOM = 1 << 24


class Writer:
    """Writes numbered lines, and reopens its log when it is told to."""

    def __init__(self, log: Path) -> None:
        self.log, self.count = log, 0
        self.reopen()

    def reopen(self) -> None:
        """Open the log by its name, as after a rotation."""
        self.handle = os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def write(self, lines: int, tail: bytes = b"") -> None:
        """Some lines, with bytes that are no text."""
        first, self.count = self.count, self.count + lines
        text = b"".join(b"%d \xff\0 a line\n" % number for number in range(first, self.count))
        os.write(self.handle, text + tail)


class Reader:
    """A tail and what came of it; it is restarted from what it saved."""

    def __init__(self, log: Path) -> None:
        self.names = map(str, itertools.count())
        self.log, self.tail = log, Tail(log, self.names)
        self.segments: dict[str, bytes] = {}
        self.came: list[bytes] = []
        """What was new in each chunk."""
        self.now = 0.0

    def look(self, room: int = ROOM, *, wall: float | None = None, keep: bool = True) -> None:
        """Look once, and keep what is new."""
        self.now += 0.25
        for chunk in self.tail.chunks(self.now, time.time() if wall is None else wall, room):
            have = self.segments.get(chunk.segment, b"")
            again = have[chunk.offset : chunk.offset + len(chunk.data)]
            assert len(have) >= chunk.offset, "a gap"
            assert again == chunk.data[: len(again)], "the same place, and other bytes"
            self.segments[chunk.segment] = have + chunk.data[len(again) :]
            self.came.append(chunk.data[len(again) :])
            if keep:
                self.tail.kept(chunk.segment, chunk.offset + len(chunk.data))

    def look_all(self) -> None:
        """Look until everything is read: each rotated file waits for the one before."""
        for _ in range(KEEP + 2):
            self.look()

    def restart(self) -> None:
        """End, and go on from what was saved."""
        known = self.tail.saved()
        self.tail.close()
        self.tail = Tail(self.log, self.names, known)

    def numbers(self) -> list[int]:
        """Of all lines, as they came."""
        return [int(line.split()[0]) for one in self.came for line in one.splitlines()]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "mail.log"


@pytest.fixture
def writer(log: Path) -> Writer:
    return Writer(log)


@pytest.fixture
def reader(log: Path, writer: Writer) -> Iterator[Reader]:
    made = Reader(log)
    made.look()
    yield made
    made.tail.close()


def chances() -> random.Random:
    """From a seed that is told."""
    seed = int(os.environ.get("MUSTER_SEED", "0")) or random.SystemRandom().randrange(10**9)
    print(f"replay with MUSTER_SEED={seed}")
    return random.Random(seed)


def rotated(log: Path, number: int) -> Path:
    """The log that was rotated so often."""
    return log.with_name(f"{log.name}.{number}")


def shift(log: Path) -> None:
    """Move what is rotated on; the oldest goes."""
    for number in range(KEEP, 0, -1):
        for ending in ("", ".gz", ".xz", ".bz2", ".zst"):
            path = log.with_name(f"{log.name}.{number}{ending}")
            if path.exists() and number == KEEP:
                path.unlink()
            elif path.exists():
                path.rename(log.with_name(f"{log.name}.{number + 1}{ending}"))


def copy_and_truncate(log: Path) -> None:
    """As rotators do whose servers cannot reopen."""
    shift(log)
    shutil.copyfile(log, rotated(log, 1))
    os.truncate(log, 0)


def rename(log: Path, writer: Writer) -> None:
    """Rotate by renaming, then have the writer reopen."""
    shift(log)
    log.rename(rotated(log, 1))
    writer.reopen()


def compress(path: Path, program: str = "gzip") -> None:
    """With the program that operators use."""
    if path.exists():
        subprocess.run([program, "-f", "-q", str(path)], check=True)


def test_every_line_comes_once_through_rotations_and_restarts(
    log: Path, writer: Writer, reader: Reader
) -> None:
    chance, rotations = chances(), 0
    for _ in range(STEPS):
        match chance.randrange(8):
            case 0 | 1 | 2:
                writer.write(chance.randrange(1, 400))
            case 3 | 4:
                reader.look(chance.choice([100, ROOM]))
            case 5 if rotations < KEEP:
                rotations += 1
                if chance.random() < 0.5:
                    copy_and_truncate(log)
                else:
                    rename(log, writer)
                if chance.random() < 0.5:
                    compress(rotated(log, 2))
            case 6:
                reader.restart()
            case _:
                # Nothing is rotated away before it was read: that would be lost to anybody.
                reader.look_all()
                rotations = 0
    reader.look_all()

    assert reader.numbers() == list(range(writer.count))


@pytest.mark.parametrize("program", ["gzip", "bzip2", "xz"])
def test_a_log_that_was_compressed_while_nobody_looked(
    log: Path, writer: Writer, reader: Reader, program: str
) -> None:
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed")
    writer.write(500)
    reader.look(room=100)
    writer.write(500)
    rename(log, writer)
    compress(rotated(log, 1), program)
    writer.write(10)
    reader.restart()
    reader.look()
    reader.look()

    assert reader.numbers() == list(range(1_010))


def test_a_compressed_file_that_is_not_whole_yet_is_waited_for(
    log: Path, writer: Writer, reader: Reader
) -> None:
    writer.write(2_000)
    rename(log, writer)
    compress(rotated(log, 1))
    packed = log.with_name(f"{log.name}.1.gz")
    whole = packed.read_bytes()
    packed.write_bytes(whole[: len(whole) // 2])
    reader.tail.close()
    reader.tail = Tail(log, reader.names, [])
    reader.look()
    before = reader.numbers()
    with packed.open("ab") as file:
        file.write(whole[len(whole) // 2 :])
    reader.look()

    assert before == list(range(len(before)))
    assert reader.numbers() == list(range(2_000))


def test_a_file_that_cannot_be_read_is_told_once(
    log: Path, writer: Writer, reader: Reader, caplog: pytest.LogCaptureFixture
) -> None:
    log.with_name("mail.log.1.gz").write_bytes(b"no gzip")
    writer.write(5)
    for _ in range(3):
        reader.look()

    assert reader.numbers() == list(range(5))
    assert len(caplog.records) == 1


def test_a_deleted_log_is_read_to_its_end(log: Path, writer: Writer, reader: Reader) -> None:
    writer.write(10)
    reader.look()
    log.unlink()
    writer.write(10)
    reader.look()

    assert reader.numbers() == list(range(20))


def test_a_log_that_grew_was_renamed_and_compressed_between_two_looks(
    log: Path, writer: Writer, reader: Reader
) -> None:
    writer.write(300)
    rename(log, writer)
    rename(log, writer)
    compress(rotated(log, 2))
    writer.write(10)
    reader.look_all()

    assert reader.numbers() == list(range(310))


def test_lines_keep_their_order_while_the_log_is_rotated_under_the_reader(
    log: Path, writer: Writer, reader: Reader
) -> None:
    chance = chances()
    waiting: deque[int] = deque()
    room = threading.Semaphore(KEEP - 1)

    def rotate() -> None:
        for _ in range(ROTATIONS):
            room.acquire()
            writer.write(chance.randrange(1, 200))
            waiting.append(writer.count)
            if chance.random() < 0.5:
                copy_and_truncate(log)
            else:
                rename(log, writer)
            writer.write(chance.randrange(1, 20))

    rotating = threading.Thread(target=rotate)
    rotating.start()
    while rotating.is_alive() or waiting:
        reader.look(chance.choice([0, 1_000, ROOM]))
        while waiting and len(reader.numbers()) >= waiting[0]:
            waiting.popleft()
            room.release()
    rotating.join()
    reader.look_all()

    assert reader.numbers() == list(range(writer.count))


def test_what_nobody_could_read_is_told(log: Path, writer: Writer, reader: Reader) -> None:
    writer.write(10)
    reader.look()
    writer.write(10)
    reader.look(room=0)
    reader.restart()
    log.unlink()
    reader.look()
    reader.now += 60
    reader.look()

    (lost,) = [one for one in reader.tail.facts() if one.fact is Fact.LOST]
    assert lost.count == len(b"10 \xff\0 a line\n") * 10


def test_a_line_without_an_end_waits_until_its_file_is_left_alone(
    log: Path, writer: Writer, reader: Reader
) -> None:
    writer.write(3, tail=b"3 and more")
    reader.look(wall=time.time() + 60)
    assert reader.numbers() == [0, 1, 2]
    rename(log, writer)
    reader.look()
    assert reader.numbers() == [0, 1, 2]
    reader.look(wall=time.time() + 60)

    assert reader.numbers() == [0, 1, 2, 3]


def test_a_long_line_comes_in_pieces(log: Path, writer: Writer, reader: Reader) -> None:
    writer.write(1, tail=b"1 " + b"x" * (3 << 20) + b"\n")
    reader.look()

    (content,) = reader.segments.values()
    assert content == log.read_bytes()


def test_links_and_directories_beside_a_log_are_left_alone(
    log: Path, writer: Writer, reader: Reader
) -> None:
    log.with_name("mail.log.d").mkdir()
    log.with_name("mail.log.link").symlink_to("/etc/passwd")
    os.mkfifo(log.with_name("mail.log.pipe"))
    writer.write(5)
    reader.look()

    assert reader.numbers() == list(range(5))

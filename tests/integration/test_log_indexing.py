"""The process that indexes: it dies, stands still, ends; nothing waits for it."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.integration.test_log_index import message
from workers.logs.core import sidecar
from workers.logs.core.sidecar import BLOCK_BYTES
from workers.logs.index import place_of
from workers.logs.indexing import FILES_MAX, START_SECONDS, TELL_SECONDS, Indexing

DEADLINE_SECONDS = 60.0
DATA = "".join(message("n1", one) for one in range(3_000)).encode()


@pytest.fixture
def indexing(tmp_path: Path) -> Iterator[Indexing]:
    made = Indexing(tmp_path / "index")
    yield made
    made.close()


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """A file with several blocks."""
    path = tmp_path / "n1"
    path.write_bytes(DATA)
    return path


def indexed(log: Path) -> int:
    """How many bytes of a log are in its sidecar."""
    place = place_of(log.parent / "index", str(log))
    return sidecar.read(place.read_bytes(), len(DATA)).end if place.exists() else 0


def wait(true: Callable[[], bool]) -> None:
    end = time.monotonic() + DEADLINE_SECONDS
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_what_was_told_is_indexed_and_nothing_behind_it(indexing: Indexing, log: Path) -> None:
    told = 2 * BLOCK_BYTES
    indexing.kept(str(log), 0, DATA[:told])
    indexing.tell(now=0.0)

    wait(lambda: indexed(log) > BLOCK_BYTES)
    assert indexed(log) <= told


def test_one_that_dies_is_started_again_but_not_all_the_time(indexing: Indexing, log: Path) -> None:
    indexing.kept(str(log), 0, DATA[:1])
    indexing.tell(now=0.0)
    first = indexing.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    wait(lambda: Path(f"/proc/{first}/stat").read_text().rpartition(")")[2].split()[0] == "Z")

    indexing.kept(str(log), 0, DATA)
    indexing.tell(now=TELL_SECONDS)
    assert indexing.pid == first
    indexing.tell(now=TELL_SECONDS + START_SECONDS)

    assert indexing.pid != first
    wait(lambda: len(DATA) - indexed(log) < BLOCK_BYTES)


def test_one_that_stands_still_is_not_waited_for(indexing: Indexing, log: Path) -> None:
    indexing.kept(str(log), 0, DATA[:1])
    indexing.tell(now=0.0)
    assert indexing.pid is not None
    os.kill(indexing.pid, signal.SIGSTOP)

    for number in range(2 * FILES_MAX):
        indexing.kept(f"{log}-{number}", 0, DATA)
    indexing.tell(now=10.0)
    indexing.kept(str(log), 0, DATA)
    indexing.tell(now=20.0)

    os.kill(indexing.pid, signal.SIGCONT)
    later = iter(range(30, 1_000_000))

    def done() -> bool:
        indexing.tell(now=next(later))
        return len(DATA) - indexed(log) < BLOCK_BYTES

    wait(done)


def test_it_ends_when_nobody_tells_it_any_more(indexing: Indexing, log: Path) -> None:
    indexing.kept(str(log), 0, DATA[:1])
    indexing.tell(now=0.0)
    pid = indexing.pid
    assert pid is not None

    indexing.close()

    assert not Path(f"/proc/{pid}").exists()

"""A collector's files through deaths and full disks: every piece once, byte for byte."""

import functools
import os
import random
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from workers.logs.core.ledger import Verdict
from workers.logs.store import Piece, Store, StoreError

ROOT = Path(__file__).resolve().parents[2]
SEGMENTS, LINES, KILLS = 3, 600, 20
CHILD = """
import random, sys
from pathlib import Path
from workers.logs.store import Store
from tests.integration.test_log_store import pieces_of
directory, count = Path(sys.argv[1]), int(sys.argv[2])
store = Store(directory / "state")
while True:
    work = pieces_of(directory, store.ledger.positions, count)
    if not work:
        break
    kept = store.keep(work)
    print(*(f"{piece.segment}={one.position}" for piece, one in zip(work, kept)), flush=True)
"""


@functools.cache
def text_of(segment: int, count: int) -> bytes:
    """All that there is of a segment."""
    return b"".join(b"%d %d\0 a line\n" % (segment, number) for number in range(count))


def pieces_of(directory: Path, positions: dict[str, int], count: int) -> list[Piece]:
    """The next pieces of all segments, as a shipper that was not told everything sends them."""
    found = []
    for segment in range(SEGMENTS):
        text, at = text_of(segment, count), positions.get(str(segment), 0)
        for start in range(max(0, at - 40), min(len(text), at + 200), 80):
            path = str(directory / f"logs/{segment}/{start // 4_000}")
            found.append(Piece(str(segment), start, text[start : start + 80], path))
        if at >= len(text):
            found = [one for one in found if one.segment != str(segment)]
    return found


def collected(directory: Path, segment: int) -> bytes:
    """What the files of a segment say together."""
    files = sorted((directory / f"logs/{segment}").iterdir(), key=lambda path: int(path.name))
    return b"".join(path.read_bytes() for path in files)


def test_pieces_are_kept_once_and_in_order(tmp_path: Path) -> None:
    store, path = Store(tmp_path / "state"), str(tmp_path / "a/b/log")

    kept = store.keep([
        Piece("one", 0, b"first\n", path),
        Piece("one", 6, b"second\n", path),
        Piece("one", 0, b"first\n", path),
        Piece("one", 99, b"far\n", path),
        Piece("one", 10, b"nd\nthird\n", path),
    ])  # fmt: skip

    assert [(one.verdict, one.position) for one in kept] == [
        (Verdict.NEW, 6),
        (Verdict.NEW, 13),
        (Verdict.DUPLICATE, 13),
        (Verdict.GAP, 13),
        (Verdict.NEW, 19),
    ]
    assert Path(path).read_bytes() == b"first\nsecond\nthird\n"
    assert (Path(path).stat().st_mode & 0o777, Path(path).parent.stat().st_mode & 0o777) == (
        0o640,
        0o750,
    )


def test_a_file_that_was_there_is_written_behind_its_end(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"before\n")

    Store(tmp_path / "state").keep([Piece("one", 0, b"new\n", str(path))])

    assert path.read_bytes() == b"before\nnew\n"


def test_one_collector_at_a_time(tmp_path: Path) -> None:
    store = Store(tmp_path / "state")

    with pytest.raises(StoreError, match="another collector's"):
        Store(tmp_path / "state")
    store.close()
    Store(tmp_path / "state").close()


def test_a_file_that_was_deleted_or_renamed_begins_anew(tmp_path: Path) -> None:
    store, path = Store(tmp_path / "state"), tmp_path / "log"
    store.keep([Piece("one", 0, b"first\n", str(path))])
    path.rename(tmp_path / "moved")
    store.keep([Piece("one", 6, b"second\n", str(path))])
    path.unlink()
    store.keep([Piece("one", 13, b"third\n", str(path))])

    assert (tmp_path / "moved").read_bytes() == b"first\n"
    assert path.read_bytes() == b"third\n"


def test_a_file_that_others_cut_short_is_written_at_its_end(tmp_path: Path) -> None:
    store, path = Store(tmp_path / "state"), tmp_path / "log"
    store.keep([Piece("one", 0, b"first\n", str(path))])
    os.truncate(path, 0)
    store.keep([Piece("one", 6, b"second\n", str(path))])
    store.close()

    Store(tmp_path / "state").close()
    assert path.read_bytes() == b"second\n"


def test_a_full_disk_keeps_nothing_and_loses_nothing(tmp_path: Path) -> None:
    store, path = Store(tmp_path / "state"), str(tmp_path / "log")
    store.keep([Piece("one", 0, b"x" * 5_000, path)])
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8_000, before[1]))
    try:
        with pytest.raises(StoreError, match="nothing was kept"):
            store.keep([Piece("one", 5_000, b"y" * 5_000, path)])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)

    assert Path(path).read_bytes() == b"x" * 5_000
    store.keep([Piece("one", 5_000, b"y" * 5_000, path)])
    assert Path(path).read_bytes() == b"x" * 5_000 + b"y" * 5_000


def test_a_large_ledger_is_written_anew(tmp_path: Path) -> None:
    store, path = Store(tmp_path / "state", compact_bytes=2_000), str(tmp_path / "log")
    for number in range(200):
        store.keep([Piece("one", number, b"x", path)])
    store.close()

    assert (tmp_path / "state/ledger").stat().st_size < 4_000
    assert Store(tmp_path / "state").ledger.positions == {"one": 200}


def test_killed_at_random_instants(tmp_path: Path) -> None:
    seed = int(os.environ.get("MUSTER_SEED", "0")) or random.SystemRandom().randrange(10**9)
    print(f"replay with MUSTER_SEED={seed}")
    chance, told = random.Random(seed), [0] * SEGMENTS
    for attempt in range(KILLS + 1):
        child = subprocess.Popen(
            [sys.executable, "-c", CHILD, str(tmp_path), str(LINES)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        output = ""
        if attempt < KILLS:
            assert child.stdout is not None
            output = "".join(child.stdout.readline() for _ in range(chance.randrange(1, 6)))
            time.sleep(chance.random() * 0.004)
            child.send_signal(signal.SIGKILL)
        output += child.communicate(timeout=120)[0]
        for word in output.split():
            name, _, position = word.partition("=")
            if position:
                told[int(name)] = max(told[int(name)], int(position))
        store = Store(tmp_path / "state")
        for segment in range(SEGMENTS):
            there = store.ledger.positions.get(str(segment), 0)
            assert there >= told[segment], "what was told as kept is gone"
            assert collected(tmp_path, segment) == text_of(segment, LINES)[:there]
        store.close()
    assert told == [len(text_of(segment, LINES)) for segment in range(SEGMENTS)]


def test_what_was_given_up_is_told_once_on_a_line_of_its_own(tmp_path: Path) -> None:
    store, path = Store(tmp_path / "state"), str(tmp_path / "log")
    places: list[tuple[str, int, bytes]] = []
    telling = Store(tmp_path / "other", wrote=lambda *place: places.append(place))
    pieces = [
        Piece("one", 0, b"half a li", path),
        Piece("one", 20, b"next\n", path, dropped=11),
        Piece("one", 20, b"", path, dropped=11),
        Piece("one", 99, b"far\n", path, dropped=11),
    ]
    kept = store.keep(pieces)
    text = Path(path).read_bytes()

    assert [(one.verdict, one.position) for one in kept] == [
        (Verdict.NEW, 9),
        (Verdict.NEW, 25),
        (Verdict.DUPLICATE, 25),
        (Verdict.GAP, 25),
    ]
    assert text.splitlines()[0::2] == [b"half a li", b"next"]
    assert text.splitlines()[1].startswith(b"muster: 11 bytes of this log were dropped here")
    Path(path).unlink()
    telling.keep(pieces)
    assert [start for _path, start, _data in places] == [0, 9]
    assert b"".join(data for _path, _start, data in places) == Path(path).read_bytes() == text


def test_room_of_files_that_others_deleted_is_given_back(tmp_path: Path) -> None:
    store, path = Store(tmp_path / "state"), tmp_path / "log"
    store.keep([Piece("one", 0, b"first\n", str(path))])
    open_files = len(os.listdir("/proc/self/fd"))
    path.unlink()
    store.let_go()

    assert len(os.listdir("/proc/self/fd")) == open_files - 1
    store.keep([Piece("one", 6, b"second\n", str(path))])
    assert path.read_bytes() == b"second\n"

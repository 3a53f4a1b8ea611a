"""The judge of numbered lines says what became of each, and lets nobody off."""

from pathlib import Path

import pytest

from bench.log_writer import WINDOW_LINES, Rotation, Writer, sample
from bench.numbered import Judge, Verdict, lines, number_of, numbered
from workers.logs.core.collecting import dropped_line

TEXTS = (b"first", b"sec\0ond", b"\xff\xfe third", b"")


def judged(found: list[bytes], written: int) -> Verdict:
    judge = Judge(written)
    judge.take_all(found)
    return judge.verdict()


def test_lines_that_all_arrive_are_neither_lost_nor_doubled_nor_garbled() -> None:
    found = lines(TEXTS, 0, 50)
    assert judged(found, 50) == Verdict(50, 0, 0, 0)
    assert judged(found[::-1], 50) == Verdict(50, 0, 0, 0)


def test_a_line_that_stays_away_is_lost_and_one_that_comes_again_is_doubled() -> None:
    found = lines(TEXTS, 0, 10)
    assert judged([*found[:3], *found[4:]], 10) == Verdict(10, 1, 0, 0)
    assert judged([*found, found[3], found[3]], 10) == Verdict(10, 0, 2, 0)


def test_the_last_lines_are_missed_too() -> None:
    assert judged(lines(TEXTS, 0, 7), 10).lost == 3
    assert judged([], 10).lost == 10


@pytest.mark.parametrize(
    "torn",
    [
        [numbered(b"some text", 0)[5:]],
        [numbered(b"some text", 0)[:-3]],
        [numbered(b"some text", 0).replace(b"some", b"same")],
        [numbered(b"some text", 0)[:8], numbered(b"some text", 0)[8:]],
        [numbered(b"some", 1)[:-1] + numbered(b"text", 0)],
        [b" " + numbered(b"some text", 0)],
        [b"\n"],
    ],
)
def test_a_line_that_is_not_as_it_was_written_is_garbled(torn: list[bytes]) -> None:
    found = judged(torn, 1)
    assert found.garbled == len(torn)
    assert found.lost == 1


def test_a_number_that_nobody_wrote_is_garbled() -> None:
    assert judged(lines(TEXTS, 0, 11), 10) == Verdict(10, 0, 0, 1)


def test_a_text_that_ends_like_a_number_fools_nobody() -> None:
    inner = numbered(b"text", 3).rstrip(b"\n")
    assert number_of(numbered(inner, 8)) == 8
    assert number_of(inner) == 3


def test_only_what_was_told_or_in_no_file_is_forgiven() -> None:
    judge = Judge(10)
    judge.take_all(lines(TEXTS, 0, 6))
    assert judge.missing() == [6, 7, 8, 9]
    assert judge.verdict(window={5, 6, 7}) == Verdict(10, 2, 0, 0, window_lost=2)
    assert judge.verdict(window={6}, dropped=2) == Verdict(10, 1, 0, 0, 1, 2)
    assert judge.verdict(dropped=99) == Verdict(10, 0, 0, 0, 0, 4)


def test_what_a_shipper_says_it_gave_up_is_no_garbled_line() -> None:
    judge = Judge(1)
    judge.take(b"muster: 90 bytes of this log were dropped here: the node's backlog was full\n")
    judge.take(numbered(b"muster: 7 bytes of this log were dropped here: no", 0))
    assert judge.dropped_bytes == 90
    assert judge.verdict() == Verdict(1, 0, 0, 0)


def test_the_judge_knows_what_a_collector_writes_where_something_was_dropped() -> None:
    judge = Judge(0)
    judge.take(dropped_line(12))
    assert judge.dropped_bytes == 12


def everything(directory: Path) -> list[bytes]:
    return [line for path in directory.iterdir() for line in path.open("rb")]


@pytest.mark.parametrize("how", Rotation)
def test_rotated_files_hold_every_line_once_but_those_of_the_window(
    tmp_path: Path, how: Rotation
) -> None:
    writer = Writer(tmp_path / "mail.log", sample())
    for _ in range(4):
        writer.write(100)
        writer.rotate(how)
    writer.write_text(b"\0 the last \xff")
    writer.close()
    assert sum(map(writer.size_of, range(writer.written))) == writer.bytes_written

    judge = Judge(writer.written)
    judge.take_all(everything(tmp_path))
    lost = 4 * WINDOW_LINES if how is Rotation.COPY_TRUNCATE else 0
    assert len(writer.window) == lost
    expected = Verdict(writer.written, 0, 0, 0, window_lost=lost)
    assert judge.verdict(writer.window) == expected


def test_a_log_grows_by_at_least_what_is_asked_for(tmp_path: Path) -> None:
    writer = Writer(tmp_path / "mail.log", sample())
    writer.write_bytes(300_000)
    writer.close()
    assert 300_000 <= (tmp_path / "mail.log").stat().st_size < 600_000 + 300_000

"""What a node counts outlives deaths at any moment, whatever of a snapshot was written."""

import asyncio
import json
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

from bench.small_disk import FILLER, fill, free
from workers.replication import state
from workers.replication.core.journal import Journal, Value, read
from workers.replication.core.offsets import Offsets
from workers.replication.keeping import EVERY_SECONDS, Keeper
from workers.replication.segments import generations, path_of

SIZE = 4_096


class Counts:
    """The least that can be kept: absolute counts by name, as values in a journal."""

    def __init__(self) -> None:
        self.values: dict[str, int] = {}
        self.journal: Journal | None = None
        self.at_piece: Callable[[], None] = lambda: None

    def add(self, name: str, n: int = 1) -> None:
        self.values[name] = self.values.get(name, 0) + n
        if self.journal is not None:
            self.journal.value("counts", name.encode(), self.values[name], 0.0, b"")

    def dump(self, now: float) -> Iterator[bytes]:
        for name in list(self.values):
            self.at_piece()
            yield json.dumps([name, self.values[name]]).encode()

    def load(self, pieces: Iterable[bytes], now: float) -> None:
        for one in pieces:
            name, value = json.loads(one)
            self.values[name] = value

    def replay(self, data: bytes, now: float) -> int:
        for record in read(data):
            if isinstance(record, Value) and record.table == "counts":
                self.values[record.key.decode()] = record.clock
        return 0


def now() -> float:
    return 0.0


def begun(directory: Path) -> tuple[Keeper, Counts, Counts]:
    """A process that starts; the one before was killed if it did not close."""
    first, second = Counts(), Counts()
    keeper = Keeper(directory, {"one": first, "two": second}, Offsets(), 1, now, SIZE)
    keeper.begin()
    return keeper, first, second


def lived(keeper: Keeper, work: Callable[[], None], times: int) -> None:
    """Work, with a look at the room for more in between."""
    for _ in range(times):
        work()
        keeper.tick()


def test_a_killed_process_loses_nothing(tmp_path: Path) -> None:
    for life in range(1, 6):
        keeper, first, second = begun(tmp_path)
        for number in range(500):
            first.add(f"key {number % 7}")
            second.add(f"key {number % 3}", 2)
            keeper.tick()
        assert not keeper.unkept
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
    keeper, _first, _second = begun(tmp_path)
    assert keeper.due(1.0)
    asyncio.run(keeper.save())
    saved_at = keeper._saved_at

    assert not keeper.due(saved_at + 0.5)
    assert not keeper.due(saved_at + EVERY_SECONDS - 1)
    assert keeper.due(saved_at + EVERY_SECONDS)
    keeper._full += 1 << 30
    assert not keeper.due(saved_at + 0.5)
    assert keeper.due(saved_at + 5)


def test_a_full_disk_is_told_and_counting_goes_on(small_disk: Path) -> None:
    keeper, first, _second = begun(small_disk)
    first.add("before")
    fill(small_disk)
    lived(keeper, lambda: first.add("while it is full"), 1_000)
    asyncio.run(keeper.save())

    assert any("No space left" in one for one in keeper.complaints)
    assert keeper.unkept > 0
    assert not (small_disk / f"{state.SNAPSHOT}.new").exists()

    free(small_disk)
    keeper.tick()
    assert keeper.due(0.0)
    asyncio.run(keeper.save())
    first.add("after")

    assert keeper.complaints == []
    _keeper, again, _other = begun(small_disk)
    assert again.values == first.values == {"before": 1, "while it is full": 1_000, "after": 1}


def test_what_is_not_understood_is_told_and_kept_beside(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    writing = state.Writing(tmp_path, ("one", "two"), 1)
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
        keeper.advance("log", 10)
    paths = [path_of(tmp_path, name, 1) for name in ("one", "two")]
    before = [path.read_bytes() for path in paths]
    seen: list[list[bytes]] = []

    def look() -> None:
        seen.append([path.read_bytes() for path in paths])

    with keeper.together():
        first.add("one")
        look()
        second.add("two", 5)
        look()
        keeper.advance("log", 20)
        look()
    after = [path.read_bytes() for path in paths]

    for contents, ones, twos in (*((one, 1, 5) for one in (before, *seen)), (after, 2, 10)):
        for path, content in zip(paths, contents, strict=True):
            path.write_bytes(content)
        offsets = Offsets()
        again, other = Counts(), Counts()
        Keeper(tmp_path, {"one": again, "two": other}, offsets, 2, now, SIZE).begin()
        assert (again.values, other.values) == ({"one": ones}, {"two": twos})
        assert offsets.kept("log") == 10 * ones


def test_offsets_are_in_snapshots_and_in_journals(tmp_path: Path) -> None:
    offsets = Offsets()
    keeper = Keeper(tmp_path, {"one": Counts(), "two": Counts()}, offsets, 1, now, SIZE)
    keeper.begin()
    keeper.advance("old", 5)
    asyncio.run(keeper.save())
    keeper.advance("new", 7)

    offsets = Offsets()
    Keeper(tmp_path, {"one": Counts(), "two": Counts()}, offsets, 2, now, SIZE).begin()

    assert (offsets.kept("old"), offsets.kept("new")) == (5, 7)


def test_who_closes_leaves_no_empty_file(tmp_path: Path) -> None:
    keeper, first, _second = begun(tmp_path)
    while keeper._ready is None:
        lived(keeper, lambda: first.add("x"), 1)
    keeper.close()

    assert generations(tmp_path, "one") == [1]


def test_a_disk_without_room_for_journals_has_a_snapshot_all_the_same(small_disk: Path) -> None:
    place = small_disk / "counts"
    place.mkdir()
    fill(small_disk)
    with (small_disk / FILLER).open("r+b") as filler:
        filler.truncate(filler.seek(0, os.SEEK_END) - SIZE)  # for one of two journals
    keeper, first, _second = begun(place)
    assert first.journal is None
    first.add("counted without a journal")
    asyncio.run(keeper.save())
    free(small_disk)

    keeper, again, _other = begun(place)
    assert again.values == {"counted without a journal": 1}
    again.add("and with one")
    assert begun(place)[1].values == {"counted without a journal": 1, "and with one": 1}

"""Mail logs of any size: the same each time, and every message on both nodes of its pair."""

from pathlib import Path

from bench.mail_days import BATCH, PAIRS, name_of, queue_of, write

SIZE = 8 * 10**6


def test_the_same_size_gives_the_same_files(tmp_path: Path) -> None:
    for place in (tmp_path / "one", tmp_path / "two"):
        days = write(place, SIZE)

        assert days.size >= SIZE
        assert days.template.startswith(f"{place}/%Y/")
    one, two = (
        [(path.name, path.read_bytes()) for path in sorted(place.rglob("mta*"))]
        for place in (tmp_path / "one", tmp_path / "two")
    )
    assert one == two
    assert [name for name, _ in one] == ["mta1", "mta2", "mta3", "mta4"]
    assert sum(len(data) for _, data in one) == days.size


def test_a_message_leaves_its_node_for_the_next(tmp_path: Path) -> None:
    days = write(tmp_path, SIZE)
    first, second = (next(tmp_path.rglob(name)).read_text() for name in ("mta1", "mta2"))

    for number in (0, 1, BATCH - 1):
        assert f": message-id=<{name_of(number)}>" in first
        assert f"queued as {queue_of(number, 1)})" in first
        assert f": {queue_of(number, 1)}: message-id=<{name_of(number)}>" in second
    assert len(days.keys) == 2 * PAIRS
    assert len({queue_of(number, hop) for number in range(1_000) for hop in (0, 1)}) == 2_000

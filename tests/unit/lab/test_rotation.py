"""A lab's mail logs are rotated when they are large, and old ones go."""

from pathlib import Path

from workers.lab.rotation import KEPT, rotate


def test_only_a_large_log_is_rotated_and_the_newest_stay(tmp_path: Path) -> None:
    """Given a small log, then a large one, then many rotated ones: the oldest are removed."""
    log, done = tmp_path / "mail.log", tmp_path / "done"
    command = ["/bin/sh", "-c", 'mv "$0" "$0.9" && touch "$1"', str(log), str(done)]
    rotate(log, command, largest_bytes=3)
    log.write_text("abc")
    rotate(log, command, largest_bytes=3)
    assert not done.exists()
    log.write_text("abcd")
    for number in range(1, 6):
        (tmp_path / f"mail.log.{number}").touch()
    rotate(log, command, largest_bytes=3)
    assert done.exists()
    assert sorted(path.name for path in tmp_path.glob("mail.log*")) == [
        f"mail.log.{number}" for number in (*range(3 + 3 - KEPT + 1, 6), 9)
    ]

"""What is known of logs goes to the disk and comes back."""

from pathlib import Path

import pytest

from workers.logs.checkpoints import Checkpoint, Counts, forget_others
from workers.logs.core.segments import Segment

KEY = ("mail", "/var/log/mail.log")


def segment() -> Segment:
    made = Segment("a" * 32, 3, (1, 2), offset=50, window=b"w", head=b"head", seen=90, kept=50)
    made.kept_window, made.file, made.since = b"w", "mail.log.1", 17.0
    return made


def test_what_is_saved_comes_back(tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path, "archive")
    assert checkpoint.load(0.0) == (Counts(), {})
    checkpoint.save(Counts(dropped_bytes=5), {KEY: (segment(),)})
    counts, logs = Checkpoint(tmp_path, "archive").load(99.0)
    (found,) = logs[KEY]

    assert counts == Counts(dropped_bytes=5)
    assert found.since == 99.0
    found.since = 17.0
    assert found == segment()


def test_what_is_damaged_is_put_aside(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    checkpoint = Checkpoint(tmp_path, "archive")
    checkpoint.load(0.0)
    checkpoint.save(Counts(), {KEY: (segment(),)})
    (path,) = (tmp_path / "logs").iterdir()
    path.write_bytes(path.read_bytes()[:-5])
    assert checkpoint.load(0.0) == (Counts(), {})

    assert checkpoint.damaged
    assert "all is sent anew" in caplog.text
    assert [one.name for one in (tmp_path / "logs").iterdir()] == ["archive.damaged"]


def test_whoever_is_no_subscriber_any_more_is_forgotten(tmp_path: Path) -> None:
    forget_others(tmp_path, frozenset())
    for name in ("archive", "other"):
        checkpoint = Checkpoint(tmp_path, name)
        checkpoint.load(0.0)
        checkpoint.save(Counts(), {})
    forget_others(tmp_path, frozenset({"archive"}))

    assert [one.name for one in (tmp_path / "logs").iterdir()] == ["archive.checkpoint"]

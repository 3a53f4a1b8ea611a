"""A collector's old files: compressed without a loss, deleted in time, and nothing else touched."""

import calendar
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from workers.logs.collector_settings import Settings
from workers.logs.core.retention import DAY_SECONDS
from workers.logs.housekeeping import Housekeeper, compress

NOW = float(calendar.timegm((2026, 3, 10, 12, 0, 0)))
TEXT = b"".join(b"%d a line\n" % number for number in range(300_000))


def housekeeper(directory: Path, **more: Any) -> Housekeeper:
    return Housekeeper(
        Settings(
            "archive",
            "test",
            ("default",),
            ("amqp://a:b@127.0.0.1/",),
            "/key",
            f"{directory}/logs/%Y-%m-%d/%{{l}}/%{{n}}",
            f"{directory}/state",
            **more,
        )
    )


def written(directory: Path, day: int, data: bytes = TEXT) -> Path:
    """A file of the tenth of March, or of days before."""
    path = directory / f"logs/2026-03-{day:02}/mail/mta1"
    path.parent.mkdir(parents=True)
    path.write_bytes(data)
    changed = NOW - (10 - day) * DAY_SECONDS
    os.utime(path, (changed, changed))
    return path


def unpacked(path: Path) -> bytes:
    """By other means than ours."""
    return subprocess.run(["zstd", "-dcq", str(path)], check=True, capture_output=True).stdout


def test_what_ended_is_compressed_and_the_rest_stays(tmp_path: Path) -> None:
    old, new = written(tmp_path, 8), written(tmp_path, 10)

    housekeeper(tmp_path, compress=True).tidy(NOW)

    packed = old.with_name("mta1.zst")
    assert not old.exists()
    assert unpacked(packed) == TEXT
    assert packed.stat().st_size < len(TEXT) / 4
    assert packed.stat().st_mode & 0o777 == 0o640
    assert packed.stat().st_mtime == NOW - 2 * DAY_SECONDS
    assert new.read_bytes() == TEXT


def test_a_death_before_the_file_went_is_made_up_for(tmp_path: Path) -> None:
    old = written(tmp_path, 8)
    compress(old, 0o640)
    old.write_bytes(TEXT)
    leftover = old.with_name("mta1.zst.new")
    leftover.write_bytes(b"half")

    housekeeper(tmp_path, compress=True).tidy(NOW)

    assert not old.exists()
    assert not leftover.exists()
    assert unpacked(old.with_name("mta1.zst")) == TEXT


@pytest.mark.parametrize("other", [b"", TEXT[:-1], TEXT + b"x", b"other\n"])
def test_a_file_of_other_content_stays_beside(tmp_path: Path, other: bytes) -> None:
    old = written(tmp_path, 8)
    compress(old, 0o640)
    old.write_bytes(other)

    compress(old, 0o640)

    assert old.exists() == (other != TEXT)
    assert unpacked(old.with_name("mta1.zst")) == TEXT


def test_old_files_are_indexed_and_their_index_goes_with_them(tmp_path: Path) -> None:
    written(tmp_path, 2)
    one = housekeeper(tmp_path, keep_days=3)
    one.catch_up(NOW)
    assert len(list((tmp_path / "state/index").glob("??/*"))) == 1

    one.tidy(NOW)

    assert list((tmp_path / "state/index").glob("??/*")) == []


def test_what_is_too_old_goes_with_its_directories_and_nothing_else(tmp_path: Path) -> None:
    old, new = written(tmp_path, 2), written(tmp_path, 9)
    stranger = tmp_path / "logs/notes"
    stranger.write_bytes(b"an operator's")
    os.utime(stranger, (0, 0))

    housekeeper(tmp_path, keep_days=3).tidy(NOW)

    assert not old.parent.parent.exists()
    assert new.exists()
    assert stranger.exists()


def test_what_is_too_much_goes_but_not_what_is_written_to(tmp_path: Path) -> None:
    old, new = written(tmp_path, 8), written(tmp_path, 10)

    housekeeper(tmp_path, keep_bytes=1).tidy(NOW)

    assert not old.exists()
    assert new.exists()

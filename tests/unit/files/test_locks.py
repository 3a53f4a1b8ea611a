"""A lock on a file: one holder at a time, gone with its holder, held by who inherits it."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from workers.files.locks import TakenError, take


def test_the_second_is_refused_until_the_first_lets_go(tmp_path: Path) -> None:
    first = take(tmp_path / "lock", 0.0)
    with pytest.raises(TakenError):
        take(tmp_path / "lock", 0.0)
    os.close(first)
    os.close(take(tmp_path / "lock", 0.0))


def test_a_refusal_leaves_nothing_open(tmp_path: Path) -> None:
    first = take(tmp_path / "lock", 0.0)
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(TakenError):
        take(tmp_path / "lock", 0.0)
    assert len(os.listdir("/proc/self/fd")) == before
    os.close(first)


def test_who_inherits_it_holds_it(tmp_path: Path) -> None:
    handle = take(tmp_path / "lock", 0.0)
    child = subprocess.Popen(
        [sys.executable, "-c", "input()"], stdin=subprocess.PIPE, pass_fds=(handle,)
    )
    os.close(handle)
    with pytest.raises(TakenError):
        take(tmp_path / "lock", 0.0)
    child.communicate(b"\n")
    os.close(take(tmp_path / "lock", 0.0))


def test_its_file_is_the_owners_unless_said_otherwise(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        os.close(take(tmp_path / "mine", 0.0))
        os.close(take(tmp_path / "ours", 0.0, 0o640))
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "mine").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "ours").stat().st_mode) == 0o640


def test_no_directory_no_lock(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        take(tmp_path / "absent" / "lock", 0.0)

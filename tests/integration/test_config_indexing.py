"""Managers that die while they commit, and several that commit at once: git and rows agree."""

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.config_children import POINTS, WAYS
from tests.web.postgresql import running

ROOT = Path(__file__).resolve().parents[2]
COMMITTERS, COMMITS = 4, 6


@contextlib.contextmanager
def _database(kind: str, directory: Path) -> Iterator[str]:
    if kind == "sqlite":
        yield f"sqlite:///{directory}/muster.sqlite3"
        return
    with running() as url:
        yield url


def _said(kind: str, directory: Path, *words: str) -> Any:
    with _database(kind, directory) as url:
        done = subprocess.run(
            [sys.executable, "-m", "tests.integration.config_children", *words],
            env={
                **os.environ,
                "DJANGO_SETTINGS_MODULE": "cluster_admin.settings.test",
                "DATABASE_URL": url,
                "MUSTER_DATA_DIRECTORY": str(directory),
                "MUSTER_REPOSITORY_DIRECTORY": "",
            },
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_death_at_any_point_leaves_git_and_rows_that_agree(kind: str, tmp_path: Path) -> None:
    found = _said(kind, tmp_path, "deaths", "1")

    assert [(one["point"], one["way"]) for one in found] == [(p, w) for p in POINTS for w in WAYS]
    for one in found:
        assert one["killed"] == signal.SIGKILL, one
        assert one["after"] - one["before"] == (0 if one["point"] == POINTS[0] else 1), one
        assert set(one["there"]) == {one["point"] != POINTS[0]}, one
        assert one["rows"], one
        assert one["text"], one
        assert one["editor"], one


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_many_at_once_lose_nothing_to_one_another(kind: str, tmp_path: Path) -> None:
    found = _said(kind, tmp_path, "crowd", str(COMMITTERS))

    assert found["statuses"] == [0] * COMMITTERS
    assert found["head"] == 1 + COMMITTERS * COMMITS
    assert found["files"] == COMMITTERS * COMMITS // 2
    assert found["vips"] == 1 + COMMITTERS * COMMITS // 2
    assert found["rows"]
    assert found["text"]
    assert found["editor"]


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_request_that_comes_many_times_at_once_is_one_revision(kind: str, tmp_path: Path) -> None:
    found = _said(kind, tmp_path, "echo", str(COMMITTERS))

    assert found["statuses"] == [0] * COMMITTERS
    assert (found["head"], found["files"], found["vips"]) == (2, 1, 2)
    assert found["rows"]
    assert found["text"]

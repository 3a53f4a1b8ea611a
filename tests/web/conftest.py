"""The run of this stage on PostgreSQL: begun with the first test, so that it costs little time."""

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.web.postgresql import running

HERE = Path(__file__).parent
ON_POSTGRESQL = os.environ.get("DATABASE_URL", "").startswith("postgres")


@dataclass(frozen=True, slots=True)
class SecondRun:
    """A pytest at work, and where its output goes."""

    process: "subprocess.Popen[bytes]"
    output: Path


@pytest.fixture(scope="session", autouse=True)
def second_run(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SecondRun | None]:
    """The other run, if a test waits for it."""
    if not any("second_run" in _named(item) for item in request.session.items):
        yield None
        return
    output = tmp_path_factory.mktemp("postgresql") / "output"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    with running() as url, output.open("wb") as file:
        process = subprocess.Popen(
            [*command, "-m", "not one_database", str(HERE)],
            env={**os.environ, "DATABASE_URL": url},
            cwd=HERE.parents[1],
            stdout=file,
            stderr=file,
        )
        try:
            yield SecondRun(process, output)
        finally:
            if process.poll() is None:
                process.kill()
            process.wait()


@pytest.fixture(autouse=True)
def repository_directory(settings: Any, tmp_path: Path) -> Path:
    """A configuration repository of its own for each test, as each has a database of its own."""
    directory = tmp_path.with_name(f"{tmp_path.name}-configuration.git")
    settings.MUSTER_REPOSITORY_DIRECTORY = directory
    return directory


def _named(item: pytest.Item) -> list[str]:
    """The fixtures that a test's own arguments name."""
    info = getattr(item, "_fixtureinfo", None)
    return [] if ON_POSTGRESQL or info is None else list(info.argnames)

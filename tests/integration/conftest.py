"""Real parts shared by the integration tests, each started once and taken down without remains."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.brokers import RunningBroker


@pytest.fixture(scope="session")
def rabbitmq(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningBroker]:
    """One private RabbitMQ for the whole session, with an account for each of NODES."""
    running = RunningBroker.laid_down(tmp_path_factory.mktemp("rabbitmq"))
    try:
        running.start()
        running.wait_ready()
        yield running
    finally:
        running.stop()


@pytest.fixture(scope="session")
def spare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningBroker]:
    """Another one, to be ill-treated; who does that has it well again at the end."""
    running = RunningBroker.laid_down(tmp_path_factory.mktemp("spare"))
    try:
        running.start()
        running.wait_ready()
        yield running
    finally:
        running.stop()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MiB."""
    if os.geteuid() != 0:
        pytest.skip("a file system of its own needs root")
    place = tmp_path / "disk"
    place.mkdir()
    words = ("-t", "tmpfs", "-o", "size=1m", "muster-test", str(place))
    if subprocess.run(["mount", *words], capture_output=True, check=False).returncode:
        pytest.skip("a file system of its own may not be mounted here")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


@pytest.fixture(autouse=True)
def repository_directory(settings: Any, tmp_path: Path) -> Path:
    """A configuration repository of its own for each test, as each has a database of its own."""
    directory = tmp_path.with_name(f"{tmp_path.name}-configuration.git")
    settings.MUSTER_REPOSITORY_DIRECTORY = directory
    return directory

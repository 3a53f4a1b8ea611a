"""What all stages (directories of tests/) share: which one is at work, and one lab with a manager.

While tests run, each stage's end is shown with its duration.
"""

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from tests.lab.managed import ManagedLab

TESTS = Path(__file__).parent

# How long an example takes says how busy the machine is, and nothing of the code.
settings.register_profile(
    "untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.load_profile("untimed")


class Stages:
    """Prints one line per stage when it ends; pytest runs them in the order of the command line."""

    def __init__(self, reporter: pytest.TerminalReporter) -> None:
        self._reporter = reporter
        self._stage = ""
        self._began = 0.0
        self._tests = 0

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        """Notice the first test of a stage."""
        stage = self._stage_of(item)
        if stage != self._stage:
            self.close()
            self._stage, self._began, self._tests = stage, time.monotonic(), 0
        self._tests += 1
        return (yield)

    def pytest_sessionfinish(self) -> None:
        """Close the last stage."""
        self.close()

    def close(self) -> None:
        """Say how long the stage took."""
        if self._stage:
            seconds = time.monotonic() - self._began
            line = f"-- {self._stage}: {self._tests} tests in {seconds:.1f} s"
            self._reporter.ensure_newline()
            self._reporter.write_line(line)
        self._stage = ""

    @staticmethod
    def _stage_of(item: pytest.Item) -> str:
        return item.path.relative_to(TESTS).parts[0] if TESTS in item.path.parents else ""


@pytest.fixture(scope="session")
def managed_lab() -> Iterator["ManagedLab"]:
    """A lab with a manager, the same one in every stage; see tests/lab/managed.py."""
    from tests.lab.managed import managed  # only who needs a lab loads what it is made of

    if os.geteuid() != 0:
        pytest.skip("the lab needs root")
    with managed() as lab:
        yield lab


def pytest_sessionstart(session: pytest.Session) -> None:
    """Watch the stages wherever tests are reported."""
    plugins = session.config.pluginmanager
    reporter = plugins.get_plugin("terminalreporter")
    if reporter is not None:
        plugins.register(Stages(reporter), "stages")

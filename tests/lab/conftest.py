"""One lab for the whole session, with everything real; and looking at it from outside."""

import os
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.lab import browsing
from tests.lab.looking import wait_until
from workers.lab.bringup import Wish, bring_up, take_down
from workers.lab.health import look, missing
from workers.lab.lab import Lab


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whatever is in this directory needs root and real parts."""
    for item in items:
        if "tests/lab/" in item.path.as_posix():
            item.add_marker(pytest.mark.lab)
            if os.geteuid() != 0:
                item.add_marker(pytest.mark.skip(reason="the lab needs root"))


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The system's Chromium."""
    with browsing.chromium() as made:
        yield made


@pytest.fixture(scope="session")
def started() -> Iterator[tuple[Lab, list[str]]]:
    """A lab with three nodes, broker and mail, and what its bring-up said."""
    said: list[str] = []
    name = f"t{os.getpid()}"
    yield bring_up(Wish(name=name), said.append), said
    take_down(name)


@pytest.fixture
def lab(started: tuple[Lab, list[str]]) -> Iterator[Lab]:
    """The session's lab, all green before and without faults after."""
    lab = Lab.load(started[0].name)
    wait_until(lambda: not missing(lab.record, look(lab.record)), 30, "all green")
    yield lab
    lab.heal("all")

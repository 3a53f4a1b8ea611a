"""What the tests of the plumber share: one host, one plumber, and the words of a consumer."""

import select
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest

from tests.integration.segment import Host, hosts
from workers.failover.core.actions import Renew, Take
from workers.failover.core.definitions import Definitions
from workers.failover.core.events import KernelChanged, LinkChanged
from workers.failover.plumber import Plumber

OWN, OWN6, PEER = "198.18.77.1", "2001:db8:77::1", "198.18.77.2"
VIPS = ("198.18.78.1", "198.18.78.2", "198.18.78.3")
VIPS6 = ("2001:db8:77::a1", "2001:db8:77::a2")


@pytest.fixture
def host() -> Iterator[Host]:
    with hosts(2) as (one, _), one.inside():
        yield one


@contextmanager
def plumbing(definitions: Definitions) -> Iterator[Plumber]:
    with closing(Plumber("one", definitions)) as plumber:
        plumber.open()
        plumber.read()
        yield plumber


def take(plumber: Plumber, *vips: str) -> None:
    """Take them all; a machine that is late is asked again, as the core would."""
    added: set[str] = set()
    for _ in range(10):
        taken = plumber.take(Take(vips, time.monotonic()))
        added.update(taken.added)
        assert taken.failed == ()
        if not taken.stale:
            break
    assert added == set(vips)


def renew(plumber: Plumber, *vips: str) -> None:
    plumber.renew(Renew(vips, time.monotonic()))


def changes(plumber: Plumber, seconds: float = 2.0) -> list[KernelChanged | LinkChanged]:
    """Wait until the plumber has something to tell."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        select.select([plumber.fileno()], [], [], 0.05)
        if found := plumber.read():
            return found
    return []

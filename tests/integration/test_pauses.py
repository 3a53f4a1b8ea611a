"""A process that stands still at the worst moment: before and after each request to the kernel.

The requests are real; the pause stands for a machine that gave the process no time. Each long pause
has a host and a thread of its own, so that all are waited for at once.
"""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from tests.integration.plumbing import VIPS, VIPS6, changes, take
from tests.integration.segment import ANCHOR, Host, define, hosts, wait_until
from workers.failover.core.actions import DECISION_SECONDS, Renew, Take
from workers.failover.core.events import KernelChanged
from workers.failover.plumber import Plumber
from workers.failover.promotion import Promotion

LEASE_SECONDS = 1
SHORT_SECONDS, LONG_SECONDS = 0.06, LEASE_SECONDS + 0.6
PATIENT_SECONDS = 3
ALL = tuple(sorted((*VIPS, *VIPS6)))
MOMENTS = 10
"""No undisturbed call has more of them."""
NEVER, ATTEMPTS = -1, 20
NOWHERE = Promotion(Path("/nowhere"))
"""Promotion that cannot be read, and so is not off: each VIP gets its own lease."""


@dataclass
class Slow:
    """Stands between a plumber and its kernel socket, and pauses once, at one moment."""

    requests: Any
    moment: int
    seconds: float
    passed: int = 0

    @property
    def paused(self) -> bool:
        """Whether the moment came."""
        return 0 <= self.moment < self.passed

    def __getattr__(self, name: str) -> Any:
        real = getattr(self.requests, name)
        return self._slowed(real) if name in {"perform", "all_addresses"} else real

    def _slowed(self, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            self._pass()
            found = real(*arguments)
            self._pass()
            return found

        return call

    def _pass(self) -> None:
        if self.passed == self.moment:
            time.sleep(self.seconds)
        self.passed += 1


@contextmanager
def slowed(plumber: Plumber, moment: int, seconds: float) -> Iterator[Slow]:
    real = plumber._requests
    slow = Slow(real, moment, seconds)
    askers = (plumber, plumber._adder, plumber._inspection)
    for asker in askers:
        asker._requests = slow  # type: ignore[assignment]
    try:
        yield slow
    finally:
        for asker in askers:
            asker._requests = real


@contextmanager
def opened(host: Host, single: bool, lease_ttl: int = LEASE_SECONDS) -> Iterator[Plumber]:
    with host.inside(), closing(Plumber("one", define(*ALL, lease_ttl=lease_ttl))) as plumber:
        if single:
            plumber._inspection.promotion = NOWHERE
        plumber.open()
        plumber.read()
        yield plumber


def left(host: Host) -> set[str]:
    return host.addresses().keys() & set(ALL)


def at_every_moment(*plays: Callable[[Host, int], int]) -> None:
    """Each play undisturbed, then with a long pause at each moment that it had, all at once."""
    with hosts(MOMENTS * len(plays)) as made, ThreadPoolExecutor(len(made)) as threads:
        tried = []
        for number, play in enumerate(plays):
            mine = made[number * MOMENTS :][:MOMENTS]
            had = play(mine[0], NEVER)
            assert 0 < had <= MOMENTS
            tried += [threads.submit(paused, play, mine[at], at) for at in range(had)]
        for each in tried:
            each.result()


def paused(play: Callable[[Host, int], int], host: Host, moment: int) -> None:
    """Play until the moment comes: on a slow machine some of the call gets no turn."""
    assert any(play(host, moment) > moment for _ in range(ATTEMPTS))


def taking(single: bool, host: Host, moment: int) -> int:
    """Take, slowly; how many moments it had."""
    with opened(host, single) as plumber:
        with slowed(plumber, moment, LONG_SECONDS) as slow:
            taken = plumber.take(Take(ALL, time.monotonic()))
        if slow.paused:
            assert (single, moment, taken.added, left(host)) == (single, moment, (), set())
            assert changes(plumber, 0.1) == []
        plumber.release(ALL)
        return slow.passed


def renewing(single: bool, recovers: bool, host: Host, moment: int) -> int:
    """Renew, slowly; `recovers`: promotion can be switched off by then."""
    with opened(host, single) as plumber:
        take(plumber, *ALL)
        if recovers:
            plumber._inspection.promotion = Promotion()
        with slowed(plumber, moment, LONG_SECONDS) as slow:
            plumber.renew(Renew(ALL, time.monotonic()))
        if slow.paused:
            assert (single, recovers, moment, left(host)) == (single, recovers, moment, set())
            assert changes(plumber, 0.1) == [KernelChanged(gone=ALL)]
        plumber.release(ALL)
        return slow.passed


def test_a_take_that_outlasts_the_lease_leaves_nothing() -> None:
    at_every_moment(partial(taking, False), partial(taking, True))


def test_a_renewal_that_outlasts_the_lease_brings_nothing_back() -> None:
    at_every_moment(
        partial(renewing, False, False),
        partial(renewing, True, False),
        partial(renewing, True, True),
    )


def pausing_shortly(single: bool, host: Host) -> None:
    with opened(host, single, PATIENT_SECONDS) as plumber:
        for moment in range(MOMENTS):
            with slowed(plumber, moment, SHORT_SECONDS):
                taken = plumber.take(Take(ALL, time.monotonic()))
            assert (moment, left(host)) == (moment, set(taken.added))
            assert taken.stale == (set(taken.added) != set(ALL))
            assert changes(plumber, 0.01) == []

            take(plumber, *ALL)
            with slowed(plumber, moment, SHORT_SECONDS):
                plumber.renew(Renew(ALL, time.monotonic()))
            assert (moment, left(host)) == (moment, set(ALL))
            assert changes(plumber, 0.01) == []
            plumber.release(ALL)
            assert host.addresses().keys() == {
                f"198.18.77.{host.number}",
                f"2001:db8:77::{host.number}",
            }
        take(plumber, *ALL)
        wait_until(lambda: not left(host))


def test_a_short_pause_leaves_what_is_told_and_all_of_it_leased() -> None:
    with hosts(2) as made, ThreadPoolExecutor(2) as threads:
        list(threads.map(pausing_shortly, (False, True), made))


def test_a_list_that_takes_too_long_keeps_no_anchor_from_renewal_and_is_told() -> None:
    with hosts(1) as (host,), opened(host, False, 20) as plumber:
        take(plumber, *ALL)
        for _ in range(ATTEMPTS):
            with slowed(plumber, 3, SHORT_SECONDS):
                plumber.renew(Renew(ALL, time.monotonic(), lease_seconds=100))
        assert host.valid_seconds(ANCHOR) > 20
        assert all(host.valid_seconds(vip) <= 20 for vip in VIPS6)
        assert "IPv6" in plumber.warnings()[0]

        for _ in range(ATTEMPTS):
            plumber.renew(Renew(ALL, time.monotonic(), lease_seconds=100))
        assert all(host.valid_seconds(vip) > 20 for vip in VIPS6)
        assert not any("IPv6" in warning for warning in plumber.warnings())


def test_what_is_taken_too_late_is_deleted_as_it_was_to_be() -> None:
    kept, *many = (f"198.18.79.{number}" for number in range(1, 251))
    definitions = define(kept, *many, lease_ttl=60)
    with hosts(1) as (host,), host.inside(), closing(Plumber("one", definitions)) as plumber:
        plumber.open()
        plumber.read()
        take(plumber, kept, *many)
        with slowed(plumber, 1, SHORT_SECONDS):
            plumber.release(many)
        assert plumber.leaving
        assert host.has(many[-1])

        taken = plumber.take(Take((many[-1],), time.monotonic() - 2 * DECISION_SECONDS))
        while plumber.leave():
            continue

        assert (taken.added, taken.stale) == ((), True)
        assert host.addresses().keys() & {kept, *many} == {kept}

"""How the kernel schedules an agent: before others where it may, but not while it spins."""

import os
import resource
import signal
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from workers.failover.urgency import CALM_SECONDS, NICENESS, SPIN_SECONDS, Urgency

REAL_TIME = "real-time, round robin, priority 1"
RTTIME = 15
"""RLIMIT_RTTIME, which Python 3.11 has no name for everywhere."""


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    """This process is scheduled again as it was."""
    policy, parameters = os.sched_getscheduler(0), os.sched_getparam(0)
    niceness, limit = os.getpriority(os.PRIO_PROCESS, 0), resource.getrlimit(RTTIME)
    handler = signal.getsignal(signal.SIGXCPU)
    yield
    os.sched_setscheduler(0, policy, parameters)
    os.setpriority(os.PRIO_PROCESS, 0, niceness)
    resource.setrlimit(RTTIME, limit)
    signal.signal(signal.SIGXCPU, handler)


@dataclass
class Watched:
    """The scheduling of this process, and the time it is told."""

    urgency: Urgency
    clock: list[float]


@pytest.fixture
def watched() -> Watched:
    clock = [1000.0]
    made = Urgency(clock=lambda: clock[0])
    if made.sentence != REAL_TIME:
        pytest.skip("real-time scheduling is not permitted here")
    return Watched(made, clock)


def test_it_runs_before_others_while_the_kernel_counts_how_long(watched: Watched) -> None:
    assert os.sched_getscheduler(0) == os.SCHED_RR
    assert os.getpriority(os.PRIO_PROCESS, 0) == NICENESS
    assert resource.getrlimit(RTTIME)[0] == SPIN_SECONDS * 1_000_000


def test_a_loop_that_spins_is_favoured_only_until_it_was_calm_for_a_while(watched: Watched) -> None:
    signal.raise_signal(signal.SIGXCPU)
    watched.urgency.insist()

    assert os.sched_getscheduler(0) == os.SCHED_OTHER
    assert watched.urgency.sentence == f"nice {NICENESS}: its loop was too busy for more"
    watched.clock[0] += CALM_SECONDS - 1
    watched.urgency.insist()
    assert os.sched_getscheduler(0) == os.SCHED_OTHER
    watched.clock[0] += 1
    watched.urgency.insist()
    assert os.sched_getscheduler(0) == os.SCHED_RR
    assert watched.urgency.sentence == REAL_TIME


def test_one_that_inherits_it_hears_the_kernel_and_has_the_whole_limit(watched: Watched) -> None:
    signal.signal(signal.SIGXCPU, signal.SIG_IGN)
    resource.setrlimit(RTTIME, (9_000_000, resource.getrlimit(RTTIME)[1]))  # it warned before

    follower = Urgency()

    assert follower.sentence == REAL_TIME
    assert resource.getrlimit(RTTIME)[0] == SPIN_SECONDS * 1_000_000
    signal.raise_signal(signal.SIGXCPU)
    assert os.sched_getscheduler(0) == os.SCHED_OTHER


def test_without_rights_it_runs_as_any_other_and_says_so() -> None:
    if os.geteuid() != 0:
        pytest.skip("rights are given up, and had before, as root only")
    policy = os.sched_getscheduler(0)
    os.seteuid(65534)
    try:
        urgency = Urgency()
    finally:
        os.seteuid(0)

    assert urgency.sentence == "as any other process: raising its priority was not permitted"
    assert os.sched_getscheduler(0) == policy

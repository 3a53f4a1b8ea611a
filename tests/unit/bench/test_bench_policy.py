"""The rows of the bench about policy servers, and their bounds."""

from bench import replication_policy
from bench.policy_client import Answers


def answers(per_second: float, p99: float = 0.001) -> Answers:
    return Answers(1_000, 0, per_second, p99 / 2, p99, p99 * 2, p99 * 3)


def judged(ours: float, late: Answers) -> dict[str, bool | None]:
    peers = {one.name: answers(1_000.0) for one in replication_policy.PEERS}
    found = {**peers, replication_policy.OURS: answers(ours)}
    rows = list(replication_policy.judged(found, late))
    assert tuple(row.name for row in rows) == replication_policy.ROWS
    return {row.name: row.holds for row in rows}


def test_ten_times_postfwd_and_twice_redis_in_two_milliseconds_hold() -> None:
    held = judged(10_000.0, answers(5_000.0, 0.002))

    assert held["policy.ratio_postfwd"]
    assert held["policy.ratio_redis"]
    assert held["policy.p99_seconds"]


def test_less_does_not_hold() -> None:
    held = judged(1_999.0, answers(5_000.0, 0.0021))

    assert held["policy.ratio_postfwd"] is False
    assert held["policy.ratio_redis"] is False
    assert held["policy.p99_seconds"] is False


def test_requests_that_are_not_answered_in_time_are_no_figure() -> None:
    assert judged(10_000.0, answers(4_000.0))["policy.p99_seconds"] is False

"""A limit that three nodes hit at ten times its rate, and limits that are never reached.

Each node decides by what it knows: what the others admitted within `max_delay`, and what a message
takes, may be missing, but never more than `max_pending` of each node besides. Pure but for `rows`.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench.replication_nodes import nodes_at, together
from bench.report import Row, row
from tests.integration.brokers import RunningBroker

MOST, WINDOW_SECONDS, TIMES = 1_000, 60.0, 10.0
MAX_DELAY, MESSAGE_SECONDS, MAX_PENDING = 1.0, 0.05, 100
DOMAIN = "over.example"
BELOW = tuple(f"below{number}.example" for number in range(8))
BELOW_PART = 0.9
"""Of the limit: what the domains that are never refused ask for."""
OVER_ROW, FALSE_ROW, REPORTED = "overshoot.over_bound", "false_refusals", "overshoot.admitted_over"
ROWS = (OVER_ROW, FALSE_ROW, REPORTED)


def rows(place: Path, broker: RunningBroker, seconds: float) -> Iterator[Row]:
    """Measure for so many seconds; raises `BenchError`."""
    limit = {"name": "over", "most": MOST, "window": WINDOW_SECONDS, "per": "sender-domain"}
    with nodes_at(place, broker, limits=[limit]) as nodes:
        fair = MOST / WINDOW_SECONDS / len(nodes)
        rates = {DOMAIN: fair * TIMES, **dict.fromkeys(BELOW, fair * BELOW_PART)}
        found = together(nodes, "hit", rates=rates, seconds=seconds)
    over = most_within([one["admitted"][DOMAIN] for one in found], WINDOW_SECONDS) - MOST
    bound = bound_of(rates[DOMAIN], len(nodes))
    yield row(OVER_ROW, [max(0.0, round(over - bound, 4))], "admitted", 0.0)
    refused = sum(one["refused"][domain] for one in found for domain in BELOW)
    yield row(FALSE_ROW, [float(refused)], "refusals", 0.0)
    yield row(REPORTED, [float(over)], "admitted", None, reported=True)


def bound_of(rate: float, nodes: int) -> float:
    """How far a limit may be overshot by nodes that each ask at `rate` a second."""
    return nodes * (rate * (MAX_DELAY + MESSAGE_SECONDS) + MAX_PENDING)


def most_within(admitted: Sequence[Sequence[float]], seconds: float) -> int:
    """The greatest number of all nodes' events, by their times, within any span of `seconds`."""
    every = sorted(at for one in admitted for at in one)
    return max(
        (end + 1 - bisect_left(every, at - seconds) for end, at in enumerate(every)), default=0
    )

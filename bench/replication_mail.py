"""A limit on recipients over three real Postfix, each sent mail at several times its part.

Nodes, broker and Postfix are a lab of their own. What was admitted is read in Postfix's logs, by
their whole seconds; a span of time is taken too long rather than too short.
"""

import os
import time
from collections.abc import Callable, Iterator

from bench.errors import BenchError
from bench.replication_overshoot import bound_of, most_within
from bench.report import Row, row
from tests.lab.limiting import LIMIT, SENDER, Fate, Logs, load, redefine, value
from workers.lab.bringup import Wish, bring_up, take_down
from workers.lab.lab import Lab
from workers.replication.core.definitions import Replication

NODES, SESSIONS = 3, 80
"""To each node at a time; each waits a second between two mails, at least."""
SETTLE_SECONDS = 5.0
OVER_ROW, ADMITTED_ROW, RATE_ROW = "mail.over_bound", "mail.admitted_over", "mail.asked_per_second"
ROWS = (OVER_ROW, ADMITTED_ROW, RATE_ROW)


def rows(seconds: float, tell: Callable[[str], None]) -> Iterator[Row]:
    """Measure for so many seconds, at least half a minute; raises `BenchError`."""
    name = f"b{os.getpid()}"
    try:
        lab = bring_up(Wish(name=name, nodes=NODES, vips=NODES, limits=True), tell)
        fates = hit(lab, seconds)
        seen = value(lab, lab.nodes[0], f"@{SENDER}", LIMIT.name)
    finally:
        take_down(name)
    yield from judged(fates, seconds, seen)


def hit(lab: Lab, seconds: float) -> list[Fate]:
    """Send mail to every node at once; what became of it, by node."""
    redefine(lab, Replication(limits=(LIMIT,)))
    logs = Logs(lab)
    with load(lab, lab.nodes, SESSIONS):
        time.sleep(seconds)
    time.sleep(SETTLE_SECONDS)
    return [logs.fate(node) for node in lab.nodes]


def judged(fates: list[Fate], seconds: float, seen: int) -> Iterator[Row]:
    """The rows; raises `BenchError` when the limit was not reached, so that nothing was shown."""
    admitted = most_within([fate.admitted for fate in fates], LIMIT.window)
    asked = [(len(fate.admitted) + len(fate.refused)) / seconds for fate in fates]
    if admitted < LIMIT.most or not all(fate.refused for fate in fates):
        raise BenchError(f"{admitted} recipients were admitted ({seen} counted): no limit was hit")
    over = admitted - LIMIT.most
    bound = sum(bound_of(rate, 1) for rate in asked)
    yield row(OVER_ROW, [max(0.0, round(over - bound, 4))], "admitted", 0.0)
    yield row(ADMITTED_ROW, [float(over)], "admitted", None, reported=True)
    yield row(RATE_ROW, [round(sum(asked), 1)], "recipients/s", None, reported=True)

"""The gate of rollouts that looks at mail: numbers that are counted, and what speaks against nodes.

Only rollouts with a limit are looked at. When nobody counts nothing is judged: no node is passed,
and the rollout waits for somebody, which it says.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from cluster_admin.configs.rollout_models import Rollout
from cluster_admin.inventory.refusals import Refused
from cluster_admin.mail import counted
from workers.config.core.rollout_mail import (
    BEFORE_SECONDS,
    MINUTE,
    PAUSE_SECONDS_MIN,
    Attempts,
    Minute,
    complaints,
)
from workers.config.core.rollout_values import ORDERED_TO_IT, Settings, Stage
from workers.maillog.core.tally import By
from workers.maillog.reading import CountsError, Reader

STALE_SECONDS = 90.0
"""Numbers that are older say nothing of a node that was passed now."""
WATCHED_SECONDS = 3_600
"""After its order a node's mail is looked at for so long."""


@dataclass(frozen=True, slots=True)
class Judged:
    """What mail says: complaints by node, or why it says nothing."""

    complaints: dict[str, str] = field(default_factory=dict)
    unjudged: str = ""


def check(settings: Settings, now: datetime) -> None:
    """Raise `Refused` for a limit that nothing could be said about."""
    if not settings.mail_limit:
        return
    if settings.pause_seconds < PAUSE_SECONDS_MIN:
        raise Refused(
            f"pause_seconds is {settings.pause_seconds:g}: with mail_limit, write "
            f"{PAUSE_SECONDS_MIN:g} or more, for mail is counted by the minute",
            ("pause_seconds",),
        )
    if trouble := _trouble(now):
        raise Refused(f"{trouble}; or leave out mail_limit", ("mail_limit",))


def judged(row: Rollout, now: datetime) -> Judged:
    """What mail says of the nodes that have, or may have, the revision."""
    state = row.value()
    nodes = {name for name, node in state.nodes.items() if node.stage in ORDERED_TO_IT}
    if not state.settings.mail_limit or not nodes:
        return Judged()
    if trouble := _trouble(now):
        return Judged(unjudged=trouble)
    recent = now - timedelta(seconds=WATCHED_SECONDS)
    orders = row.facts.filter(what=Stage.ORDERED.value, node__in=nodes, at__gte=recent)
    ordered = {node: at.timestamp() for node, at in orders.values_list("node", "at")}
    if not ordered:
        return Judged()
    try:
        with counted.reader() as reader:
            since = min(ordered.values()) - BEFORE_SECONDS - MINUTE
            minutes = list(_minutes(reader, row.subcluster, since, now.timestamp()))
    except CountsError as error:
        return Judged(unjudged=str(error))
    limit = state.settings.mail_limit
    return Judged(complaints(minutes, ordered, now.timestamp(), limit))


def _minutes(reader: Reader, subcluster: str, since: float, now: float) -> list[Minute]:
    rows = reader.by_minute(By.NODE, since, now, subclusters=[subcluster])
    return [
        Minute(start, name, Attempts(counted.attempts(numbers), counted.failures(numbers)))
        for start, name, numbers in rows
    ]


def _trouble(now: datetime) -> str:
    """Why the numbers say nothing of now; empty: they do."""
    try:
        with counted.reader() as reader:
            age = now.timestamp() - reader.counted_at()
    except CountsError as error:
        return str(error)
    if age <= STALE_SECONDS:
        return ""
    return "mail is not counted now, so nobody sees how it fares; see the collector of logs"

"""How nodes stand to the configuration, as pages show it: badges, and what needs a look.

A node is judged by its own last words (`Replica`, `Application`) against what it shall run.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Max

from cluster_admin.configs import conflicts, deployments
from cluster_admin.configs.conflict_rules import Side
from cluster_admin.configs.models import Application, Replica
from cluster_admin.configs.orders import UP, Head
from cluster_admin.dashboard.badges import UNKNOWN, Badge
from cluster_admin.dashboard.tables import word
from cluster_admin.inventory.models import Node
from workers.config.core.reports import Outcome

BADGES = {
    "runs": Badge("runs it", "good", "check", "it runs what it shall"),
    "applying": Badge("applying", "info", "tool", "it is about to change over"),
    "behind": Badge("behind", "warn", "half", "it does not run yet what it shall"),
    "waits": Badge("waits", "info", "half", "it applies only what an operator asks for"),
    "failed": Badge("failed", "bad", "cross", "what it shall run did not do there"),
    "stranded": Badge("stranded", "bad", "alert", "turning back failed: look at this node now"),
    "edited": Badge("edited", "warn", "tool", "files were edited on the node"),
    "astray": Badge("other history", "bad", "alert", "it has revisions that the manager lacks"),
    "troubled": Badge("troubled", "bad", "alert", "its replica or its live tree cannot be used"),
    "silent": Badge("silent", "warn", "question", "its worker has not been heard of late"),
    "unknown": UNKNOWN,
}
STATES = tuple(BADGES)
OUTCOMES = {
    Outcome.APPLIED: Badge("applied", "good", "check", "live and healthy"),
    Outcome.UNCHANGED: Badge("unchanged", "good", "check", "it was live already"),
    Outcome.REFUSED: Badge("refused", "warn", "slash", "nothing was begun"),
    Outcome.KEPT: Badge("kept", "bad", "cross", "it failed before the switch; nothing changed"),
    Outcome.TURNED_BACK: Badge("turned back", "bad", "cross", "the tree before is back"),
    Outcome.STRANDED: Badge("stranded", "bad", "alert", "turning back failed: look at it now"),
}
FAILED = (Outcome.KEPT, Outcome.TURNED_BACK)


@dataclass(frozen=True, slots=True)
class NodeRow:
    """A node, ready to be shown."""

    name: str
    subcluster: str
    replica: Replica | None
    last: Application | None
    wanted: int
    """The revision that it shall run; 0: what it runs."""
    states: tuple[str, ...]

    @property
    def heard_at(self) -> datetime | None:
        """When its worker was last heard."""
        return self.replica.heard_at if self.replica else None

    @property
    def badges(self) -> list[Badge]:
        """What is to be known of it, the worst first."""
        return [BADGES[state] for state in self.states]

    @property
    def notes(self) -> list[str]:
        """What needs a look, one sentence each."""
        found = []
        if "unknown" in self.states:
            found.append("it has told nothing of its configuration yet: start its worker")
        if "silent" in self.states:
            found.append("its worker has not been heard for minutes: see that it runs")
        if self.replica is not None and self.replica.trouble:
            found.append(self.replica.trouble)
        if self.replica is not None and self.replica.repaired:
            found.append(self.replica.repaired)
        if self.replica is not None and self.replica.refused:
            what = f"tasks refused since no manager had signed them: {self.replica.refused}"
            found.append(f"{what}; give managers and nodes the same cluster key")
        if self.last is not None and not {"failed", "stranded", "waits"}.isdisjoint(self.states):
            found.append(self.last.sentence)
        return found


def rows_of(nodes: Iterable[Node], head: Head, now: datetime) -> list[NodeRow]:
    """Rows of these nodes (with their subclusters); five queries. Raises `RepositoryError`."""
    found = list(nodes)
    names = [node.name for node in found]
    replicas = {row.node: row for row in Replica.objects.filter(node__in=names)}
    sides = conflicts.sides(replicas.values())
    astray = {name for name, side in sides.items() if side is not Side.OURS}
    applied = Application.objects.filter(node__in=names).order_by().values("node")
    newest = applied.annotate(newest=Max("id")).values_list("newest", flat=True)
    last = {row.node: row for row in Application.objects.filter(pk__in=list(newest))}
    wanted = deployments.targets(found, head)
    return [
        _row(
            node,
            replicas.get(node.name),
            last.get(node.name),
            wanted[node.name].revision,
            now,
            astray=node.name in astray,
        )
        for node in found
    ]


def matching(rows: Iterable[NodeRow], query: Mapping[str, str]) -> list[NodeRow]:
    """Those that the filters of a URL ask for."""
    text, state = word(query, "q"), word(query, "state")
    place = word(query, "subcluster")
    return [
        row
        for row in rows
        if text in row.name
        and (not state or state in row.states)
        and (not place or place == row.subcluster)
    ]


def outcome_badge(outcome: str) -> Badge:
    """The badge of an application's outcome."""
    return OUTCOMES[Outcome(outcome)] if outcome in set(Outcome) else UNKNOWN


def took(seconds: Mapping[str, Any]) -> str:
    """How long an application took, of the times of its steps."""
    total = sum(one for one in seconds.values() if isinstance(one, int | float))
    return f"{total:.1f} s" if seconds else ""


def _row(
    node: Node,
    replica: Replica | None,
    last: Application | None,
    wanted: int,
    now: datetime,
    *,
    astray: bool,
) -> NodeRow:
    place = node.subcluster.name
    if last is not None and last.subcluster != place:
        last = None  # it was in another subcluster, whose files are not for everybody
    states = tuple(_states(replica, last, wanted, now))
    if astray:
        states = ("astray", *states)
    return NodeRow(node.name, place, replica, last, wanted, states)


def _states(
    replica: Replica | None, last: Application | None, wanted: int, now: datetime
) -> Iterable[str]:
    if replica is None or replica.heard_at is None:
        yield "unknown"
        return
    if last is not None and last.outcome == Outcome.STRANDED:
        yield "stranded"
    if now - replica.heard_at >= UP:
        yield "silent"
    if replica.trouble:
        yield "troubled"
    if replica.busy:
        yield "applying"
    elif wanted in (0, replica.live):
        yield "runs"
    elif last is not None and last.revision == wanted and last.outcome in FAILED:
        yield "failed"
    elif last is not None and last.revision == wanted and last.outcome == Outcome.REFUSED:
        yield "waits"
    else:
        yield "behind"
    if replica.drift_count:
        yield "edited"

"""The first look: how many live, how many are owned, and what needs somebody. Five queries.

Nodes in maintenance and nodes that left raise no alarm.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Count, Min, Q

from cluster_admin.dashboard import badges, node_rows, scope, vip_rows
from cluster_admin.dashboard.badges import Badge
from cluster_admin.inventory.models import Subcluster
from workers.failover.core.standing import Cause, State

NAMED = 5
"""Objects named in a sentence; the rest is counted."""
LIVING = ("alive", "suspected")
HOOKED = "hooked"
"""Counted apart: UNSAFE by nothing but a hook, which was wanted so."""
NODE_TROUBLES = ("dead", "isolated", "suspected", "unknown")


@dataclass(slots=True)
class Part:
    """A subcluster in numbers."""

    subcluster: Subcluster
    nodes: Counter[str] = field(default_factory=Counter)
    """Nodes by verdict."""
    vips: Counter[str] = field(default_factory=Counter)
    """VIPs by state."""
    acted: int | None = None
    """The oldest revision that a living node acts on."""

    @property
    def nodes_all(self) -> int:
        """How many nodes there are."""
        return self.nodes.total()

    @property
    def alive(self) -> int:
        """How many of them live, and nobody doubts it."""
        return self.nodes["alive"]

    @property
    def vips_all(self) -> int:
        """How many VIPs there are."""
        return self.vips.total()

    @property
    def owned(self) -> int:
        """How many of them have one owner."""
        return self.vips["owned"] + self.vips[HOOKED]

    @property
    def behind(self) -> bool:
        """Whether some living node does not act on the newest revision."""
        return self.acted is not None and self.acted != self.subcluster.revision


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that needs somebody."""

    badge: Badge
    kind: str
    """node or vip."""
    state: str
    count: int
    named: list[str]

    @property
    def rest(self) -> int:
        """How many are not named."""
        return self.count - len(self.named)


@dataclass(frozen=True, slots=True)
class Summary:
    """All subclusters that the reader may see."""

    parts: list[Part]
    troubles: list[Trouble]

    @property
    def nodes(self) -> int:
        """How many there are."""
        return sum(part.nodes_all for part in self.parts)

    @property
    def alive(self) -> int:
        """How many nodes live, and nobody doubts it."""
        return sum(part.alive for part in self.parts)

    @property
    def vips(self) -> int:
        """How many there are."""
        return sum(part.vips_all for part in self.parts)

    @property
    def owned(self) -> int:
        """How many VIPs have one owner."""
        return sum(part.owned for part in self.parts)

    @property
    def behind(self) -> list[Part]:
        """Subclusters in which not all living nodes act on the newest revision."""
        return [part for part in self.parts if part.behind]


def summarize(user: Any) -> Summary:
    """Ask the database."""
    parts = {row.pk: Part(row) for row in scope.subclusters(user)}
    nodes = scope.nodes(user).select_related(None).order_by()
    living = Q(status__verdict__in=LIVING)
    counted = nodes.values_list("subcluster_id", "status__verdict")
    for pk, verdict, number, acted in counted.annotate(
        Count("pk"), acted=Min("status__revision", filter=living)
    ):
        part = parts[pk]
        part.nodes[verdict or "unknown"] += number
        part.acted = min((one for one in (part.acted, acted) if one is not None), default=None)
    vips = scope.vips(user).select_related(None).order_by()
    told = vips.values_list("subcluster_id", "status__state", "status__cause")
    for pk, state, cause, number in told.annotate(Count("pk")):
        hooked = state == State.UNSAFE and cause == Cause.HOOK
        parts[pk].vips[HOOKED if hooked else state or "unknown"] += number
    bad = vips.filter(vip_rows.TROUBLED).order_by(vip_rows.RANK, "address_key")
    pairs = bad.values_list("status__state", "address")[: NAMED * 40]
    states = sum((part.vips for part in parts.values()), Counter[str]())
    troubles = [*_vip_troubles(states, pairs), *_node_troubles(nodes)]
    return Summary(list(parts.values()), troubles)


def _vip_troubles(counts: Counter[str], pairs: Iterable[tuple[str, str]]) -> Iterable[Trouble]:
    named = list(pairs)
    for state in vip_rows.BAD:
        if counts[state]:
            some = [address for one, address in named if one == state][:NAMED]
            yield Trouble(badges.of_vip(state), "vip", state, counts[state], some)


def _node_troubles(nodes: Any) -> Iterable[Trouble]:
    found = nodes.filter(node_rows.TROUBLED).order_by("name")
    by_state: dict[str, list[str]] = {}
    for name, verdict, state in found.values_list("name", "status__verdict", "status__state"):
        isolated = verdict in LIVING and state == "isolated"
        word = "isolated" if isolated else verdict or "unknown"
        by_state.setdefault(word, []).append(name)
    for word in NODE_TROUBLES:
        if names := by_state.get(word):
            badge = badges.STATES.get(word) or badges.VERDICTS[word]
            yield Trouble(badge, "node", word, len(names), names[:NAMED])

"""Which nodes could take a VIP: what is defined, what nodes told of their kernels and checks.

Asked for each VIP, but worked out once for all that have the same health check. `settle` says which
VIPs may stand otherwise than before; others need not be looked at again. Memory only.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from cluster_admin.events.node_views import NodeView
from cluster_admin.events.verdicts import Verdict
from workers.failover.core.messages import NodeState
from workers.failover.core.reports import Report


@dataclass(frozen=True, slots=True)
class Terms:
    """What definitions say that matters here."""

    unwanted: frozenset[str] = frozenset()
    """Nodes that operators want to hold nothing: draining, in maintenance."""
    checks: Mapping[str, str] = field(default_factory=dict)
    """VIP -> its health check, of those that have one."""
    hooks: Mapping[str, str] = field(default_factory=dict)
    """VIP -> its hook, of those that have one."""


class Outlook(NamedTuple):
    """Nodes as a group of VIPs sees them."""

    nodes: frozenset[str]
    """Enabled and alive."""
    heirs: frozenset[str]
    """Those of them that are ready and whose check is good."""
    unhealthy: tuple[tuple[str, str], ...]
    """(node, sentence): those of them whose check fails."""

    @property
    def weight(self) -> tuple[object, ...]:
        """What of it can matter to a VIP that no kernel refuses: of many heirs, that there are."""
        heirs = self.heirs if len(self.heirs) < 2 else frozenset(("many",))
        return bool(self.nodes), heirs, self.unhealthy


NOBODY = Outlook(frozenset(), frozenset(), ())


class Fitness:
    """Of one subcluster. Invariant: `outlooks` are those of the views last settled."""

    def __init__(self) -> None:
        self.terms = Terms()
        self._vips: dict[str, set[str]] = {"": set()}
        self._refused: dict[str, dict[str, str]] = {}
        self._told: dict[str, dict[str, str]] = {}
        self._unhealthy: dict[str, dict[str, str]] = {}
        self._outlooks: dict[str, Outlook] = {}
        self._ground: tuple[object, ...] = ()
        self._dirty: set[str] = set()

    def define(self, terms: Terms, vips: Iterable[str]) -> None:
        """The VIPs there are, and what matters of the definitions."""
        before, self.terms = self.terms, terms
        self._vips = {"": set()}
        for vip in vips:
            self._vips.setdefault(terms.checks.get(vip, ""), set()).add(vip)
        for old, new in ((before.checks, terms.checks), (before.hooks, terms.hooks)):
            self._dirty.update(vip for vip, _ in old.items() ^ new.items())
        self._ground = ()

    def report(self, report: Report) -> None:
        """What a node's kernel refuses, and which checks fail there."""
        refused = {one.vip: one.sentence for one in report.cannot}
        before = self._told.get(report.node, {})
        if refused != before:
            self._refuse(report.node, before, refused)
        unhealthy = {one.check: one.sentence for one in report.unhealthy}
        if unhealthy != self._unhealthy.get(report.node, {}):
            self._unhealthy[report.node] = unhealthy
            self._ground = ()

    def forget(self, node: str) -> None:
        """A node that is defined no longer."""
        self._refuse(node, self._told.get(node, {}), {})
        self._told.pop(node, None)
        self._unhealthy.pop(node, None)

    def settle(self, views: Mapping[str, NodeView]) -> set[str]:
        """Look at the nodes; returns the VIPs that may stand otherwise now."""
        nodes = frozenset(
            name
            for name, view in views.items()
            if view.verdict is Verdict.ALIVE and name not in self.terms.unwanted
        )
        ready = frozenset(name for name in nodes if views[name].state == NodeState.READY)
        if (nodes, ready) != self._ground:
            self._ground = (nodes, ready)
            self._look(nodes, ready)
            self._dirty |= self._refused.keys()
        changed, self._dirty = self._dirty, set()
        return changed

    def outlook(self, vip: str) -> Outlook:
        """The nodes as this VIP sees them."""
        return self._outlooks.get(self.terms.checks.get(vip, ""), NOBODY)

    def refusals(self, vip: str) -> Mapping[str, str]:
        """Node -> why its kernel does not take this VIP, as it last said."""
        return self._refused.get(vip, {})

    def _look(self, nodes: frozenset[str], ready: frozenset[str]) -> None:
        before, self._outlooks = self._outlooks, {}
        for check, vips in self._vips.items():
            unhealthy = tuple(
                (name, f"{check}: {said[check]}" if said[check] else check)
                for name, said in sorted(self._unhealthy.items())
                if check in said and name in nodes
            )
            outlook = Outlook(nodes, ready - {name for name, _ in unhealthy}, unhealthy)
            if outlook.weight != before.get(check, NOBODY).weight:
                self._dirty |= vips
            self._outlooks[check] = outlook

    def _refuse(self, node: str, before: Mapping[str, str], now: dict[str, str]) -> None:
        self._told[node] = now
        for vip in before.keys() - now.keys():
            self._refused[vip].pop(node, None)
            if not self._refused[vip]:
                del self._refused[vip]
        for vip, sentence in now.items():
            self._refused.setdefault(vip, {})[node] = sentence
        self._dirty.update(vip for vip, _ in before.items() ^ now.items())

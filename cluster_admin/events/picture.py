"""The subcluster as the manager sees it: the state of each node and VIP from reports and events.

Time is an argument: monotonic seconds of the manager. `settle` says what changed since the last
time; nothing is stored or sent here. Invariant: after `settle`, every view is what `judge` and
`resolve` say of what was told.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from cluster_admin.events.fitness import Fitness, Terms
from cluster_admin.events.holdings import Claim, Holdings
from cluster_admin.events.node_views import Known, NodeView, view_of
from cluster_admin.events.opinions import Opinions
from cluster_admin.events.ownership import Holder, Surroundings, VipView, resolve
from cluster_admin.events.verdicts import FRESH_SECONDS, NEVER, Own, Verdict, judge
from workers.failover.core import reports
from workers.failover.core.actions import FactKind
from workers.failover.core.reports import Happening, Report
from workers.failover.core.standing import State

CONFLICT_SECONDS = 3.0
"""A conflict is shown for this long after a node last told of it."""
PASS_SECONDS = 0.2
"""Nodes of which nothing was heard are judged again this often: silence changes verdicts too."""
NO_TERMS = Terms()
VOTES = (FactKind.ALIVE, FactKind.SUSPECTED, FactKind.DEAD, FactKind.LEFT)
TAKING = (FactKind.TAKEN, FactKind.ADOPTED)
LOSING = (FactKind.RELEASED, FactKind.LOST)


@dataclass(slots=True)
class Changes:
    """Views that differ from those before."""

    nodes: dict[str, NodeView] = field(default_factory=dict)
    vips: dict[str, VipView] = field(default_factory=dict)


class Picture:
    """Everything known of one subcluster; begins with what was last shown."""

    def __init__(self, now: float) -> None:
        self._started_at = now
        self._passed_at = NEVER
        self._heard = False
        self._untold = ""
        self._was_young = True
        self._nodes: dict[str, Known] = {}
        self._vips: dict[str, VipView] = {}
        self._opinions = Opinions()
        self._holdings = Holdings()
        self._fitness = Fitness()
        self._conflicts: dict[str, tuple[str, float]] = {}
        self._troubles: dict[str, dict[str, tuple[str, str]]] = {}
        self._contested: set[str] = set()
        self._dirty_nodes: set[str] = set()
        self._dirty_vips: set[str] = set()

    def define(
        self,
        nodes: Mapping[str, NodeView],
        vips: Mapping[str, VipView],
        now: float,
        terms: Terms = NO_TERMS,
    ) -> None:
        """The nodes and VIPs there are; of those that are new here, what was last shown."""
        for name in self._nodes.keys() - nodes.keys():
            self._tell_troubles(name, {})
            del self._nodes[name]
            self._opinions.forget(name, now)
            self._holdings.forget(name)
            self._fitness.forget(name)
        for name in nodes.keys() - self._nodes.keys():
            self._nodes[name] = Known(nodes[name], nodes[name])
        for vip in self._vips.keys() - vips.keys():
            del self._vips[vip]
            self._contested.discard(vip)
        for vip in vips.keys() - self._vips.keys():
            self._vips[vip] = vips[vip]
            self._dirty_vips.add(vip)
        self._fitness.define(terms, self._vips)
        self._passed_at = NEVER

    def report(self, report: Report, now: float) -> bool:
        """Take in a report; False when it has to be asked what the node holds."""
        known = self._nodes.get(report.node)
        if known is None or known.repeats(report):
            return True
        known.run = (report.started_at, report.sequence)
        self._dirty_nodes.add(report.node)
        if not report.answers:
            known.own = replace(known.own, silent=True)
            return True
        known.own = Own(heard_at=now)
        known.last = report.runs[-1].last if report.runs else 0
        known.view = view_of(report, known.view.verdict)
        self._opinions.report(report.node, report.peers, now)
        self._tell_troubles(report.node, {one.vip: (one.state, one.mac) for one in report.troubles})
        self._fitness.report(report)
        if known.told.digest != report.held_digest:
            return report.more
        known.complete = True
        known.asserted_at = now
        return True

    def hold(self, told: reports.Holdings, now: float) -> None:
        """Take in what a node holds of some buckets."""
        known = self._nodes.get(told.node)
        if known is None or known.repeats(told):
            return
        known.run = (told.started_at, told.sequence)
        known.told.replace({one.vip: one.epoch for one in told.held}, set(told.buckets))
        self._holdings.report(told.node, told.held, now, set(told.buckets))

    def known(self, node: str) -> tuple[int, ...]:
        """Checksum of each bucket of what a node told; none when it told nothing."""
        known = self._nodes.get(node)
        return known.told.sums if known is not None else ()

    def happening(self, node: str, incarnation: int, one: Happening, now: float) -> None:
        """Take in an event; only what happened since the node's last report says anything new."""
        known = self._nodes.get(node)
        if known is None or known.view.incarnation != incarnation or one.number <= known.last:
            return
        if one.kind in VOTES and one.node in self._nodes:
            self._opinions.tell(node, one.node, one.kind, now)
        elif one.kind in TAKING:
            self._holdings.take(node, one.vip, Claim(one.epoch, now, now, one.reason, one.node))
        elif one.kind in LOSING:
            self._holdings.release(node, one.vip, one.epoch, now)
        elif one.kind == FactKind.CONFLICT:
            self._conflicts[one.vip] = (one.node, now)
            self._dirty_vips.add(one.vip)
        elif one.kind == FactKind.STATE:
            known.view = replace(known.view, state=one.detail, objection=one.reason)
            self._dirty_nodes.add(node)

    def settle(self, now: float) -> Changes:
        """What is different now."""
        changes = Changes()
        self._settle_nodes(now, changes)
        if self._heard or not self._young(now):
            self._settle_vips(now, changes)
        return changes

    def views(self) -> Changes:
        """Everything, as last settled."""
        return Changes({name: one.view for name, one in self._nodes.items()}, dict(self._vips))

    def lagging(self, revision: int) -> set[str]:
        """Living nodes that do not have `revision` of the definitions yet."""
        return {
            name
            for name, one in self._nodes.items()
            if one.view.verdict is Verdict.ALIVE and one.view.known_revision < revision
        }

    def _young(self, now: float) -> bool:
        """Whether there was no time yet for everybody to be heard: then what was shown stands."""
        return now - self._started_at < FRESH_SECONDS

    def _tell_troubles(self, node: str, fresh: dict[str, tuple[str, str]]) -> None:
        before = self._nodes[node].troubles
        for vip in before.keys() | fresh.keys():
            if before.get(vip) == fresh.get(vip):
                continue
            self._dirty_vips.add(vip)
            told = self._troubles.setdefault(vip, {})
            told.pop(node, None)
            if vip in fresh:
                told[node] = fresh[vip]
            elif not told:
                del self._troubles[vip]
        self._nodes[node].troubles = fresh

    def _settle_nodes(self, now: float, changes: Changes) -> None:
        everybody = now - self._passed_at >= PASS_SECONDS
        if everybody:
            self._passed_at = now
        for name in list(self._nodes if everybody else self._dirty_nodes):
            self._opinions.count(name, self._nodes[name].counts(now), now)
        names = self._opinions.settle() | (self._nodes.keys() if everybody else self._dirty_nodes)
        for name in sorted(names & self._nodes.keys()):
            self._judge(name, now, changes)
        self._dirty_nodes.clear()
        if everybody or changes.nodes:
            self._look_around(now)
        self._dirty_vips |= self._fitness.settle(
            {name: one.view for name, one in self._nodes.items()}
        )

    def _judge(self, name: str, now: float, changes: Changes) -> None:
        known = self._nodes[name]
        word = self._opinions.word(name)
        if not (
            self._young(now) and known.own == Own() and not word.verdict
        ):  # else: not heard yet
            known.view = replace(known.view, verdict=judge(word, known.own, now))
        if known.view == known.shown:
            return
        if known.view.verdict != known.shown.verdict:
            self._dirty_vips |= self._holdings.of(name).keys() | known.troubles.keys()
        known.shown = changes.nodes[name] = known.view

    def _look_around(self, now: float) -> None:
        """What concerns all VIPs at once: whether anybody is heard, and who has yet to speak."""
        heard = any(one.own.fresh(now) for one in self._nodes.values())
        mute = (
            name
            for name, one in sorted(self._nodes.items())
            if not one.complete and one.view.verdict.lives
        )
        around = (heard, next(mute, ""), self._young(now))
        if around != (self._heard, self._untold, self._was_young):
            self._heard, self._untold, self._was_young = around
            self._dirty_vips |= self._vips.keys()

    def _settle_vips(self, now: float, changes: Changes) -> None:
        for vip, (_, at) in list(self._conflicts.items()):
            if now - at >= CONFLICT_SECONDS:
                del self._conflicts[vip]
                self._dirty_vips.add(vip)
        self._dirty_vips |= self._holdings.changed | self._contested
        for vip in self._dirty_vips & self._vips.keys():
            before = self._vips[vip]
            view = self._resolve(vip, before, now)
            if view != before:
                self._vips[vip] = changes.vips[vip] = view
        self._dirty_vips.clear()
        self._holdings.changed.clear()

    def _resolve(self, vip: str, before: VipView, now: float) -> VipView:
        holders = list(self._holders(vip))
        living = sum(one.verdict.lives for one in holders)
        (self._contested.add if living > 1 else self._contested.discard)(vip)
        if self._young(now) and not living and self._awaited(before.owner):
            return before
        view = resolve(before, holders, self._surroundings(vip), now)
        worse = before.owner == view.owner and before.state in (State.UNSAFE, State.BROKEN)
        return before if self._untold and self._young(now) and worse else view

    def _surroundings(self, vip: str) -> Surroundings:
        refusals = self._fitness.refusals(vip)
        return Surroundings(
            heard=self._heard,
            untold=self._untold,
            trouble=self._trouble(vip),
            rival=self._conflicts.get(vip, ("", 0.0))[0],
            outlook=self._fitness.outlook(vip),
            refusals={
                name: sentence
                for name, sentence in refusals.items()
                if self._nodes[name].view.verdict.lives
            },
            hook=self._fitness.terms.hooks.get(vip, ""),
        )

    def _awaited(self, owner: str) -> bool:
        """Whether the owner shown has yet to speak; anybody, when none is shown."""
        if not owner:
            return bool(self._untold)
        known = self._nodes.get(owner)
        return known is not None and not known.complete and known.view.verdict.lives

    def _holders(self, vip: str) -> Iterator[Holder]:
        for name in self._holdings.holders.get(vip, ()):
            known = self._nodes[name]
            claim = self._holdings.of(name)[vip]
            yield Holder(name, claim, known.view.verdict, known.asserted_at)

    def _trouble(self, vip: str) -> tuple[str, str] | None:
        told = self._troubles.get(vip, {})
        living = [name for name in sorted(told) if self._nodes[name].view.verdict.lives]
        return told[living[0]] if living else None

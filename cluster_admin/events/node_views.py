"""A node as it is shown, and what is remembered of what it told. Values only; `picture` decides."""

from dataclasses import dataclass, field

from cluster_admin.events.verdicts import NEVER, Own, Verdict
from workers.failover.core.claims import Claims
from workers.failover.core.messages import NodeState
from workers.failover.core.reports import Holdings, Report

OUTSIDERS = (NodeState.ISOLATED, NodeState.JOINING)
"""Nodes in these states do not hear the others: what they say of them is about themselves."""


@dataclass(frozen=True, slots=True)
class NodeView:
    """A node as it is shown."""

    verdict: Verdict = Verdict.UNKNOWN
    state: str = ""
    objection: str = ""
    incarnation: int = 0
    revision: int = 0
    known_revision: int = 0
    problem: str = ""
    members: tuple[str, ...] = ()
    agreed: bool = False
    mature: bool = False
    late: bool = False
    rings: tuple[tuple[str, bool], ...] = ()
    warnings: tuple[str, ...] = ()
    unhealthy: tuple[tuple[str, str], ...] = ()
    """(health check that fails there, what it says)."""
    refusals: tuple[tuple[str, str], ...] = ()
    """(VIP that its kernel cannot have, why)."""


@dataclass(slots=True)
class Known:
    """What a node told. Times are monotonic seconds of the manager."""

    view: NodeView
    shown: NodeView
    """The view as it was last settled."""
    own: Own = field(default_factory=Own)
    asserted_at: float = NEVER
    """When its agent last said what it holds, or that this had not changed."""
    run: tuple[str, int] = ("", -1)
    """The reporter's run and the newest sequence heard of it."""
    last: int = 0
    """Events of its agent that had happened when it last reported."""
    told: Claims = field(default_factory=Claims)
    """What it holds, as it told bucket by bucket."""
    complete: bool = False
    """Whether that was ever everything."""
    troubles: dict[str, tuple[str, str]] = field(default_factory=dict)

    def counts(self, now: float) -> bool:
        """Whether it is heard and stands among the others, so that its judgement of them counts."""
        return self.own.fresh(now) and self.view.state not in OUTSIDERS

    def repeats(self, message: Report | Holdings) -> bool:
        """Whether a message is no newer than one heard of the same run of the reporter."""
        started_at, sequence = self.run
        return message.started_at == started_at and message.sequence <= sequence


def view_of(report: Report, verdict: Verdict) -> NodeView:
    """What a report says of its node."""
    return NodeView(
        verdict=verdict,
        state=report.state,
        objection=report.objection,
        incarnation=report.incarnation,
        revision=report.revision,
        known_revision=report.known_revision,
        problem=report.problem,
        members=report.members,
        agreed=report.agreed,
        mature=report.mature,
        late=report.late,
        rings=report.rings,
        warnings=report.warnings,
        unhealthy=tuple((one.check, one.sentence) for one in report.unhealthy),
        refusals=tuple((one.vip, one.sentence) for one in report.cannot),
    )

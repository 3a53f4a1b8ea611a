"""Proposals as pages show them: states as badges, and what their reader can do."""

from dataclasses import dataclass
from typing import Any

from cluster_admin.configs.proposal_deciding import objection
from cluster_admin.configs.proposal_models import Proposal
from cluster_admin.dashboard.badges import Badge

State = Proposal.State
STATES: dict[str, Badge] = {
    State.OPEN: Badge("open", "info", "half", "it waits for another person"),
    State.APPROVED: Badge("approved", "good", "check", "another person had it committed"),
    State.REJECTED: Badge("rejected", "bad", "cross", "another person ended it"),
    State.WITHDRAWN: Badge("withdrawn", "muted", "out", "its author ended it"),
    State.FAILED: Badge("failed", "warn", "alert", "others had committed the same already"),
}
DEEDS = {
    "approve": ("Approve", "It is committed in its author's name, with yours in the message."),
    "reject": ("Reject", "It ends, and nothing is committed."),
    "withdraw": ("Withdraw", "It ends, and nothing is committed."),
}
"""Deed -> the word on its button, and what comes of it."""


@dataclass(frozen=True, slots=True)
class ProposalRow:
    """A proposal, ready to be shown."""

    row: Proposal
    deeds: tuple[str, ...]
    """What its reader can do now."""
    why_not: str
    """Why they cannot decide it; empty: they can, or nobody can any more."""

    @property
    def badge(self) -> Badge:
        """Its state."""
        return STATES[self.row.state]

    @property
    def places(self) -> str:
        """What it touches, in words."""
        return ", ".join(sorted(self.row.tops()))


def proposal_row(user: Any, row: Proposal) -> ProposalRow:
    """A proposal as a reader may see it."""
    if row.state != State.OPEN:
        return ProposalRow(row, (), "")
    why = objection(user, row)
    deeds = () if why else ("approve", "reject")
    return ProposalRow(row, (*deeds, *(("withdraw",) if user.pk == row.account_id else ())), why)

"""Decisions about proposals: another person approves or rejects, its author withdraws.

An approval commits the change in the author's name, with who approved in the message. Invariants:
nobody approves what they proposed; a proposal is decided once; what others committed since is never
overwritten unseen: a conflict leaves the proposal open. The commit has a key of the proposal, so
whatever dies between git and the rows, `settle` finds what was made.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from cluster_admin.accounts.models import User
from cluster_admin.accounts.roles import Role
from cluster_admin.accounts.services import EVERY, allowed
from cluster_admin.audit import services as audit
from cluster_admin.audit.actor import Actor
from cluster_admin.configs import index, scope, services
from cluster_admin.configs.authors import TRAILER
from cluster_admin.configs.models import Revision
from cluster_admin.configs.proposal_models import COMMENT_LENGTH, Proposal
from cluster_admin.configs.proposal_packing import unpack
from cluster_admin.configs.refusals import DeniedError
from cluster_admin.configs.services import Made
from cluster_admin.configs.submitting import account_of, approved
from cluster_admin.inventory.refusals import Refused
from workers.repository.core.changes import Changes
from workers.repository.core.paths import GLOBAL, PATH_BYTES
from workers.repository.errors import NothingChangedError

KEPT = timedelta(days=365)
DECIDED_MAX, DECIDED_BYTES = 5_000, 2 * 1024**3
"""So many decided ones are kept, with contents of so many bytes; the oldest go first."""
PRUNE_BATCH = 500
State = Proposal.State


def changes_of(proposal: Proposal) -> Changes:
    """What a proposal would change."""
    return unpack(bytes(proposal.packed))


def objection(user: User | None, proposal: Proposal) -> str:
    """Why a user may not approve or reject a proposal; empty when they may."""
    if user is None or user.pk == proposal.account_id or user.username == proposal.author:
        return f"{proposal} needs another person than {proposal.author}; ask an approver"
    for name in sorted(proposal.tops()):
        if not allowed(user, Role.APPROVER, EVERY if name == GLOBAL else name):
            where = "every subcluster" if name == GLOBAL else f"subcluster {name}"
            return f"deciding {proposal} needs the role approver of {where}; ask an administrator"
    return ""


def approve(actor: Actor, proposal: Proposal, comment: str = "") -> Made:
    """Commit a proposal as its author; raises what `services.commit` raises, and `DeniedError`.

    What another commit has done already ends as `failed`; any other refusal leaves it open.
    """
    try:
        with _held(proposal) as row:
            _refuse(objection(account_of(actor), row))
            changes = changes_of(row)
            author = _author(row, changes)
            _decide(row, actor, State.APPROVED, comment)
            made = services.commit(
                Actor(author.username),
                changes,
                approved(row.message, actor.name),
                base=row.base,
                key=row.key,
                add_segments=allowed(author, Role.ADMIN),
            )
            row.revision = made.head if made.revision is None else made.revision.number
            row.save(update_fields=["revision"])
    except NothingChangedError as error:
        with _held(proposal) as row:
            _decide(row, actor, State.FAILED, str(error))
        raise
    return made


def reject(actor: Actor, proposal: Proposal, comment: str = "") -> Proposal:
    """End a proposal, as whoever could approve it."""
    with _held(proposal) as row:
        _refuse(objection(account_of(actor), row))
        return _decide(row, actor, State.REJECTED, comment)


def withdraw(actor: Actor, proposal: Proposal, comment: str = "") -> Proposal:
    """End one's own proposal."""
    with _held(proposal) as row:
        user = account_of(actor)
        if user is None or user.pk != row.account_id:
            raise DeniedError(f"{row.author} alone withdraws {row}; reject it instead")
        return _decide(row, actor, State.WITHDRAWN, comment)


def settle() -> None:
    """Make proposals say what git says, where a death between the two left them open."""
    index.follow()
    waiting = Proposal.objects.filter(state=State.OPEN).values("key")
    for made in Revision.objects.filter(key__in=waiting):
        name = made.message.rpartition(f"{TRAILER}: ")[2].strip()
        Proposal.objects.filter(key=made.key, state=State.OPEN).update(
            state=State.APPROVED, decided_by=name, decided_at=made.at, revision=made.number
        )


def prune(now: datetime) -> None:
    """Delete what was decided long ago, and the oldest of what is too much, a batch at a time."""
    decided = Proposal.objects.exclude(state=State.OPEN)
    room, gone = DECIDED_BYTES, []
    rows = decided.order_by("-id").values_list("pk", "size", "files", "decided_at")
    for number, (pk, size, files, at) in enumerate(rows):
        room -= size + files * PATH_BYTES
        if room < 0 or number >= DECIDED_MAX or (at is not None and at < now - KEPT):
            gone.append(pk)
    Proposal.objects.filter(pk__in=gone[-PRUNE_BATCH:]).delete()


@contextmanager
def _held(proposal: Proposal) -> Iterator[Proposal]:
    """The proposal, open, while nobody else can decide it; raises `Refused`."""
    settle()
    with transaction.atomic():
        row = Proposal.objects.select_for_update().get(pk=proposal.pk)
        if row.state != State.OPEN:
            way = "see it, and propose anew if need be"
            raise Refused(f"{row} is {row.state} already, by {row.decided_by}; {way}")
        yield row


def _author(row: Proposal, changes: Changes) -> User:
    """The author, who has still to be one that may write all of it; `DeniedError`."""
    user = row.account if row.account and row.account.is_active else None
    needed = {scope.needed(path) for path in changes}
    if user is None or not all(allowed(user, role, place) for role, place in needed):
        raise DeniedError(f"{row.author} may not write all of {row} any more; propose it anew")
    return user


def _decide(row: Proposal, actor: Actor, state: Proposal.State, comment: str) -> Proposal:
    row.state, row.decided_by, row.decided_at = state, actor.name, timezone.now()
    row.comment = comment[:COMMENT_LENGTH]
    row.save(update_fields=["state", "decided_by", "decided_at", "comment"])
    tops = row.tops()
    audit.record(
        actor,
        WORDS[state],
        kind="proposal",
        object=str(row),
        subcluster=tops.pop() if len(tops) == 1 else "",
        reason=row.comment,
        before={"state": State.OPEN.value},
        after={"state": state.value, "author": row.author},
    )
    return row


def _refuse(why: str) -> None:
    if why:
        raise DeniedError(why)


WORDS = {
    State.APPROVED: "approve",
    State.REJECTED: "reject",
    State.WITHDRAWN: "withdraw",
    State.FAILED: "fail",
}
"""How the audit calls each end."""

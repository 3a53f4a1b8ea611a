"""Changes on their way to a commit: at once, or as a proposal that waits for another person.

Everything that people commit comes through `submit`, but for the merge of a node's history, which
ends a conflict at once (`conflict_merging`). Where the four-eyes rule holds for any place
that a change touches, nothing is committed: the change passes the same checks as a commit, and is
kept until somebody else decides (`proposal_deciding`). Who may write what is asked before.

Raises what `services.commit` raises; `DeniedError` for who may not pass the rule; the inventory's
`Refused` for a proposal that cannot be kept.
"""

import re
import uuid

from django.db import transaction
from django.utils import timezone

from cluster_admin.accounts.models import User
from cluster_admin.accounts.roles import Role
from cluster_admin.accounts.services import allowed
from cluster_admin.audit import services as audit
from cluster_admin.audit.actor import Actor
from cluster_admin.configs import index, services
from cluster_admin.configs.authors import TRAILER, refuse_claims
from cluster_admin.configs.proposal_models import USERNAME_LENGTH, Proposal, ProposalPlace
from cluster_admin.configs.proposal_packing import CONTENT_BYTES, pack, size_of
from cluster_admin.configs.proposal_rules import reviewed
from cluster_admin.configs.refusals import DeniedError
from cluster_admin.configs.services import Made
from cluster_admin.inventory.refusals import Refused
from workers.repository.core.changes import Changes

OPEN_MAX = 200
_TRAILERS = re.compile(r"(?:[A-Za-z][A-Za-z-]*+: .++\n?)+")


def submit(
    actor: Actor,
    changes: Changes,
    message: str,
    *,
    base: int,
    key: str = "",
    dry_run: bool = False,
    add_segments: bool = False,
    emergency: str = "",
) -> Made | Proposal:
    """Commit a change that was made to revision `base`, or propose it where the rule holds.

    The same key again gives what it made. `emergency`: why an administrator of every subcluster
    commits past the rule; the audit trail keeps it.
    """
    refuse_claims(message)
    guarded = reviewed(services.places(changes))
    if not guarded or dry_run:
        return services.commit(
            actor,
            changes,
            message,
            base=base,
            key=key,
            dry_run=dry_run,
            add_segments=add_segments,
        )
    if made := services.made_with(key):
        return made
    if emergency:
        return _past_the_rule(actor, changes, message, base, key, add_segments, emergency)
    return _propose(actor, changes, message, base, key, add_segments)


def propose(
    actor: Actor,
    changes: Changes,
    message: str,
    *,
    base: int,
    key: str = "",
    dry_run: bool = False,
    add_segments: bool = False,
) -> Made | Proposal:
    """Propose a change that was made to revision `base`, though no rule may ask for it."""
    refuse_claims(message)
    if dry_run:
        return services.commit(
            actor, changes, message, base=base, dry_run=True, add_segments=add_segments
        )
    return _propose(actor, changes, message, base, key, add_segments)


def approved(message: str, name: str) -> str:
    """A message that says who approved; other trailers at its end stay trailers."""
    text = message.replace("\r\n", "\n").strip()
    last = text.rpartition("\n\n")[2]
    gap = "\n" if last != text and _TRAILERS.fullmatch(last) else "\n\n"
    return f"{text}{gap}{TRAILER}: {name}"


def account_of(actor: Actor) -> User | None:
    """The account of an actor, if it may still do anything."""
    return User.objects.filter(username=actor.name, is_active=True).first()


def _past_the_rule(
    actor: Actor,
    changes: Changes,
    message: str,
    base: int,
    key: str,
    add_segments: bool,
    reason: str,
) -> Made:
    if not allowed(account_of(actor), Role.ADMIN):
        way = "propose the change, and have it approved"
        raise DeniedError(f"an emergency needs the role admin of every subcluster; {way}")
    with transaction.atomic():
        audit.record(
            actor,
            "emergency",
            kind="configuration",
            object=", ".join(sorted(services.places(changes))),
            reason=reason,
            after={"message": message, "files": len(changes)},
        )
        return services.commit(
            actor, changes, message, base=base, key=key, add_segments=add_segments
        )


def _propose(
    actor: Actor, changes: Changes, message: str, base: int, key: str, add_segments: bool
) -> Proposal:
    if found := _asked_before(actor, key):
        return found
    size = size_of(changes)
    if size > CONTENT_BYTES:
        way = "divide the change"
        raise Refused(f"a proposal has at most {CONTENT_BYTES} bytes, this one {size}; {way}")
    # As it would be committed with the longest name.
    tried = approved(message, "x" * USERNAME_LENGTH)
    services.commit(actor, changes, tried, base=base, dry_run=True, add_segments=add_segments)
    packed, places = pack(changes), sorted(services.places(changes))
    with transaction.atomic():
        index.lock()
        if found := _asked_before(actor, key):
            return found
        if Proposal.objects.filter(state=Proposal.State.OPEN).count() >= OPEN_MAX:
            way = "decide or withdraw some: muster config proposals"
            raise Refused(f"{OPEN_MAX} proposals are open; {way}")
        row = Proposal.objects.create(
            author=actor.name,
            account=account_of(actor),
            message=message,
            base=base,
            packed=packed,
            files=len(changes),
            size=size,
            created_at=timezone.now(),
            key=f"proposal-{uuid.uuid4().hex}",
            asked_key=key,
        )
        ProposalPlace.objects.bulk_create(ProposalPlace(proposal=row, name=one) for one in places)
        audit.record(
            actor,
            "propose",
            kind="proposal",
            object=str(row),
            subcluster=places[0] if len(places) == 1 else "",
            reason=message,
            after={"paths": sorted(changes)[: services.SHOWN_PATHS], "files": len(changes)},
        )
    return row


def _asked_before(actor: Actor, key: str) -> Proposal | None:
    return Proposal.objects.filter(author=actor.name, asked_key=key).first() if key else None

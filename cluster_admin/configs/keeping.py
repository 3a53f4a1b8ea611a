"""Keeps the inventory's definitions files in the configuration repository: `inventory.keepers`.

A change of definitions is a commit by whoever made it, and the last thing in its transaction.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import transaction
from django.utils import timezone

from cluster_admin.audit.actor import Actor
from cluster_admin.configs import announcements, conflicts, index, members
from cluster_admin.configs.authors import author_of, message_of
from cluster_admin.configs.checking import Check
from cluster_admin.configs.models import Revision
from cluster_admin.configs.proposal_rules import guards_definitions, is_wish
from cluster_admin.configs.refusals import Refused
from cluster_admin.configs.store import repository
from cluster_admin.inventory import repository as definitions
from cluster_admin.inventory.definitions import read
from cluster_admin.inventory.models import Subcluster
from cluster_admin.inventory.refusals import Refused as NotMade
from workers.config.errors import ConfigError
from workers.repository.committing import Proposal
from workers.repository.core.changes import Changes, Entry
from workers.repository.core.paths import GLOBAL
from workers.repository.errors import NothingChangedError, RepositoryError


def follow() -> None:
    """Make the rows say what git says."""
    with _told():
        index.follow()


def keep(
    subcluster: Subcluster, text: str, actor: Actor, comment: str, dry_run: bool = False
) -> None:
    """Commit a definitions file, or only ask whether it may be; `NotMade` when it is refused."""
    with _told():
        conflicts.refuse_commits()
    if guards_definitions(subcluster.name) and not _is_wish(subcluster.name, text):
        raise NotMade(_unreviewed(subcluster.name))
    _keep(subcluster, text, actor, comment, dry_run)


def _keep(
    subcluster: Subcluster, text: str, actor: Actor, comment: str, dry_run: bool = False
) -> None:
    name = subcluster.name
    if name == GLOBAL:
        raise NotMade(members.reserved_refusal(name))
    message = message_of(comment, f"{name}: definitions {subcluster.revision}")
    with _told():
        _commit({members.path_of(name): Entry(text.encode())}, actor, message, dry_run)


def adopt(actor: Actor) -> list[str]:
    """Commit the definitions of which git has no file yet, or an older one; whose they are.

    As of a Muster without repository, and of one that was restored from an older replica: nodes
    never go back, so what it says has a higher number here. Raises `NotMade`.
    """
    adopted = []
    for row in Subcluster.objects.filter(revision__gt=0):
        with _told():
            if _kept_revision(row.name) >= row.revision:
                continue
        with transaction.atomic():
            row = Subcluster.objects.select_for_update().get(pk=row.pk)
            if text := definitions.newest_text(row):
                _keep(row, text, actor, f"{row.name}: taken over as they are")
                adopted.append(row.name)
    return adopted


def _kept_revision(subcluster: str) -> int:
    """Which revision of a subcluster's definitions git has; 0: none."""
    file = repository().tree(index.follow()).get(members.path_of(subcluster))
    if file is None:
        return 0
    return members.revision_of(repository().content(file.blob).decode("utf-8", "replace"))


def drop(subcluster: str, actor: Actor, reason: str) -> None:
    """Take a subcluster's definitions file away; its other files stay, and reach no node."""
    with _told():
        conflicts.refuse_commits()
    path = members.path_of(subcluster)
    with _told():
        if path in repository().tree(index.follow()):
            message = message_of(reason, f"{subcluster}: the subcluster is removed")
            _commit({path: None}, actor, message)


def _is_wish(name: str, text: str) -> bool:
    """Whether a file says of nodes alone what operators want of them, and nothing else anew."""
    with _told():
        store = repository()
        tree = store.tree(index.follow())
        old = members.definitions_in(tree, store.content, name)
    return is_wish(old, read(text, members.path_of(name)))


def _unreviewed(name: str) -> str:
    way = f"write it into {members.path_of(name)}, and commit that: it becomes a proposal"
    return f"definitions of {name} change by approved proposals alone; {way}"


def _commit(changes: Changes, actor: Actor, message: str, dry_run: bool = False) -> None:
    name, email = author_of(actor)
    check = Check()
    proposal = Proposal(changes, name, email, message, timezone.now(), check=check)
    index.lock()
    newest = Revision.objects.order_by("-number").values_list("number", flat=True).first() or 0
    try:
        if dry_run:
            check(repository().candidate(newest, proposal))
            return
        made = repository().commit(newest, proposal)
    except NothingChangedError:
        return  # a death had kept it, and left the rows behind
    index.add(made)
    announcements.announce(made.number)


@contextmanager
def _told() -> Iterator[None]:
    """Say what is wrong as the inventory says it."""
    try:
        yield
    except Refused as refused:
        raise NotMade(refused.sentence) from refused
    except (RepositoryError, ConfigError) as error:
        raise NotMade(str(error)) from error

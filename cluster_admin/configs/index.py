"""The rows that say what git says: revisions, and the definitions of the newest one.

Git is the truth. A commit moves git last within the transaction that writes its rows, so a death in
between leaves git ahead; `follow` puts that right before anything else is done. Rows that are ahead
of git mean that the repository was lost: that is told, never papered over.
"""

import logging
from collections.abc import Iterator

from django.db import connection, transaction
from django.db.models import Q

from cluster_admin.audit import services as audit
from cluster_admin.audit.actor import SYSTEM, Actor
from cluster_admin.configs import members
from cluster_admin.configs.models import Revision
from cluster_admin.configs.store import repository
from cluster_admin.inventory import repository as definitions
from cluster_admin.inventory import services as inventory
from cluster_admin.inventory.models import Subcluster
from workers.repository.errors import RepositoryError
from workers.repository.history import Revision as Kept
from workers.repository.repository import LOG_LIMIT
from workers.repository.trees import Listing

LOCK = 0x6D757374
"""Of PostgreSQL, held by whoever moves git or repairs rows. SQLite has one writer anyway."""
TOLD_MAX = 100
"""More revisions than these that were not known are a new index, not the work of a dead process."""
BATCH = 500
log = logging.getLogger("muster.configs")


class LostError(RepositoryError):
    """The repository has less than the index knows of."""


def lock() -> None:
    """Within a transaction: until its end nobody else moves git or repairs rows."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])


def follow() -> int:
    """Make the rows say what git says, if they do not; the newest revision's number.

    Cheap when they do. Raises `RepositoryError`; `LostError` when git is behind.
    """
    head = repository().head()
    if _agrees(head):
        return 0 if head is None else head.number
    with transaction.atomic():
        lock_all()
        head = repository().head()
        if not _agrees(head):
            _refuse_loss(head)
            _repair(head)
    return 0 if head is None else head.number


def rebuild() -> int:
    """Write all rows anew from git, whatever they say; the newest revision's number."""
    with transaction.atomic():
        lock_all()
        head = repository().head()
        Revision.objects.all().delete()
        _repair(head)
        if head is not None:
            _load_history(head)
    return 0 if head is None else head.number


def add(found: Kept) -> Revision:
    """The row of a revision that was made just now; in the transaction that holds `lock`."""
    row = _row(found)
    row.save(force_insert=True)
    return row


def _agrees(head: Kept | None) -> bool:
    newest = Revision.objects.order_by("-number").values_list("number", "commit").first()
    if head is None or newest is None:
        return head is None and newest is None
    return newest == (head.number, head.hash) and Revision.objects.count() == head.number


def lock_all() -> None:
    """Within a transaction: the same, and nobody else changes definitions either."""
    list(Subcluster.objects.select_for_update().order_by("name").values_list("pk"))
    lock()


def _refuse_loss(head: Kept | None) -> None:
    newest = Revision.objects.order_by("-number").first()
    at = 0 if head is None else head.number
    # A history that was given up by somebody's word is no loss, and may have been the longer one.
    if newest is None or newest.number <= at:
        return
    if not repository().beside.is_given_up(newest.commit):
        raise LostError(
            f"{repository().directory} is at r{at}, and r{newest.number} is known here: revisions "
            "were lost; restore it from a node's replica, or take it as it is: manage.py reindex"
        )


def _repair(head: Kept | None) -> None:
    """Add the rows that are missing, and take away those of another history."""
    at = 0 if head is None else head.number
    known = dict(Revision.objects.values_list("number", "commit"))
    missing: list[Kept] = []
    before = None
    while head is not None:
        page = repository().log(LOG_LIMIT, before)
        missing += [one for one in page if known.get(one.number) != one.hash]
        if not page or page[-1].number == 1:
            break
        before = page[-1].number
    stale = Q(number__in=[one.number for one in missing])
    Revision.objects.filter(stale | Q(number__gt=at)).delete()
    rows = [_row(one) for one in reversed(missing)]
    Revision.objects.bulk_create(rows, batch_size=BATCH)
    log.warning("%s revisions were not in the index, and are now", len(missing))
    if len(missing) <= TOLD_MAX:
        for one in reversed(missing):
            audit.record(Actor(one.name), "commit", kind="configuration", object=f"r{one.number}")
    if head is not None:
        since = min((one.number for one in missing), default=head.number) - 1
        _load_definitions(head, since)


def _load_definitions(head: Kept, since: int) -> None:
    """Make the rows of the subclusters say what the files of the newest revision say."""
    tree = repository().tree(head.number)
    for name in members.subclusters(tree):
        _load(name, tree, head)
    gone = set(members.subclusters(repository().tree(since))) - set(members.subclusters(tree))
    for row in Subcluster.objects.filter(name__in=gone):
        try:
            inventory.remove_subcluster(row, SYSTEM, f"removed in r{head.number}", kept=False)
        except inventory.Refused as refused:
            log.warning("subcluster %s stays: %s", row.name, refused.sentence)


def _load(name: str, tree: Listing, head: Kept) -> None:
    text = repository().content(tree[members.path_of(name)].blob).decode("utf-8", "replace")
    row, _ = Subcluster.objects.get_or_create(name=name)
    if definitions.newest_text(row) == text:
        return
    [made] = repository().log(1, path=members.path_of(name))
    why = f"as r{head.number} says"
    try:
        with transaction.atomic():
            actor = Actor(made.name)
            inventory.import_text(row, text, actor, why, add_segments=True, kept=False)
            if definitions.newest_text(row) == text:
                definitions.restore(row, row.revision, text, made.name, made.message, made.when)
    except inventory.Refused as refused:
        log.error("definitions of %s were not taken over: %s", name, refused.sentence)


def _load_history(head: Kept) -> None:
    """Add the older definitions files that a subcluster's own list of revisions lacks."""
    for name in members.subclusters(repository().tree(head.number)):
        row = Subcluster.objects.get(name=name)
        have = set(row.revisions.values_list("number", flat=True))
        for one, text in _files(members.path_of(name)):
            number = members.revision_of(text)
            if 0 < number < row.revision and number not in have:
                have.add(number)
                definitions.restore(row, number, text, one.name, one.message, one.when)


def _files(path: str) -> Iterator[tuple[Kept, str]]:
    """Every revision that changed a definitions file, the newest first, with its text."""
    before = None
    while page := repository().log(LOG_LIMIT, before, path):
        for one in page:
            file = repository().tree(one.number).get(path)
            if file is not None:
                yield one, repository().content(file.blob).decode("utf-8", "replace")
        before = page[-1].number


def _row(found: Kept) -> Revision:
    return Revision(
        number=found.number,
        commit=found.hash,
        author=found.name,
        email=found.email,
        message=found.message,
        at=found.when,
        key=found.key,
    )

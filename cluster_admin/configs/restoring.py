"""A lost manager's repository, index and definitions, made anew from replicas of nodes.

    restore([Source("mta1", "root@mta1:/var/lib/muster/node/config.git")], now, tell)

The newest of the replicas is taken; all others must be its beginning. Each step may be the last
that a process does: whoever repeats it gets there. Invariant: nothing that was here and that the
replica lacks goes away unless it is forced, and then it is kept beside. What is in the database
alone (accounts, tokens, audit, history, which revision is deployed) comes from no replica:
subclusters whose nodes were not known here are held at what they run until somebody deploys.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.db import connection, transaction

from cluster_admin.audit import services as audit
from cluster_admin.audit.actor import Actor
from cluster_admin.configs import index, keeping, members, ownership, store
from cluster_admin.configs.addresses import Source
from cluster_admin.configs.models import Deployment, Revision
from cluster_admin.configs.refusals import Refused
from cluster_admin.inventory import repository as definitions
from cluster_admin.inventory.models import Node, Subcluster
from workers.repository import fetching, replacing
from workers.repository.core.lineage import Split, newest
from workers.repository.errors import DamagedError, RepositoryError
from workers.repository.history import Revision as Kept
from workers.repository.replacing import Replacement
from workers.repository.repository import Repository

ACTOR = Actor("restore")
Tell = Callable[[str], None]
_FORCE = "name a node that has them, or say --force: what is here is kept beside"


@dataclass(frozen=True, slots=True)
class Restored:
    """What was restored, or would be."""

    source: Source
    revision: Kept
    kept: Path | None = None
    """Where what was here before is."""
    accounts: int = 0
    """How many there are; they come from no replica."""
    held: tuple[str, ...] = ()
    """Subclusters that stay at what they run until somebody deploys."""
    troubles: tuple[str, ...] = ()
    """Definitions that the rows could not be made to say, a sentence each."""


class RestoreRefused(Exception):
    """Nothing was done; the text says why, and what to do."""


def restore(
    sources: Sequence[Source],
    now: datetime,
    tell: Tell,
    *,
    force: bool = False,
    dry_run: bool = False,
) -> Restored:
    """Restore from the newest of these replicas; `tell` is told of each step before it is done.

    Raises `RestoreRefused`, and the `RepositoryError`s of fetching and replacing.
    """
    place = Path(settings.MUSTER_REPOSITORY_DIRECTORY).resolve()
    if not place.parent.is_dir():
        way = "muster manager init --bare makes it"
        raise RestoreRefused(f"{place.parent} is not there; {way}")
    with replacing.replacement(place) as replacement:
        source, commits = _fetched(replacement, sources, tell)
        ownership.become_owner(place.parent, replacement.files)
        head = _checked(replacement.room, source)
        lacks = [*_lacks_of_repository(replacement, commits), *_lacks_of_index(commits)]
        if lacks and not force:
            told = f"{source.name} has r{head.number}, and lacks {'; '.join(lacks)}"
            raise RestoreRefused(f"{told}; {_FORCE}")
        for one in lacks:
            tell(f"given up: {one}")
        if dry_run:
            return Restored(source, head)
        tell(f"putting r{head.number} in place: {place}")
        kept = replacement.swap(now, frozenset(commits), keep=bool(lacks))
    store.forget()
    tell("making the tables")
    call_command("migrate", interactive=False, verbosity=0)
    tell("making the rows of revisions and definitions")
    held = _rebuild(source, head)
    accounts = get_user_model().objects.count()
    return Restored(source, head, kept, accounts, held, tuple(_troubles(head)))


def _fetched(
    replacement: Replacement, sources: Sequence[Source], tell: Tell
) -> tuple[Source, list[str]]:
    """Fetch all, and settle on the newest; it and its commits from r1."""
    Repository.create(replacement.room).close()
    histories: dict[str, list[str]] = {}
    for source in sources:
        tell(f"fetching {source.name}: {source.address}")
        found = fetching.fetch(replacement.room, source.address, keep=(replacement.lock,))
        histories[source.name] = found
        tell(f"{source.name} has r{len(found)}")
    chosen = newest(histories)
    if isinstance(chosen, Split):
        raise RestoreRefused(_split(chosen, histories))
    tell(f"checking r{len(histories[chosen])} of {chosen}")
    fetching.settle_on(replacement.room, histories[chosen][-1])
    return next(one for one in sources if one.name == chosen), histories[chosen]


def _split(found: Split, histories: dict[str, list[str]]) -> str:
    ends = " and ".join(
        f"{name} has r{len(histories[name])} ({histories[name][-1][:12]})"
        for name in (found.one, found.other)
    )
    since = f"since r{found.common}" if found.common else "from the start"
    return f"{ends}, which differ {since}; name only those whose history counts"


def _checked(room: Path, source: Source) -> Kept:
    """The newest revision, of which every file can be listed, and which is of this cluster."""
    repository = Repository.open(room)
    try:
        head = repository.head()
        if head is None:
            raise DamagedError(f"{room}: main is not there; run it again")
        tree = repository.tree(head.number)
        for name in members.subclusters(tree):
            try:
                found = members.definitions_in(tree, repository.content, name)
            except Refused:
                continue  # told afterwards: nodes act on what they have
            if found is not None and found.cluster != settings.MUSTER_CLUSTER:
                raise RestoreRefused(
                    f"{source.name} is of cluster {found.cluster}, this manager of "
                    f"{settings.MUSTER_CLUSTER}; name another node, or correct MUSTER_CLUSTER"
                )
        return head
    finally:
        repository.close()


def _lacks_of_repository(replacement: Replacement, commits: list[str]) -> list[str]:
    """What the repository that is here has more than the replica."""
    place = replacement.place
    try:
        names = replacement.missing(frozenset(commits))
    except RepositoryError:
        return [f"what is in {place}, which cannot be read"]
    return [f"what {name} is at in {place}" for name in names]


def _lacks_of_index(commits: list[str]) -> list[str]:
    """What the rows that are here know more than the replica; there may be no rows yet."""
    name = str(connection.settings_dict["NAME"])
    if connection.vendor == "sqlite" and not Path(name).exists():
        return []
    if Revision._meta.db_table not in connection.introspection.table_names():
        return []
    rows = Revision.objects.order_by("-number")
    newest_row = rows.first()
    if newest_row is None or commits[newest_row.number - 1 :][:1] == [newest_row.commit]:
        return []
    return [f"r{newest_row.number} ({newest_row.commit[:12]}), which the database knows"]


def _rebuild(source: Source, head: Kept) -> tuple[str, ...]:
    """Make the rows say what git says; the subclusters that are held."""
    with transaction.atomic():
        known = set(Node.objects.values_list("subcluster__name", flat=True))
        index.rebuild()
        names = Subcluster.objects.exclude(name__in=known).filter(deployment=None)
        held = tuple(names.order_by("name").values_list("name", flat=True))
        for row in Subcluster.objects.filter(name__in=held):
            Deployment.objects.create(subcluster=row, mode=Deployment.Mode.MANUAL)
        audit.record(
            ACTOR,
            "restore",
            kind="configuration",
            object=f"r{head.number}",
            after={"from": source.name, "commit": head.hash, "held": list(held)},
        )
    keeping.adopt(ACTOR)
    return held


def _troubles(head: Kept) -> list[str]:
    """Which definitions of the newest revision are not what the rows say."""
    repository = store.repository()
    now = repository.head()
    tree = repository.tree(now.number if now else head.number)
    found = []
    for name in members.subclusters(tree):
        text = repository.content(tree[members.path_of(name)].blob).decode("utf-8", "replace")
        row = Subcluster.objects.filter(name=name).first()
        if row is None or definitions.newest_text(row) != text:
            way = f"import it: muster subcluster definitions {name} --import FILE"
            found.append(f"{members.path_of(name)} was not taken over; {way}")
    return found

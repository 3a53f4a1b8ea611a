"""Changes made of what there is: a revision taken back, a directory copied, a change rebased.

For whoever shows a change before it is committed, and after a conflict: nothing is committed here.
"""

from django.utils import timezone

from cluster_admin.configs import index
from cluster_admin.configs.places import Plan, entries, holds, mirrored
from cluster_admin.configs.refusals import Problem, Refused
from cluster_admin.configs.store import repository
from workers.repository.committing import Proposal
from workers.repository.core.changes import Changes, Entry
from workers.repository.errors import NothingChangedError

NOBODY = "nobody"


def taken_back(number: int) -> Changes:
    """The change of revision `number` that takes it back; `UnknownRevisionError`."""
    store = repository()
    store.revision(number)
    before, after = store.tree(number - 1), store.tree(number)
    return {
        path: None
        if path not in before
        else Entry(store.content(before[path].blob), before[path].executable)
        for path in sorted(before.keys() | after.keys())
        if before.get(path) != after.get(path)
    }


def revert_of(number: int, message: str = "") -> Plan:
    """Taking back what revision `number` changed; lines that were changed since conflict."""
    title = repository().revision(number).message.partition("\n")[0]
    message = message or f"Take back r{number}: {title}"
    return Plan(number, number, taken_back(number), message)


def copy_of(source: str, target: str, *, merge: bool = False, message: str = "") -> Plan:
    """Making the directory `target` what `source` is; `merge`: keeping what only `target` has.

    Definitions files are not copied: they name their subcluster. Raises `Refused` where there is
    nothing to copy, and `NothingChangedError` when they are the same.
    """
    base = index.follow()
    tree = repository().tree(base)
    source, target = source.strip("/"), target.strip("/")
    if not holds(tree, source):
        raise Refused([Problem(source, 0, "", "has no files; name a directory that has some")])
    wanted = mirrored(tree, tree, source, target, merge=merge)
    if not wanted:
        raise NothingChangedError(f"{target} is as {source} already; there is nothing to commit")
    message = message or f"{'Merge' if merge else 'Copy'} {source} to {target}"
    return Plan(base, base, entries(wanted, repository().content), message)


def on_newest(base: int, changes: Changes) -> tuple[int, Changes]:
    """The newest revision, and what is left to do to it of a change that was made to `base`.

    Files that others changed too are merged; raises what `Repository.commit` raises.
    """
    return rebased(base, Proposal(changes, NOBODY, f"{NOBODY}@localhost", NOBODY, timezone.now()))


def rebased(base: int, proposal: Proposal) -> tuple[int, Changes]:
    """The same of a proposal, checked as it says."""
    store = repository()
    try:
        candidate = store.candidate(base, proposal)
    except NothingChangedError:
        head = store.head()
        return 0 if head is None else head.number, {}
    return candidate.number - 1, candidate.changes

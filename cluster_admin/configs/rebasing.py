"""Changes that are made of others: taking a revision back, and going on from the newest one.

For whoever shows a change before it is committed, and after a conflict: nothing is committed here.
"""

from django.utils import timezone

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

"""Who is told of a new revision, once it is in git and in the database: those that send it on.

Telling is a hint that comes at once; whoever misses it looks at the index. Invariant: nothing here
fails a commit, and those told do their work elsewhere and at once return.
"""

import logging
from collections.abc import Callable
from functools import partial

from django.db import transaction

Told = Callable[[int], None]
"""Is given the newest revision's number."""

log = logging.getLogger("muster.configs")
_told: list[Told] = []


def tell_of_revisions(one: Told) -> None:
    """Have `one` called after each commit."""
    if one not in _told:
        _told.append(one)


def announce(number: int) -> None:
    """Tell of a revision when the transaction has been committed; not if it is rolled back."""
    for one in _told:
        transaction.on_commit(partial(one, number), robust=True)

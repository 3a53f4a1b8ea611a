"""The history of a file or directory, on into what its subcluster was copied from.

Where the revisions that changed a path end with one that copied a subcluster, those of the same
path there come next, up to the revision that was copied. Nothing that a path's own history has is
left out, and each step leads to older revisions, so that it ends whatever messages claim.
"""

from collections.abc import Callable
from dataclasses import dataclass

from cluster_admin.configs.places import origin_of, path_before
from cluster_admin.configs.store import repository
from workers.repository.history import Revision
from workers.repository.repository import LOG_LIMIT


@dataclass(frozen=True, slots=True)
class Step:
    """A revision that changed the file or directory, and where it was then."""

    path: str
    revision: Revision


def history(path: str, limit: int, before: int | None, may: Callable[[str], bool]) -> list[Step]:
    """At most `limit` steps, the newest first, of revisions numbered below `before` (None: all).

    `may` says of a path whether its history may be told. Whoever wants to go on after the last step
    asks for one more, and later for that one: its path, and its number + 1 as `before`.
    """
    found: list[Step] = []
    own = True
    while len(found) < limit:
        rows = _log(path, limit - len(found), before)
        found += [Step(path, one) for one in rows]
        if len(found) >= limit:
            break
        oldest = rows[-1] if rows else _oldest(path) if own else None
        origin = None if oldest is None else origin_of(oldest.message)
        if oldest is None or origin is None or origin.revision >= oldest.number:
            break
        path, own = path_before(path, origin), False
        if not path or not may(path):
            break
        before = min(origin.revision + 1, before or oldest.number)
    return found


def _log(path: str, limit: int, before: int | None) -> list[Revision]:
    """Of one path alone, however many are asked for."""
    found: list[Revision] = []
    while len(found) < limit:
        asked = min(limit - len(found), LOG_LIMIT)
        rows = repository().log(asked, before, path)
        found += rows
        if len(rows) < asked:
            break
        before = rows[-1].number
    return found


def _oldest(path: str) -> Revision | None:
    """The first revision that changed a path; None: none did."""
    found: Revision | None = None
    while True:
        rows = repository().log(LOG_LIMIT, found.number if found else None, path)
        found = rows[-1] if rows else found
        if len(rows) < LOG_LIMIT:
            return found

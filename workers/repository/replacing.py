"""One repository in the place of another: made whole beside it, then put there by renames.

Invariants: what stands in the place is the old repository or the new one, or for an instant, and
after a death in it, nothing. Whoever comes next puts an old one back that was not to be kept; one
that was is beside already, under its name. Nothing that the new one lacks goes away: it is kept
beside, under a name with the time.
"""

import contextlib
import shutil
from collections.abc import Collection, Iterator
from datetime import datetime
from pathlib import Path

import pygit2

from workers.files import durable
from workers.repository import storage
from workers.repository.errors import BusyError, StorageError
from workers.repository.lock import WriteLock, locked
from workers.repository.storage import MAIN, told

WAIT_SECONDS = 5.0


class Replacement:
    """A place, and room beside it for what shall stand there; see `replacement`."""

    def __init__(self, place: Path, lock: int) -> None:
        self.place = place
        self.lock = lock
        """A descriptor; children that inherit it keep others out as long as they live."""
        self.room = place.with_name(f"{place.name}.restoring")
        """Where the new one is made."""
        self._old = place.with_name(f"{place.name}.replaced")

    @property
    def files(self) -> Iterator[Path]:
        """All that was made beside the place."""
        yield lock_of(self.place)
        yield self.room
        yield from self.room.rglob("*")

    def begin(self) -> None:
        """Clear away what a dead process left, and put back what it had moved."""
        with told(self.place):
            if self._old.exists() and not self.place.exists():
                durable.rename(self._old, self.place)
            for leftover in (self._old, self.room):
                if leftover.exists():
                    shutil.rmtree(leftover)

    def drop(self) -> None:
        """Leave the place as it is."""
        shutil.rmtree(self.room, ignore_errors=True)

    def missing(self, commits: Collection[str]) -> list[str]:
        """What of the old repository is not among these: the names of its references.

        The newest revision is named `main`. Nothing of its objects is read, so they may be damaged.
        Raises `RepositoryError` when there is something else, or it cannot be read.
        """
        with told(self.place):
            if not self.place.exists() or not any(self.place.iterdir()):
                return []
            git = storage.reopen(self.place)
            try:
                names = [n for n in git.references if _target(git, n) not in commits]
            finally:
                git.free()
        return ["main" if name == MAIN else name for name in names]

    def swap(self, now: datetime, commits: Collection[str], *, keep: bool) -> Path | None:
        """Put the new one, which has `commits`, in the place of the old; where that is kept, if so.

        Raises `BusyError` when there is more in an old one that is not to be kept: somebody writes.
        """
        kept = self._kept(now) if keep and self.place.exists() else None
        with told(self.place), self._nobody_writes():
            if not keep and self.missing(commits):
                way = "stop the manager's services, and run it again"
                raise BusyError(f"{self.place} was written to meanwhile; {way}")
            durable.settle_all(self.room)
            if self.place.exists():
                durable.rename(self.place, kept or self._old)
            try:
                self.room.rename(self.place)
            except OSError as error:  # somebody made an empty one meanwhile
                way = "stop the manager's services, and run it again"
                raise StorageError(f"{self.place}: {error.strerror}; {way}") from error
            durable.settle(self.place.parent)
            if self._old.exists():
                shutil.rmtree(self._old)
        return kept

    def _kept(self, now: datetime) -> Path:
        name = f"{self.place.name}.before-{now:%Y%m%dT%H%M%SZ}"
        count, path = 1, self.place.with_name(name)
        while path.exists():
            count += 1
            path = self.place.with_name(f"{name}-{count}")
        return path

    @contextlib.contextmanager
    def _nobody_writes(self) -> Iterator[None]:
        """Hold the lock of the old one, so that no commit goes on in what is moved away."""
        if not (self.place / "objects").is_dir():
            yield
            return
        with WriteLock(self.place).held(WAIT_SECONDS):
            yield


@contextlib.contextmanager
def replacement(place: Path) -> Iterator[Replacement]:
    """Room beside a place, for one process at a time; whatever is left there goes at the end.

    Raises `BusyError` while another is at it, `StorageError`.
    """
    place = place.absolute()
    with contextlib.ExitStack() as stack:
        try:
            lock = stack.enter_context(locked(lock_of(place), WAIT_SECONDS))
        except BusyError:
            way = "wait for its end"
            raise BusyError(f"{place} is being restored by another process; {way}") from None
        except OSError as error:
            raise StorageError(f"{error.filename}: {error.strerror}; correct that") from error
        made = Replacement(place, lock)
        made.begin()
        try:
            yield made
        finally:
            made.drop()


def lock_of(place: Path) -> Path:
    """The file that keeps two from restoring at once; it stays."""
    return place.with_name(f"{place.name}.restoring.lock")


def _target(git: pygit2.Repository, name: str) -> str:
    return str(git.references[name].resolve().target)

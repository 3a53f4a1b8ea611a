"""Whole histories on other hosts: packs of what a replica lacks, made here and taken in there.

A pack is received beside the repository, and checked there: that it is whole and sound, that its
revisions follow the replica's newest one, that nothing they need is missing. Only then its files
are moved in, and then the branch. Invariants: a death at any instant leaves the old or the new
newest revision, whole; a pack that is refused leaves nothing.
"""

import contextlib
import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pygit2

from workers.files import durable
from workers.repository import storage
from workers.repository.errors import (
    DamagedError,
    DivergedError,
    OutOfStepError,
    PackRefusedError,
    StorageError,
)
from workers.repository.executable import GitFailedError, run
from workers.repository.ground import Ground
from workers.repository.history import walk_back
from workers.repository.lock import INCOMING
from workers.repository.trees import list_tree

PACK_BYTES = 4 * 1024 * 1024 * 1024
"""The largest pack that is taken in."""
_SUFFIXES = (".pack", ".rev", ".idx")
"""The files of a pack in the order in which they are moved in: readers look for the last."""

_DISK = tuple(map(os.strerror, (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS)))
"""What the disk is to blame for, as git says it."""


def write_pack(
    directory: Path, have: pygit2.Oid | None, want: pygit2.Oid, output: IO[bytes] | None = None
) -> bytes:
    """A pack of what leads from `have` (None: nothing) to `want`, into a file if one is given."""
    wanted = f"{want}\n" + ("" if have is None else f"^{have}\n")
    words = ("pack-objects", "--revs", "--thin", "--stdout", "--delta-base-offset", "-q")
    try:
        return run(directory, *words, data=wanted.encode(), output=output)
    except GitFailedError as error:
        way = "run git fsck there, or fetch a whole copy from a replica"
        raise DamagedError(f"{directory}: no pack can be made: {error}; {way}") from None


class Receiver(Ground):
    """Takes packs in for one repository."""

    def receive(self, pack: bytes | IO[bytes], old: pygit2.Oid | None, new: pygit2.Oid) -> None:
        """Take in the pack that leads from `old` to `new`, and move the branch there."""
        with self._lock.held():
            head = self._history.follow()
            if self._history.number_of(new) is not None:
                return
            if head != old:
                way = "ask for a pack since that"
                here = head or "empty"
                raise OutOfStepError(f"the pack is for {old or 'nothing'}, this is {here}; {way}")
            self.bring(pack, old, new, follows=True)
            if not self._head.move(old, new):
                raise OutOfStepError(f"{self._directory}: main was moved meanwhile; try again")
            self._history.follow()

    def bring(
        self, pack: bytes | IO[bytes], since: pygit2.Oid | None, new: pygit2.Oid, *, follows: bool
    ) -> None:
        """Take in what leads from `since` to `new`, and leave the branch; under the write lock.

        `follows`: refuse what does not continue `since` itself.
        """
        with self._incoming() as objects:
            self._unpack(pack, objects)
            self._check(objects, since, new, follows)
            self._move_in(objects / "pack")

    @contextlib.contextmanager
    def _incoming(self) -> Iterator[Path]:
        """A directory for objects that also sees those of the repository."""
        objects = Path(tempfile.mkdtemp(prefix=INCOMING, dir=self._directory))
        try:
            for name in ("info", "pack"):
                objects.joinpath(name).mkdir()
            objects.joinpath("info", "alternates").write_text("../objects\n", "ascii")
            yield objects
        finally:
            shutil.rmtree(objects, ignore_errors=True)

    def _unpack(self, pack: bytes | IO[bytes], objects: Path) -> None:
        words = ("index-pack", "--stdin", "--fix-thin", "--strict")
        try:
            run(
                self._directory,
                *words,
                f"--max-input-size={PACK_BYTES}",
                data=pack,
                objects=objects,
            )
        except GitFailedError as error:
            if any(reason in str(error) for reason in _DISK):
                way = "make room, and ask for the pack again"
                raise StorageError(f"{self._directory}: {error}; {way}") from None
            raise _refused(str(error)) from None

    def _check(self, objects: Path, old: pygit2.Oid | None, new: pygit2.Oid, follows: bool) -> None:
        """Refuse what does not follow `old`, if it shall, or is not whole."""
        git = storage.reopen(self._directory)
        try:
            git.odb.add_disk_alternate(str(objects))
            *_, (first, _) = walk_back(git, new, self._history.numbers())
            continues = not first.parent_ids if old is None else first.parent_ids == [old]
            if follows and not continues:
                at = f"r{len(self._history)}" if old else "nothing"
                way = "see which history counts, and let the other replicas follow it"
                raise DivergedError(f"{new} does not follow {at} ({old}) of this replica; {way}")
            list_tree(git, git[new].peel(pygit2.Commit).tree_id)
        except DamagedError as error:
            raise _refused(str(error)) from error
        except (KeyError, pygit2.GitError) as error:
            raise _refused(f"{error} is missing") from error
        finally:
            git.free()
        words = ("rev-list", "--objects", "--quiet", str(new), *([f"^{old}"] if old else []))
        try:
            run(self._directory, *words, objects=objects)
        except GitFailedError as error:
            raise _refused(str(error)) from None

    def _move_in(self, received: Path) -> None:
        """Make the pack part of the repository, durably."""
        there = self._directory / "objects" / "pack"
        for suffix in _SUFFIXES:
            for file in received.glob(f"pack-*{suffix}"):
                durable.settle_file(file)
                file.replace(there / file.name)
        durable.settle(there)


def _refused(reason: str) -> PackRefusedError:
    return PackRefusedError(f"the pack is refused: {reason}; ask for it again")

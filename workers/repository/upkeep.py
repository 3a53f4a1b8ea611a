"""Housekeeping now and then, in a child process: loose objects and many packs become one pack.

Safe beside readers and writers: what nothing refers to is kept for a day, longer than any commit
takes, and readers that miss a pack look again. The branch itself is never touched.
"""

import contextlib
import errno
import os
import time
from pathlib import Path

from workers.repository.errors import BusyError, StorageError
from workers.repository.executable import GitFailedError, run
from workers.repository.lock import locked

LOCK = "muster-upkeep.lock"
LOOSE_OBJECTS = 2_000
"""About 200 commits."""
PACKS = 50
"""Each pack that is received stays one."""
SECONDS = 1_800.0
"""How long each step may take."""
REST_SECONDS = 3_600.0
KEEP = "1.day.ago"
_NOT_ITS_FAULT = tuple(map(os.strerror, (errno.EACCES, errno.EMFILE, errno.ENOMEM, errno.EPERM)))
"""Why a whole repository may not be read, as git says it."""


def is_due(directory: Path) -> bool:
    """Whether there are so many loose objects or packs that reading becomes slow.

    Not soon after the last time: unused objects stay for a day, and are no reason to try again.
    """
    with contextlib.suppress(OSError):
        if 0 <= time.time() - directory.joinpath(LOCK).stat().st_mtime < REST_SECONDS:
            return False
    objects = directory / "objects"
    loose = sum(1 for _ in objects.glob("[0-9a-f][0-9a-f]/*"))
    return loose > LOOSE_OBJECTS or sum(1 for _ in objects.glob("pack/*.pack")) >= PACKS


def collect_garbage(directory: Path) -> bool:
    """Do it, unless somebody is at it already; whether it was done. Raises `StorageError`.

    Not by `git gc`, whose own lock would be in the way for ever once it was killed.
    """
    repack = ("repack", "-A", "-d", "-l", "-n", "-q", f"--unpack-unreachable={KEEP}")
    prune = ("prune", f"--expire={KEEP}")
    try:
        # The programs inherit the lock: it is free when they have ended, whoever started them.
        with locked(directory / LOCK, 0.0) as handle:
            os.utime(handle)
            for leftover in directory.glob("objects/pack/.tmp-*"):
                leftover.unlink(missing_ok=True)
            for words in (repack, prune):
                run(directory, *words, seconds=SECONDS, keep=(handle,))
    except BusyError:
        return False
    except GitFailedError as error:
        way = "nothing is lost; make room, or run git fsck there"
        raise StorageError(f"{directory}: housekeeping failed: {error}; {way}") from None
    return True


def damage(directory: Path) -> str:
    """What git finds wrong with every object and reference here, in a sentence; empty: nothing.

    Reads everything, a minute for 1 GiB. Raises `StorageError` when it cannot be told, `BusyError`
    during housekeeping.
    """
    words = ("fsck", "--full", "--strict", "--no-dangling", "--no-progress")
    is_new = not (directory / LOCK).exists()
    try:
        with locked(directory / LOCK, 0.0) as handle:
            if is_new:  # its age is that of the last housekeeping
                os.utime(handle, (0, 0))
            run(directory, *words, seconds=SECONDS, keep=(handle,))
    except GitFailedError as error:
        if any(reason in str(error) for reason in _NOT_ITS_FAULT):
            way = "correct that, and it is looked at again"
            raise StorageError(f"{directory} cannot be checked: {error}; {way}") from None
        return f"{directory} is damaged: {error}"
    return ""

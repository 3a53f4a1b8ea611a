"""Housekeeping now and then, in a child process: loose objects and many packs become one pack.

Safe beside readers and writers: what nothing refers to is kept for a day, longer than any commit
takes, and readers that miss a pack look again. The branch itself is never touched.
"""

from pathlib import Path

from workers.repository.errors import StorageError
from workers.repository.executable import GitFailedError, run

LOOSE_OBJECTS = 2_000
"""About 200 commits."""
PACKS = 50
"""Each pack that is received stays one."""
SECONDS = 1_800.0
KEEP = "1.day.ago"


def is_due(directory: Path) -> bool:
    """Whether there are so many loose objects or packs that reading becomes slow."""
    objects = directory / "objects"
    loose = sum(1 for _ in objects.glob("[0-9a-f][0-9a-f]/*"))
    return loose > LOOSE_OBJECTS or sum(1 for _ in objects.glob("pack/*.pack")) >= PACKS


def collect_garbage(directory: Path) -> None:
    """Do it; raises `StorageError`."""
    settings = (
        "-c",
        "gc.packRefs=false",
        "-c",
        "gc.cruftPacks=false",
        "-c",
        "gc.writeCommitGraph=false",
    )
    try:
        run(directory, *settings, "gc", "--quiet", f"--prune={KEEP}", seconds=SECONDS)
    except GitFailedError as error:
        way = "nothing is lost; make room, or run git gc there"
        raise StorageError(f"{directory}: housekeeping failed: {error}; {way}") from None

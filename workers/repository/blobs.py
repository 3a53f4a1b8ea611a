"""New contents: written one by one, or as packs when there are many.

Either way they are durable afterwards, but for the names of directories, which `Head.move` settles.
What is written and then not used is cleared away by housekeeping.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

import pygit2

from workers.repository.core.packs import pack_of_blobs
from workers.repository.errors import StorageError
from workers.repository.executable import GitFailedError, run

SINGLE = 64
"""So many are written one by one: each costs two syncs, a pack about 20 ms and four."""
PACK_BYTES = 64 * 1024 * 1024
"""Of contents in one pack, which is made in memory."""


def write_blobs(directory: Path, git: pygit2.Repository, contents: Iterable[bytes]) -> None:
    """Make these contents objects of the repository."""
    different = list(dict.fromkeys(contents))
    if len(different) <= SINGLE:
        for content in different:
            git.create_blob(content)
        return
    for group in _groups(different):
        try:
            run(directory, "index-pack", "--stdin", data=pack_of_blobs(group))
        except GitFailedError as error:
            way = "make room, and commit again"
            raise StorageError(f"{directory}: {error}; {way}") from None


def _groups(contents: list[bytes]) -> Iterator[list[bytes]]:
    group: list[bytes] = []
    size = 0
    for content in contents:
        if group and size + len(content) > PACK_BYTES:
            yield group
            group, size = [], 0
        group.append(content)
        size += len(content)
    yield group

"""Reads the files of the live tree that people changed, so that managers can keep them.

What others on the node may not read, and what holds a secret, is not read out here: it would be in
a database, and in diffs.
"""

import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from workers.config.core.manifests import Drift, DriftKind
from workers.config.core.messages import EDIT_BYTES
from workers.config.secret_files import SecretFiles


@dataclass(frozen=True, slots=True)
class Edit:
    """One file as it is now. `content` None: it was removed."""

    path: str
    content: bytes | None
    executable: bool = False


def edits(live: Path, found: Iterable[Drift], secrets: SecretFiles) -> Iterator[Edit]:
    """What of the drift can be told, file by file; what cannot be read is left out."""
    for one in found:
        if one.kind is DriftKind.REMOVED:
            yield Edit(one.path, None)
        elif (edit := _read(live, one.path)) and not secrets.within(edit.content or b""):
            yield edit


def _read(live: Path, path: str) -> Edit | None:
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        with os.fdopen(os.open(live / path, flags), "rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            if not stat.S_ISREG(mode) or not mode & stat.S_IROTH:
                return None
            content = file.read(EDIT_BYTES + 1)
    except OSError:
        return None
    return Edit(path, content, bool(mode & stat.S_IXUSR)) if len(content) <= EDIT_BYTES else None

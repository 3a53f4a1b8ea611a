"""Reads what is in a directory of files, as entries of a manifest; changes nothing.

People and programs may be at work in there: what vanishes meanwhile is not there, links are not
followed, and what is neither file nor link is named but not opened.
"""

import hashlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from workers.config.core.manifests import FILES_MAX, LINK_MODE, Entry
from workers.config.errors import StateError

PIECE_BYTES = 1 << 20
FOUND_MAX = 2 * FILES_MAX


def scan(directory: Path) -> dict[str, Entry]:
    """Every file below a directory by its relative path; raises `StateError` or `OSError`."""
    found: dict[str, Entry] = {}
    for path in files_in(directory):
        name = shown(path.relative_to(directory))
        try:
            found[name] = _entry(path, name)
        except FileNotFoundError:
            continue
        if len(found) > FOUND_MAX:
            way = "move away what does not belong there"
            raise StateError(f"{directory}: there are more than {FOUND_MAX} files in it; {way}")
    return found


def shown(path: Path) -> str:
    """A path as text, bytes that are no UTF-8 spelled out."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def files_in(directory: Path) -> Iterator[Path]:
    """Every file and link below a directory; raises `OSError` for what cannot be read."""

    def told(error: OSError) -> None:
        if not isinstance(error, FileNotFoundError):
            raise error

    for place, directories, files in os.walk(directory, onerror=told):
        links = [name for name in directories if Path(place, name).is_symlink()]
        yield from (Path(place, name) for name in (*files, *links))


def _entry(path: Path, name: str) -> Entry:
    about = path.lstat()
    if stat.S_ISLNK(about.st_mode):
        target = os.fsencode(os.readlink(path))
        return Entry(name, len(target), hashlib.sha256(target).hexdigest(), LINK_MODE, "link")
    if not stat.S_ISREG(about.st_mode):
        return Entry(name, 0, "", stat.S_IMODE(about.st_mode), "other")
    return _read(path, name)


def _read(path: Path, name: str) -> Entry:
    total, size = hashlib.sha256(), 0
    # It may have become a pipe or a link since it was looked at.
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    with os.fdopen(os.open(path, flags), "rb") as file:
        while piece := file.read(PIECE_BYTES):
            total.update(piece)
            size += len(piece)
        mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
    return Entry(name, size, total.hexdigest(), mode)

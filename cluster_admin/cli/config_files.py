"""The files of a working copy on the disk: what is there, and putting one in place whole.

A symbolic link is never followed, since it could lead out of the tree; what is no plain file is
told with a sentence and left alone. A file is replaced at once or not at all.
"""

import contextlib
import hashlib
import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from cluster_admin.cli.config_plans import parents
from cluster_admin.cli.errors import Complaint
from workers.files.durable import settle_file
from workers.repository.core.merge import Version

OWN = ".muster"
"""What is the working copy's own, at its top."""
CHUNK_BYTES = 1 << 20
NOT_UTF8 = "has a name that is not UTF-8"
SYNCED_ONE_BY_ONE = 64
"""More files than this are brought to the disk together, by one sync of everything."""
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
Stamp = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Found:
    """What a directory holds, by path from its top."""

    files: dict[str, Version] = field(default_factory=dict)
    stamps: dict[str, Stamp] = field(default_factory=dict)
    """Tell whether a file was written since: time, size and inode."""
    others: dict[str, str] = field(default_factory=dict)
    """What is no plain file, as what follows its name in a sentence."""


def scan(root: Path) -> Found:
    """Everything below `root` but its own directory; raises `Complaint` if it cannot be read."""
    found = Found()
    try:
        for entry in _walk(str(root), ""):
            path, kind = entry
            _note(found, root, path, kind)
    except OSError as error:
        raise unreadable(error) from error
    return found


def read(root: Path, path: str) -> bytes:
    """The content of a plain file; raises `Complaint`."""
    try:
        with os.fdopen(os.open(root / path, _READ), "rb") as file:
            if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                return file.read()
    except OSError as error:
        raise unreadable(error) from error
    raise Complaint(f"{path} is no plain file any more; look with: muster config status")


def blob_of(content: bytes) -> str:
    """The id that git gives to a content."""
    return _hasher(len(content), content).hexdigest()


def write_aside(place: Path, content: Iterable[bytes]) -> None:
    """Make a file of these parts outside of the tree; a leftover of the same name goes."""
    place.unlink(missing_ok=True)
    with os.fdopen(os.open(place, _NEW, 0o666), "wb") as file:
        file.writelines(content)


def sync(places: list[Path]) -> None:
    """Bring files to the disk."""
    if len(places) > SYNCED_ONE_BY_ONE:
        os.sync()
        return
    for place in places:
        settle_file(place)


def put(root: Path, path: str, aside: Path, executable: bool) -> None:
    """Put a file that stands aside in its place, at once; empty directories there go."""
    target = root / path
    target.parent.mkdir(parents=True, exist_ok=True)
    mode = _mode(target, aside)
    readable = (mode & 0o444) >> 2
    os.chmod(aside, mode | readable if executable else mode & ~0o111)
    if target.is_dir() and not target.is_symlink():
        for directory, _, _ in os.walk(target, topdown=False):
            os.rmdir(directory)
    os.replace(aside, target)


def mark(root: Path, path: str, *, executable: bool) -> None:
    """Make a file executable, or not."""
    mode = (root / path).stat().st_mode & 0o777
    (root / path).chmod(mode | (mode & 0o444) >> 2 if executable else mode & ~0o111)


def remove(root: Path, path: str) -> None:
    """Remove a file, and the directories that are empty without it."""
    (root / path).unlink(missing_ok=True)
    with contextlib.suppress(OSError):
        for above in parents(path):
            (root / above).rmdir()


def is_as_found(root: Path, path: str, found: Found) -> bool:
    """Whether a file is still what the scan saw there, or still absent."""
    try:
        there = os.lstat(root / path)
    except (FileNotFoundError, NotADirectoryError):
        return path not in found.files
    if stat.S_ISDIR(there.st_mode):
        return path not in found.files
    return path in found.files and _stamp(there) == found.stamps[path]


def unreadable(error: OSError) -> Complaint:
    """The complaint for a file that cannot be read or written."""
    name = os.fsencode(error.filename or "").decode("utf-8", "backslashreplace")
    return Complaint(f"{name}: {error.strerror}; see to its owner, its mode and the disk")


def _walk(directory: str, prefix: str) -> Iterator[tuple[str, str]]:
    """Path and kind of everything but directories."""
    with os.scandir(directory) as entries:
        for entry in sorted(entries, key=lambda each: each.name):
            path = prefix + entry.name
            if path == OWN:
                continue
            if entry.is_symlink():
                yield path, "is a symbolic link"
            elif entry.is_dir(follow_symlinks=False):
                yield from _walk(entry.path, f"{path}/")
            else:
                plain = entry.is_file(follow_symlinks=False)
                yield path, "" if plain else "is no plain file"


def _note(found: Found, root: Path, path: str, kind: str) -> None:
    try:
        path.encode()
    except UnicodeEncodeError:
        shown = os.fsencode(path).decode("utf-8", "backslashreplace")
        found.others[shown] = NOT_UTF8
        return
    if kind:
        found.others[path] = kind
        return
    with contextlib.suppress(FileNotFoundError):  # an editor's own file, gone since
        descriptor = os.open(root / path, _READ)
        with os.fdopen(descriptor, "rb", buffering=0) as file:
            there = os.fstat(descriptor)
            hasher, read_bytes = _hasher(there.st_size), 0
            while chunk := file.read(CHUNK_BYTES):
                hasher.update(chunk)
                read_bytes += len(chunk)
        if read_bytes != there.st_size:
            raise Complaint(f"{path} is being written; try again when it is done")
        found.files[path] = Version(hasher.hexdigest(), bool(there.st_mode & 0o100))
        found.stamps[path] = _stamp(there)


def _hasher(size: int, content: bytes = b"") -> "hashlib._Hash":
    return hashlib.sha1(b"blob %d\0" % size + content, usedforsecurity=False)


def _stamp(there: os.stat_result) -> Stamp:
    return there.st_mtime_ns, there.st_size, there.st_ino


def _mode(target: Path, aside: Path) -> int:
    """The permissions of the file that is replaced, else those of a new one."""
    for place in (target, aside):
        try:
            there = os.lstat(place).st_mode
        except FileNotFoundError:
            continue
        if stat.S_ISREG(there):
            return there & 0o777
    return 0o644

"""A directory of files as a change of the configuration: what is in it becomes the repository's.

Files that lie directly in it, such as a README, are in no layer and are left out. Invariant:
nothing outside of the directory is read.
"""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from cluster_admin.configs.refusals import Problem, Refused
from workers.repository.core.changes import FILE_BYTES, TREE_FILES, ChangeRefusal, Entry


def read(directory: Path) -> dict[str, Entry]:
    """Every file below it by path; `Refused` for links and other things that are no files."""
    found: dict[str, Entry] = {}
    problems: list[Problem] = []
    for name in _names(directory):
        if len(found) > TREE_FILES:
            problems.append(Problem("", 0, "", ChangeRefusal.TOO_MANY_FILES.value))
            break
        entry = _entry(directory, name)
        if isinstance(entry, Problem):
            problems.append(entry)
        else:
            found[name] = entry
    if problems:
        raise Refused(problems)
    return found


def _names(directory: Path) -> Iterator[str]:
    """Paths below the directory, of all that is no directory itself."""
    for top, directories, files in os.walk(directory, onerror=_fail):
        below = Path(top).relative_to(directory)
        links = [name for name in directories if Path(top, name).is_symlink()]
        directories[:] = sorted(set(directories) - {*links, ".git", ".muster"})
        if below != Path():
            yield from ((below / name).as_posix() for name in sorted(files))
        yield from ((below / name).as_posix() for name in links)


def _fail(error: OSError) -> None:
    raise error


def _entry(directory: Path, name: str) -> Entry | Problem:
    # Opened as it is: whoever makes a link of it meanwhile gets a refusal.
    try:
        handle = os.open(directory / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        if not (directory / name).is_symlink():
            raise
        sentence = f"is a symbolic link ({error.strerror}); put the file itself there"
        return Problem(name, 0, "", sentence)
    with open(handle, "rb") as file:
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode):
            return Problem(name, 0, "", "is no file; leave it out")
        content = file.read(FILE_BYTES + 1)
    if len(content) > FILE_BYTES:
        return Problem(name, 0, "", ChangeRefusal.FILE_TOO_LARGE.value)
    return Entry(content, bool(found.st_mode & stat.S_IXUSR))

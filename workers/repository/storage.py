"""The repository on its disk: made, opened, and made durable.

What is read and written depends on nothing but the repository itself: the host's and the user's git
settings, templates and hooks are left out. libgit2 syncs what it writes.
"""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import pygit2
from pygit2.enums import ConfigLevel, RepositoryOpenFlag

from workers.files.durable import settle
from workers.repository.errors import DamagedError, NotARepositoryError, StorageError

BRANCH = "main"
MAIN = f"refs/heads/{BRANCH}"
_PRE_RECEIVE = """#!/bin/sh
echo 'This repository is written by Muster only: commit with "muster config commit".' >&2
exit 1
"""
_SETTINGS = {
    "core.fsync": "all",
    "core.logAllRefUpdates": "false",
    "gc.auto": "0",
    "gc.packRefs": "false",
}
"""For people's own git in this repository: what Muster itself needs, it says each time."""

_OURS = {
    "HEAD",
    "config",
    "description",
    "hooks",
    "info",
    "objects",
    "refs",
    "muster.lock",
    "muster-upkeep.lock",
}


def create(directory: Path) -> pygit2.Repository:
    """Make an empty repository; one whose making was cut short is completed."""
    with told(directory):
        _set_up_library()
        directory.mkdir(mode=0o750, parents=True, exist_ok=True)
        foreign = {path.name for path in directory.iterdir()} - _OURS
        if foreign:
            way = "choose an empty directory"
            raise NotARepositoryError(f"{directory}: holds {min(foreign)}; {way}")
        if any(directory.joinpath("objects").glob("??/*")) or any(
            directory.joinpath("objects", "pack").glob("*.pack")
        ):
            way = "open it, or choose an empty directory"
            raise NotARepositoryError(f"{directory}: already holds a repository; {way}")
        made = pygit2.init_repository(directory, bare=True, initial_head=BRANCH)
        for name, value in _SETTINGS.items():
            made.config[name] = value
        hook = directory / "hooks" / "pre-receive"
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(_PRE_RECEIVE, "ascii")
        hook.chmod(0o755)
        for changed in (directory, directory.parent):
            settle(changed)
        return made


def reopen(directory: Path) -> pygit2.Repository:
    """Open a repository that `create` made."""
    _set_up_library()
    flags = RepositoryOpenFlag.BARE | RepositoryOpenFlag.NO_SEARCH
    try:
        return pygit2.Repository(str(directory), flags)
    except (pygit2.GitError, OSError) as error:
        way = "create it, or copy it from a replica with git clone --bare"
        raise NotARepositoryError(
            f"{directory}: no repository can be opened: {error}; {way}"
        ) from (error)


def as_taken(path: str) -> str:
    """A path as the library takes it: it encodes by the locale of the process, git has UTF-8."""
    return os.fsdecode(path.encode("utf-8", "surrogatepass"))


@contextlib.contextmanager
def told(directory: Path) -> Iterator[None]:
    """Say of an error of the disk or of libgit2 which repository it is about."""
    try:
        yield
    except (pygit2.GitError, OSError) as error:
        way = "make room, correct its permissions, or run git fsck there"
        raise StorageError(f"{directory}: {error}; {way}") from error
    except KeyError as error:  # so the library says that an object is not there
        way = "run git fsck there, or fetch a whole copy from a replica"
        raise DamagedError(f"{directory}: object {error} is missing; {way}") from error


def _set_up_library() -> None:
    """The settings of libgit2, which are one for the whole process."""
    pygit2.option(pygit2.enums.Option.ENABLE_FSYNC_GITDIR, True)
    for level in (ConfigLevel.PROGRAMDATA, ConfigLevel.SYSTEM, ConfigLevel.XDG, ConfigLevel.GLOBAL):
        pygit2.settings.search_path[level] = ""

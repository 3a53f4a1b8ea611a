"""Where a command works: the directory, the paths in it, and the manager behind it."""

import os
from pathlib import Path

from cluster_admin.cli import profiles
from cluster_admin.cli.columns import printable
from cluster_admin.cli.config_copies import WorkingCopy
from cluster_admin.cli.config_files import OWN
from cluster_admin.cli.config_plans import within
from cluster_admin.cli.config_remote import Remote
from cluster_admin.cli.errors import Usage
from cluster_admin.cli.session import Call


def directory_of(written: str | None) -> Path:
    """The directory that was named, or the current one."""
    if written is not None and ("\0" in written or not written):
        raise Usage(f"{written!r} is no directory; name one")
    try:
        return Path(os.path.abspath(written or "."))
    except FileNotFoundError:
        raise Usage("the directory you are in was removed; go to one that is there") from None


def paths_in(copy: WorkingCopy, directory: str | None, written: list[str] | None) -> list[str]:
    """What was named in or below `directory`, as paths of the repository; "" is everything.

    Raises `Usage` for what is neither on the disk nor in the base: the rest is not done without.
    """
    found = []
    for word in written or ():
        if not word:
            raise Usage("an empty word names no file; for everything here name .")
        place = os.path.abspath(directory_of(directory) / word)
        path = os.path.relpath(place, copy.root)
        if path == ".." or path.startswith("../") or "\0" in word:
            raise Usage(f"{printable(word)} is outside of the working copy {copy.root}")
        if path == OWN or path.startswith(f"{OWN}/"):
            raise Usage(
                f"{printable(word)} is the working copy's own; name files of the repository"
            )
        if path != "." and not _is_known(copy, path):
            way = "look with: muster config status"
            where = f"here nor in r{copy.state.revision}"
            raise Usage(f"{printable(word)} is neither {where}; {way}")
        found.append("" if path == "." else path)
    return found


def _is_known(copy: WorkingCopy, path: str) -> bool:
    """Whether something is there, or was in the base, or shall be by a pull under way."""
    state = copy.state
    known = [*state.files, *state.conflicts, *(state.pulling.results if state.pulling else ())]
    return os.path.lexists(copy.root / path) or any(within(each, (path,)) for each in known)


def remote_of(call: Call, copy: WorkingCopy) -> Remote:
    """The manager that the working copy is of, as whom the options and profiles say.

    A token only goes to the manager it is for, whatever a directory claims to be a copy of. Another
    manager is only asked when --url or --profile names it.
    """
    if call.url or call.profile:
        return Remote(call.client)
    url = copy.state.url
    try:
        if call.target.url == url:
            return Remote(call.client)
    except Usage:
        pass
    environment = call.around.environment
    known = profiles.read(profiles.config_path(environment))
    for name, profile in known.items():
        if profile.get("url") and profiles.checked_url(profile["url"]) == url:
            call.profile = name
            return Remote(call.client)
    raise Usage(f"{copy.root} is a working copy of {url}; log in there with: muster login {url}")

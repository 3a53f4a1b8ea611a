"""Whose files are made: what root does by hand is done as the account that the services run as.

A fetch needs the keys of whoever called it; all else is the data directory's owner's business, so
that no file of the manager's belongs to root because root repaired something.
"""

import os
import pwd
from collections.abc import Iterable
from pathlib import Path


def become_owner(directory: Path, files: Iterable[Path]) -> None:
    """Give files to the owner of a directory, and be that owner from now on; only root can.

    Nothing happens to others, nor when the directory is root's. Raises `OSError`.
    """
    if os.geteuid() != 0:
        return
    owner = directory.stat()
    if owner.st_uid == 0:
        return
    for path in files:
        os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)
    try:
        os.initgroups(pwd.getpwuid(owner.st_uid).pw_name, owner.st_gid)
    except KeyError:  # an account that has no name here
        os.setgroups([owner.st_gid])
    os.setgid(owner.st_gid)
    os.setuid(owner.st_uid)

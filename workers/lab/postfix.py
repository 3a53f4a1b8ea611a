"""A Postfix instance per node: own configuration, queue and data directory, one per namespace.

It accepts mail for the lab's domain on every address the node has or gets (so a VIP needs no
reload) and relays all of it to the sink. No chroot, no DNS, no local delivery. Its configuration
directory is a link to the node's live tree; what is in there is `workers.lab.configuration`'s.
"""

import grp
import os
import pwd
from pathlib import Path

from workers.config.core.manifests import Rendered
from workers.lab.commands import tool
from workers.lab.configuration import SUBDIRECTORY, BeforeItRuns, lay_down
from workers.lab.supervision import Program

ROLE = "postfix"


def directory_of(home: Path) -> Path:
    """Where the running Postfix has its configuration, below its own directory."""
    return home / "etc"


def before_it_runs(home: Path) -> BeforeItRuns:
    """How its trees are built and validated while no Postfix runs there."""
    return BeforeItRuns(directory_of(home), subdirectory=SUBDIRECTORY)


def prepare(home: Path, config: Path, files: Rendered) -> Program:
    """Make its directories and its first tree live in `config`; answer the program that runs it."""
    data, etc = home / "data", directory_of(home)
    for path in (home, home / "spool", data):
        path.mkdir(mode=0o755, parents=True)
    os.chown(data, pwd.getpwnam("postfix").pw_uid, grp.getgrnam("postfix").gr_gid)
    lay_down(config, before_it_runs(home), files)
    etc.symlink_to(config / "current" / SUBDIRECTORY)
    return Program(ROLE, (tool("postfix"), "-c", str(etc), "start-fg"))

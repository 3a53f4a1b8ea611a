"""A manager's process that commits to the configuration, whose children die or do it all at once.

As a program, with the environment of a manager: `deaths`, `crowd` or `echo`, then how many. It
writes one line of JSON when it ends. Each child is a fork, which opens database and repository
anew.
"""

import contextlib
import json
import os
import signal
import sys
from collections.abc import Callable
from typing import Any

import django
import pygit2
from django.core.management import call_command
from django.db import connections

from workers.repository.head import Head

POINTS = ("before git moves", "when git has moved", "when all is written")
WAYS = ("vip", "file", "both")


class DyingHead(Head):
    """Dies before or after the branch is moved."""

    point = ""

    def move(self, old: pygit2.Oid | None, new: pygit2.Oid) -> bool:
        """Move it, perhaps."""
        if self.point == POINTS[0]:
            _die()
        moved = super().move(old, new)
        if self.point == POINTS[1]:
            _die()
        return moved


def main() -> None:
    """Do what the first word says."""
    django.setup()
    call_command("migrate", verbosity=0)
    from tests.web.config_stage import subcluster

    subcluster()
    works: dict[str, Callable[[int], Any]] = {"deaths": deaths, "crowd": crowd, "echo": echo}
    print(json.dumps(works[sys.argv[1]](int(sys.argv[2]))))


def deaths(rounds: int) -> list[dict[str, Any]]:
    """Each way of committing, dying at each point; how git and rows are after the next look."""
    found = []
    for number in range(rounds):
        for place, point in enumerate(POINTS):
            for order, way in enumerate(WAYS):
                mark = 110 + number * 9 + place * 3 + order
                before = _head()
                status = _forked(lambda way=way, mark=mark, point=point: _commit(way, mark, point))
                after = _head()
                _forked(_follow)
                state = {"way": way, "point": point, "killed": os.WTERMSIG(status)}
                moved = {"before": before, "after": after, "there": _there(way, mark)}
                found.append({**state, **moved, **_state()})
    return found


def crowd(committers: int) -> dict[str, Any]:
    """Several commit at once, each to a file of its own, to one they share, and VIPs."""
    children = [_start(lambda mark=10 * one: _commit_many(mark)) for one in range(committers)]
    statuses = [os.waitpid(child, 0)[1] for child in children]
    return {"statuses": statuses, **_state()}


def echo(times: int) -> dict[str, Any]:
    """The same request so many times at once."""
    children = [_start(lambda: _commit("both", 110, "", key="once")) for _ in range(times)]
    statuses = [os.waitpid(child, 0)[1] for child in children]
    return {"statuses": statuses, **_state()}


def _commit_many(mark: int) -> None:
    for number in range(3):
        _commit("file", 110 + mark + number, "")
        _commit("vip", 110 + mark + number, "")


def _commit(way: str, mark: int, point: str, key: str = "") -> None:
    """Commit a file, a VIP or both, named after `mark`, and die at a point."""
    from cluster_admin.configs.store import repository
    from cluster_admin.inventory.models import Subcluster
    from tests.web.config_stage import DEFINITIONS, add_vip, commit, text

    store = repository()
    head = DyingHead(store.directory, store._git)
    head.point = point
    store._committer._head = head
    address = f"198.18.0.{mark}"
    files: dict[str, Any] = {f"global/{mark}.j2": f"{mark} {{{{ node.name }}}}\n"}
    if way == "vip":
        add_vip(Subcluster.objects.get(), address)
    elif way == "file":
        commit(files)
    else:
        base = 1 if key else _head()
        wanted = f'{text(DEFINITIONS, base)}\n[vip."{address}"]\n'
        commit({**files, DEFINITIONS: wanted}, base=base, key=key)
    if point == POINTS[2]:
        _die()


def _follow() -> None:
    from cluster_admin.configs import index

    index.follow()


def _there(way: str, mark: int) -> list[bool]:
    """Whether git has the file or the VIP, and both when both were committed."""
    from cluster_admin.configs.store import repository
    from tests.web.config_stage import DEFINITIONS, text

    tree = repository().tree(_head())
    file, vip = f"global/{mark}.j2" in tree, f'"198.18.0.{mark}"' in text(DEFINITIONS)
    return {"file": [file], "vip": [vip], "both": [file, vip]}[way]


def _state() -> dict[str, Any]:
    """Whether rows say what git says."""
    from cluster_admin.configs.models import Revision
    from cluster_admin.configs.store import repository
    from cluster_admin.inventory import definitions
    from cluster_admin.inventory import repository as texts
    from cluster_admin.inventory.models import Subcluster
    from tests.web.config_stage import DEFINITIONS, text

    row = Subcluster.objects.get()
    kept = [(one.number, one.hash) for one in repository().log(limit=1000)]
    state = {
        "head": _head(),
        "rows": list(Revision.objects.values_list("number", "commit")) == kept,
        "text": texts.newest_text(row) == text(DEFINITIONS),
        "editor": definitions.text_of(row, row.revision) == text(DEFINITIONS),
        "vips": row.vip_set.count(),
        "files": sum(path.startswith("global/") for path in repository().tree(_head())),
    }
    connections.close_all()
    return state


def _head() -> int:
    from tests.web.config_stage import head

    return head()


def _forked(work: Callable[[], None]) -> int:
    """Do it in a fork; how that ended."""
    return os.waitpid(_start(work), 0)[1]


def _start(work: Callable[[], None]) -> int:
    connections.close_all()
    child = os.fork()
    if child == 0:
        status = 1
        with contextlib.suppress(KeyboardInterrupt):
            try:
                work()
                status = 0
            finally:
                sys.stderr.flush()
                os._exit(status)
    return child


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    main()

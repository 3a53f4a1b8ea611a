"""Giving up what was changed here: files become again what they are in the base."""

from collections.abc import Collection, Mapping
from typing import Any

from cluster_admin.cli import config_files, config_plans
from cluster_admin.cli.columns import printable
from cluster_admin.cli.config_copies import WorkingCopy
from cluster_admin.cli.config_files import Found
from cluster_admin.cli.config_plans import What
from cluster_admin.cli.config_remote import Remote
from cluster_admin.cli.errors import Refused
from cluster_admin.cli.waiting import few


def edited(copy: WorkingCopy, named: Collection[str]) -> tuple[Found, dict[str, What]]:
    """What was changed or is gone here, of what was named; raises `Refused` if nothing is.

    What is new here is left alone: there is nothing that it could become.
    """
    state = copy.state
    if state.pulling or state.conflicts:
        way = "end that first: muster config pull, muster config resolve PATH"
        raise Refused(f"a pull was interrupted, or conflicts are open; {way}")
    found = config_files.scan(copy.root)
    changed = config_plans.changes(state.files, found.files, found.others.keys(), ())
    wanted: dict[str, What] = {
        path: what
        for path, what in changed.items()
        if what in (What.CHANGED, What.GONE) and config_plans.within(path, named)
    }
    if not wanted:
        names = few([each or "." for each in named])
        raise Refused(f"nothing was changed at {names}; look with: muster config status")
    return found, wanted


def restore(
    copy: WorkingCopy, remote: Remote, found: Found, wanted: Mapping[str, What]
) -> list[dict[str, Any]]:
    """Put the files of the base in place; all contents are here before the first is replaced."""
    state, incoming = copy.state, copy.empty_incoming()
    ways = config_plans.in_the_way(
        config_plans.Decision({path: state.files[path] for path in wanted}),
        found.files,
        found.others,
        (),
    )
    if wrong := list(ways):
        raise Refused("\n".join(map(printable, wrong)))
    for number, path in enumerate(wanted):
        content = remote.content(state.revision, path, state.files[path].blob)
        config_files.write_aside(incoming / str(number), [content])
    for number, path in enumerate(wanted):
        if not config_files.is_as_found(copy.root, path, found):
            raise Refused(f"{path} was changed meanwhile; look with: muster config diff")
        config_files.put(copy.root, path, incoming / str(number), state.files[path].executable)
    return [{"path": path, "outcome": "as in the base"} for path in wanted]

"""What was changed in a working copy, line by line, from the base to here."""

import difflib
from collections.abc import Collection, Iterator
from typing import Any

from cluster_admin.cli import config_files, config_plans
from cluster_admin.cli.config_copies import WorkingCopy
from cluster_admin.cli.config_plans import What
from cluster_admin.cli.config_remote import Remote
from cluster_admin.cli.config_states import Files
from workers.repository.core.changes import FILE_BYTES

NOTHING = "/dev/null"


def differences(
    copy: WorkingCopy, remote: Remote, named: Collection[str]
) -> Iterator[dict[str, Any]]:
    """Path, state and unified diff of each file that was changed here."""
    state, found = copy.state, config_files.scan(copy.root)
    changed = config_plans.changes(state.files, found.files, found.others.keys(), state.conflicts)
    for path, what in changed.items():
        if what is What.OTHER or (named and not config_plans.within(path, named)):
            continue
        before = b""
        if path in state.files:
            before = remote.content(state.revision, path, state.files[path].blob)
        large = path in found.stamps and found.stamps[path][1] > FILE_BYTES
        after = config_files.read(copy.root, path) if path in found.files and not large else b""
        head = _head(path, state.revision, state.files, found.files)
        told = ["it is too large to be compared\n"] if large else unified(before, after)
        yield {"path": path, "state": what.value, "diff": "".join([*head, *told])}


def unified(before: bytes, after: bytes) -> Iterator[str]:
    """The hunks of a unified diff, in lines that end with LF."""
    if b"\0" in before or b"\0" in after:
        yield "binary contents differ\n" if before != after else ""
        return
    sides = [side.decode("utf-8", "replace").split("\n") for side in (before, after)]
    older, newer = (
        [f"{line}\n" for line in side[:-1]] + ([side[-1]] if side[-1] else []) for side in sides
    )
    for number, line in enumerate(difflib.unified_diff(older, newer)):
        if number > 1:
            yield line if line.endswith("\n") else f"{line}\n\\ no newline at the end\n"


def _head(path: str, revision: int, base: Files, local: Files) -> list[str]:
    """The lines that name both sides, and tell of a change of the mode."""
    older = f"{path} (r{revision})" if path in base else NOTHING
    newer = f"{path} (here)" if path in local else NOTHING
    head = [f"--- {older}\n", f"+++ {newer}\n"]
    if path in base and path in local and base[path].executable != local[path].executable:
        head.append("it may be run now\n" if local[path].executable else "it may not be run now\n")
    return head

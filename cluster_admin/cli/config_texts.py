"""What was changed in a working copy, line by line, from the base to here."""

from collections.abc import Collection, Iterator
from typing import Any

from cluster_admin.cli import config_files, config_plans
from cluster_admin.cli.config_copies import WorkingCopy
from cluster_admin.cli.config_plans import What
from cluster_admin.cli.config_remote import Remote
from workers.repository.core.changes import FILE_BYTES

Side = tuple[bytes, bool]
"""Content, and whether the file may be run."""
TOO_LARGE = "is too large to be compared, and to be committed"
SHOWN = {"file_lines": 100_000, "lines": 100_000, "characters": 64 * 1024 * 1024}


def differences(
    copy: WorkingCopy, remote: Remote, named: Collection[str]
) -> Iterator[dict[str, Any]]:
    """Path, state and unified diff of each file that was changed here."""
    state, found = copy.state, config_files.scan(copy.root)
    changed = config_plans.changes(state.files, found.files, found.others.keys(), state.conflicts)
    for path, what in changed.items():
        if what is What.OTHER or (named and not config_plans.within(path, named)):
            continue
        if path in found.stamps and found.stamps[path][1] > FILE_BYTES:
            yield {"path": path, "state": what.value, "diff": f"# {path}: {TOO_LARGE}\n"}
            continue
        before = after = None
        if path in state.files:
            kept = state.files[path]
            before = remote.content(state.revision, path, kept.blob), kept.executable
        if path in found.files:
            after = config_files.read(copy.root, path), found.files[path].executable
        yield {"path": path, "state": what.value, "diff": unified(path, before, after)}


def unified(path: str, before: Side | None, after: Side | None) -> str:
    """The difference of a file as the API and the pages tell it; None: it is not there."""
    from cluster_admin.configs import diffs  # only when asked for: starting is to be fast

    sides = [{} if one is None else {path: diffs.Plain(*one)} for one in (before, after)]
    return diffs.unified(diffs.of_trees(sides[0], sides[1], diffs.Bounds(**SHOWN)))

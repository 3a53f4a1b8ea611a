"""The end of conflicts: a file counts as it is, or as one of the sides beside it; the sides go."""

from collections.abc import Collection
from typing import Any

import msgspec

from cluster_admin.cli import config_files, config_plans
from cluster_admin.cli.config_copies import WorkingCopy
from cluster_admin.cli.config_plans import side_of
from cluster_admin.cli.config_states import Choice
from cluster_admin.cli.errors import Refused, Usage
from cluster_admin.cli.waiting import few


def resolve(
    copy: WorkingCopy, named: Collection[str], choice: Choice | None
) -> list[dict[str, Any]]:
    """End the conflicts that were named, and say which; raises `Usage`, `Refused`."""
    conflicts = copy.state.conflicts
    if not named:
        which = few(list(conflicts)) or "there is none"
        raise Usage(f"which conflict? Name its file, or . for all of them: {which}")
    paths = [path for path in conflicts if config_plans.within(path, named)]
    if not paths:
        raise Refused(f"no conflict at {few(list(named))}; see: muster config status")
    if choice:
        lost = [side_of(path, choice) for path in paths if not _is_whole(copy, path, choice)]
        if lost:
            raise Refused(f"{few(lost)} is gone; edit the file itself, then resolve without option")
    for path in paths:
        if choice:
            _take(copy, path, choice)
    left = {path: sides for path, sides in conflicts.items() if path not in paths}
    ended = tuple(side_of(path, side) for path in paths for side in conflicts[path])
    copy.save(msgspec.structs.replace(copy.state, conflicts=left, leftovers=ended))
    copy.tidy()
    return [{"path": path, "outcome": f"{choice or 'as it is'}"} for path in paths]


def _is_whole(copy: WorkingCopy, path: str, choice: Choice) -> bool:
    """Whether the side is there, if there was one."""
    return choice not in copy.state.conflicts[path] or (copy.root / side_of(path, choice)).is_file()


def _take(copy: WorkingCopy, path: str, choice: Choice) -> None:
    """Make a file what a side of it is."""
    if choice not in copy.state.conflicts[path]:
        config_files.remove(copy.root, path)
        return
    side = side_of(path, choice)
    aside = copy.empty_incoming() / "side"
    config_files.write_aside(aside, [config_files.read(copy.root, side)])
    config_files.sync([aside])
    executable = bool((copy.root / side).stat().st_mode & 0o100)
    config_files.put(copy.root, path, aside, executable)

"""What the configuration looks like in JSON: revisions, files, differences, nodes."""

from collections.abc import Iterable
from typing import Any

from cluster_admin.configs import conflicts
from cluster_admin.configs.api_base import content
from cluster_admin.configs.diff_lines import Hunk, Line
from cluster_admin.configs.diffs import Diff, FileDiff, unified
from cluster_admin.configs.models import Application, Deployment, Edit, Replica
from workers.config.core.render import Tree
from workers.repository.errors import RepositoryError
from workers.repository.history import Revision
from workers.repository.trees import File

CONTENTS_BYTES = 8 * 1024 * 1024
"""Of all files of one rendered tree; of those beyond only the size is told."""


def revision(row: Revision) -> dict[str, Any]:
    """A revision, without what it changed."""
    return {
        "number": row.number,
        "commit": row.hash,
        "author": row.name,
        "email": row.email,
        "at": row.when,
        "message": row.message,
    }


def file(path: str, row: File) -> dict[str, Any]:
    """A file of a revision's tree, without its content."""
    return {"path": path, "size": row.size, "executable": row.executable, "blob": row.blob}


def diff(found: Diff) -> dict[str, Any]:
    """Differences with all that is shown of their lines."""
    files = [{**summary(one), "hunks": list(map(_hunk, one.hunks))} for one in found.files]
    return {"files": files, "more": found.more, "note": found.note, "text": unified(found)}


def summary(one: FileDiff) -> dict[str, Any]:
    """What became of a file, without its lines."""
    return {
        "path": one.path,
        "kind": one.kind.value,
        "old_mode": f"{one.old_mode:o}" if one.old_mode else "",
        "new_mode": f"{one.new_mode:o}" if one.new_mode else "",
        "binary": one.binary,
        "added": one.added,
        "removed": one.removed,
        "note": one.note,
    }


def rendered(tree: Tree, paths: Iterable[str]) -> list[dict[str, Any]]:
    """Files of a node's tree as people may see them, within bounds."""
    found, room = [], CONTENTS_BYTES
    for path in paths:
        one = tree.files[path]
        room -= len(one.shown)
        found.append(
            {
                "path": path,
                "source": one.source,
                "executable": one.executable,
                "secret": bool(one.secrets),
                **(content(one.shown) if room >= 0 else {"size": len(one.shown)}),
            }
        )
    return found


def replica(row: Replica) -> dict[str, Any]:
    """How a node stands, as it told last."""
    return replicas([row])[0]


def replicas(rows: Iterable[Replica]) -> list[dict[str, Any]]:
    """The same of many nodes."""
    rows = list(rows)
    try:
        histories = {node: side.value for node, side in conflicts.sides(rows).items()}
    except RepositoryError:
        histories = {}
    return [{**_told(row), "history": histories.get(row.node, "unknown")} for row in rows]


def _told(row: Replica) -> dict[str, Any]:
    names = (
        *("node", "subcluster", "number", "commit", "heard_at", "live", "live_hash", "target"),
        *("busy", "drift_count", "autoupdate", "trouble", "wanted", "ordered_at", "refused"),
        "repaired",
    )
    return {name: getattr(row, name) for name in names}


def application(row: Application) -> dict[str, Any]:
    """What came of one application."""
    names = (
        *("at", "revision", "outcome", "step", "sentence", "output", "seconds", "live"),
        "resumed",
    )
    return {name: getattr(row, name) for name in names}


def edit(row: Edit) -> dict[str, Any]:
    """A file that was edited on its node, without its content."""
    return {
        "path": row.path,
        "deleted": row.content is None,
        "size": len(row.content or b""),
        "executable": row.executable,
        "live": row.live,
        "at": row.at,
    }


def deployment(subcluster: str, row: Deployment) -> dict[str, Any]:
    """Which revision shall be live."""
    return {"subcluster": subcluster, "mode": row.mode, "revision": row.revision}


def _hunk(one: Hunk) -> dict[str, Any]:
    return {
        "old": one.old,
        "old_count": one.old_count,
        "new": one.new,
        "new_count": one.new_count,
        "lines": list(map(_line, one.lines)),
    }


def _line(one: Line) -> dict[str, Any]:
    return {
        "mark": one.mark.value,
        "text": one.text,
        "old": one.old or None,
        "new": one.new or None,
        "newline": one.newline,
        "more": one.more,
    }

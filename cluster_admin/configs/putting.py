"""Edits that people made on a node become a change of the node's own directory.

Pure. The file that the node runs takes its place in `SUBCLUSTER/NODE/`, before whatever template or
layer it came from; one that was removed is marked absent. Invariant: what others changed since is
never hidden unseen: then nothing is put, and every such file is told.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from cluster_admin.configs.refusals import Problem, Refused
from workers.config.core.overlay import ABSENT, TEMPLATE, Layers, Placed, layers
from workers.repository.core.changes import Entry
from workers.repository.trees import File, Listing

WHY_ABSENT = b"It was removed on the node.\n"


@dataclass(frozen=True, slots=True)
class Edited:
    """A file of a node's running tree. `content` None: it was removed."""

    path: str
    content: bytes | None
    executable: bool = False


def changes_of(
    edits: Iterable[Edited], subcluster: str, node: str, live: Listing, newest: Listing
) -> dict[str, Entry | None]:
    """The change of `live`, the revision under the edits, that keeps them; raises `Refused`."""
    own = layers(subcluster, node)[2]
    before, after = (_placed(listing, subcluster, node) for listing in (live, newest))
    above = {path: file for path, file in live.items() if not path.startswith(f"{own}/")}
    inherited = _placed(above, subcluster, node)
    found: dict[str, Entry | None] = {}
    problems: list[Problem] = []
    for edit in edits:
        target = f"{own}/{edit.path}"
        if sentence := _objection(edit, target, before.get(edit.path), after.get(edit.path)):
            problems.append(Problem(target, 0, node, sentence))
            continue
        for path in (f"{target}{TEMPLATE}", f"{target}{ABSENT}", target):
            if path in live:
                found[path] = None
        if edit.content is not None:
            found[target] = Entry(edit.content, edit.executable)
        elif edit.path in inherited:
            found[f"{target}{ABSENT}"] = Entry(WHY_ABSENT)
    if problems:
        raise Refused(problems)
    return found


def _placed(listing: Listing, subcluster: str, node: str) -> dict[str, Placed[File]]:
    found = Layers(listing).tree(subcluster, node)
    if isinstance(found, list):
        raise Refused(Problem(one.path, one.line, node, one.sentence) for one in found)
    return found


def _objection(
    edit: Edited, target: str, source: Placed[File] | None, now: Placed[File] | None
) -> str:
    """Why an edit cannot be put by itself; empty when it can."""
    if edit.path.endswith((TEMPLATE, ABSENT)):
        return f"ends in {TEMPLATE} or {ABSENT}, which mean something else here; rename it"
    # The node's own file has a history of its own: there the lines are merged.
    if now is None or now.source == target:
        return ""
    if source is None or (now.source, now.entry) != (source.source, source.entry):
        return f"{now.source} has been changed since; let the node apply that, or commit by hand"
    return ""

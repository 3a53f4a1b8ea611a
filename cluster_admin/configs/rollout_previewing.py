"""What a rollout would change on each node: its tree now and then, with secrets concealed.

Running -> proposed, as everywhere. Bounded: nodes beyond `NODES_MAX`, and what is beyond the room
for text, are counted and not shown.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from cluster_admin.configs import diffs, services
from cluster_admin.configs.refusals import Refused
from cluster_admin.configs.rollouts import Planned
from cluster_admin.configs.scope import sees_all
from workers.config.core.render import File, Tree
from workers.config.errors import ConfigError

NODES_MAX = 100
CHARACTERS = 2 * 1024 * 1024
"""Of all nodes' differences."""
Sees = Callable[[str], bool]
"""Says of a path whether the reader may see it: a node may have been in another subcluster."""


@dataclass(frozen=True, slots=True)
class NodeChange:
    """What one node would get."""

    node: str
    old: int
    """The revision that its difference leads from; 0: nothing."""
    diff: diffs.Diff
    problem: str = ""
    """Why there is no difference to show; empty: there is one, which may be empty."""


def changes(planned: Planned, sees: Sees) -> list[NodeChange]:
    """Node by node in the order of their turns; raises what the repository raises."""
    names = [name for batch in planned.batches for name in batch][:NODES_MAX]
    return of_nodes({name: planned.old[name] for name in names}, planned.revision, sees)


def of_nodes(olds: Mapping[str, int], revision: int, sees: Sees) -> list[NodeChange]:
    """What nodes would get, each from the revision that it runs (0: nothing) to another."""
    found: list[NodeChange] = []
    room = CHARACTERS
    for name, old in olds.items():
        if room <= 0:
            note = f"not shown, it is too much; see muster config diff --node {name}"
            found.append(NodeChange(name, old, diffs.Diff(()), note))
            continue
        one = _change(name, old, revision, sees)
        room -= len(diffs.unified(one.diff))
        found.append(one)
    return found


def _change(node: str, old: int, revision: int, sees: Sees) -> NodeChange:
    try:
        before, after = _files(node, old, sees), _files(node, revision, sees)
    except (LookupError, Refused, ConfigError) as error:
        return NodeChange(node, old, diffs.Diff(()), str(error))
    return NodeChange(node, old, diffs.of_trees(before, after))


def _files(node: str, revision: int, sees: Sees) -> dict[str, File]:
    """A node's files; raises `LookupError` where there are none to be had."""
    if not revision:
        return {}
    found = services.render(node, revision)
    if not sees_all(found, sees):
        way = "which you may not read"
        raise LookupError(f"{node} was in another subcluster at r{revision}, {way}")
    if isinstance(found, Tree):
        return dict(found.files)
    raise LookupError(f"r{revision} cannot be rendered for {node}: {found[0]}")

"""What a file of the repository is for, and what a node gets in its place."""

from collections.abc import Callable
from dataclasses import dataclass, field

from cluster_admin.configs import services
from cluster_admin.configs.refusals import Problem, Refused, UnknownNodeError
from cluster_admin.configs.scope import sees_all
from workers.config.core.overlay import ABSENT, DEFAULT, GLOBAL, INCLUDED, TEMPLATE
from workers.config.core.render import Tree
from workers.config.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Got:
    """What a node gets where a file of the repository stands."""

    content: bytes | None = None
    """With secrets concealed; None: nothing, and the note says why."""
    note: str = ""
    problems: list[Problem] = field(default_factory=list)


def layer_of(path: str) -> tuple[str, str, str]:
    """(subcluster, node, path on the node as the layer spells it); `global` has no subcluster."""
    top, _, below = path.partition("/")
    if top == GLOBAL:
        return "", "", below
    name, _, rest = below.partition("/")
    return top, "" if name == DEFAULT else name, rest


def target_of(path: str) -> str:
    """The path on the node that a file is about; empty for definitions."""
    spelled = layer_of(path)[2]
    if is_included(spelled):
        return spelled
    return spelled.removesuffix(ABSENT).removesuffix(TEMPLATE)


def is_included(path: str) -> bool:
    """Whether a file is only there for templates to include."""
    return path.endswith(TEMPLATE) and path.rpartition("/")[2].startswith(INCLUDED)


def purpose(path: str) -> str:
    """What becomes of a file, as a sentence."""
    subcluster, node, spelled = layer_of(path)
    if not spelled:
        what = "its nodes, VIPs, topology and settings"
        return f"It defines subcluster {subcluster}: {what}."
    whom = node or (f"every node of {subcluster}" if subcluster else "every node")
    if spelled.endswith(ABSENT):
        return f"It takes {target_of(path)} away that earlier layers give to {whom}."
    if is_included(spelled):
        return f"Templates of {whom} can include it; no node gets it by itself."
    if spelled.endswith(TEMPLATE):
        return f"For {whom}: rendered, as {target_of(path)}."
    return f"For {whom}: as {spelled}, byte for byte."


def as_node_gets(node: str, number: int, path: str, sees: Callable[[str], bool]) -> Got:
    """What a node gets at the place of a file in a revision.

    The node may have been in another subcluster then, which the reader does not see.
    """
    try:
        tree = services.render(node, number)
    except (UnknownNodeError, Refused, ConfigError) as error:
        return Got(note=str(error))
    if not sees_all(tree, sees):
        return Got(note=f"{node} was in another subcluster at r{number}, which you may not read.")
    if not isinstance(tree, Tree):
        found = [Problem(one.path, one.line, node, one.sentence) for one in tree]
        return Got(note=f"{node} could not be given r{number}", problems=found)
    target = target_of(path)
    file = tree.files.get(target)
    if file is None and is_included(target):
        return Got(note="Other templates include it; look at one of these.")
    if file is None:
        return Got(note=f"{node} gets no {target}.")
    note = "" if file.source == path else f"{node} gets {file.source} in its place."
    return Got(file.shown, note)

"""What nodes get, to look at: rendered trees, and how one differs from another.

Secrets are concealed: the manager has none. Always running -> proposed.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from cluster_admin.configs import members
from cluster_admin.configs.checking import affected
from cluster_admin.configs.refusals import Refused, UnknownNodeError
from cluster_admin.configs.rendering import reading_templates, renderer
from cluster_admin.configs.store import repository
from cluster_admin.inventory.models import Node
from workers.config.core.facts import Facts
from workers.config.core.overlay import TEMPLATE
from workers.config.core.problems import Problem
from workers.config.core.render import File, Read, Tree
from workers.config.rendering import Renderer
from workers.repository.committing import Candidate
from workers.repository.differences import TEXT_BYTES, Contents, Difference, of_contents
from workers.repository.trees import Listing

Draft = dict[str, tuple[File, str]]
"""Path -> the file, and the blob in the repository that it is made of."""


@dataclass(frozen=True, slots=True)
class Preview:
    """What a change does to the files of one node."""

    node: str
    subcluster: str
    differences: tuple[Difference, ...]


def render(node: str, revision: int) -> Tree | list[Problem]:
    """The tree of a node at a revision, or why there is none; `UnknownNodeError`."""
    listing, read = repository().tree(revision), repository().content
    facts = facts_at(node, revision)
    with renderer() as one:
        return one.render(listing, read, facts)


def facts_at(node: str, revision: int) -> Facts:
    """What templates of a node see at a revision; `UnknownNodeError` when it was not there."""
    listing, read = repository().tree(revision), repository().content
    home = Node.objects.filter(name=node).values_list("subcluster__name", flat=True).first()
    names = members.subclusters(listing)
    for name in sorted(names, key=lambda one: one != home):
        found = members.definitions_in(listing, read, name)
        if found is not None and node in found.nodes:
            return next(iter(members.facts_of(found, revision, [node])))
    raise UnknownNodeError(f"there is no node {node} in r{revision}; see the nodes that are")


def differences(old: Tree | None, new: Tree | None) -> tuple[Difference, ...]:
    """How rendered trees differ, with secrets concealed; None: no files."""
    return tuple(of_contents(_shown(old), _shown(new)))


def previews(candidate: Candidate) -> Iterator[Preview]:
    """What a candidate would change, node by node; of those that it cannot change none.

    All nodes together have `TEXT_BYTES` of lines; files beyond are named without theirs.
    """
    left = TEXT_BYTES
    with renderer() as one:
        for facts in affected(candidate):
            sides = (candidate.before, _facts_before(candidate, facts)), (candidate.after, facts)
            old, new = (_drafted(one, listing, candidate.read, who) for listing, who in sides)
            found = tuple(of_contents(*_differing(old, new, candidate.read), left))
            left -= sum(len(difference.text) for difference in found)
            if found:
                yield Preview(facts.node.name, facts.subcluster, found)


def _facts_before(candidate: Candidate, facts: Facts) -> Facts | None:
    """What the node's templates saw in the revision before; None when it was not there."""
    try:
        was = members.definitions_in(candidate.before, candidate.read, facts.subcluster)
    except Refused:
        return None
    if was is None or facts.node.name not in was.nodes:
        return None
    return next(members.facts_of(was, candidate.number - 1, [facts.node.name]))


def _drafted(one: Renderer, listing: Listing, read: Read, facts: Facts | None) -> Draft:
    """A node's tree in which the names of plain files' contents stand for these."""
    if facts is None:
        return {}
    names = reading_templates(listing, read, lambda file: file.blob.encode())
    tree = one.render(listing, names, facts)
    files = tree.files if isinstance(tree, Tree) else {}
    return {path: (file, listing[file.source].blob) for path, file in files.items()}


def _differing(old: Draft, new: Draft, read: Read) -> tuple[Contents, Contents]:
    """Of two trees the files that may differ, whole and as people may see them."""
    paths = [path for path in old.keys() | new.keys() if _sign(old, path) != _sign(new, path)]

    def whole(side: Draft) -> Contents:
        return {
            path: (
                file.shown if file.source.endswith(TEMPLATE) else read(blob),
                file.executable,
            )
            for path, (file, blob) in ((path, side[path]) for path in paths if path in side)
        }

    return whole(old), whole(new)


def _sign(side: Draft, path: str) -> tuple[bytes, bool] | None:
    return (side[path][0].content, side[path][0].executable) if path in side else None


def _shown(tree: Tree | None) -> dict[str, tuple[bytes, bool]]:
    if tree is None:
        return {}
    return {path: (file.shown, file.executable) for path, file in tree.files.items()}

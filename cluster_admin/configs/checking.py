"""Whether a revision can be rendered for every node that it changes; asked before git commits it.

A node is asked about when a file of its layers differs, or what its templates see does. So one that
was bad before stands in nobody's way, and is refused as soon as somebody touches it. Contents are
not kept, secrets are placeholders: the manager has none.
"""

from collections.abc import Iterator
from itertools import chain

from django.conf import settings

from cluster_admin.configs import members
from cluster_admin.configs.refusals import Problem, Refused
from cluster_admin.configs.rendering import reading_templates, renderer
from workers.config.core.facts import Facts
from workers.config.core.overlay import GLOBAL, TEMPLATE, layers
from workers.failover.core.definitions import Definitions
from workers.repository.committing import Candidate
from workers.repository.core.paths import DEFAULT
from workers.repository.trees import Listing

PROBLEMS_MAX = 100
"""So many are looked for; a template that all nodes share is a problem once."""
Key = tuple[int, frozenset[tuple[str, str, int]]]


class Check:
    """Asked for one commit, maybe more than once: what passed is not rendered again."""

    def __init__(self) -> None:
        self._passed: Key | None = None

    def __call__(self, candidate: Candidate) -> None:
        """Raise `Refused` with every problem; `RenderingError` when it cannot be known."""
        key = _key(candidate)
        if key == self._passed:
            return
        found = problems(candidate)
        if found:
            raise Refused(found)
        self._passed = key


def problems(candidate: Candidate) -> list[Problem]:
    """Every reason why nodes could not be given this revision."""
    foreign = list(_foreign(candidate))
    if foreign:
        return foreign
    # Each node's facts name all others and every VIP: of many nodes they are not kept at once.
    nodes = affected(candidate)
    first = next(nodes, None)
    if first is None:
        return []
    found: dict[tuple[str, int, str], Problem] = {}
    # Of plain files nothing but the size can be a problem.
    read = reading_templates(candidate.after, candidate.read, lambda file: bytes(file.size))
    with renderer() as one:
        for facts, outcome in one.render_all(candidate.after, read, chain([first], nodes)):
            for problem in outcome if isinstance(outcome, list) else ():
                named = Problem(problem.path, problem.line, facts.node.name, problem.sentence)
                found.setdefault((problem.path, problem.line, problem.sentence), named)
            if len(found) >= PROBLEMS_MAX:
                break
    return list(found.values())


def affected(candidate: Candidate) -> Iterator[Facts]:
    """The facts of every node whose tree this revision may change, or that is new."""
    before, after = candidate.before, candidate.after
    changed = _changed_layers(candidate)
    templated = {_layer(path) for path in after if path.endswith(TEMPLATE)}
    for subcluster in members.subclusters(after):
        path = members.path_of(subcluster)
        same = before.get(path) == after[path]
        if same and not any(one == GLOBAL or one.startswith(f"{subcluster}/") for one in changed):
            continue
        new = members.definitions_in(after, candidate.read, subcluster)
        old = new if same else _old(candidate, subcluster)
        facts_changed = not same and members.shown(old) != members.shown(new)
        names = [
            name
            for name in members.nodes_of(new)
            if name not in members.nodes_of(old)
            or not changed.isdisjoint(layers(subcluster, name))
            or (facts_changed and not templated.isdisjoint(layers(subcluster, name)))
        ]
        if new is not None:
            yield from members.facts_of(new, candidate.number, names)


def _old(candidate: Candidate, subcluster: str) -> Definitions | None:
    """What the definitions were; None when they were not, or cannot be read."""
    try:
        return members.definitions_in(candidate.before, candidate.read, subcluster)
    except Refused:
        return None


def _changed_layers(candidate: Candidate) -> set[str]:
    return {_layer(path) for path in candidate.changes if not members.subcluster_of(path)}


def _layer(path: str) -> str:
    """The directory of the repository that is a layer, and that the path is in."""
    top, _, below = path.partition("/")
    return GLOBAL if top == GLOBAL else f"{top}/{below.partition('/')[0]}"


def _foreign(candidate: Candidate) -> Iterator[Problem]:
    """Definitions that are not of this cluster, cannot be read, or have a name that is taken."""
    for path in candidate.changes:
        subcluster = members.subcluster_of(path)
        if not subcluster or path not in candidate.after:
            continue
        try:
            found = members.definitions_in(candidate.after, candidate.read, subcluster)
        except Refused as refused:
            yield from refused.problems
            continue
        if found is not None and found.cluster != settings.MUSTER_CLUSTER:
            sentence = f"is for cluster {found.cluster}, this is {settings.MUSTER_CLUSTER}"
            yield Problem(path, 0, "", sentence)
        sentence = members.reserved_refusal(subcluster)
        if sentence and path not in candidate.before:
            yield Problem(path, 0, "", sentence)
        known = members.nodes_of(_old(candidate, subcluster))
        if DEFAULT in members.nodes_of(found) and DEFAULT not in known:
            sentence = f"no node can be called {DEFAULT}: all of {subcluster} get the files there"
            yield Problem(path, 0, "", f"{sentence}; choose another name")


def _key(candidate: Candidate) -> Key:
    after: Listing = candidate.after
    written = (
        (path, after[path].blob, after[path].mode)
        for path in candidate.changes.keys() & after.keys()
    )
    gone = ((path, "", 0) for path in candidate.changes.keys() - after.keys())
    return candidate.number, frozenset((*written, *gone))

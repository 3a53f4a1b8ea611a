"""How what a node runs differs from what was applied there, line by line, as far as it told.

The node tells the content of edited files, but of large ones and of those that hold secrets;
those are in its drift by name alone. What is applied is rendered here, with secrets concealed.
"""

from collections.abc import Sequence

from django.db.models import QuerySet

from cluster_admin.configs import diffs, putting, services, store
from cluster_admin.configs.diffs import Diff, Plain, Shown
from cluster_admin.configs.models import Application, Edit, Replica
from cluster_admin.configs.refusals import Problem, Refused, UnknownNodeError
from cluster_admin.inventory.models import Node
from workers.config.core.render import Tree
from workers.repository.core.changes import Changes

HELD = "holds a secret, which history would keep; change its template instead"


def edits_of(node: Node) -> QuerySet[Edit]:
    """Edits of a node that its readers may see: not what it had in another subcluster."""
    return Edit.objects.filter(node=node.name, subcluster=node.subcluster.name).order_by("path")


def applications_of(node: Node) -> QuerySet[Application]:
    """What a node applied, the newest first: not what it got in another subcluster."""
    here = {"node": node.name, "subcluster": node.subcluster.name}
    return Application.objects.filter(**here).order_by("-id")


def difference(
    node: Node, standing: Replica | None, edits: Sequence[Edit]
) -> tuple[Diff | None, str]:
    """Applied -> running, and why there is more that cannot be shown; raises `RepositoryError`."""
    if not edits:
        return None, _untold(standing, 0)
    live = max(row.live for row in edits)
    try:
        tree = services.render(node.name, live) if live else Tree({})
    except UnknownNodeError as error:
        return None, str(error)
    if not isinstance(tree, Tree):
        return None, f"r{live} cannot be rendered for {node.name}: {tree[0]}"
    shown = [row for row in edits if row.path not in tree.secret_files]
    applied: dict[str, Shown] = {
        row.path: tree.files[row.path] for row in shown if row.path in tree.files
    }
    running: dict[str, Shown] = {
        row.path: Plain(bytes(row.content), row.executable)
        for row in shown
        if row.content is not None
    }
    return diffs.of_trees(applied, running), _untold(standing, len(shown))


def kept(node: Node, edits: Sequence[Edit], live: int) -> Changes:
    """What keeps edits to the revision `live`, as a change of it; raises `Refused`."""
    repository = store.repository()
    tree = services.render(node.name, live) if live else Tree({})
    if not isinstance(tree, Tree):
        raise Refused(Problem(one.path, one.line, node.name, one.sentence) for one in tree)
    if secret := [row.path for row in edits if row.path in tree.secret_files]:
        raise Refused(Problem(path, 0, node.name, HELD) for path in secret)
    head = repository.head()
    newest = repository.tree(0 if head is None else head.number)
    edited = [
        putting.Edited(
            row.path, None if row.content is None else bytes(row.content), row.executable
        )
        for row in edits
    ]
    return putting.changes_of(
        edited, node.subcluster.name, node.name, repository.tree(live), newest
    )


def _untold(standing: Replica | None, shown: int) -> str:
    more = (standing.drift_count if standing else 0) - shown
    if more <= 0:
        return ""
    return f"of {more} more files the node did not tell the content: they are large or hold secrets"

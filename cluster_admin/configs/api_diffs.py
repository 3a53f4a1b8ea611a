"""Differences and rendered trees in the API: what changed, and what a node gets of it."""

from collections.abc import Callable, Collection
from typing import ClassVar

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cluster_admin.configs import api_shapes, diffs, scope, services, store
from cluster_admin.configs.api_base import Configuration, refusals, unfit, whole
from cluster_admin.configs.api_revisions import parameter
from cluster_admin.configs.api_serializers import DiffAnswer, RenderAnswer
from cluster_admin.inventory.models import Node
from cluster_admin.rest import headers
from cluster_admin.rest.problems import Code, Problem, cut, invalid
from workers.config.core.render import File, Tree
from workers.repository.repository import Repository

REVISION = parameter("revision", "The newest unless told.", OpenApiTypes.INT64)
PATH = parameter("path", "Only this file or directory.")


class Difference(Configuration):
    """What differs between two revisions."""

    parameters: ClassVar[tuple[str, ...]] = ("from", "to", "path", "node")

    @extend_schema(
        responses=DiffAnswer,
        parameters=[
            parameter("from", "The one before `to` unless told; 0: empty.", OpenApiTypes.INT64),
            parameter("to", "The newest unless told.", OpenApiTypes.INT64),
            PATH,
            parameter("node", "Of what this node gets, rendered; `path` is then of its tree."),
        ],
    )
    def get(self, request: Request) -> Response:
        """Differences with their lines, of what the user may read; bounded, saying so."""
        told = request.query_params
        with refusals():
            repository = store.repository()
            to = whole(request, "to", newest(repository)) or 0
            origin = whole(request, "from", max(0, to - 1)) or 0
            name = told.get("node")
            if name is None:
                found = self._of_revisions(request, repository, origin, to)
            else:
                found = self._of_node(request, name, (origin, to), told.get("path"))
        document = {"from": origin, "to": to, "node": name, **api_shapes.diff(found)}
        return Response(document)

    def _of_revisions(
        self, request: Request, repository: Repository, origin: int, to: int
    ) -> diffs.Diff:
        path = request.query_params.get("path")
        if path is not None:
            self.check_read(request, path)
        may, within = scope.reader(request.user), inside(path)
        paths: Collection[str] | None = None
        if path is not None or scope.tops(request.user) is not None:
            both = (one for side in (origin, to) for one in repository.tree(side))
            paths = {one for one in both if may(one) and within(one)}
        return diffs.of_differences(repository.diff(origin, to, paths))

    def _of_node(
        self, request: Request, node: str, revisions: tuple[int, int], path: str | None
    ) -> diffs.Diff:
        row, within = self.node(request, node), inside(path)
        sides = [
            {name: file for name, file in rendered(self, row, number).items() if within(name)}
            for number in revisions
        ]
        return diffs.of_trees(sides[0], sides[1])


class Render(Configuration):
    """What a node gets."""

    parameters: ClassVar[tuple[str, ...]] = ("revision", "path")

    @extend_schema(responses=RenderAnswer, parameters=[REVISION, PATH])
    def get(self, request: Request, node: str) -> Response:
        """The files of a revision as a node gets them; 422 with the reasons if it cannot."""
        row = self.node(request, node)
        path = request.query_params.get("path")
        with refusals():
            number = whole(request, "revision", newest(store.repository()), least=1) or 0
            files = rendered(self, row, number)
        within = inside(path)
        paths = [name for name in files if within(name)]
        if path is not None and not paths:
            raise Problem(
                Code.NOT_FOUND, f"{row.name} gets nothing at {cut(path, 200)} of r{number}"
            )
        shown = api_shapes.rendered(Tree(files), paths)
        document = {"node": row.name, "revision": number, "files": shown}
        return Response(document, headers={"ETag": headers.etag_of(document)})


def rendered(view: Configuration, node: Node, revision: int) -> dict[str, File]:
    """A node's tree of a revision, secrets concealed; of r0 nothing. 422 where it has problems.

    A node may have been in another subcluster then: `forbidden` for who may not read that one.
    """
    if revision == 0:
        return {}
    found = services.render(node.name, revision)
    if isinstance(found, Tree):
        _check_read(view, {one.source for one in found.files.values()})
        return dict(found.files)
    _check_read(view, {one.path for one in found})
    told = "; ".join(map(str, found[:5]))
    sentence = f"r{revision} cannot be rendered for {node.name}: {told}"
    raise unfit(sentence, [(one.path, one.line, node.name, one.sentence) for one in found])


def _check_read(view: Configuration, paths: Collection[str]) -> None:
    """Ask once for each directory at the top."""
    for top in sorted(set(map(scope.top_of, paths))):
        view.check_read(view.request, top)


def newest(repository: Repository) -> int:
    """The number of the newest revision; 0 before the first."""
    head = repository.head()
    return 0 if head is None else head.number


def inside(path: str | None) -> Callable[[str], bool]:
    """Says of a path whether it is at or below another; None: every path is."""
    if path is None:
        return lambda one: True
    if not path.strip("/"):
        raise invalid(path=f"is {cut(path, 20)!r}; name a file or directory, or leave it out")
    wanted = path.rstrip("/")
    return lambda one: one == wanted or one.startswith(f"{wanted}/")

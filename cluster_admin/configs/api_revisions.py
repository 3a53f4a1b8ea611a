"""Revisions in the API: history, changes and files, of what the user may read."""

from collections.abc import Iterator
from typing import Any, ClassVar
from urllib.parse import urlencode

from asgiref.sync import sync_to_async
from django.http import HttpResponse, StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from cluster_admin.configs import api_shapes, diffs, scope, store, tars
from cluster_admin.configs.api_base import Configuration, content, refusals, whole
from cluster_admin.configs.api_serializers import (
    ContentAnswer,
    RevisionsAnswer,
    RevisionWholeAnswer,
    TreeAnswer,
)
from cluster_admin.configs.places_history import history
from cluster_admin.rest import headers
from cluster_admin.rest.bodies import Renderer
from cluster_admin.rest.problems import Code, Problem, cut, invalid
from workers.repository.history import Revision
from workers.repository.repository import Repository
from workers.repository.trees import Listing

USUAL_LIMIT, MOST_LIMIT = 50, 1_000
STREAMED_BYTES = 1024 * 1024
"""In one piece of an archive, or one file when that is larger."""
PATH_TEXT = (
    "Only those that changed this file or directory, on into what its subcluster was copied from; "
    "each has the `path` that it had then."
)
NO_LINES = diffs.Bounds(lines=0)
BYTES = "application/octet-stream"
Told = list[dict[str, Any]]
Query = dict[str, str | int]


def parameter(name: str, text: str, kind: Any = OpenApiTypes.STR) -> OpenApiParameter:
    """One of the query, for the OpenAPI document."""
    return OpenApiParameter(name, kind, description=text)


class Revisions(Configuration):
    """The history."""

    parameters: ClassVar[tuple[str, ...]] = ("before", "limit", "path")

    @extend_schema(
        responses=RevisionsAnswer,
        parameters=[
            parameter("before", "Only those numbered below.", OpenApiTypes.INT64),
            parameter("limit", f"{USUAL_LIMIT} unless told; 1 to {MOST_LIMIT}.", OpenApiTypes.INT),
            parameter("path", PATH_TEXT),
        ],
    )
    def get(self, request: Request) -> Response:
        """Revisions, newest first, that changed something which the user may read."""
        before = whole(request, "before", least=1)
        limit = whole(request, "limit", USUAL_LIMIT, least=1) or USUAL_LIMIT
        if limit > MOST_LIMIT:
            raise invalid(limit=f"is {limit}; write 1 to {MOST_LIMIT}")
        path = request.query_params.get("path")
        if path is not None:
            self.check_read(request, path)
        with refusals():
            if path is None:
                found, following = self._of_all(request, limit, before)
            else:
                found, following = self._of_path(request, path.rstrip("/"), limit, before)
        address = None
        if following:
            query = urlencode({**following, "limit": limit})
            address = request.build_absolute_uri(f"{request.path}?{query}")
        return Response({"next": address, "results": found})

    def _of_all(self, request: Request, limit: int, before: int | None) -> tuple[Told, Query]:
        """Revisions of whatever the user may read, and what to ask for the next ones."""
        tops = scope.tops(request.user)
        places = None if tops is None else sorted(tops)
        found = _log(store.repository(), limit, before, places)
        following: Query = {}
        if len(found) == limit and found[-1].number > 1:
            following = {"before": found[-1].number}
        return list(map(api_shapes.revision, found)), following

    def _of_path(
        self, request: Request, path: str, limit: int, before: int | None
    ) -> tuple[Told, Query]:
        """The same of a file or directory, wherever it was."""
        steps = history(path, limit + 1, before, scope.reader(request.user))
        following: Query = {}
        if len(steps) > limit:
            following = {"before": steps[limit].revision.number + 1, "path": steps[limit].path}
        told = [api_shapes.revision(one.revision) | {"path": one.path} for one in steps[:limit]]
        return told, following


class OneRevision(Configuration):
    """A revision."""

    @extend_schema(responses=RevisionWholeAnswer)
    def get(self, request: Request, number: str) -> Response:
        """A revision, and which files it changed."""
        with refusals():
            repository = store.repository()
            row = repository.revision(int(number))
            changed = self._readable(request, repository.diff(row.number - 1, row.number))
            found = diffs.of_differences(changed, NO_LINES)
        document = api_shapes.revision(row) | {
            "files": list(map(api_shapes.summary, found.files)),
            "more": found.more,
        }
        return Response(document, headers={"ETag": headers.etag_of(document)})

    def _readable(self, request: Request, differences: list[Any]) -> list[Any]:
        """Those that the user may read; `forbidden` when none of them is."""
        may = scope.reader(request.user)
        found = [one for one in differences if may(one.path)]
        if differences and not found:
            self.check_read(request, differences[0].path)
        return found


class Tree(Configuration):
    """The files of a revision."""

    parameters: ClassVar[tuple[str, ...]] = ("under",)

    @extend_schema(
        responses=TreeAnswer, parameters=[parameter("under", "Only files in this directory.")]
    )
    def get(self, request: Request, number: str) -> Response:
        """Every file of a revision that the user may read; r0 has none."""
        with refusals():
            listing = store.repository().tree(int(number))
            files = readable(self, request, listing)
        shown = [api_shapes.file(path, one) for path, one in files.items()]
        etag = headers.etag_of([(one["path"], one["blob"], one["executable"]) for one in shown])
        return Response({"revision": int(number), "files": shown}, headers={"ETag": etag})


class BytesRenderer(BaseRenderer):
    """Only lets clients ask for it; the bytes are sent as they are."""

    media_type = BYTES
    format = "bytes"
    charset = None

    def render(self, data: Any, *_: Any, **__: Any) -> bytes:
        """Never asked."""
        return b""


class File(Configuration):
    """A file of a revision."""

    parameters: ClassVar[tuple[str, ...]] = ("path", "raw")
    renderer_classes = (Renderer, BytesRenderer)

    @extend_schema(
        responses={
            (200, "application/json"): ContentAnswer,
            (200, BYTES): OpenApiTypes.BINARY,
        },
        parameters=[
            OpenApiParameter("path", required=True, description="From the repository's top."),
            OpenApiParameter("raw", enum=("0", "1"), description="1: the bytes alone."),
        ],
    )
    def get(self, request: Request, number: str) -> Response | HttpResponse:
        """A file with its content: text, or base64 of what is none."""
        path = request.query_params.get("path", "")
        if not path:
            raise invalid(path="is missing; say which file")
        raw = request.query_params.get("raw", "0")
        if raw not in ("0", "1"):
            raise invalid(raw=f"is {cut(raw, 40)!r}; write 1 or 0")
        self.check_read(request, path)
        with refusals():
            repository = store.repository()
            data = repository.read(int(number), path)
            file = repository.tree(int(number))[path]
        etag = {"ETag": headers.etag_of([path, file.blob, file.executable])}
        if raw == "1" or isinstance(request.accepted_renderer, BytesRenderer):
            return as_bytes(data, path.rpartition("/")[2], etag)
        document = {"revision": int(number), **api_shapes.file(path, file), **content(data)}
        return Response(document, headers=etag)


class Archive(Configuration):
    """Many files at once."""

    parameters: ClassVar[tuple[str, ...]] = ("revision", "under")

    def perform_content_negotiation(self, request: Request, force: bool = False) -> Any:
        """Whatever is accepted: there is only this form."""
        return BytesRenderer(), "application/x-tar"

    @extend_schema(
        responses={(200, "application/x-tar"): OpenApiTypes.BINARY},
        parameters=[
            parameter("revision", "The newest unless told.", OpenApiTypes.INT64),
            parameter("under", "Only files in this directory."),
        ],
    )
    def get(self, request: Request) -> StreamingHttpResponse:
        """The files of a revision that the user may read, as a tar archive."""
        with refusals():
            repository = store.repository()
            row = _revision(repository, whole(request, "revision", least=1))
            files = readable(self, request, repository.tree(row.number))
        contents = (
            (path, repository.content(file.blob), file.executable) for path, file in files.items()
        )
        response = StreamingHttpResponse(
            _streamed(tars.pieces(contents, row.when)), content_type="application/x-tar"
        )
        name = f"configuration-r{row.number}.tar"
        response["Content-Disposition"] = f'attachment; filename="{name}"'
        response["ETag"] = headers.etag_of([row.hash, sorted(files)])
        return response


def readable(view: Configuration, request: Request, listing: Listing) -> Listing:
    """Of a tree what the user may read and asked for with `under`; raises what forbids that."""
    under = request.query_params.get("under", "").rstrip("/")
    if under:
        view.check_read(request, under)
    may = scope.reader(request.user)
    found = {
        path: file
        for path, file in listing.items()
        if may(path) and (not under or path == under or path.startswith(f"{under}/"))
    }
    if under and not found:
        raise Problem(Code.NOT_FOUND, f"there is nothing at {cut(under, 200)} in that revision")
    return found


def as_bytes(data: bytes, name: str, told: dict[str, str]) -> HttpResponse:
    """An answer that no browser takes for a page."""
    plain = "".join(
        one if one.isascii() and (one.isalnum() or one in "._-") else "_" for one in name
    )
    response = HttpResponse(data, content_type=BYTES, headers=told)
    response["Content-Disposition"] = f'attachment; filename="{plain}"'
    response["X-Content-Type-Options"] = "nosniff"
    return response


def _revision(repository: Repository, number: int | None) -> Revision:
    """That revision, or the newest."""
    found = repository.head() if number is None else repository.revision(number)
    if found is None:
        raise Problem(Code.NOT_FOUND, "there is no revision yet; commit something first")
    return found


def _log(
    repository: Repository, limit: int, before: int | None, places: list[str] | None
) -> list[Revision]:
    """The newest revisions that changed one of some places; None: any."""
    if places is None:
        return repository.log(limit, before)
    found = {row.number: row for path in places for row in repository.log(limit, before, path)}
    return [found[number] for number in sorted(found, reverse=True)[:limit]]


async def _streamed(pieces: Iterator[bytes]) -> Any:
    """The pieces, some at once: made in a thread while others are being sent."""

    def some() -> bytes:
        found = bytearray()
        for piece in pieces:
            found += piece
            if len(found) >= STREAMED_BYTES:
                break
        return bytes(found)

    while piece := await sync_to_async(some, thread_sensitive=False)():
        yield piece

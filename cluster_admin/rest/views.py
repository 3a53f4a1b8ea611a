"""What all resources share: lists, single objects, changes with If-Match, dry runs and refusals.

A resource says what its rows are, how one is represented, and how to make, alter and remove one;
who may is asked of the permission class, which reads the roles and scopes declared here.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar

from django.db.models import Model
from rest_framework.exceptions import APIException, MethodNotAllowed
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer
from rest_framework.views import APIView
from rest_framework.viewsets import GenericViewSet

from cluster_admin.rest import bodies, headers
from cluster_admin.rest.pages import fields_of
from cluster_admin.rest.problems import Code, Problem, cut, invalid

MAY_BE_EMPTY = ("search", "ordering")
LIST_PARAMETERS = ("page", "page_size", "ordering", "search")


class View(APIView):
    """A view that knows all parameters it is given, and reads bodies of bounded size."""

    kind = ""
    """What it is about, in one word: for the audit and for sentences."""
    within = ""
    """Where a row says its subcluster's name, as a lookup; empty for what spans subclusters."""
    shared = False
    """Whether what spans subclusters may be read by whoever reads one of them."""
    read_role, write_role = "viewer", "admin"
    read_scope, write_scope = "read", "define"
    special: ClassVar[dict[str, tuple[str, str]]] = {}
    """(role, scope) of actions that need others."""
    parameters: ClassVar[tuple[str, ...]] = ()
    """Names allowed in the query, beside those of lists."""
    names_others: ClassVar[bool] = False
    """Whether query or body may name what is not there, which is a 404 as in the path."""
    http_method_names: Any = ("get", "head", "post", "put", "patch", "delete")
    verb = ""
    """What is done, for the audit, where neither the method nor an action says it."""
    place = ""
    """Subcluster of the object that was asked for, once it is known."""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Refuse unknown methods; after who and whether, what is too large or not known."""
        if not hasattr(self, str(request.method).lower()):
            raise MethodNotAllowed(str(request.method))
        super().initial(request, *args, **kwargs)
        length = str(request.META.get("CONTENT_LENGTH") or "")
        if length.isdigit() and int(length) > bodies.limit_of(request.path):
            raise bodies.too_large(request.path)
        known = self.known_parameters()
        for name, values in request.query_params.lists():
            if name not in known:
                there = f"there are {', '.join(known)}" if known else "this address takes none"
                raise invalid(**{cut(name, 40): f"is not a known parameter; {there}"})
            if len(values) > 1:
                raise invalid(**{name: "is given more than once"})
            bodies.check_text(values[0], name)
            if not values[0] and name not in MAY_BE_EMPTY:
                raise invalid(**{name: "is empty; write a value or leave it out"})

    def check_object_permissions(self, request: Request, obj: Any) -> None:
        """Remember where the object is: a denial says so in the audit trail."""
        self.place = self.subcluster_of(obj)
        super().check_object_permissions(request, obj)

    def known_parameters(self) -> tuple[str, ...]:
        """Names that may stand in the query."""
        return self.parameters

    def object_of(self) -> str:
        """Name of the object asked for, as the URL says."""
        return str(next(iter(self.kwargs.values()), ""))

    def said_in_body(self, key: str) -> str:
        """What the body says of a name; empty when it says nothing, or cannot be read."""
        try:
            body: Any = self.request.data
            value = body.get(key, "")
        except (APIException, AttributeError):
            return ""
        return value if isinstance(value, str) else ""

    def needs(self) -> tuple[str, str]:
        """(role, scope) that the request needs."""
        action = getattr(self, "action", None)
        if action in self.special:
            return self.special[action]
        if self.request.method in ("GET", "HEAD", "OPTIONS"):
            return self.read_role, self.read_scope
        return self.write_role, self.write_scope

    def subcluster_of(self, row: Any) -> str:
        """Name of the subcluster that a row is in; empty for what spans them."""
        for step in self.within.split("__") if self.within else ():
            row = getattr(row, step)
        return str(row) if self.within else ""


@dataclass(frozen=True, slots=True)
class Written:
    """What came of a change, or would come of it in a dry run."""

    row: Any = None
    subcluster: str = ""
    revision: int | None = None
    """None for what is no part of any definitions."""
    diff: str = ""


class Resource(View, GenericViewSet):
    """Rows that can be listed and read."""

    lookup_field = "name"
    live: ClassVar[tuple[str, ...]] = ()
    """Keys of the representation that do not count for the ETag: states, ages, counts."""

    def object_of(self) -> str:
        """As the URL says, or the body of what was to be made."""
        name = super().object_of()
        if name or self.action != "create":
            return name
        return self.said_in_body(self.lookup_field)

    def represent(self, row: Any) -> dict[str, Any]:
        """A row as JSON has it."""
        return dict(self.get_serializer(row).data)

    def represent_all(self, rows: Iterable[Any]) -> list[dict[str, Any]]:
        """A page of rows."""
        return [self.represent(row) for row in rows]

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """One page of rows."""
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        return self.get_paginated_response(self.represent_all(page or ()))

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """One object, with its ETag."""
        return self.shown(self.represent(self.get_object()))

    def shown(self, document: dict[str, Any], status: int = 200) -> Response:
        """An object in a response."""
        return Response(document, status=status, headers={"ETag": self.etag_of(document)})

    def etag_of(self, document: dict[str, Any]) -> str:
        """The ETag of an object that is represented so."""
        return headers.etag_of({key: one for key, one in document.items() if key not in self.live})

    def get_object(self) -> Any:
        """The row that the URL names; raises the problem of its absence, or asks for permission."""
        value = self.kwargs[self.lookup_url_kwarg or self.lookup_field]
        row = self.get_queryset().filter(**{self.lookup_field: value}).first()
        if row is None:
            raise Problem(Code.NOT_FOUND, f"there is no {self.kind} {cut(value, 63)}")
        self.check_object_permissions(self.request, row)
        return row

    def known_parameters(self) -> tuple[str, ...]:
        """Those of lists for a list, dry_run for a change."""
        if self.request.method not in ("GET", "HEAD", "OPTIONS"):
            return (*self.parameters, "dry_run")
        if self.action != "list":
            return self.parameters
        filters = getattr(getattr(self, "filterset_class", None), "base_filters", ())
        names = [*self.parameters, *filters, *LIST_PARAMETERS]
        unused: tuple[str, ...] = () if getattr(self, "search_fields", None) else ("search",)
        unused += () if fields_of(self) else ("ordering",)
        return tuple(dict.fromkeys(name for name in names if name not in unused))


class Changeable(Resource):
    """Rows that can be made, altered and removed; how, the resource says."""

    def make(self, data: dict[str, Any]) -> Written:
        """Make a row of what was sent."""
        raise Problem(Code.METHOD_NOT_ALLOWED, f"a {self.kind} is not made here")

    def alter(self, row: Any, body: BaseSerializer[Any]) -> Written:
        """Alter a row by what was sent."""
        raise Problem(Code.METHOD_NOT_ALLOWED, f"a {self.kind} cannot be changed")

    def remove(self, row: Any) -> Written:
        """Remove a row."""
        raise Problem(Code.METHOD_NOT_ALLOWED, f"a {self.kind} cannot be removed")

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Make one."""
        body = self.get_serializer(data=request.data)
        body.is_valid(raise_exception=True)
        self.check_place(body.validated_data)
        return self.told(self.make(body.validated_data), 201)

    def update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Replace one."""
        return self._altered(request, partial=False)

    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Change some fields of one."""
        return self._altered(request, partial=True)

    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Remove one."""
        return self.told(self.remove(self.get_object()), 204)

    def _altered(self, request: Request, *, partial: bool) -> Response:
        row = self.get_object()
        body = self.get_serializer(row, data=request.data, partial=partial)
        body.is_valid(raise_exception=True)
        return self.told(self.alter(row, body), 200)

    def check_place(self, data: dict[str, Any]) -> None:
        """Ask for permission where the new row would be."""
        if self.within:
            self.check_object_permissions(self.request, Place(data["subcluster"]))

    def check_match(self, row: Model) -> None:
        """Raise `stale` if the client saw another state; asked when nobody else can change it."""
        headers.check_match(self.request, self.etag_of(self.represent(row)))

    def told(self, written: Written, status: int) -> Response:
        """What came of it: the object, or the difference it would make."""
        if headers.is_dry_run(self.request):
            return Response(
                {
                    "dry_run": True,
                    "subcluster": written.subcluster,
                    "revision": written.revision,
                    "diff": written.diff,
                }
            )
        if status == 204:
            response = Response(status=204)
        else:
            row = self.get_queryset().get(pk=written.row.pk)
            response = self.shown(self.represent(row), status)
        if status == 201:
            response.headers["Location"] = f"{self.request.path}{self.name_of(written.row)}/"
        if written.revision is not None:
            response.headers[headers.REVISION] = str(written.revision)
        return response

    def name_of(self, row: Any) -> str:
        """What names a row in the URL."""
        return str(getattr(row, self.lookup_field))


@dataclass(frozen=True, slots=True)
class Place:
    """Stands for a row that is not there yet, in the question who may make it."""

    subcluster: Any

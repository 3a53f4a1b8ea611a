"""Live tables, limits and refusals in the API: asked of the listener on the manager's host."""

from collections.abc import Callable
from typing import Any, ClassVar

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cluster_admin.accounts.services import readable
from cluster_admin.replication import asking
from cluster_admin.replication.api_answers import (
    ChartAnswer,
    ExplainAnswer,
    LiveRows,
    LiveTables,
    NodesAnswer,
    RefusalsAnswer,
    UsageAnswer,
)
from cluster_admin.replication.asking import Told
from cluster_admin.replication.source import Readable, SourceError
from cluster_admin.rest.problems import Code, Problem, invalid
from cluster_admin.rest.questions import BadQuestion, Query
from cluster_admin.rest.views import View

CODES = {"not_found": Code.NOT_FOUND, "throttled": Code.THROTTLED, "invalid": Code.INVALID}


def _parameter(name: str, text: str, kind: Any = OpenApiTypes.STR) -> OpenApiParameter:
    return OpenApiParameter(name, kind, description=text)


WHERE = _parameter("subcluster", "Only of this subcluster.")
NODE = _parameter("node", "Only of this node.")
KEY_EXAMPLES = [
    OpenApiExample("A client", "192.0.2.1"),
    OpenApiExample("A destination, from a binding", "bulk-1::example.com"),
    OpenApiExample("A sender", "news@example.net"),
]


class Live(View):
    """GET what nodes count now, in the subclusters that the user may read."""

    within = "subcluster"
    names_others = True

    def told(self, request: Request, ask: Callable[[Query, Readable], Told]) -> Response:
        """What the listener says."""
        try:
            return Response(ask(request.query_params, readable(request.user)))
        except BadQuestion as error:
            raise invalid(**{error.name: error.sentence}) from error
        except SourceError as error:
            raise Problem(CODES.get(error.code, Code.UNAVAILABLE), str(error)) from error


class SharedTables(Live):
    """Tables."""

    kind = "shared table"
    parameters: ClassVar[tuple[str, ...]] = ("subcluster",)

    @extend_schema(responses={200: LiveTables, 429: None}, parameters=[WHERE])
    def get(self, request: Request) -> Response:
        """Every table that nodes share, defined or usual, and how much is in it."""
        return self.told(request, asking.tables)


class SharedRows(Live):
    """Rows."""

    kind = "shared table"
    parameters: ClassVar[tuple[str, ...]] = ("subcluster", "table", "node", "top", "tree", "span")

    @extend_schema(
        responses={200: LiveRows, 429: None},
        parameters=[
            *(WHERE, NODE, OpenApiParameter("table", required=True, description="Its name.")),
            _parameter("top", "At most so many keys: 1 to 1,000, 20 unless told.", int),
            OpenApiParameter(
                "tree",
                enum=("0", "1"),
                description="1: the tree of addresses with its branching prefixes.",
            ),
            _parameter("span", "Of windows of so many seconds. Unset: the usual one.", int),
        ],
    )
    def get(self, request: Request) -> Response:
        """What is in a table: the greatest keys, or the tree of its addresses."""
        return self.told(request, asking.rows)


class SharedChart(Live):
    """Over time."""

    kind = "shared table"
    parameters: ClassVar[tuple[str, ...]] = ("subcluster", "table", "seconds")

    @extend_schema(
        responses={200: ChartAnswer, 429: None},
        parameters=[
            *(WHERE, _parameter("table", "Its name. Unset: refusals.")),
            _parameter("seconds", "So far back: 60 to 86,400, 3,600 unless told.", int),
        ],
    )
    def get(self, request: Request) -> Response:
        """The sum of a table over time, as long as this listener knows it."""
        return self.told(request, asking.chart)


class SharedNodes(Live):
    """How nodes are."""

    kind = "shared table"
    parameters: ClassVar[tuple[str, ...]] = ("subcluster",)

    @extend_schema(responses={200: NodesAnswer, 429: None}, parameters=[WHERE])
    def get(self, request: Request) -> Response:
        """How each node's replication is, as it told last."""
        return self.told(request, asking.nodes)


class LimitUsage(Live):
    """How full."""

    kind = "limit"
    parameters: ClassVar[tuple[str, ...]] = ("subcluster", "limit", "near")

    @extend_schema(
        responses={200: UsageAnswer, 429: None},
        parameters=[
            *(WHERE, _parameter("limit", "Only this one.")),
            _parameter("near", "So many keys of each: 1 to 20, 5 unless told.", int),
        ],
    )
    def get(self, request: Request) -> Response:
        """Each limit, where it is nearest to being reached, and how often it refused."""
        return self.told(request, asking.usage)


class LimitExplain(Live):
    """Why."""

    kind = "limit"
    parameters: ClassVar[tuple[str, ...]] = ("subcluster", "key")

    @extend_schema(
        responses={200: ExplainAnswer, 429: None},
        parameters=[
            WHERE,
            OpenApiParameter(
                "key",
                required=True,
                examples=KEY_EXAMPLES,
                description="An address, a domain, a sender, a user, or BINDING::DOMAIN.",
            ),
        ],
    )
    def get(self, request: Request) -> Response:
        """Which limits apply to a key: the value now, whose share it is, what remains."""
        return self.told(request, asking.explain)


class Refusals(Live):
    """Whom limits refused."""

    kind = "limit"
    parameters: ClassVar[tuple[str, ...]] = ("subcluster", "node", "limit", "key", "top")

    @extend_schema(
        responses={200: RefusalsAnswer, 429: None},
        parameters=[
            *(WHERE, NODE, _parameter("limit", "Only of this limit.")),
            _parameter("key", "Only of exactly this key."),
            _parameter("top", "At most so many: 1 to 1,000, 100 unless told.", int),
        ],
    )
    def get(self, request: Request) -> Response:
        """The newest refusals: which limit, of whom, at which value."""
        return self.told(request, asking.refusals)

"""Proposals through the API: made, read, decided; and the rules that ask for them."""

from collections.abc import Callable
from typing import Any, ClassVar

from django.db.models import QuerySet
from django.urls import re_path
from django_filters.rest_framework import CharFilter, ChoiceFilter, FilterSet
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cluster_admin.accounts.api_base import difference
from cluster_admin.accounts.api_permissions import Readable
from cluster_admin.accounts.roles import Role
from cluster_admin.accounts.services import EVERY, actor_of, allowed
from cluster_admin.audit.actor import Actor
from cluster_admin.configs import proposal_deciding as deciding
from cluster_admin.configs import proposal_rules, proposal_shapes, scope
from cluster_admin.configs.api_base import Configuration, refusals
from cluster_admin.configs.api_commits import Committing, entries, refuse_twice
from cluster_admin.configs.api_serializers import CommitBody, CommittedAnswer, TriedAnswer
from cluster_admin.configs.proposal_models import Proposal, ReviewRule
from cluster_admin.configs.proposal_reading import visible
from cluster_admin.configs.submitting import propose
from cluster_admin.inventory.models import Subcluster
from cluster_admin.rest import headers
from cluster_admin.rest.problems import Code, Problem, cut
from cluster_admin.rest.views import Place, Resource
from workers.repository.core.paths import GLOBAL


class ProposalFilters(FilterSet):
    """Exact words."""

    state = ChoiceFilter(choices=Proposal.State.choices)
    author = CharFilter(max_length=150)


class Proposals(Committing, Resource):
    """Changes that wait for another person, and what became of others."""

    kind = "proposal"
    within = "subcluster"
    queryset = Proposal.objects.all()
    serializer_class = proposal_shapes.ProposalAnswer
    filterset_class = ProposalFilters
    search_fields = ("message", "author")
    ordering_fields = ("id", "state", "author", "created_at", "decided_at")
    lookup_field = "pk"
    live: ClassVar[tuple[str, ...]] = ("nodes", "obstacle", "conflicts")
    parameters: ClassVar[tuple[str, ...]] = ()

    def get_queryset(self) -> QuerySet[Proposal]:
        """Without their changes, which `retrieve` alone needs."""
        return Proposal.objects.defer("packed").prefetch_related("places")

    def filter_queryset(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Those whose every place the user may read."""
        rows = queryset.filter(pk__in=visible(self.request.user).values("pk"))
        for backend in self.filter_backends:
            if backend is not Readable:
                rows = backend().filter_queryset(self.request, rows, self)
        return rows

    def represent(self, row: Proposal) -> dict[str, Any]:
        """A proposal as JSON has it."""
        return proposal_shapes.proposal(row)

    def check_object_permissions(self, request: Request, obj: Any) -> None:
        """Ask for each place; any reader reads `global`."""
        for name in sorted(obj.tops() - {GLOBAL}):
            super().check_object_permissions(request, Place(name))

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """One page of them."""
        with refusals():
            deciding.settle()
        return super().list(request, *args, **kwargs)

    @extend_schema(responses=proposal_shapes.ProposalWholeAnswer)
    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """A proposal, what it changes, and what it would do to each node now."""
        with refusals():
            deciding.settle()
            return self.shown(proposal_shapes.whole(request.user, self.get_object()))

    @extend_schema(
        request=CommitBody,
        responses={202: proposal_shapes.ProposalAnswer, 200: TriedAnswer, 422: None},
    )
    def create(self, request: Request) -> Response:
        """Propose a change, whether the rule asks for it or not; it is checked like a commit."""
        asked = self.asked(CommitBody)
        refuse_twice([one["path"] for one in asked["changes"]])
        self.check_writes(request, (one["path"] for one in asked["changes"]))
        return self.made(
            lambda: propose(
                actor_of(request),
                entries(asked["changes"], asked["base"]),
                asked["message"],
                base=asked["base"],
                key=asked["key"],
                dry_run=asked["dry_run"],
                add_segments=allowed(request.user, Role.ADMIN),
            ),
            asked["key"],
        )


class Deciding(Committing):
    """Decisions."""

    kind = "proposal"
    parameters: ClassVar[tuple[str, ...]] = ()

    def decided(
        self, request: Request, number: str, decide: Callable[[Actor, Proposal, str], Any]
    ) -> Response:
        """Decide a proposal that the user may read; who may decide it, the decision asks."""
        body = proposal_shapes.DecisionBody(data=request.data)
        body.is_valid(raise_exception=True)
        row = Proposal.objects.filter(pk=int(number)).first()
        if row is None:
            raise Problem(Code.NOT_FOUND, f"there is no proposal {number}")
        for name in sorted(row.tops()):
            self.check_read(request, name)
        return self.made(
            lambda: decide(actor_of(request), row, body.validated_data["comment"]), "", 200
        )


class Approve(Deciding):
    """Approvals."""

    verb = "approve"

    @extend_schema(
        request=proposal_shapes.DecisionBody, responses={201: CommittedAnswer, 422: None, 504: None}
    )
    def post(self, request: Request, number: str) -> Response:
        """Approve what another person proposed: it is committed in their name."""
        return self.decided(request, number, deciding.approve)


class Reject(Deciding):
    """Rejections."""

    verb = "reject"

    @extend_schema(request=proposal_shapes.DecisionBody, responses=proposal_shapes.ProposalAnswer)
    def post(self, request: Request, number: str) -> Response:
        """End what another person proposed."""
        return self.decided(request, number, deciding.reject)


class Withdraw(Deciding):
    """Withdrawals."""

    verb = "withdraw"

    @extend_schema(request=proposal_shapes.DecisionBody, responses=proposal_shapes.ProposalAnswer)
    def post(self, request: Request, number: str) -> Response:
        """End one's own proposal."""
        return self.decided(request, number, deciding.withdraw)


class Rules(Configuration):
    """Every rule."""

    kind = "review rule"

    @extend_schema(responses=proposal_shapes.ReviewRuleSerializer(many=True))
    def get(self, request: Request) -> Response:
        """The rule of `global`, and of each subcluster that the user may read."""
        tops = scope.tops(request.user)
        names = [GLOBAL, *Subcluster.objects.order_by("name").values_list("name", flat=True)]
        rows = {row.place: row for row in ReviewRule.objects.all()}
        free = (name for name in names if tops is None or name in tops)
        found = [rows.get(name) or ReviewRule(place=name, required=False) for name in free]
        return Response(list(map(proposal_shapes.rule, found)))


class OneRule(Configuration):
    """A rule."""

    kind = "review rule"
    write_role = "admin"

    def known_parameters(self) -> tuple[str, ...]:
        """Changes may be tried."""
        return () if self.request.method in ("GET", "HEAD") else ("dry_run",)

    @extend_schema(responses=proposal_shapes.ReviewRuleSerializer)
    def get(self, request: Request, place: str) -> Response:
        """What it asks for."""
        self.check_read(request, place)
        return _shown(proposal_rules.rule_of(place))

    @extend_schema(
        request=proposal_shapes.ReviewRuleSerializer, responses=proposal_shapes.ReviewRuleSerializer
    )
    def put(self, request: Request, place: str) -> Response:
        """Say what it asks for; an administrator of every subcluster alone may."""
        if not allowed(request.user, Role.ADMIN, EVERY):
            sentence = "setting a review rule needs the role admin of every subcluster"
            raise Problem(Code.FORBIDDEN, f"{sentence}; ask an administrator")
        body = proposal_shapes.ReviewRuleSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        known = place == GLOBAL or Subcluster.objects.filter(name=place).exists()
        if not known and not ReviewRule.objects.filter(place=place).exists():
            raise Problem(Code.NOT_FOUND, f"there is no subcluster {cut(place, 63)}")
        dry_run, before = headers.is_dry_run(request), proposal_rules.rule_of(place)
        headers.check_match(request, headers.etag_of(proposal_shapes.rule(before)))
        with refusals():
            row = proposal_rules.set_rule(
                actor_of(request),
                place,
                **body.validated_data,
                reason=headers.reason_of(request),
                dry_run=dry_run,
            )
        if dry_run:
            diff = difference(proposal_shapes.rule(before), proposal_shapes.rule(row))
            where = "" if place == GLOBAL else place
            told = {"dry_run": True, "subcluster": where, "revision": None, "diff": diff}
            return Response(told)
        return _shown(row)


def _shown(row: ReviewRule) -> Response:
    document = proposal_shapes.rule(row)
    return Response(document, headers={"ETag": headers.etag_of(document)})


ONE = "^config/proposals/(?P<number>[0-9]{1,15})"
PLACE = "(?P<place>[a-z][a-z0-9_-]{0,62})"
urlpatterns = [
    re_path(
        r"^config/proposals/$",
        Proposals.as_view({"get": "list", "post": "create"}),
        name="config-proposals",
    ),
    re_path(
        r"^config/proposals/(?P<pk>[0-9]{1,15})/$",
        Proposals.as_view({"get": "retrieve"}),
        name="config-proposal",
    ),
    re_path(rf"{ONE}/approve/$", Approve.as_view(), name="config-proposal-approve"),
    re_path(rf"{ONE}/reject/$", Reject.as_view(), name="config-proposal-reject"),
    re_path(rf"{ONE}/withdraw/$", Withdraw.as_view(), name="config-proposal-withdraw"),
    re_path(r"^config/review-rules/$", Rules.as_view(), name="config-review-rules"),
    re_path(rf"^config/review-rules/{PLACE}/$", OneRule.as_view(), name="config-review-rule"),
]

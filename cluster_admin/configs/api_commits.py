"""New revisions through the API: commit, revert, copy.

A commit stands as soon as git on the manager has it; the answer waits until a node's replica has
it too. None within the time is `not_replicated`: the same key asks again and makes nothing new.
"""

from collections.abc import Callable, Iterable
from typing import Any, ClassVar

from django.conf import settings
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cluster_admin.accounts.roles import Role
from cluster_admin.accounts.services import actor_of, allowed
from cluster_admin.configs import orders, services, stands, store, waiting
from cluster_admin.configs.api_base import Configuration, refusals
from cluster_admin.configs.api_previews import previewed
from cluster_admin.configs.api_serializers import (
    CommitBody,
    CommittedAnswer,
    CopyBody,
    RevertBody,
    TriedAnswer,
)
from cluster_admin.configs.models import Replica
from cluster_admin.configs.places import Plan
from cluster_admin.configs.proposal_models import Proposal
from cluster_admin.configs.proposal_shapes import ProposalAnswer, proposal
from cluster_admin.configs.rebasing import copy_of, revert_of
from cluster_admin.configs.services import Made
from cluster_admin.configs.submitting import submit
from cluster_admin.rest import headers
from cluster_admin.rest.problems import Code, Problem, invalid
from workers.repository.core.changes import Entry
from workers.repository.errors import UnknownRevisionError

Changes = dict[str, Entry | None]
ANSWERS: dict[Any, Any] = {
    201: CommittedAnswer,
    202: ProposalAnswer,
    200: TriedAnswer,
    422: None,
    504: None,
}


class Committing(Configuration):
    """What makes a new revision."""

    write_role = "editor"
    parameters: ClassVar[tuple[str, ...]] = ("dry_run",)
    own_dry_run = True

    def asked(self, kind: Any) -> dict[str, Any]:
        """What the request says, checked for form; `dry_run` by body or query."""
        body = kind(data=self.request.data)
        body.is_valid(raise_exception=True)
        found: dict[str, Any] = body.validated_data
        return found | {"dry_run": found["dry_run"] or headers.is_dry_run(self.request)}

    def made(self, make: Callable[[], Made | Proposal], key: str, proposed: int = 202) -> Response:
        """Make it, and tell what came of it: a proposal, or a revision once a replica has it."""
        with refusals():
            done = make()
            if isinstance(done, Proposal):
                return self._proposed(done, proposed)
            row = done.revision
            if row is None:
                nodes = previewed(done.previews)
                return Response({"dry_run": True, "head": done.head, "nodes": nodes})
            replicas = waiting.wait_for_replica(row.number)
        if not replicas and _any_is_up():
            sentence = f"r{row.number} is committed, and no node is known to have it yet"
            way = "look at config/replicas/, or ask again with the same key"
            members = {"revision": row.number, "key": key}
            raise Problem(Code.NOT_REPLICATED, f"{sentence}; {way}", members=members)
        document = {
            "revision": row.number,
            "commit": row.commit,
            "author": row.author,
            "at": row.at,
            "message": row.message,
            "replicas": replicas,
        }
        told = {"Location": self._where(f"revisions/{row.number}/")}
        return Response(document, status=201, headers=told)

    def planned(self, asked: dict[str, Any], work: Callable[[], Plan]) -> Response:
        """The same of what is worked out from revisions, unless the key has made it before."""

        def make() -> Made | Proposal:
            if done := services.made_with(asked["key"]):
                return done
            plan = work()
            return submit(
                actor_of(self.request),
                plan.changes,
                plan.message,
                base=plan.base,
                key=asked["key"],
                dry_run=asked["dry_run"],
                emergency=asked["emergency"],
            )

        return self.made(make, asked["key"])

    def _proposed(self, row: Proposal, status: int) -> Response:
        told = {"Location": self._where(f"proposals/{row.number}/")}
        return Response(proposal(row), status=status, headers=told)

    def _where(self, below: str) -> str:
        return f"{self.request.path.partition('/config/')[0]}/config/{below}"


class Commits(Committing):
    """Commits."""

    verb = "commit"

    @extend_schema(request=CommitBody, responses=ANSWERS)
    def post(self, request: Request) -> Response:
        """Commit a change of files; merged by file if others committed since `base`."""
        asked = self.asked(CommitBody)
        changes = asked["changes"]
        refuse_twice([one["path"] for one in changes])
        self.check_writes(request, (one["path"] for one in changes))
        return self.made(
            lambda: submit(
                actor_of(request),
                entries(changes, asked["base"]),
                asked["message"],
                base=asked["base"],
                key=asked["key"],
                dry_run=asked["dry_run"],
                emergency=asked["emergency"],
                add_segments=allowed(request.user, Role.ADMIN),
            ),
            asked["key"],
        )


class Reverts(Committing):
    """Reverts."""

    verb = "revert"

    @extend_schema(request=RevertBody, responses=ANSWERS)
    def post(self, request: Request) -> Response:
        """Take back what one revision changed."""
        asked = self.asked(RevertBody)
        number = asked["revision"]
        with refusals():
            repository = store.repository()
            changed = repository.diff(repository.revision(number).number - 1, number)
        self.check_writes(request, (one.path for one in changed))
        return self.planned(asked, lambda: revert_of(number, asked["message"]))


class Copies(Committing):
    """Copies."""

    verb = "copy"

    @extend_schema(request=CopyBody, responses=ANSWERS)
    def post(self, request: Request) -> Response:
        """Make a directory what another one is, or merge it into it."""
        asked = self.asked(CopyBody)
        source, target = asked["from"].strip("/"), asked["to"].strip("/")
        self.check_read(request, source)
        self.check_writes(request, [f"{target}/..."])
        merge, message = asked["merge"], asked["message"]
        return self.planned(asked, lambda: copy_of(source, target, merge=merge, message=message))


def entries(changes: Iterable[dict[str, Any]], base: int) -> Changes:
    """The change; who does not say whether a file may be run keeps what it was in `base`."""
    try:
        tree = store.repository().tree(base)
    except UnknownRevisionError as error:
        raise invalid(base=str(error)) from error
    found: Changes = {}
    for one in changes:
        path, executable = one["path"], one["executable"]
        if executable is None:
            executable = path in tree and tree[path].executable
        found[path] = None if one["content"] is None else Entry(one["content"], executable)
    return found


def refuse_twice(paths: list[str]) -> None:
    """Raise the problem of a path that a change names more than once."""
    seen: set[str] = set()
    for path in paths:
        if path in seen:
            raise invalid(changes=f"{path} is in it twice; say once what it shall be")
        seen.add(path)


def _any_is_up() -> bool:
    """Whether there is a bus, and a node on it."""
    known = stands.of(Replica.objects.all()) if settings.MUSTER_BROKERS else {}
    now = timezone.now()
    return any(orders.is_up(one, now) for one in known.values())

"""Subclusters as wholes through the API: copied, and promoted to another."""

from collections.abc import Callable
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cluster_admin.accounts.roles import Role
from cluster_admin.accounts.services import allowed
from cluster_admin.configs import api_shapes, places_copying, promoting, scope
from cluster_admin.configs.api_base import NUMBER_MAX
from cluster_admin.configs.api_commits import ANSWERS, Committing
from cluster_admin.configs.api_serializers import DiffBody, Saying, TriedAnswer
from cluster_admin.configs.diffs_of_changes import of_change
from cluster_admin.configs.places import Plan
from cluster_admin.inventory.fields import NAME_LENGTH
from cluster_admin.rest.fields import Flag, Text, Whole
from cluster_admin.rest.problems import Code, Problem
from workers.repository.core.messages import MESSAGE_BYTES
from workers.repository.core.paths import DEFAULT, DEFINITIONS


class PlacesBody(Saying):
    """Which subcluster is the model of which."""

    to = Text(max_length=NAME_LENGTH)
    message = Text(max_length=MESSAGE_BYTES, allow_blank=True, default="")

    def get_fields(self) -> dict[str, Any]:
        """`from` is a word of Python."""
        return {"from": Text(max_length=NAME_LENGTH), **super().get_fields()}


class PromoteBody(PlacesBody):
    """What to promote."""

    settings = Flag(default=False, help_text="The settings (knobs, logs, tables, limits) too.")
    revision = Whole(
        min_value=1,
        max_value=NUMBER_MAX,
        allow_null=True,
        default=None,
        help_text="What `from` was then. Null: the newest.",
    )


class CopySubclusterBody(PlacesBody):
    """Which subcluster to copy."""

    history = Flag(default=False, help_text="Histories of the files go on in those of `from`.")
    settings = Flag(
        default=True, help_text="With the settings (knobs, logs, tables, limits) of `from`."
    )


class PlacesTriedAnswer(TriedAnswer):
    """What it would do (a dry run)."""

    diff = DiffBody(help_text="In the repository.")


ANSWERS_HERE = {**ANSWERS, 200: PlacesTriedAnswer}


class Placing(Committing):
    """What is worked out from revisions, and then committed or proposed."""

    def answer(self, asked: dict[str, Any], work: Callable[[], Plan]) -> Response:
        """Do it; in a dry run tell what it changes in the repository, too."""
        plans: list[Plan] = []

        def planned() -> Plan:
            plans.append(work())
            return plans[-1]

        response = self.planned(asked, planned)
        if asked["dry_run"] and plans:
            shown = of_change(plans[0].base, plans[0].changes)
            response.data["diff"] = api_shapes.diff(shown)
        return response


class Promotions(Placing):
    """Promotions."""

    verb = "promote"

    @extend_schema(request=PromoteBody, responses=ANSWERS_HERE)
    def post(self, request: Request) -> Response:
        """Make a subcluster's files what another's are (and its settings), as one change."""
        asked = self.asked(PromoteBody)
        source, target = asked["from"], asked["to"]
        if not scope.reader(request.user)(source):
            self.place = scope.top_of(source)
            sentence = f"promoting {source} needs the role viewer of subcluster {source}"
            raise Problem(Code.FORBIDDEN, f"{sentence}; ask an administrator")
        written = [f"{target}/{DEFAULT}/...", f"{target}/{DEFINITIONS}"]
        self.check_writes(request, written if asked["settings"] else written[:1])
        return self.answer(
            asked,
            lambda: promoting.promotion(
                source,
                target,
                settings=asked["settings"],
                revision=asked["revision"],
                message=asked["message"],
            ),
        )


class SubclusterCopies(Placing):
    """Copies of subclusters."""

    verb = "copy"

    @extend_schema(request=CopySubclusterBody, responses=ANSWERS_HERE)
    def post(self, request: Request) -> Response:
        """Make a subcluster with the files and settings of another: no nodes, networks, VIPs."""
        asked = self.asked(CopySubclusterBody)
        if not allowed(request.user, Role.ADMIN):
            sentence = "making a subcluster needs the role admin of every subcluster"
            raise Problem(Code.FORBIDDEN, f"{sentence}; ask an administrator")
        return self.answer(
            asked,
            lambda: places_copying.copied(
                asked["from"],
                asked["to"],
                history=asked["history"],
                knobs=asked["settings"],
                message=asked["message"],
            ),
        )

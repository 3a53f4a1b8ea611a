"""The settings (knobs) of a subcluster in the API: each with its bounds, value and default."""

from collections.abc import Mapping
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cluster_admin.inventory import knobs
from cluster_admin.inventory.api_base import changing
from cluster_admin.inventory.api_serializers import SettingBody, SettingSerializer
from cluster_admin.inventory.api_subclusters import named
from cluster_admin.inventory.models import Subcluster
from cluster_admin.inventory.services import Change
from cluster_admin.rest import headers
from cluster_admin.rest.problems import Code, Problem, cut, invalid
from cluster_admin.rest.views import Place, View
from workers.failover.core.definitions_rules import COMMANDS


class OfSubcluster(View):
    """What is about the subcluster in the URL."""

    kind = "setting"
    within = "subcluster__name"

    def subcluster(self) -> Subcluster:
        """The subcluster, if the user may do there what they ask."""
        row = named(self.kwargs["name"])
        self.check_object_permissions(self.request, Place(row))
        return row


class Settings(OfSubcluster):
    """All settings."""

    @extend_schema(responses=SettingSerializer(many=True))
    def get(self, request: Request, **_: Any) -> Response:
        """Every knob, in the order of the reference."""
        values = knobs.values_of(self.subcluster())
        return Response([told(one, values) for one in knobs.all_knobs()])


class OneSetting(OfSubcluster):
    """One setting."""

    def known_parameters(self) -> tuple[str, ...]:
        """Changes may be tried."""
        return () if self.request.method in ("GET", "HEAD") else ("dry_run",)

    def object_of(self) -> str:
        """Name of the knob."""
        return str(self.kwargs["knob"])

    @extend_schema(responses=SettingSerializer)
    def get(self, request: Request, **_: Any) -> Response:
        """A knob and its value."""
        row, name = self._asked()
        return _shown(name, knobs.values_of(row))

    @extend_schema(request=SettingBody, responses=SettingSerializer)
    def put(self, request: Request, **_: Any) -> Response:
        """Set its value."""
        row, name = self._asked()
        body = SettingBody(data=request.data)
        body.is_valid(raise_exception=True)
        value = body.validated_data["value"]
        if value is None:
            raise invalid(value="is null; write a value, or DELETE for the default")
        _check(knobs.knob(name), value)
        return self._written(row, name, value)

    @extend_schema(responses=SettingSerializer)
    def delete(self, request: Request, **_: Any) -> Response:
        """Give it its default back."""
        row, name = self._asked()
        return self._written(row, name, None)

    def _asked(self) -> tuple[Subcluster, str]:
        row, name = self.subcluster(), self.kwargs["knob"]
        if name not in knobs.HELP:
            raise Problem(Code.NOT_FOUND, f"there is no setting {name}")
        return row, name

    def _written(self, row: Subcluster, name: str, value: Any) -> Response:
        with changing(self.request, row) as done:
            values = knobs.values_of(row)
            headers.check_match(self.request, headers.etag_of(told(knobs.knob(name), values)))
            _write(done, name, value, values)
        if headers.is_dry_run(self.request):
            told_only = {"dry_run": True, "subcluster": row.name, "revision": done.revision}
            return Response({**told_only, "diff": done.diff})
        response = _shown(name, knobs.values_of(row))
        response.headers[headers.REVISION] = str(done.revision)
        return response


def told(knob: knobs.Knob, values: Mapping[str, Any]) -> dict[str, Any]:
    """A knob as JSON has it."""
    default = knobs.default_of(knob.name, values)
    return {
        "name": knob.name,
        "value": values.get(knob.name, default),
        "default": default,
        "is_default": knob.name not in values,
        "low": knob.low,
        "high": knob.high,
        "choices": list(knob.choices),
        "unit": knob.unit,
        "help": knob.help,
    }


def _check(knob: knobs.Knob, value: Any) -> None:
    """Refuse what no nodes could use; what knobs must agree on is checked when all are known."""
    if knob.choices:
        if value not in knob.choices:
            raise invalid(value=f"is {cut(repr(value), 40)}; write {' or '.join(knob.choices)}")
        return
    if knob.command:
        if not isinstance(value, str):
            raise invalid(value=f"is {cut(repr(value), 40)}; write a text")
        if refusal := COMMANDS[knob.name](value):
            raise invalid(value=refusal)
        return
    number = isinstance(value, int if knob.whole else int | float) and not isinstance(value, bool)
    if not number:
        kind = "a whole number" if knob.whole else "a number"
        raise invalid(value=f"is {cut(repr(value), 40)}; write {kind}")
    if not (knob.low or 0) <= value <= (knob.high or value):
        raise invalid(value=f"is {value!r}; write {knob.low:g} to {knob.high:g}")


def _shown(name: str, values: Mapping[str, Any]) -> Response:
    document = told(knobs.knob(name), values)
    return Response(document, headers={"ETag": headers.etag_of(document)})


def _write(done: Change, name: str, value: Any, values: Mapping[str, Any]) -> None:
    kept = {key: one for key, one in values.items() if key != name}
    knobs.write(done, kept if value is None else {**kept, name: value})

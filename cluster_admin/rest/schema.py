"""The OpenAPI document says every status that an operation may answer, problems included.

What holds for all operations is added here once: problems by method, ETags, the dry run, the
reason. Views only say what is special. `manage.py spectacular` and /api/v1/schema/ show the result.
"""

from typing import Any, ClassVar

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import ResolvedComponent

from cluster_admin.rest import headers
from cluster_admin.rest.pages import NUMBER_LENGTH
from cluster_admin.rest.problems import MEDIA_TYPE, Code
from cluster_admin.rest.views import Resource, View

SAFE = ("GET", "HEAD", "OPTIONS")
ALWAYS = (Code.INVALID, Code.NOT_ACCEPTABLE, Code.FAILED, Code.UNAVAILABLE)
LOGGED_IN = (Code.UNAUTHENTICATED, Code.FORBIDDEN)
WRITES = (Code.REFUSED, Code.TOO_LARGE, Code.UNSUPPORTED_MEDIA_TYPE)
ETAG = {"schema": {"type": "string"}, "description": "State of the object; for If-Match."}
REVISION = {
    "schema": {"type": "integer"},
    "description": "Newest revision of the definitions after the change.",
}
PROBLEM: dict[str, Any] = {
    "type": "object",
    "required": ["type", "title", "status", "detail", "code"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "What, which value, and the way out."},
        "code": {"type": "string", "enum": list(dict.fromkeys(one.word for one in Code))},
        "errors": {
            "type": "object",
            "additionalProperties": {"type": "array", "items": {"type": "string"}},
            "description": "Sentences by field.",
        },
    },
}
DRY_RUN: dict[str, Any] = {
    "type": "object",
    "required": ["dry_run", "subcluster", "revision", "diff"],
    "properties": {
        "dry_run": {"type": "boolean"},
        "subcluster": {"type": "string"},
        "revision": {"type": "integer", "nullable": True},
        "diff": {"type": "string", "description": "Unified diff, running -> proposed."},
    },
}


class Schema(AutoSchema):
    """Adds what all operations share."""

    known: ClassVar[dict[str, dict[str, Any]]] = {"Problem": PROBLEM, "DryRun": DRY_RUN}

    def get_operation(self, *args: Any, **kwargs: Any) -> dict[str, Any] | None:
        """The operation with all its statuses."""
        operation: dict[str, Any] | None = super().get_operation(*args, **kwargs)
        if operation is None:
            return None
        responses = operation["responses"]
        declared = [code for code in Code if str(code.status) in responses]
        for code in (*declared, *self._codes()):
            if "content" not in responses.get(str(code.status), {}):
                responses[str(code.status)] = self._problem(code)
        if self.method not in SAFE and self._dry_runs():
            self._add_dry_run(responses)
        self._add_headers(responses)
        return operation

    def get_tags(self) -> list[str]:
        """By the first word of the path."""
        return [self.path.removeprefix("/api/v1/").split("/")[0]]

    def get_operation_id(self) -> str:
        """The path's words and what is done."""
        words = [one for one in self.path.removeprefix("/api/v1/").split("/") if one]
        named = [one for one in words if not one.startswith("{")]
        action = getattr(self.view, "action", None) or self.method.lower()
        if named and action.replace("_", "-") == named[-1]:
            named = named[:-1]
        if words and words[-1].startswith("{") and not hasattr(self.view, "action"):
            named.append("one")
        return "_".join([*named, action]).replace("-", "_")

    def _codes(self) -> list[Code]:
        codes = [*ALWAYS]
        if self.view.permission_classes:
            codes += LOGGED_IN
        listed = getattr(self.view, "action", "") == "list"
        if "{" in self.path or listed or getattr(self.view, "names_others", False):
            codes.append(Code.NOT_FOUND)
        if self.method not in SAFE:
            codes += WRITES
            if "{" in self.path:
                codes.append(Code.STALE)
        return codes

    def _problem(self, code: Code) -> dict[str, Any]:
        return {
            "description": code.title,
            "content": {MEDIA_TYPE: {"schema": self._component("Problem").ref}},
        }

    def _component(self, name: str) -> ResolvedComponent:
        component = ResolvedComponent(
            name=name, type=ResolvedComponent.SCHEMA, object=name, schema=self.known[name]
        )
        self.registry.register_on_missing(component)
        return component

    def _dry_runs(self) -> bool:
        view = self.view
        if getattr(view, "own_dry_run", False):
            return False
        return isinstance(view, Resource) or "dry_run" in getattr(view, "parameters", ())

    def _add_dry_run(self, responses: dict[str, Any]) -> None:
        dry = self._component("DryRun").ref
        content = responses.setdefault("200", {"description": "Nothing was done: a dry run."})
        media = content.setdefault("content", {}).setdefault("application/json", {})
        media["schema"] = {"oneOf": [media["schema"], dry]} if "schema" in media else dry

    def _add_headers(self, responses: dict[str, Any]) -> None:
        single = getattr(self.view, "action", "list") != "list" and isinstance(self.view, View)
        for status, response in responses.items():
            if status in ("200", "201") and single:
                response.setdefault("headers", {})["ETag"] = ETAG
            if status in ("200", "201", "204") and self.method not in SAFE:
                response.setdefault("headers", {})[headers.REVISION] = REVISION


def shared_parameters(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Post-processing: what every change takes, and bounds of page numbers."""
    for path, operations in result["paths"].items():
        for method, operation in operations.items():
            told = operation.setdefault("parameters", [])
            if method.upper() not in SAFE and path.count("/") > 2:
                told += _change_parameters("{" in path)
            for one in told:
                if one["name"] in ("page", "page_size") and one["in"] == "query":
                    most = 1000 if one["name"] == "page_size" else 10**NUMBER_LENGTH - 1
                    one["schema"] = {"type": "integer", "minimum": 1, "maximum": most}
    return result


def _change_parameters(named: bool) -> list[dict[str, Any]]:
    found = [
        {
            "name": "dry_run",
            "in": "query",
            "description": "1: try the change, tell the difference, and take it back.",
            "schema": {"type": "string", "enum": ["0", "1"]},
        },
        {
            "name": headers.REASON,
            "in": "header",
            "description": "Why, for the audit trail: percent-encoded UTF-8.",
            "schema": {"type": "string", "maxLength": 500},
        },
    ]
    if named:
        found.append(
            {
                "name": "If-Match",
                "in": "header",
                "description": "The ETag that was seen: change only that state.",
                "schema": {"type": "string"},
            }
        )
    return found

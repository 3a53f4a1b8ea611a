"""The reference of the API as Markdown, made from the OpenAPI document.

`python -m cluster_admin.api.reference docs/reference/api.md` puts it between the two marks of the
page; a test says when the page is behind. What holds for every address is written there by hand.
"""

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

BEGIN, END = "<!-- resources: generated -->", "<!-- resources: end -->"
PREFIX = "/api/v1/"
SHARED = frozenset({"page", "page_size", "search", "ordering", "dry_run"})
"""Parameters that the page describes once."""
SUCCESS = ("200", "201")
Document = Mapping[str, Any]


def updated(page: str, document: Document) -> str:
    """The page with its generated part as of now; raises ValueError when a mark is missing."""
    before, mark, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (mark and end):
        raise ValueError(f"the page has not both marks, {BEGIN} and {END}; write them into it")
    return before + render(document) + after


def render(document: Document) -> str:
    """The Markdown between the marks: each resource with its addresses and fields."""
    lines = [BEGIN, *_codes()]
    for name, paths in _resources(document).items():
        lines += ["", f"## {name}", "", *_addresses(paths)]
        for schema in _schemas(document, paths):
            lines += ["", f"### {schema}", "", *_fields(document, schema)]
    return "\n".join([*lines, END])


def _codes() -> Iterator[str]:
    from cluster_admin.rest.problems import Code

    yield from ("## Codes of problems", "", "| code | status | |", "|---|---|---|")
    for code in Code:
        yield f"| `{code.word}` | {code.status} | {code.title}. |"


def _resources(document: Document) -> dict[str, dict[str, Any]]:
    """Paths by the first word after the prefix."""
    found: dict[str, dict[str, Any]] = {}
    for path, operations in document["paths"].items():
        if path.startswith(PREFIX):
            below = path.removeprefix(PREFIX)
            found.setdefault(below.split("/")[0], {})[below] = operations
    return found


def _addresses(paths: Mapping[str, Any]) -> Iterator[str]:
    yield from ("| request | what it does | parameters |", "|---|---|---|")
    for path, operations in paths.items():
        for method, operation in operations.items():
            said = " ".join(str(operation.get("description", "")).split())
            yield f"| `{method.upper()} {path}` | {_cell(said)} | {_parameters(operation)} |"


def _parameters(operation: Mapping[str, Any]) -> str:
    """Those of the query that are the operation's own, and what a list can be sorted by."""
    query = [one for one in operation.get("parameters", ()) if one["in"] == "query"]
    own = [f"`{one['name']}`" for one in query if one["name"] not in SHARED]
    return _cell(", ".join(own))


def _schemas(document: Document, paths: Mapping[str, Any]) -> list[str]:
    """What is answered to these requests and what is in it, then bodies of another shape."""
    every = [one for operations in paths.values() for one in operations.values()]
    found: dict[str, None] = {}
    for operation in every:
        for status in SUCCESS:
            _collect(document, operation["responses"].get(status, {}).get("content", {}), found)
    sent: dict[str, None] = {}
    for operation in every:
        _collect(document, operation.get("requestBody", {}), sent)
    bodies = [name for name in sent if not _is_shown(document, name, found)]
    return [name for name in (*found, *bodies) if name != "DryRun"]


def _is_shown(document: Document, body: str, found: Mapping[str, None]) -> bool:
    """Whether a body has only fields of what is answered."""
    schemas = document["components"]["schemas"]
    shown = body.removesuffix("Request").removeprefix("Patched")
    return shown in found and not set(schemas[body]["properties"]) - set(
        schemas[shown]["properties"]
    )


def _collect(document: Document, schema: Any, found: dict[str, None]) -> None:
    """Add the names of objects below a schema, each in front of its parts."""
    for name in _references(schema):
        target = document["components"]["schemas"][name]
        if name in found or "properties" not in target:
            continue
        if name.startswith("Paginated"):
            _collect(document, target["properties"]["results"], found)
            continue
        found[name] = None
        _collect(document, target["properties"], found)


def _references(schema: Any) -> Iterator[str]:
    if isinstance(schema, Mapping):
        if "$ref" in schema:
            yield schema["$ref"].rpartition("/")[2]
        for part in schema.values():
            yield from _references(part)
    elif isinstance(schema, list):
        for part in schema:
            yield from _references(part)


def _fields(document: Document, name: str) -> Iterator[str]:
    schema = document["components"]["schemas"][name]
    fields = schema["properties"]
    mixed = len({bool(told.get("readOnly")) for told in fields.values()}) > 1
    yield from ("| field | type | |", "|---|---|---|")
    for field, told in fields.items():
        first = ["read only"] if mixed and told.get("readOnly") else []
        yield f"| `{field}` | {_kind(document, told)} | {_notes(told, first)} |"


def _kind(document: Document, told: Mapping[str, Any]) -> str:
    """The type in a word or two; choices by their names."""
    references = list(_references(told.get("allOf") or told.get("oneOf") or told.get("$ref") or []))
    references = references or ([told["$ref"].rpartition("/")[2]] if "$ref" in told else [])
    nullable = " or null" if told.get("nullable") else ""
    if references:
        target = document["components"]["schemas"][references[0]]
        return _choices(target) + nullable if "enum" in target else references[0] + nullable
    if "enum" in told:
        return _choices(told) + nullable
    if told.get("type") == "array":
        return f"list of {_kind(document, told['items'])}"
    return f"{told.get('format') or told.get('type') or 'anything'}{nullable}"


def _choices(told: Mapping[str, Any]) -> str:
    return " \\| ".join(f"`{one}`" for one in told["enum"] if one not in ("", None))


def _notes(told: Mapping[str, Any], notes: list[str]) -> str:
    said = " ".join(str(told.get("description", "")).split())
    if said and not said.startswith("* `"):
        notes.append(said.rstrip("."))
    if told.get("default") not in (None, "", []):
        notes.append(f"default `{told['default']}`")
    return _cell("; ".join(notes))


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def main(path: Path) -> None:
    """Bring the page up to date."""
    import django

    django.setup()
    from drf_spectacular.generators import SchemaGenerator

    document = SchemaGenerator().get_schema(request=None, public=True)
    path.write_text(updated(path.read_text(), document))


if __name__ == "__main__":
    main(Path(sys.argv[1]))

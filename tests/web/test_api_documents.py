"""The OpenAPI document says what is; every resource is reached from the root; bugs are problems."""

import re
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from rest_framework.serializers import BaseSerializer

from cluster_admin.api.joins import Nodes, Subclusters, Vips
from cluster_admin.audit.api_views import Audit
from cluster_admin.events.api_views import Events
from cluster_admin.inventory.api_places import Segments, Topologies
from tests.web import seeding
from tests.web.api_client import Api, administrator
from tests.web.mail_numbers import MailNumbers

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    found: dict[str, Any] = Client().get("/api/v1/schema/").json()
    return found


def _operations(document: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (method, path, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]


def test_the_document_is_openapi_3_and_there_in_yaml_too(document: dict[str, Any]) -> None:
    yaml = Client().get("/api/v1/schema/", headers={"Accept": "application/yaml"})

    assert document["openapi"].startswith("3.0")
    assert yaml.content.startswith(b"openapi: 3.0")
    assert len(_operations(document)) > 50


def test_every_operation_has_a_name_of_its_own_and_says_what_it_does(
    document: dict[str, Any],
) -> None:
    operations = _operations(document)
    names = [operation["operationId"] for _, _, operation in operations]

    assert len(set(names)) == len(names)
    assert [name for name in names if name[-1].isdigit()] == []
    assert [path for _, path, one in operations if not one.get("description")] == []


def test_every_enumeration_has_a_real_name(document: dict[str, Any]) -> None:
    names = [name for name in document["components"]["schemas"] if name.endswith("Enum")]

    assert [name for name in names if re.search("[0-9a-f]{3}Enum$", name)] == []


def test_every_operation_says_every_way_it_may_be_refused(document: dict[str, Any]) -> None:
    for method, path, operation in _operations(document):
        told = set(operation["responses"])
        assert {"400", "406", "500", "503"} <= told, path
        if path not in ("/api/v1/login/", "/api/v1/join/"):
            assert {"401", "403"} <= told, path
        if method != "get":
            assert {"409", "413", "415"} <= told, path
        for status, response in operation["responses"].items():
            if status >= "400":
                assert list(response["content"]) == ["application/problem+json"], path


def test_the_document_has_every_address_of_the_api(document: dict[str, Any]) -> None:
    count = sum(1 for one in _routes(get_resolver().url_patterns) if one.startswith("api/v1/"))
    hidden = {"", "schema/"}

    assert len(document["paths"]) == count - len(hidden)


def _routes(patterns: list[Any], before: str = "") -> list[str]:
    found = []
    for one in patterns:
        route = before + str(one.pattern).removeprefix("^")
        if isinstance(one, URLResolver):
            found += _routes(one.url_patterns, route)
        elif isinstance(one, URLPattern):
            found.append(route)
    return found


def test_every_list_is_reached_from_the_root(tmp_path: Path, settings: Any) -> None:
    """Given a manager on whose host a collector counts mail."""
    seeding.cluster()
    with closing(MailNumbers(tmp_path)) as numbers:
        settings.MUSTER_MAIL_COUNTS = str(numbers.path)
    api = administrator()

    for name, address in api.get("").body.items():
        assert api.get(address.removeprefix("http://testserver")).status == 200, name


@pytest.mark.parametrize(
    ("view", "where"),
    [
        (Nodes, "nodes/mta1/"),
        (Vips, "vips/198.18.0.1/"),
        (Subclusters, "subclusters/default/"),
        (Topologies, "topologies/{topology}/"),
        (Segments, "segments/rack/"),
        (Events, "events/{event}/"),
        (Audit, "audit/{record}/"),
    ],
)
def test_what_is_answered_has_the_fields_of_the_document(view: Any, where: str) -> None:
    made = seeding.cluster()
    seeding.tell("taken")
    api = administrator()
    api.post("segments/", {"name": "rack"})
    ids = {
        "topology": made.subcluster.topology_set.get().pk,
        "event": api.get("events/").body["results"][0]["id"],
        "record": api.get("audit/").body["results"][0]["id"],
    }

    body = api.get(where.format(**ids)).body

    assert _shape(body) == _fields(view.serializer_class())


def _shape(body: Any) -> dict[str, Any]:
    inner = ("status", "configuration")
    return {name: _shape(one) if name in inner else None for name, one in body.items()}


def _fields(serializer: Any) -> dict[str, Any]:
    return {
        name: _fields(field) if isinstance(field, BaseSerializer) else None
        for name, field in serializer.fields.items()
        if not field.write_only
    }


def test_a_bug_is_a_problem_too_and_tells_nothing() -> None:
    seeding.cluster()
    api = administrator()
    api.client.raise_request_exception = False

    def bug(execute: Any, sql: str, *rest: Any) -> Any:
        """What no view expects, in the midst of one."""
        if "inventory_node" in sql:
            raise ZeroDivisionError("division by secret")
        return execute(sql, *rest)

    with connection.execute_wrapper(bug):
        answer = api.get("nodes/")

    assert answer.problem == (500, "failed")
    assert "division" not in answer.text


def test_a_request_for_another_host_is_refused() -> None:
    assert Api().get("whoami/", Host="evil.example").problem == (400, "invalid")

"""Roles and scopes: who may what where, and that every denied attempt is in the audit trail."""

from typing import Any

import pytest

from cluster_admin.audit.models import AuditRecord
from cluster_admin.inventory.models import Node
from cluster_admin.vips.models import Vip
from tests.web import seeding
from tests.web.api_client import Api, newest

pytestmark = pytest.mark.django_db

READS = (
    *("status/", "subclusters/", "subclusters/default/", "subclusters/default/definitions/"),
    *("subclusters/default/revisions/", "subclusters/default/settings/", "segments/"),
    *("subclusters/default/settings/lease_ttl/", "topologies/", "nodes/", "nodes/mta1/"),
    *("nodes/mta1/if-dies/", "vips/", "vips/198.18.0.1/", "vips/198.18.0.1/history/"),
    *("vips/198.18.0.1/owner/", "events/", "logs/sources/", "logs/subscribers/"),
    *("logs/shipping/", "limits/", "limits/exemptions/", "shared/tables/"),
    "subclusters/default/limiting/",
)
OVER_ALL = ("audit/", "users/", "grants/")
VIP = {"address": "198.18.0.250", "subcluster": "default"}
OPERATES: tuple[tuple[str, str, Any], ...] = (
    ("POST", "nodes/mta1/drain/", None),
    ("POST", "vips/", VIP),
    ("PATCH", "vips/198.18.0.1/", {"weight": 2}),
    ("DELETE", "vips/198.18.0.2/", None),
)
DEFINES: tuple[tuple[str, str, Any], ...] = (
    ("PATCH", "nodes/mta1/", {"weight": 2}),
    ("DELETE", "nodes/mta3/?force=1", None),
    ("POST", "nodes/", {"name": "mta9", "address": "10.0.0.99", "subcluster": "default"}),
    ("PUT", "subclusters/default/settings/lease_ttl/", {"value": 9}),
    ("PATCH", "subclusters/default/", {"description": "x"}),
    ("POST", "logs/sources/", {"name": "mail", "path": "/a", "subcluster": "default"}),
    ("POST", "logs/subscribers/", {"name": "manager", "subcluster": "default"}),
    ("PUT", "subclusters/default/definitions/", "x"),
)
SPANS: tuple[tuple[str, str, Any], ...] = (
    ("POST", "subclusters/", {"name": "more"}),
    ("DELETE", "subclusters/default/", None),
    ("POST", "segments/", {"name": "rack"}),
    ("POST", "users/", {"username": "eve"}),
    ("POST", "logs/decommission/", {"name": "manager"}),
    ("POST", "grants/", {"user": "ada", "role": "viewer"}),
)


@pytest.fixture
def _two_subclusters() -> None:
    seeding.cluster()
    seeding.cluster(2, 4, "staging", prefix="stg", block=1)


def _try(api: Api, method: str, where: str, body: Any) -> Any:
    kind = {"Content_Type": "text/plain"} if isinstance(body, str) else {}
    return api(method, where, body, **kind)


@pytest.mark.usefixtures("_two_subclusters")
def test_a_viewer_reads_everything_of_their_subcluster_and_changes_nothing() -> None:
    api = Api(seeding.user("vera", "viewer", "default"))

    assert {where: api.get(where).status for where in READS} == dict.fromkeys(READS, 200)
    assert {where: api.get(where).status for where in OVER_ALL} == dict.fromkeys(OVER_ALL, 403)
    for method, where, body in (*OPERATES, *DEFINES, *SPANS):
        before = AuditRecord.objects.count()
        assert _try(api, method, where, body).problem == (403, "forbidden"), where
        record = AuditRecord.objects.latest("id")
        assert AuditRecord.objects.count() == before + 1, where
        assert (record.outcome, record.actor, record.token) == ("denied", "vera", "test")
    assert Vip.objects.count() == 28


@pytest.mark.usefixtures("_two_subclusters")
def test_an_operator_drains_and_changes_vips_only() -> None:
    api = Api(seeding.user("otto", "operator", "default"))

    for method, where, body in OPERATES:
        assert _try(api, method, where, body).status in (200, 201, 204), where
    for method, where, body in (*DEFINES, *SPANS):
        assert _try(api, method, where, body).status == 403, where


@pytest.mark.usefixtures("_two_subclusters")
def test_an_administrator_of_a_subcluster_changes_all_of_it_and_nothing_beyond() -> None:
    api = Api(seeding.user("anna", "admin", "default"))

    for method, where, body in DEFINES[:-1]:
        assert _try(api, method, where, body).status in (200, 201, 204), where
    for method, where, body in SPANS:
        assert _try(api, method, where, body).status == 403, where


@pytest.mark.usefixtures("_two_subclusters")
def test_other_peoples_objects_are_neither_listed_nor_told_nor_touched() -> None:
    api = Api(seeding.user("anna", "admin", "default"))

    assert api.get("nodes/").names == ["mta1", "mta2", "mta3"]
    assert api.get("subclusters/").names == ["default"]
    assert [one["name"] for one in api.get("status/").body["subclusters"]] == ["default"]
    assert api.get("vips/?subcluster=staging").names == []
    for method, where, body in (
        ("GET", "nodes/stg1/", None),
        ("GET", "subclusters/staging/definitions/", None),
        ("GET", "subclusters/staging/settings/", None),
        ("GET", "subclusters/staging/revisions/", None),
        ("POST", "nodes/stg1/drain/", None),
        ("PATCH", "vips/198.18.1.1/", {"weight": 5}),
        ("DELETE", "nodes/stg1/", None),
        ("POST", "vips/", {"address": "198.18.1.250", "subcluster": "staging"}),
    ):
        answer = _try(api, method, where, body)
        assert answer.problem == (403, "forbidden"), where
        assert "staging" in answer.body["detail"], where
        assert newest(outcome="denied").subcluster == "staging", where
    moved = api.patch("vips/198.18.0.1/", {"subcluster": "staging"})
    assert moved.problem == (400, "invalid")
    assert Node.objects.filter(name="stg1", admin_state="enabled").exists()


@pytest.mark.usefixtures("_two_subclusters")
def test_a_user_without_any_role_sees_nothing_but_themselves() -> None:
    api = Api(seeding.user("nora", ""))

    assert api.get("whoami/").status == 200
    assert api.get("tokens/").status == 200
    for where in (*READS, *OVER_ALL, "events/stream/"):
        assert api.get(where).status == 403, where


@pytest.mark.usefixtures("_two_subclusters")
def test_a_read_only_token_runs_nothing_whatever_its_user_may() -> None:
    api = Api(seeding.user("root", is_superuser=True), read_only=True)

    assert api.get("audit/").status == 200
    for method, where, body in (*OPERATES, *DEFINES, *SPANS, ("POST", "tokens/", {"name": "x"})):
        assert _try(api, method, where, body).problem == (403, "read_only_token"), where
    assert newest(outcome="denied").reason.startswith("read_only_token")


@pytest.mark.usefixtures("_two_subclusters")
@pytest.mark.parametrize(
    ("scope", "may"),
    [("read", ()), ("operate", OPERATES[:1]), ("define", OPERATES[1:]), ("accounts", ())],
)
def test_a_token_does_what_its_scopes_say(scope: str, may: Any) -> None:
    api = Api(seeding.user("root", is_superuser=True), scopes=[scope])

    assert (api.get("nodes/").status == 200) == (scope == "read")
    for one in OPERATES:
        answer = _try(api, *one)
        if one in may:
            assert answer.status < 300, one
        else:
            assert answer.problem == (403, "scope_missing"), one


@pytest.mark.usefixtures("_two_subclusters")
def test_a_burst_of_denials_fills_counters_not_the_trail() -> None:
    api = Api(seeding.user())

    for _ in range(10):
        api.delete("nodes/mta1/")
    for number in range(60):
        api.delete(f"vips/198.18.0.{number % 20 + 1}/?x={number}")

    assert newest(object="mta1").count == 10
    assert AuditRecord.objects.count() <= 22

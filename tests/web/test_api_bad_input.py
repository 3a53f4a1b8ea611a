"""Bad input at every address: a clear refusal, in the audit trail, and nothing changed."""

import json
from typing import Any

import pytest
from django.conf import settings

from cluster_admin.audit.models import AuditRecord
from cluster_admin.inventory.models import Node, Revision, Segment, Subcluster, Topology
from cluster_admin.vips.models import Vip
from tests.web import seeding
from tests.web.api_client import administrator, newest

pytestmark = pytest.mark.django_db
HUGE = "x" * 2**20
WRONG: tuple[Any, ...] = (
    *(None, True, 5, 1.5, [], [1], {}, {"a": 1}, "", HUGE, "a\0b", "a\x1bb", "a\x85b", "\ud800"),
    *("Ü", " default ", "../x", "-1", -1, 2**63, 10**400, "NaN"),
)
BODIES: dict[str, dict[str, Any]] = {
    "nodes/": {
        "name": "new",
        "subcluster": "default",
        "address": "10.0.0.200",
        "ring_port": 7411,
        "weight": 1,
        "admin_state": "enabled",
        "segment": None,
        "interfaces": {},
    },
    "vips/": {
        "address": "198.18.0.250",
        "subcluster": "default",
        "description": "",
        "prefer": [],
        "follow": None,
        "weight": 1,
        "check": "",
        "binding": "",
    },
    "topologies/": {
        "subcluster": "default",
        "cidr": "203.0.113.0/24",
        "interface": "eth0",
        "witnesses": [],
        "segment": None,
    },
    "logs/sources/": {"subcluster": "default", "name": "mail", "path": "/var/log/x", "nodes": []},
    "logs/subscribers/": {"subcluster": "default", "name": "manager", "backlog_bytes": 2**30},
    "limits/": {
        **{"subcluster": "default", "name": "per-client", "subject": "inbound-messages"},
        **{"per": "address", "most": 5, "window": 60, "prefix_v4": 32, "prefix_v6": 64},
        **{"match": "", "stage": "RCPT", "action": "defer", "message": "", "test": False},
        "enabled": True,
    },
    "limits/exemptions/": {"subcluster": "default", "name": "office", "key": "a", "limit": ""},
    "shared/tables/": {
        **{"subcluster": "default", "name": "inbound", "type": "connections-inbound"},
        **{"parameters": {}, "max_delay": 1, "max_pending": 100, "max_size": 1000},
        **{"binding_group": "", "table_class": "", "snapshot": True, "scope": "cluster"},
    },
    "subclusters/": {"name": "more", "description": ""},
    "segments/": {"name": "rack", "description": ""},
    "tokens/": {"name": "robot", "read_only": False, "scopes": ["read"], "expires_in_seconds": 9},
    "users/": {"username": "eve", "password": "long-enough-word", "is_active": True},
    "grants/": {"user": "ada", "role": "viewer", "subcluster": "default"},
}
GOOD = {
    ("nodes/", "weight"): (5,),
    ("nodes/", "segment"): (None, ""),
    ("nodes/", "interfaces"): ({},),
    ("vips/", "weight"): (5,),
    ("nodes/", "ring_port"): (5,),
    ("vips/", "prefer"): ([],),
    ("vips/", "binding"): ("", "-1", "NaN"),
    ("vips/", "follow"): (None, ""),
    ("topologies/", "witnesses"): ([],),
    ("topologies/", "segment"): (None, ""),
    ("topologies/", "interface"): ("-1", "NaN"),
    ("logs/sources/", "nodes"): ([],),
    **{("limits/", one): (5,) for one in ("most", "prefix_v4", "prefix_v6")},
    ("limits/", "window"): (5, 1.5),
    ("limits/", "stage"): ("",),
    **{("limits/", one): (True,) for one in ("test", "enabled")},
    **{("shared/tables/", one): (5,) for one in ("max_pending", "max_size")},
    ("shared/tables/", "max_delay"): (5, 1.5),
    ("shared/tables/", "parameters"): ({},),
    ("shared/tables/", "snapshot"): (True,),
    ("limits/exemptions/", "limit"): ("",),
    ("tokens/", "read_only"): (True,),
    ("tokens/", "expires_in_seconds"): (5,),
    ("users/", "is_active"): (True,),
    ("users/", "username"): ("Ü", "-1", "NaN"),
    ("grants/", "subcluster"): ("",),
}
FREE = {
    *(("vips/", "check"), ("tokens/", "name"), ("users/", "password")),
    *(("limits/", "match"), ("limits/", "message"), ("limits/exemptions/", "key")),
    *(("shared/tables/", "binding_group"), ("shared/tables/", "table_class")),
}
"""Texts that may be nearly anything printable."""


def _state() -> list[Any]:
    models = (Node, Vip, Topology, Subcluster, Segment, Revision)
    return [list(model.objects.order_by("pk").values()) for model in models]


def _taken(where: str, field: str, value: Any) -> bool:
    """Whether a value is a good one, so that it may be taken."""
    good = GOOD.get((where, field), ())
    if any(value == one and type(value) is type(one) for one in good):
        return True
    texts = field == "description" or (where, field) in FREE
    return texts and isinstance(value, str) and value.isprintable() and len(value) < 200


@pytest.mark.parametrize("where", BODIES)
def test_every_field_of_every_body_refuses_what_it_is_not(where: str) -> None:
    seeding.cluster()
    api = administrator()
    before = _state()
    for field in BODIES[where]:
        for value in WRONG:
            body = {**BODIES[where], field: value}
            answer = api.post(f"{where}?dry_run=1", body)
            shown = f"{where} {field} {str(value)[:30]!r}: {answer.status} {answer.text[:200]}"
            if _taken(where, field, value):
                assert answer.status in (200, 400, 409), shown
                continue
            assert answer.status >= 400, shown
            assert answer.problem in ((400, "invalid"), (409, "refused")), shown
            assert len(answer.text) < 4000, shown

    assert _state() == before
    assert newest(outcome="refused").actor == "ada"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("", "invalid"),
        ("{", "invalid"),
        ("nonsense", "invalid"),
        ("[]", "invalid"),
        ("null", "invalid"),
        ("5", "invalid"),
        ('{"name": NaN}', "invalid"),
        ("[" * 100_000, "invalid"),
        ('{"a":' * 5_000 + "1" + "}" * 5_000, "invalid"),
        ('{"name": ' + "9" * 5_000 + "}", "invalid"),
        (b'{"name": "\xff"}', "invalid"),
        (b"\0" * 100, "invalid"),
        ('{"name": "a", "nam": "b"}', "invalid"),
        (json.dumps({f"f{n}": n for n in range(5_000)}), "invalid"),
        (json.dumps({HUGE: 1}), "invalid"),
        ("x" * (settings.BODY_MAX_BYTES + 1), "too_large"),
    ],
)
def test_a_body_that_cannot_be_read_is_refused(body: Any, code: str) -> None:
    seeding.cluster()
    api = administrator()

    for where in BODIES:
        answer = api.post(where, body)
        assert answer.body["code"] == code, (where, answer.text[:300])
        assert len(answer.text) < 6000
    assert newest().outcome == "refused"
    assert Vip.objects.count() == 24


@pytest.mark.parametrize("kind", ["text/html", "multipart/form-data", "nonsense", "", "text/plain"])
def test_bodies_of_another_type_are_refused(kind: str) -> None:
    seeding.cluster()

    answer = administrator().post("vips/", "x", Content_Type=kind)

    assert answer.problem == (415, "unsupported_media_type")


@pytest.mark.parametrize(
    "query",
    [
        *("page=0", "page=x", "page=-1", "page=1e3", "page_size=0", "page_size=1001", "page_size="),
        *(
            "page=99999999999999999999",
            "ordering=nonsense",
            "ordering=name,,",
            "ordering=a__b",
        ),
        *("state=nonsense", "owner=a%00b", "owner=" + "x" * 2000, "search=" + "x%20" * 5000),
        *("search=%00", "search=%1b", "nonsense=1", "version=5", "owner=a&owner=b", "dry_run=1"),
        *("search=" + "x" * 60_000, "format=api", "page=%F0%9F%98%80", "page_size=10&page=%0a"),
    ],
)
def test_parameters_that_are_not_known_or_not_right_are_refused(query: str) -> None:
    seeding.cluster()

    answer = administrator().get(f"vips/?{query}")

    assert answer.problem == (400, "invalid"), answer.text[:300]
    assert len(answer.text) < 3000


@pytest.mark.parametrize(
    "query",
    [
        *("after=x", "after=-1", "after=99999999999999999999", "since=yesterday", "until=%00"),
        *("since=0020-12-20T20:49:45%2B17:55", "until=9999-12-31T23:59:59-23:59", "since="),
    ],
)
def test_bounds_of_events_are_numbers_and_times(query: str) -> None:
    api = administrator()

    assert api.get(f"events/?{query}").problem == (400, "invalid")
    if query.startswith("after"):
        assert api.get(f"events/stream/?{query}").problem == (400, "invalid")


def test_a_page_beyond_the_last_is_not_there() -> None:
    assert administrator().get("vips/?page=2").problem == (404, "not_found")


@pytest.mark.parametrize(
    "path",
    [
        *("", "nodes", "nonsense/", "nodes/%00/", "nodes/mta1", "nodes/" + "x" * 5000 + "/"),
        *("vips/999.999.1.1/", "vips/:::::/", "vips/198.18.0.1%2F24/", "topologies/x/"),
        *("topologies/999999999999999999/", "topologies/9999999999999999999999/", "nodes/../x/"),
        *("events/0/", "audit/0/", "users/%F0%9F%98%80/", "users/%00/", "nodes/mta1/nonsense/"),
    ],
)
def test_addresses_that_are_not_there_are_problems_too(path: str) -> None:
    api = administrator()
    answer = api.get(path) if path else api.get("/api/")

    assert answer.problem == (404, "not_found")
    assert len(answer.text) < 1000


def test_methods_that_are_not_there_say_which_are() -> None:
    seeding.cluster()
    api = administrator()

    for method, where in (
        ("PUT", "nodes/"),
        ("POST", "nodes/mta1/"),
        ("PATCH", "login/"),
        ("DELETE", "status/"),
        ("OPTIONS", "nodes/"),
        ("TRACE", "nodes/"),
        ("GET", "nodes/mta1/drain/"),
        ("PATCH", "tokens/1/"),
    ):
        answer = api(method, where)
        assert answer.problem == (405, "method_not_allowed"), where
        assert answer.headers["Allow"], where


def test_types_that_cannot_be_given_are_problems_too() -> None:
    seeding.cluster()
    api = administrator()

    assert api.get("nodes/", Accept="text/html").problem == (406, "not_acceptable")
    where = "subclusters/default/definitions/"
    assert api.get(where, Accept="image/png").problem == (406, "not_acceptable")
    assert api.get("nodes/", Accept="text/html, */*;q=0.1").status == 200


@pytest.mark.parametrize("reason", ["%FF", "%00", "a%1bb", "x" * 2000])
def test_a_reason_that_cannot_be_kept_is_refused(reason: str) -> None:
    seeding.cluster()

    answer = administrator().patch("nodes/mta1/", {"weight": 3}, X_Muster_Reason=reason)

    assert answer.problem == (400, "invalid")
    assert Node.objects.get(name="mta1").weight == 1


@pytest.mark.parametrize(
    ("where", "body", "words"),
    [
        ("vips/", {"address": "10.9.9.9"}, "in no topology"),
        ("vips/", {"address": "198.18.0.1"}, "already exists"),
        ("vips/", {"follow": "198.18.0.250"}, "there is no VIP"),
        ("vips/", {"follow": "198.18.0.1", "prefer": ["mta1"]}, "follow"),
        ("vips/", {"prefer": ["mta1", "mta1"]}, "twice"),
        ("vips/", {"prefer": ["nobody"]}, "not defined"),
        ("vips/", {"subcluster": "nowhere"}, "there is no subcluster 'nowhere'"),
        ("nodes/", {"name": "Not A Name"}, "lower-case"),
        ("nodes/", {"name": "mta1"}, "already exists"),
        ("nodes/", {"address": "198.18.0.1"}, "vip"),
        ("nodes/", {"interfaces": {"10.0.0.0/8": "eth1"}}, "topology"),
        ("logs/sources/", {"path": "mail.log"}, "absolute path"),
        ("logs/sources/", {"nodes": ["nobody"]}, "node 'nobody' is not defined"),
        ("logs/sources/", {"name": "Two Words"}, "lower case"),
        ("logs/subscribers/", {"backlog_bytes": 5}, "1048576"),
        ("subclusters/", {"name": "Two Words"}, "lower case"),
        ("topologies/", {"cidr": "10.0.0.1/8"}, "10.0.0.0/8"),
    ],
)
def test_a_refusal_names_the_thing_the_value_and_the_way_out(
    where: str, body: dict[str, Any], words: str
) -> None:
    seeding.cluster()
    before = _state()

    answer = administrator().post(where, {**BODIES[where], **body})

    assert answer.status in (400, 409)
    assert words in answer.body["detail"]
    assert _state() == before
    assert AuditRecord.objects.filter(outcome="done").count() == 0

"""Changes through the API: made once, seen in the definitions, audited, tried, never lost."""

from urllib.parse import quote

import pytest

from cluster_admin.audit.models import AuditRecord
from cluster_admin.inventory import repository
from cluster_admin.inventory.models import Node, Revision, Segment, Setting, Subcluster, Topology
from cluster_admin.vips.models import Vip
from tests.web import seeding
from tests.web.api_client import Api, administrator, newest

pytestmark = pytest.mark.django_db
NEW = {"address": "198.18.0.250", "subcluster": "default"}


@pytest.fixture
def api() -> Api:
    seeding.cluster()
    return administrator()


def test_a_vip_is_made_changed_and_removed(api: Api) -> None:
    made = api.post(
        "vips/",
        {**NEW, "prefer": ["mta2"], "check": "smtp:25"},
        X_Muster_Reason=quote("für die Kunden"),
    )
    assert made.status == 201
    assert made.headers["Location"] == "/api/v1/vips/198.18.0.250/"
    number = int(made.headers["X-Muster-Revision"])
    assert "198.18.0.250" in Revision.objects.get(number=number).text
    record = newest(action="create")
    assert (record.actor, record.token, record.via) == ("ada", "test", "api")
    assert record.reason == "für die Kunden"
    assert record.after["check_command"] == "smtp:25"

    where = "vips/198.18.0.250/"
    changed = api.patch(where, {"weight": 4}, If_Match=made.etag)
    assert (changed.status, changed.body["weight"]) == (200, 4)
    assert changed.etag != made.etag
    assert newest(action="update").before["weight"] == 1
    assert api.put(where, made.body).etag == made.etag
    assert api.delete(where).status == 204
    assert api.get(where).problem == (404, "not_found")


def test_any_spelling_of_an_address_names_the_vip(api: Api) -> None:
    Topology.objects.create(
        subcluster=Subcluster.objects.get(), cidr="2001:db8::/64", interface="eth0"
    )
    made = api.post("vips/", {"address": "2001:DB8:0::9", "subcluster": "default"})

    assert made.body["address"] == "2001:db8::9"
    assert api.get("vips/2001:db8:0:0:0:0:0:9/").body["address"] == "2001:db8::9"
    assert api.post("vips/", {"address": "2001:db8::0009", "subcluster": "default"}).status == 400


def test_whoever_saw_another_state_loses_nobodys_change(api: Api) -> None:
    seen = api.get("nodes/mta1/")
    assert api.patch("nodes/mta1/", {"weight": 2}).status == 200

    stale = [
        api.patch("nodes/mta1/", {"weight": 3}, If_Match=seen.etag),
        api.put("nodes/mta1/", seen.body, If_Match=seen.etag),
        api.delete("nodes/mta1/", If_Match=seen.etag),
        api.post("nodes/mta1/drain/", If_Match=seen.etag),
        api.patch("nodes/mta1/", {"weight": 3}, If_Match="nonsense"),
        api.patch("nodes/mta1/", {"weight": 3}, If_Match=f"W/{api.get('nodes/mta1/').etag}"),
    ]

    assert [one.problem for one in stale] == [(412, "stale")] * len(stale)
    assert Node.objects.get(name="mta1").weight == 2
    assert newest(outcome="refused").reason.startswith("stale")
    assert api.patch("nodes/mta1/", {"weight": 3}, If_Match=f'"x", {stale[0].etag}').status == 200
    assert api.patch("nodes/mta1/", {"weight": 4}, If_Match="*").status == 200


def test_what_is_live_does_not_count_for_the_etag(api: Api) -> None:
    seen = api.get("vips/198.18.0.1/")
    seeding.set_vip("198.18.0.1", owner="mta3", epoch=9)

    now = api.get("vips/198.18.0.1/")

    assert now.body["status"]["owner"] == "mta3"
    assert now.etag == seen.etag


def test_a_dry_run_tells_the_difference_and_leaves_everything(api: Api) -> None:
    before = (api.get("nodes/mta1/").body, Revision.objects.count(), AuditRecord.objects.count())
    tries = [
        api.patch("nodes/mta1/?dry_run=1", {"weight": 7}),
        api.post("nodes/mta1/drain/?dry_run=1"),
        api.post("vips/?dry_run=1", NEW),
        api.delete("vips/198.18.0.1/?dry_run=1"),
        api.post("subclusters/?dry_run=1", {"name": "more"}),
        api.put("subclusters/default/settings/lease_ttl/?dry_run=1", {"value": 9}),
        api.post("segments/?dry_run=1", {"name": "rack"}),
    ]

    assert [one.status for one in tries] == [200] * len(tries)
    for one in tries:
        assert set(one.body) == {"dry_run", "subcluster", "revision", "diff"}
        assert one.body["diff"].startswith("--- running\n+++ proposed")
    assert "+weight = 7" in tries[0].body["diff"]
    after = api.get("nodes/mta1/").body
    before[0]["status"].pop("age_seconds"), after["status"].pop("age_seconds")
    assert (after, Revision.objects.count(), AuditRecord.objects.count()) == before
    refused = api.delete("nodes/mta1/?dry_run=yes")
    assert refused.problem == (400, "invalid")


def test_nothing_changes_when_nothing_differs(api: Api) -> None:
    api.patch("nodes/mta1/", {"weight": 2})
    revision = Subcluster.objects.get().revision

    same = api.patch("nodes/mta1/", {"weight": 2})

    assert int(same.headers["X-Muster-Revision"]) == revision
    assert AuditRecord.objects.filter(action="update").count() == 1


def test_operators_drain_and_undrain(api: Api) -> None:
    for verb, state in (
        ("drain", "draining"),
        ("maintenance", "maintenance"),
        ("undrain", "enabled"),
    ):
        answer = api.post(f"nodes/mta1/{verb}/")
        assert answer.body["admin_state"] == state
        assert newest(kind="node").action == verb


def test_what_others_need_is_not_removed(api: Api) -> None:
    api.patch("vips/198.18.0.1/", {"prefer": ["mta1"]})
    api.post("segments/", {"name": "rack"})
    api.patch("nodes/mta2/", {"segment": "rack"})

    assert api.delete("nodes/mta1/").problem == (409, "refused")
    assert api.delete("segments/rack/").problem == (409, "refused")
    assert api.delete("subclusters/default/").problem == (409, "refused")
    assert "mta2" in api.delete("segments/rack/").body["detail"]
    assert Segment.objects.count() == 1
    assert api.patch("nodes/mta2/", {"segment": None}).body["segment"] is None
    assert api.delete("segments/rack/").status == 204


def test_settings_have_bounds_and_defaults(api: Api) -> None:
    every = api.get("subclusters/default/settings/").body
    assert {"name", "value", "default", "is_default", "low", "high", "help"} <= set(every[0])
    where = "subclusters/default/settings/lease_ttl/"

    assert api.put(where, {"value": 9}).body["value"] == 9
    assert Setting.objects.get().value == 9
    for wrong in ("9", None, [9], True, 9.5, 10**6, {"a": 1}):
        assert api.put(where, {"value": wrong}).problem == (400, "invalid"), wrong
    too_short = api.put("subclusters/default/settings/dead_after/", {"value": 0.2})
    assert too_short.problem == (409, "refused")
    policy = "subclusters/default/settings/partition_policy/"
    assert api.put(policy, {"value": "hope"}).problem == (400, "invalid")
    assert api.put(policy, {"value": "quorum"}).status == 200
    assert api.delete(where).body["is_default"] is True
    assert api.get("subclusters/default/settings/nonsense/").status == 404


def test_definitions_are_read_changed_as_a_file_and_read_back(api: Api) -> None:
    api.patch("nodes/mta1/", {"weight": 2})
    where = "subclusters/default/definitions/"
    seen = api.get(where)
    assert seen.kind == "text/plain; charset=utf-8"
    text = seen.text.partition("\n")[2].replace("weight = 2", "weight = 5")

    told = api.put(where, text, Content_Type="text/plain", If_Match=seen.etag)

    assert told.status == 200
    assert "+weight = 5" in told.body["diff"]
    assert Node.objects.get(name="mta1").weight == 5
    again = api.put(where, text, Content_Type="text/plain", If_Match=seen.etag)
    assert again.problem == (412, "stale")
    assert api.put(where, "[", Content_Type="text/plain").problem == (409, "refused")
    assert api.put(where, " ", Content_Type="text/plain").problem == (400, "invalid")
    assert api.put(where, {}).problem == (415, "unsupported_media_type")
    other = text.replace('subcluster = "default"', 'subcluster = "other"')
    assert api.put(where, other, Content_Type="text/plain").problem == (409, "refused")


def test_revisions_have_author_and_difference(api: Api) -> None:
    api.patch("nodes/mta1/", {"weight": 2})
    api.patch("nodes/mta1/", {"weight": 3}, X_Muster_Reason="more%20work")

    rows = api.get("subclusters/default/revisions/").body["results"]
    one = api.get(f"subclusters/default/revisions/{rows[0]['number']}/").body

    assert (rows[0]["author"], rows[0]["comment"]) == ("ada", "more work")
    assert "text" not in rows[0]
    assert "-weight = 2\n+weight = 3" in one["diff"]
    assert one["text"] == repository.newest_text(Subcluster.objects.get())
    assert api.get("subclusters/default/revisions/999/").status == 404


def test_a_subcluster_begins_empty_and_ends_empty(api: Api) -> None:
    made = api.post("subclusters/", {"name": "more", "description": "for tests"})

    assert made.body == {
        "name": "more",
        "description": "for tests",
        "revision": 1,
        "nodes": 0,
        "vips": 0,
        "configuration": {"files": 0, "bytes": 0, "mode": "follow", "revision": 1},
    }
    assert api.patch("subclusters/more/", {"description": "y"}).body["description"] == "y"
    assert api.patch("subclusters/more/", {"name": "less"}).problem == (400, "invalid")
    assert api.delete("subclusters/more/").status == 204
    assert api.get("subclusters/default/").body["vips"] == 24


def test_topologies_are_named_by_their_number(api: Api) -> None:
    body = {"subcluster": "default", "cidr": "198.51.100.0/24", "interface": "eth1"}
    made = api.post("topologies/", body)

    where = f"topologies/{made.body['id']}/"
    assert api.patch(where, {"witnesses": ["198.51.100.1"]}).body["witnesses"] == ["198.51.100.1"]
    assert api.post("topologies/", body).problem == (400, "invalid")
    assert api.delete(where).status == 204
    assert Vip.objects.count() == 24

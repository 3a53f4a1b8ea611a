"""Tables, limits and exemptions: defined anywhere, in the file, audited, and back from the file."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from cluster_admin.audit.models import AuditRecord
from cluster_admin.inventory import repository
from cluster_admin.inventory.models import Revision, Subcluster
from cluster_admin.inventory.services import remove_subcluster
from cluster_admin.replication.models import (
    LimitExemption,
    Limiting,
    ReplicatedTable,
    TrafficLimit,
)
from tests.web import seeding
from tests.web.admin_fixtures import ACTOR, client_of, make_cluster, make_superuser
from tests.web.api_client import Api, administrator, newest
from workers.failover.core.definitions_text import FIRST_LINE, parse
from workers.replication.core.definitions import (
    CutOff,
    Exempt,
    Limit,
    Per,
    Replication,
    Subject,
    Table,
    TableType,
)

pytestmark = pytest.mark.django_db
LIMIT: dict[str, Any] = {
    **{"name": "per-client", "subcluster": "default", "subject": "inbound-messages"},
    **{"per": "address", "most": 100, "window": 60},
}
TABLE = {"name": "inbound", "subcluster": "default", "type": "connections-inbound"}
OFFICE = {"name": "office", "subcluster": "default", "key": "192.0.2.0/24"}


@pytest.fixture
def api() -> Api:
    seeding.cluster()
    return administrator()


def replication() -> Replication:
    return parse(repository.newest_text(Subcluster.objects.get(name="default"))).replication


def test_what_is_defined_is_in_the_file_that_nodes_get(api: Api) -> None:
    made = api.post("limits/", LIMIT)
    api.post("shared/tables/", {**TABLE, "max_delay": 0.5, "table_class": "bulk"})
    api.post("limits/exemptions/", {**OFFICE, "limit": "per-client"})

    assert (made.status, made.body["prefix_v6"], made.body["action"]) == (201, 64, "defer")
    assert replication() == Replication(
        (Table("inbound", TableType.CONNECTIONS_INBOUND, max_delay=0.5, table_class="bulk"),),
        (Limit("per-client", Subject.INBOUND_MESSAGES, Per.ADDRESS, 100, 60),),
        (Exempt("office", "per-client", "192.0.2.0/24"),),
    )
    record = newest(action="create", kind="limit")
    assert (record.object, (record.after or {})["most"]) == ("per-client", 100)


def test_a_limit_is_changed_and_removed_as_it_was_seen(api: Api) -> None:
    made = api.post("limits/", LIMIT)
    where = f"limits/{made.body['id']}/"

    changed = api.patch(where, {"most": 200, "window": 90.5}, If_Match=made.etag)

    assert (changed.status, changed.body["window"]) == (200, 90.5)
    assert api.delete(where, If_Match=made.etag).problem == (412, "stale")
    assert api.patch(where, {"name": "other"}).problem == (400, "invalid")
    assert api.post("limits/", LIMIT).problem == (400, "invalid")
    assert replication().limits[0].window == 90.5
    assert api.delete(where).status == 204
    assert replication() == Replication()
    assert (newest(action="delete").before or {})["most"] == 200


def test_a_limit_that_an_exemption_names_is_not_removed(api: Api) -> None:
    made = api.post("limits/", LIMIT)
    api.post("limits/exemptions/", {**OFFICE, "limit": "per-client"})

    refused = api.delete(f"limits/{made.body['id']}/")

    assert refused.problem == (409, "refused")
    assert "exempt office: limit 'per-client' is not defined" in refused.body["detail"]


WRONG: list[tuple[str, dict[str, Any], str, str]] = [
    ("limits/", {**LIMIT, "window": 0}, "window", "counted within a window"),
    ("limits/", {**LIMIT, "window": "60"}, "window", "write a number"),
    ("limits/", {**LIMIT, "window": True}, "window", "write a number"),
    ("limits/", {**LIMIT, "most": -1}, "most", "greater than or equal to 0"),
    ("limits/", {**LIMIT, "most": 10**13}, "most", "1000000000000"),
    ("limits/", {**LIMIT, "per": "host"}, "per", "is not counted per host"),
    ("limits/", {**LIMIT, "subject": "mail"}, "subject", "'mail' is none of"),
    ("limits/", {**LIMIT, "subject": "inbound-open"}, "window", "within no window"),
    ("limits/", {**LIMIT, "match": "192.0.2.1/24"}, "match", "is no network"),
    ("limits/", {**LIMIT, "binding": "out"}, "binding", "has no binding"),
    ("limits/", {**LIMIT, "stage": "rcpt"}, "stage", "is none of"),
    ("limits/", {**LIMIT, "throttle": "x"}, "throttle", "only subject named"),
    ("limits/", {**LIMIT, "name": "Two Words"}, "name", "lower case"),
    ("limits/", {**LIMIT, "message": "a\nb"}, "message", "control characters"),
    ("limits/exemptions/", {**OFFICE, "limit": "none"}, "limit", "is not defined"),
    ("limits/exemptions/", {**OFFICE, "key": "a b"}, "key", "without blanks"),
    ("shared/tables/", {**TABLE, "type": "inbound"}, "type", "is none of"),
    ("shared/tables/", {**TABLE, "max_delay": 0}, "max_delay", "0.01"),
    ("shared/tables/", {**TABLE, "name": "cache"}, "type", "under the name of another type"),
    ("shared/tables/", {**TABLE, "parameters": {"a": "1"}}, "parameters", "takes none"),
]


@pytest.mark.parametrize(("where", "body", "field", "sentence"), WRONG)
def test_what_is_wrong_is_told_at_its_field(
    api: Api, where: str, body: dict[str, Any], field: str, sentence: str
) -> None:
    refused = api.post(where, body)

    assert refused.status == 400
    assert sentence in str(refused.body["errors"][field])
    assert replication_rows() == 0


def replication_rows() -> int:
    kinds = (ReplicatedTable, TrafficLimit, LimitExemption, Limiting)
    return sum(kind.objects.count() for kind in kinds)  # type: ignore[attr-defined]


def test_a_dry_run_shows_the_difference_and_changes_nothing(api: Api) -> None:
    told = api.post("limits/?dry_run=1", LIMIT).body

    assert '+[limit.per-client]\n+subject = "inbound-messages"' in told["diff"]
    assert replication_rows() == 0


def test_how_nodes_go_on_that_are_cut_off_is_set_as_it_was_seen(api: Api) -> None:
    where = "subclusters/default/limiting/"
    usual = api.get(where)

    tried = api.put(f"{where}?dry_run=1", {"cut_off": "full", "test": True})
    done = api.put(where, {"cut_off": "refuse", "test": True}, If_Match=usual.etag)

    assert usual.body == {"cut_off": "share", "test": False}
    assert '+cut_off = "full"\n+test = true' in tried.body["diff"]
    assert (done.status, done.body) == (200, {"cut_off": "refuse", "test": True})
    assert api.put(where, usual.body, If_Match=usual.etag).problem == (412, "stale")
    assert api.put(where, {"cut_off": "half", "test": True}).problem == (400, "invalid")
    assert api.put(where, {"cut_off": "full"}).problem == (400, "invalid")
    assert (replication().cut_off, replication().test) == (CutOff.REFUSE, True)
    assert api.put(where, usual.body).status == 200
    assert replication() == Replication()
    assert api.get("subclusters/nowhere/limiting/").problem == (404, "not_found")


def test_only_an_administrator_says_so(api: Api) -> None:
    operator = Api(seeding.user("olga", "operator"))
    stranger = Api(seeding.user("sven", "admin", subcluster="other"))

    for somebody in (operator, stranger):
        assert somebody.post("limits/", LIMIT).status == 403
        told = {"cut_off": "full", "test": False}
        assert somebody.put("subclusters/default/limiting/", told).status in (403, 404)
    assert replication_rows() == 0


def test_a_file_goes_out_and_comes_back_the_same(api: Api) -> None:
    api.post("limits/", {**LIMIT, "window": 1.2345678})
    api.post("limits/exemptions/", {**OFFICE, "most": 0})
    api.post("shared/tables/", {**TABLE, "parameters": {}})
    api.put("subclusters/default/limiting/", {"cut_off": "full", "test": False})
    where = "subclusters/default/definitions/"
    text, keys = api.get(where).text, set(TrafficLimit.objects.values_list("pk", flat=True))
    edited = text.replace(FIRST_LINE, "#").replace('cut_off = "full"\n', "test = true\n")

    again = api.put(where, text, Content_Type="text/plain")
    more = api.put(where, edited, Content_Type="text/plain")
    back = api.put(where, text.replace(FIRST_LINE, "#"), Content_Type="text/plain")

    assert (again.body["diff"], more.status, back.status) == ("", 200, 200)
    assert '-cut_off = "full"\n+test = true' in more.body["diff"]
    assert replication() == parse(text).replication
    assert set(TrafficLimit.objects.values_list("pk", flat=True)) == keys


def test_what_is_wrong_in_a_file_has_its_line(api: Api) -> None:
    api.post("limits/exemptions/", OFFICE)
    text = api.get("subclusters/default/definitions/").text.replace(FIRST_LINE, "#")
    wrong = f'{text}[limit.a]\nsubject = "inbound-open"\nper = "address"\nmost = "5/60s"\n'

    refused = api.put("subclusters/default/definitions/", wrong, Content_Type="text/plain")

    assert refused.problem == (409, "refused")
    assert f":{wrong.count(chr(10))}: limit a: inbound-open counts" in refused.body["detail"]
    assert replication_rows() == 1


def test_a_subcluster_is_removed_though_it_was_said_how_it_goes_on() -> None:
    home = Subcluster.objects.create(name="spare")
    Limiting.objects.create(subcluster=home, cut_off="full")

    remove_subcluster(home, ACTOR, "gone", kept=False)

    assert not Limiting.objects.exists()


@pytest.fixture
def chief() -> Client:
    make_cluster()
    return client_of(make_superuser())


def test_a_limit_is_added_in_the_admin(chief: Client) -> None:
    home = Subcluster.objects.get(name="default")
    add = reverse("admin:replication_trafficlimit_add")
    sent = {"subcluster": home.pk, "name": "more", "subject": "inbound-messages"}
    sent |= {"per": "network", "most": 5, "window": 60, "prefix_v4": 24, "prefix_v6": 48}
    sent |= {"action": "reject", "enabled": "on"}

    assert "customer often has" in chief.get(add).content.decode()
    tried = chief.post(add, {**sent, "_check": "1"}).content.decode()
    assert "+[limit.more]" in tried
    assert not TrafficLimit.objects.filter(name="more").exists()
    assert chief.post(add, {**sent, "reason": "why"}).status_code == 302
    assert Revision.objects.filter(subcluster=home, comment="why").count() == 1
    assert AuditRecord.objects.get(object="more").action == "create"
    wrong = chief.post(add, {**sent, "name": "less", "window": 0})
    assert "within a window" in str(wrong.context["adminform"].form.errors["window"])


def test_a_table_is_defined_in_the_admin_with_parameters_one_per_line(chief: Client) -> None:
    home = Subcluster.objects.get(name="default")
    add = reverse("admin:replication_replicatedtable_add")
    sent = {"subcluster": home.pk, "name": "seen", "type": "cache", "parameters": "ttl = 60"}
    sent |= {"max_delay": 1, "max_pending": 100, "max_size": 1000, "scope": "cluster"}

    assert chief.post(add, sent).status_code == 302
    row = ReplicatedTable.objects.get(name="seen")
    assert (row.parameters, row.snapshot) == ({"ttl": "60"}, False)
    wrong = chief.post(add, {**sent, "name": "more", "parameters": "window = 60"})
    assert "takes ttl" in str(wrong.context["adminform"].form.errors["parameters"])


def test_an_exemption_is_changed_and_removed_in_the_admin(chief: Client) -> None:
    row = LimitExemption.objects.get(subcluster__name="default")
    change = reverse("admin:replication_limitexemption_change", args=(row.pk,))

    assert chief.post(change, {"key": "198.18.9.9", "limit": "per-client"}).status_code == 302
    row.refresh_from_db()
    assert (row.key, row.limit, row.most) == ("198.18.9.9", "per-client", None)
    delete = reverse("admin:replication_limitexemption_delete", args=(row.pk,))
    assert "-[exempt.office]" in chief.get(delete).content.decode()
    chief.post(delete, {"confirmed": "yes"})
    assert not LimitExemption.objects.filter(pk=row.pk).exists()

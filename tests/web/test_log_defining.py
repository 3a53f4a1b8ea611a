"""Log sources and subscribers: defined anywhere, in the file, audited, and back from the file."""

import pytest
from django.test import Client
from django.urls import reverse

from cluster_admin.audit.models import AuditRecord
from cluster_admin.inventory import repository
from cluster_admin.inventory.models import Revision, Subcluster
from cluster_admin.logs.models import LogSource, LogSubscriber
from tests.web import seeding
from tests.web.admin_fixtures import client_of, make_cluster, make_superuser
from tests.web.api_client import Api, administrator, newest
from workers.failover.core.definitions_text import FIRST_LINE, parse
from workers.logs.core.definitions import Logs, Source, Subscriber

pytestmark = pytest.mark.django_db
MAIL = {"name": "mail", "subcluster": "default", "path": "/var/log/mail*.log"}


@pytest.fixture
def api() -> Api:
    seeding.cluster()
    return administrator()


def _logs() -> Logs:
    return parse(repository.newest_text(Subcluster.objects.get(name="default"))).logs


def test_what_is_defined_is_in_the_file_that_nodes_get(api: Api) -> None:
    made = api.post("logs/sources/", {**MAIL, "nodes": ["mta2", "mta1"]})
    api.post("logs/subscribers/", {"name": "manager", "subcluster": "default"})

    assert (made.status, made.body["nodes"]) == (201, ["mta2", "mta1"])
    source = Source("mail", "/var/log/mail*.log", ("mta2", "mta1"))
    assert _logs() == Logs((source,), (Subscriber("manager", 1 << 30),))
    record = newest(action="create", kind="log source")
    assert (record.object, (record.after or {})["path"]) == ("mail", MAIL["path"])


def test_a_source_is_changed_and_removed_as_it_was_seen(api: Api) -> None:
    made = api.post("logs/sources/", MAIL)
    where = f"logs/sources/{made.body['id']}/"

    changed = api.patch(where, {"path": "/var/log/maillog"}, If_Match=made.etag)

    assert (changed.status, changed.body["path"]) == (200, "/var/log/maillog")
    assert api.delete(where, If_Match=made.etag).problem == (412, "stale")
    assert api.patch(where, {"name": "other"}).problem == (400, "invalid")
    assert api.post("logs/sources/", MAIL).problem == (400, "invalid")
    assert api.delete(where).status == 204
    assert _logs() == Logs()
    assert (newest(action="delete").before or {})["path"] == "/var/log/maillog"


def test_a_dry_run_shows_the_difference_and_changes_nothing(api: Api) -> None:
    told = api.post("logs/subscribers/?dry_run=1", {"name": "a", "subcluster": "default"}).body

    assert "+[subscriber.a]" in told["diff"]
    assert not LogSubscriber.objects.exists()


def test_a_node_that_a_source_names_is_not_removed(api: Api) -> None:
    api.post("logs/sources/", {**MAIL, "nodes": ["mta3"]})

    refused = api.delete("nodes/mta3/?force=1")

    assert refused.problem == (409, "refused")
    assert "log mail: node 'mta3' is not defined" in refused.body["detail"]


def test_too_many_are_refused(api: Api) -> None:
    for number in range(16):
        body = {"name": f"s{number}", "subcluster": "default"}
        assert api.post("logs/subscribers/", body).status == 201

    refused = api.post("logs/subscribers/", {"name": "more", "subcluster": "default"})

    assert "at most 16" in refused.body["detail"]


def test_a_file_goes_out_and_comes_back_the_same(api: Api) -> None:
    api.post("logs/sources/", {**MAIL, "nodes": ["mta1"]})
    api.post("logs/subscribers/", {"name": "b", "subcluster": "default", "backlog_bytes": 1 << 20})
    where = "subclusters/default/definitions/"
    text, keys = api.get(where).text, set(LogSource.objects.values_list("pk", flat=True))
    edited = text.replace(FIRST_LINE, "#").replace(
        "[subscriber.b]", "[subscriber.a]\n[subscriber.b]"
    )

    again = api.put(where, text, Content_Type="text/plain")
    more = api.put(where, edited, Content_Type="text/plain")
    back = api.put(where, text.replace(FIRST_LINE, "#"), Content_Type="text/plain")

    assert (again.body["diff"], more.status, back.status) == ("", 200, 200)
    assert "+[subscriber.a]" in more.body["diff"]
    assert _logs() == parse(text).logs
    assert set(LogSource.objects.values_list("pk", flat=True)) == keys


def test_what_is_wrong_in_a_file_has_its_line(api: Api) -> None:
    api.post("logs/subscribers/", {"name": "a", "subcluster": "default"})
    text = api.get("subclusters/default/definitions/").text.replace(FIRST_LINE, "#")
    wrong = f'{text}[log.mail]\npath = "/a"\nnodes = ["nobody"]\n'

    refused = api.put("subclusters/default/definitions/", wrong, Content_Type="text/plain")

    assert refused.problem == (409, "refused")
    assert f":{wrong.count(chr(10))}: log mail: node 'nobody'" in refused.body["detail"]
    assert not LogSource.objects.exists()


def test_the_end_of_a_subscriber_needs_a_broker(api: Api) -> None:
    refused = api.post("logs/decommission/", {"name": "manager"})

    assert refused.problem == (409, "refused")
    assert "MUSTER_BROKER_URL" in refused.body["detail"]


def test_a_body_that_is_no_json_ends_no_subscriber(api: Api) -> None:
    refused = api.post("logs/decommission/", "name=archive", Content_Type="text/plain")

    assert refused.status == 415


@pytest.fixture
def chief() -> Client:
    make_cluster()
    return client_of(make_superuser())


def test_a_source_is_added_in_the_admin_with_nodes_one_per_line(chief: Client) -> None:
    home = Subcluster.objects.get(name="default")
    add = reverse("admin:logs_logsource_add")
    sent = {"subcluster": home.pk, "name": "web", "path": "/var/log/web.log"}
    nodes = "default-mta2\ndefault-mta1"

    assert "default-mta1" in chief.get(add).content.decode()
    assert chief.post(add, {**sent, "nodes": nodes, "reason": "why"}).status_code == 302
    assert LogSource.objects.get(name="web").nodes == ["default-mta2", "default-mta1"]
    assert Revision.objects.get(subcluster=home, number=2).comment == "why"
    assert AuditRecord.objects.get(object="web").action == "create"

    wrong = chief.post(add, {**sent, "name": "more", "nodes": "staging-mta1"})
    form = wrong.context["adminform"].form
    assert "is not defined" in str(form.errors["nodes"])
    relative = chief.post(add, {**sent, "name": "more", "path": "web.log"})
    assert "absolute path" in str(relative.context["adminform"].form.errors["path"])


def test_a_subscriber_is_changed_and_removed_in_the_admin(chief: Client) -> None:
    row = LogSubscriber.objects.get(subcluster__name="default")
    change = reverse("admin:logs_logsubscriber_change", args=(row.pk,))

    few = chief.post(change, {"backlog_bytes": 5})
    assert "1048576" in str(few.context["adminform"].form.errors["backlog_bytes"])
    assert chief.post(change, {"backlog_bytes": 5 << 20}).status_code == 302
    row.refresh_from_db()
    assert row.backlog_bytes == 5 << 20
    delete = reverse("admin:logs_logsubscriber_delete", args=(row.pk,))
    assert "-[subscriber.manager]" in chief.get(delete).content.decode()
    chief.post(delete, {"confirmed": "yes"})
    assert not LogSubscriber.objects.filter(pk=row.pk).exists()

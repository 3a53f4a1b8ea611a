"""Conflicts of histories through the API, in the shell, on a page and in metrics."""

import json
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from prometheus_client import generate_latest
from prometheus_client.core import CollectorRegistry

from cluster_admin.audit.models import AuditRecord
from cluster_admin.configs import conflict_metrics
from cluster_admin.configs.conflict_models import Conflict, RefusedMessages
from cluster_admin.inventory.models import Subcluster
from tests.web import seeding
from tests.web.api_client import Api, administrator, newest
from tests.web.astray import StrayNode, Wire
from tests.web.config_stage import commit, head, text
from tests.web.shell import Shell
from tests.web.test_config_edits import hidden
from tests.web.test_config_hearing import Bus
from tests.web.test_conflicts import bus, home, node, wire
from workers.exit_codes import Exit

__all__ = ["bus", "home", "node", "wire"]
pytestmark = pytest.mark.django_db
WHERE = "config/conflict/"


@pytest.fixture
def parted(node: StrayNode, wire: Wire) -> StrayNode:
    """The manager has r3 of its own, mta1 r3 and r4, and both are known."""
    commit({"global/motd": "hello from the manager\n"}, message="Greet")
    wire.settle(3)
    return node


def test_it_is_shown_with_what_each_side_has_alone(parted: StrayNode) -> None:
    api = administrator()
    told = api.get(WHERE).body
    assert (told["conflict"], told["head"], told["lost"]) == (True, 3, [])
    (one,) = told["replicas"]
    assert (one["node"], one["state"], one["number"]) == ("mta1", "open", 4)
    assert (one["ancestor"], one["theirs"], one["ours"]) == (2, 2, 1)
    assert (one["differs"], one["fetched"], one["trouble"]) == (True, True, "")
    assert [each["number"] for each in one["their_revisions"]] == [4, 3]
    assert [each["message"] for each in one["our_revisions"]] == ["Greet"]
    (replica,) = api.get("config/replicas/").body["results"]
    assert (replica["node"], replica["history"]) == ("mta1", "foreign")


def test_a_reader_of_one_subcluster_sees_its_nodes_alone(parted: StrayNode) -> None:
    told = Api(seeding.user("vera", "viewer", "default")).get(WHERE).body
    assert [one["node"] for one in told["replicas"]] == ["mta1"]
    assert told["replicas"][0]["their_revisions"] == []
    Subcluster.objects.create(name="other")
    told = Api(seeding.user("otto", "admin", "other")).get(WHERE).body
    assert (told["conflict"], told["replicas"]) == (True, [])
    assert Api().get(WHERE).status == 401


@pytest.mark.parametrize("what", ["mta1/master", "mta1/override", "mta1/resolve", "resume"])
def test_only_administrators_of_everything_decide(parted: StrayNode, what: str) -> None:
    for role, place in (("admin", "default"), ("operator", "")):
        api = Api(seeding.user(f"{role}{place}", role, place))
        assert api.post(f"{WHERE}{what}/", {}).problem == (403, "forbidden")
    assert newest(outcome="denied").action == what.rpartition("/")[2]
    assert Conflict.objects.get().state == "open"


def test_commits_are_refused_with_the_way_out(parted: StrayNode) -> None:
    change = {"path": "global/motd", "text": "x\n"}
    asked = {"base": head(), "message": "m", "changes": [change]}
    answer = administrator().post("config/commits/", asked)
    assert answer.problem == (409, "refused")
    assert "muster config conflict" in answer.body["detail"]


def test_a_decision_can_be_tried_and_is_made_and_audited(parted: StrayNode) -> None:
    api = administrator()
    tried = api.post(f"{WHERE}mta1/master/?dry_run=1", {})
    assert (tried.status, tried.body["dry_run"], tried.body["head"]) == (200, True, 4)
    assert (tried.body["given_up"], head()) == (1, 3)

    made = api.post(f"{WHERE}mta1/master/", {}, X_Muster_Reason="the%20disk")
    assert (made.body["head"], made.body["given_up"], made.body["open"]) == (4, 1, [])
    assert text("global/motd") == "hello from mta1\n"
    record = AuditRecord.objects.get(action="master")
    assert (record.actor, record.object, record.reason) == ("ada", "history of mta1", "the disk")
    (lost,) = api.get(WHERE).body["lost"]
    assert (lost["number"], lost["ancestor"], lost["count"]) == (3, 2, 1)
    assert api.post(f"{WHERE}mta1/master/", {}).problem == (409, "refused")


def test_a_merge_shows_what_clashes_and_takes_a_side(parted: StrayNode) -> None:
    api = administrator()
    answer = api.post(f"{WHERE}mta1/resolve/", {})
    assert answer.problem == (409, "conflict")
    assert "global/motd; choose --mine" in answer.body["detail"]
    assert answer.body["paths"]["global/motd"]["ours"]["text"] == "hello from mta1\n"
    assert api.post(f"{WHERE}mta1/resolve/", {"side": "both"}).status == 400

    tried = api.post(f"{WHERE}mta1/resolve/?dry_run=1", {"side": "theirs"})
    assert (tried.body["revision"], head()) == (None, 3)
    made = api.post(f"{WHERE}mta1/resolve/", {"side": "theirs"})
    assert (made.body["revision"], made.body["head"]) == (4, 4)
    assert text("global/theirs") == "4\n"


def test_resuming_through_the_api(parted: StrayNode) -> None:
    api = administrator()
    assert api.post(f"{WHERE}resume/", {}).problem == (409, "refused")
    assert api.post(f"{WHERE}resume/", {"force": True}).body["open"] == []
    assert api.get(WHERE).body["replicas"][0]["state"] == "passed"
    commit({"global/motd": "goes on\n"})


def test_pages_warn_and_the_page_decides(parted: StrayNode, client: Client) -> None:
    client.force_login(seeding.user("ada", "admin"))
    assert "Nothing is committed now" in client.get("/config/").content.decode()
    page = client.get("/config/conflict/").content.decode()
    for words in ("Only mta1 has (2)", "Only the manager has (1)", "Greet", "both have r2"):
        assert words in page
    refused = client.post("/config/conflict/mta1/decide/", {"decision": "resolve"}, follow=True)
    assert "choose --mine" in refused.content.decode()
    wrong = client.post("/config/conflict/mta1/decide/", {"decision": "guess"}, follow=True)
    assert "choose what counts" in wrong.content.decode()

    form = {"decision": "override", "reason": "an old backup"}
    done = client.post("/config/conflict/mta1/decide/", form, follow=True).content.decode()
    assert "the manager&#x27;s history counts, r3; revisions kept aside: 2" in done
    assert "is told to give its history up" in done
    assert "Nothing is committed now" not in client.get("/config/").content.decode()
    assert client.post("/config/conflict/mta9/decide/", form).status_code == 404


def test_an_edit_under_way_is_not_lost(parted: StrayNode, client: Client) -> None:
    client.force_login(seeding.user("ada", "admin"))
    fields = {"base": str(head()), "name": "global/motd", "text": "mine", "message": "Because"}
    review = client.post("/config/edit/global/motd/", fields).content.decode()
    sent = hidden(review) | {"message": "Because"}
    answer = client.post("/config/commit/", sent, follow=True)
    assert answer.status_code == 422
    page = answer.content.decode()
    assert "nothing is committed now" in page
    assert 'value="Because"' in page
    assert text("global/motd") == "hello from the manager\n"


def test_who_may_not_decide_sees_no_buttons(parted: StrayNode, client: Client) -> None:
    client.force_login(seeding.user("olga", "operator", "default"))
    page = client.get("/config/conflict/").content.decode()
    assert "mta1" in page
    assert '<button type="submit" class="button primary">Decide' not in page
    denied = client.post("/config/conflict/mta1/decide/", {"decision": "master"})
    assert denied.status_code == 403
    assert client.post("/config/conflict/mta1/resume/", {"force": "1"}).status_code == 403
    assert newest(outcome="denied").action == "resume"


def test_going_on_from_the_page(parted: StrayNode, client: Client) -> None:
    client.force_login(seeding.user("ada", "admin"))
    page = client.get("/config/conflict/").content.decode()
    assert "Go on committing all the same" in page
    client.post("/config/conflict/mta1/resume/", {"force": "1"})
    assert Conflict.objects.get().state == "passed"


def test_metrics_tell(parted: StrayNode, bus: Bus) -> None:
    for _ in range(3):
        bus.work(b"no message", user="mta2")
    bus.work(b"no message", user="stranger", after=2.0)
    bus.work(after=2.0)
    found = _metrics()
    assert 'muster_config_conflict{node="mta1",state="open",subcluster="default"} 1.0' in found
    assert "muster_config_commits_refused 1.0" in found
    assert 'muster_config_refused_messages_total{node="mta2"} 3.0' in found
    assert 'muster_config_refused_messages_total{node="none"} 1.0' in found
    bus.work(b"no message", user="mta2", after=2.0)
    bus.work(after=2.0)
    assert RefusedMessages.objects.get(sender="mta2").count == 4


def _metrics() -> str:
    class Collector:
        def collect(self) -> Any:
            yield from conflict_metrics.families()

    registry = CollectorRegistry()
    registry.register(Collector())
    return generate_latest(registry).decode()


@pytest.mark.one_database
def test_the_shell_shows_and_decides(parted: StrayNode, tmp_path: Path) -> None:
    shell = Shell(tmp_path / "shell", administrator().secret)
    done = shell.types("muster config conflict -o json")
    assert done.exit_code == Exit.OK
    assert [one["node"] for one in json.loads(done.stdout)["replicas"]] == ["mta1"]
    assert "nothing is committed now" in done.stderr
    rows = shell.types("muster config conflict mta1 -o csv --columns side,number").stdout
    assert rows.splitlines() == ["side,number", "mta1,4", "mta1,3", "manager,3"]

    clash = shell.types("muster config resolve --with mta1 --yes")
    assert clash.exit_code == Exit.REFUSED
    assert "choose --mine" in clash.stderr
    tried = shell.types("muster config override mta1 --dry-run -o json")
    assert (tried.exit_code, head()) == (Exit.CHANGES_PENDING, 3)
    asked = shell.types("muster config override mta1")
    assert asked.exit_code == Exit.USAGE
    assert "Give up 2 revisions" in asked.stderr
    done = shell.types("muster config resolve --with mta1 --theirs --yes --reason 'both' -o json")
    assert done.exit_code == Exit.OK
    (row,) = json.loads(done.stdout)
    assert (row["target"], row["outcome"], row["revision"]) == ("mta1", "done", 4)
    assert newest(action="override").reason == "both"


@pytest.mark.one_database
def test_the_shell_says_that_there_is_none(home: Subcluster, tmp_path: Path) -> None:
    shell = Shell(tmp_path / "shell", administrator().secret)
    assert "no conflict" in shell.types("muster config conflict").stderr
    for command in ("conflict mta1", "master mta1 --yes", "override mta1 --dry-run", "resume"):
        done = shell.types(f"muster config {command}")
        assert done.exit_code == Exit.REFUSED, command
    done = shell.types("muster config resolve global/motd --with mta1")
    assert done.exit_code == Exit.USAGE

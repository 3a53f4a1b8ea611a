"""Committing through the API: made once, merged or a conflict, refused with every reason."""

import base64
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from cluster_admin.audit.models import AuditRecord
from cluster_admin.configs import waiting
from cluster_admin.configs.models import Replica, Revision
from cluster_admin.configs.store import repository
from tests.web.api_client import Answer, Api, administrator, newest
from tests.web.config_stage import commit, head, subcluster, text
from workers.repository.core.changes import FILE_BYTES, Entry

pytestmark = pytest.mark.django_db


@pytest.fixture
def api() -> Api:
    subcluster()
    commit({"global/motd": "one\ntwo\nthree\n", "default/mta1/run": Entry(b"#!\n", True)})
    return administrator()


def _post(api: Api, *changes: dict[str, Any], base: int | None = None, **values: Any) -> Answer:
    body = {"base": head() if base is None else base, "message": "a change", **values}
    return api.post("config/commits/", {**body, "changes": list(changes)})


def test_a_commit_is_a_revision_by_whoever_asked(api: Api) -> None:
    before = head()

    made = _post(
        api,
        {"path": "global/motd", "text": "hello\n"},
        {"path": "default/mta2/blob", "base64": base64.b64encode(b"\0\1").decode()},
        {"path": "default/mta1/run", "delete": True},
        message="Greet",
    )

    assert made.status == 201
    assert made.headers["Location"] == f"/api/v1/config/revisions/{before + 1}/"
    assert made.body == {
        "revision": before + 1,
        "commit": repository().revision(before + 1).hash,
        "author": "ada",
        "at": made.body["at"],
        "message": "Greet",
        "replicas": [],
    }
    assert text("global/motd") == "hello\n"
    assert repository().read(head(), "default/mta2/blob") == b"\0\1"
    assert "default/mta1/run" not in repository().tree(head())
    record = newest(action="commit")
    assert (record.actor, record.token, record.object) == ("ada", "test", f"r{before + 1}")


def test_whether_a_file_may_be_run_stays_unless_it_is_said(api: Api) -> None:
    _post(api, {"path": "default/mta1/run", "text": "#!x\n"}, {"path": "global/new", "text": ""})
    tree = repository().tree(head())
    assert (tree["default/mta1/run"].executable, tree["global/new"].executable) == (True, False)

    _post(api, {"path": "default/mta1/run", "text": "#!x\n", "executable": False})
    assert not repository().tree(head())["default/mta1/run"].executable


def test_the_same_key_makes_one_revision(api: Api) -> None:
    change = {"path": "global/motd", "text": "x\n"}
    first = _post(api, change, key="k1")
    again = _post(api, change, key="k1", base=first.body["revision"] - 1)

    assert (first.status, again.status) == (201, 201)
    assert first.body == again.body
    assert Revision.objects.filter(key="k1").count() == 1


def test_a_dry_run_shows_each_node_and_changes_nothing(api: Api) -> None:
    before, records = head(), AuditRecord.objects.count()
    change = {"path": "global/x.j2", "text": "{{ node.name }}\n"}

    tried = _post(api, change, dry_run=True)
    body = {"base": before, "message": "m", "changes": [change]}
    other = api.post("config/commits/?dry_run=1", body)

    assert (tried.status, tried.body) == (200, other.body)
    assert (tried.body["dry_run"], tried.body["head"]) == (True, before)
    assert tried.body["nodes"]["mta2"]["text"] == "--- /dev/null\n+++ b/x\n@@ -0,0 +1,1 @@\n+mta2\n"
    assert set(tried.body["nodes"]) == {"mta1", "mta2"}
    assert (head(), AuditRecord.objects.count()) == (before, records)


def test_lines_that_others_did_not_touch_are_merged(api: Api) -> None:
    base = head()
    _post(api, {"path": "global/motd", "text": "ONE\ntwo\nthree\n"})

    merged = _post(api, {"path": "global/motd", "text": "one\ntwo\nTHREE\n"}, base=base)

    assert merged.status == 201
    assert text("global/motd") == "ONE\ntwo\nTHREE\n"


def test_a_conflict_has_all_sides_of_each_file_and_commits_nothing(api: Api) -> None:
    base = head()
    _post(api, {"path": "global/motd", "text": "theirs\n"}, {"path": "global/b", "base64": "AA=="})
    before = head()

    answer = _post(
        api,
        {"path": "global/motd", "text": "ours\n"},
        {"path": "global/b", "base64": "AAE="},
        {"path": "global/fine", "text": "x"},
        base=base,
    )

    assert answer.problem == (409, "conflict")
    assert (answer.body["base"], answer.body["head"]) == (base, before)
    assert answer.body["paths"] == {
        "global/b": {
            "base": None,
            "ours": {"base64": "AAE=", "size": 2},
            "theirs": {"base64": "AA==", "size": 1},
        },
        "global/motd": {
            "base": {"text": "one\ntwo\nthree\n", "size": 14},
            "ours": {"text": "ours\n", "size": 5},
            "theirs": {"text": "theirs\n", "size": 7},
        },
    }
    assert head() == before
    assert newest(outcome="refused").reason.startswith("conflict")


def test_every_reason_for_a_refusal_is_told_with_its_place(api: Api) -> None:
    before = head()

    answer = _post(
        api,
        {"path": "global/a.j2", "text": "ok\n{{ nobody }}\n"},
        {"path": "default/mta1/b.j2", "text": "{% if %}\n"},
    )

    assert answer.problem == (422, "refused")
    found = {(one["path"], one["line"], one["node"]) for one in answer.body["problems"]}
    assert ("global/a.j2", 2, "mta1") in found
    assert ("default/mta1/b.j2", 1, "mta1") in found
    assert all(one["sentence"] for one in answer.body["problems"])
    assert head() == before
    record = newest(outcome="refused")
    assert (record.action, record.kind) == ("commit", "configuration")


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("global/../x", ".."),
        ("/etc/passwd", "begins with /"),
        ("global/.git/config", "git keeps"),
        ("default/nobody/x", "not defined"),
        ("other/default/x", "not defined"),
        ("global/MOTD", "only in case"),
        ("global/motd/x", "file and a directory"),
        ("top", "outside of any tree"),
    ],
)
def test_paths_that_cannot_be_are_refused(api: Api, path: str, words: str) -> None:
    before = head()

    answer = _post(api, {"path": path, "text": "x\n"})

    assert answer.problem == (422, "refused")
    (problem,) = answer.body["problems"]
    assert problem["path"] == path
    assert words in problem["sentence"]
    assert head() == before


@pytest.mark.parametrize(
    "change",
    [
        {"path": "global/x"},
        {"path": "global/x", "text": "a", "base64": ""},
        {"path": "global/x", "text": "a", "delete": True},
        {"path": "global/x", "base64": "no base64!"},
        {"path": "global/x", "text": "a\u0000b"},
        {"path": "global/x", "text": 5},
        {"path": "", "text": "x"},
        {"path": "x" * 1025, "text": "x"},
        {"path": "global/x", "text": "x", "mode": "0755"},
        "global/x",
    ],
)
def test_a_change_in_another_form_is_not_valid(api: Api, change: Any) -> None:
    before = head()

    assert _post(api, change).problem == (400, "invalid")
    assert head() == before


def test_what_makes_no_sense_as_a_whole_is_not_valid(api: Api) -> None:
    one = {"path": "global/x", "text": "x"}

    assert _post(api, one, one).problem == (400, "invalid")
    assert _post(api, one, base=99).body["errors"]["base"]
    assert _post(api, one, base=-1).problem == (400, "invalid")
    assert _post(api, one, message="").problem == (400, "invalid")
    assert _post(api, one, message=" \n").problem == (400, "invalid")
    assert _post(api, one, key="ü").problem == (400, "invalid")
    assert api.post("config/commits/", {"changes": []}).problem == (400, "invalid")
    assert api.get("config/commits/").problem == (405, "method_not_allowed")


def test_nothing_to_commit_is_told(api: Api) -> None:
    same = _post(api, {"path": "global/motd", "text": "one\ntwo\nthree\n"})

    assert same.problem == (409, "refused")
    assert _post(api).problem == (422, "refused")
    assert _post(api, {"path": "global/none", "delete": True}).problem == (422, "refused")


def test_definitions_are_committed_like_any_file_and_become_rows(api: Api) -> None:
    now = text("default/definitions.toml")

    made = _post(
        api, {"path": "default/definitions.toml", "text": now.replace("198.18.0.101", "198.18.0.9")}
    )

    assert made.status == 201
    assert api.get("vips/").names == ["198.18.0.9"]
    broken = _post(api, {"path": "default/definitions.toml", "text": "nonsense"})
    assert broken.problem in ((422, "refused"), (409, "refused"))
    assert api.get("vips/").names == ["198.18.0.9"]


def test_a_revision_is_taken_back(api: Api) -> None:
    _post(api, {"path": "global/motd", "text": "bad\n"})

    tried = api.post("config/revert/", {"revision": head(), "dry_run": True})
    undone = api.post("config/revert/", {"revision": head()})

    assert tried.body["nodes"]["mta1"]["files"][0]["path"] == "motd"
    assert (undone.status, text("global/motd")) == (201, "one\ntwo\nthree\n")
    assert undone.body["message"].startswith(f"Take back r{head() - 1}")
    unknown = api.post("config/revert/", {"revision": 99})
    assert unknown.problem == (404, "not_found")
    assert unknown.body["detail"].startswith("r99: no such revision")
    assert api.post("config/revert/", {"revision": 0}).problem == (400, "invalid")


def test_a_directory_is_copied_or_merged(api: Api) -> None:
    _post(
        api,
        {"path": "default/mta1/a", "text": "1\n"},
        {"path": "default/mta2/b", "text": "2\n"},
    )

    merged = api.post("config/copy/", {"from": "default/mta1", "to": "default/mta2", "merge": True})
    assert merged.status == 201
    assert {"default/mta2/a", "default/mta2/b"} <= set(repository().tree(head()))
    copied = api.post("config/copy/", {"from": "default/mta1", "to": "default/mta2"})
    assert copied.status == 201
    assert "default/mta2/b" not in repository().tree(head())
    again = api.post("config/copy/", {"from": "default/mta1", "to": "default/mta2"})
    assert again.problem == (409, "refused")
    nothing = api.post("config/copy/", {"from": "default/nothing", "to": "default/mta2"})
    assert nothing.problem == (422, "refused")


def test_the_nodes_that_have_a_commit_are_told(api: Api, settings: Any) -> None:
    change, before = {"path": "global/x", "text": "1"}, head()
    made = _post(api, change, key="k1")
    stand = {"number": head(), "heard_at": timezone.now()}
    Replica.objects.create(node="mta1", commit=made.body["commit"], **stand)
    Replica.objects.create(node="mta2", commit="f" * 40, **stand)

    settings.MUSTER_BROKERS = ("amqp://127.0.0.1:9",)
    again = _post(api, change, key="k1", base=before)

    assert made.body["replicas"] == []
    assert again.body["replicas"] == ["mta1"], "the other has another history"


def test_a_commit_that_no_node_is_known_to_have_stands(
    api: Api, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "SECONDS", 0.0)
    monkeypatch.setattr(waiting.wait_for_replica, "__defaults__", (0.0,))
    settings.MUSTER_BROKERS = ("amqp://127.0.0.1:9",)
    Replica.objects.create(node="mta1", heard_at=timezone.now())
    change = {"path": "global/x", "text": "1"}

    answer = _post(api, change, key="k9")

    assert answer.problem == (504, "not_replicated")
    assert (answer.body["revision"], answer.body["key"]) == (head(), "k9")
    assert text("global/x") == "1"
    Replica.objects.update(number=head(), commit=repository().revision(head()).hash)
    again = _post(api, change, key="k9", base=answer.body["revision"] - 1)
    assert (again.status, again.body["replicas"]) == (201, ["mta1"])
    Replica.objects.update(heard_at=timezone.now() - timedelta(hours=1))
    alone = _post(api, {"path": "global/y", "text": "1"})
    assert (alone.status, alone.body["replicas"]) == (201, [])


def test_a_body_beyond_the_limit_is_refused(api: Api, settings: Any) -> None:
    settings.COMMIT_MAX_BYTES = settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000

    assert _post(api, {"path": "global/x", "text": "x" * 1000}).problem == (413, "too_large")


def test_a_file_as_large_as_any_may_be_is_committed_by_the_api(api: Api) -> None:
    content = bytes(range(256)) * (FILE_BYTES // 256)

    made = _post(api, {"path": "global/large", "base64": base64.b64encode(content).decode()})

    assert made.status == 201
    assert repository().read(head(), "global/large") == content

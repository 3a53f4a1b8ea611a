"""Subclusters copied, promoted and listed through the API, and histories that follow copies."""

from typing import Any

import pytest

from cluster_admin.configs import proposal_rules, store
from cluster_admin.configs.models import Deployment, Revision
from cluster_admin.configs.store import repository
from cluster_admin.inventory.models import Subcluster
from tests.web import seeding
from tests.web.api_client import Answer, Api, administrator, newest
from tests.web.config_stage import ACTOR, commit, head, subcluster, text
from workers.repository.repository import Repository

pytestmark = pytest.mark.django_db
COPY, PROMOTE = "config/copy-subcluster/", "config/promote/"


@pytest.fixture
def api() -> Api:
    subcluster()
    subcluster("staging", "198.18.1", "test")
    commit({"staging/default/a": "1\n", "default/default/old": "0\n", "default/mta1/own": "0\n"})
    return administrator()


def _post(api: Api, where: str, source: str, target: str, **values: Any) -> Answer:
    return api.post(where, {"from": source, "to": target, **values})


def test_a_subcluster_is_copied(api: Api) -> None:
    before = head()

    tried = _post(api, COPY, "staging", "trial", dry_run=True)
    made = _post(api, COPY, "staging", "trial", history=True, message="Try it")

    assert (tried.status, tried.body["nodes"], tried.body["head"]) == (200, {}, before)
    assert {one["path"]: one["kind"] for one in tried.body["diff"]["files"]} == {
        "trial/default/a": "added",
        "trial/definitions.toml": "added",
    }
    assert (made.status, made.body["revision"]) == (201, before + 1)
    assert made.body["message"] == f"Try it\n\nCopied-from: staging@r{before}"
    assert api.get("subclusters/trial/").body["nodes"] == 0
    assert text("trial/default/a") == "1\n"
    assert newest(action="commit").actor == "ada"


def test_a_subcluster_is_promoted(api: Api) -> None:
    before = head()

    tried = _post(api, PROMOTE, "staging", "default", dry_run=True)
    made = _post(api, PROMOTE, "staging", "default")

    assert set(tried.body["nodes"]) == {"mta1", "mta2"}
    assert "+++ b/default/default/a" in tried.body["diff"]["text"]
    assert (made.status, made.body["revision"]) == (201, before + 1)
    assert made.body["message"] == f"Promote staging (r{before}) to default"
    assert "default/default/old" not in repository().tree(head())
    again = _post(api, PROMOTE, "staging", "default")
    assert again.problem == (409, "refused")
    assert "nothing to promote" in again.body["detail"]


def test_an_older_state_is_promoted(api: Api) -> None:
    tested = head()
    commit({"staging/default/a": "not tested\n"})

    assert _post(api, PROMOTE, "staging", "default", revision=tested).status == 201
    assert text("default/default/a") == "1\n"
    unknown = _post(api, PROMOTE, "staging", "default", revision=99)
    assert unknown.problem == (404, "not_found")


@pytest.mark.parametrize(
    ("where", "target"), [(COPY, "trial"), (PROMOTE, "default")], ids=["copy", "promote"]
)
def test_the_same_key_makes_one_revision(api: Api, where: str, target: str) -> None:
    first, again = (_post(api, where, "staging", target, key="k1") for _ in range(2))

    assert (first.status, again.status) == (201, 201)
    assert first.body == again.body
    assert Revision.objects.filter(key="k1").count() == 1


@pytest.mark.parametrize(
    ("where", "names", "words"),
    [
        (COPY, ("staging", "default"), "there is a subcluster default already"),
        (COPY, ("staging", "global"), "cannot be called global"),
        (COPY, ("nowhere", "trial"), "no subcluster nowhere"),
        (PROMOTE, ("staging", "staging"), "promoted to itself"),
        (PROMOTE, ("staging", "nowhere"), "no subcluster nowhere"),
        (PROMOTE, ("staging", "global"), "global is no subcluster"),
        (PROMOTE, ("default/mta1", "staging"), "no subcluster default/mta1"),
    ],
)
def test_what_cannot_be_is_refused(
    api: Api, where: str, names: tuple[str, str], words: str
) -> None:
    before = head()

    answer = _post(api, where, *names)

    assert answer.problem == (422, "refused")
    assert words in answer.body["detail"]
    assert head() == before
    assert newest(outcome="refused").actor == "ada"


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"from": "staging"},
        {"from": "staging", "to": ""},
        {"from": "staging", "to": 5},
        {"from": "staging", "to": "x" * 64},
        {"from": "staging", "to": "trial", "settings": "yes"},
        {"from": "staging", "to": "trial", "merge": True},
    ],
)
def test_other_forms_are_not_valid(api: Api, body: dict[str, Any]) -> None:
    for where in (COPY, PROMOTE):
        assert api.post(where, body).problem == (400, "invalid")
    assert _post(api, PROMOTE, "staging", "default", revision=0).problem == (400, "invalid")


def test_who_may_copy_and_promote(api: Api) -> None:
    before = head()
    viewer = Api(seeding.user("vera", "viewer"))
    writer = Api(seeding.user("olga", "operator", "default"))
    local = Api(seeding.user("lena", "admin", "default"))

    assert _post(viewer, PROMOTE, "staging", "default").problem == (403, "forbidden")
    assert _post(writer, PROMOTE, "staging", "default").problem == (403, "forbidden")
    assert "staging" in _post(local, PROMOTE, "staging", "default").body["detail"]
    assert _post(local, COPY, "default", "trial").problem == (403, "forbidden")
    assert newest(outcome="denied").actor == "lena"
    user = seeding.user("both", "viewer", "staging")
    user.grants.create(role="operator", subcluster="default")
    both = Api(user)
    settings = _post(both, PROMOTE, "staging", "default", settings=True)
    assert "default/definitions.toml needs the role admin" in settings.body["detail"]
    assert head() == before
    assert _post(both, PROMOTE, "staging", "default").status == 201
    assert _post(both, PROMOTE, "default", "staging").problem == (403, "forbidden")


def test_subclusters_are_listed_with_their_configuration(api: Api) -> None:
    row = Subcluster.objects.get(name="staging")
    Deployment.objects.create(subcluster=row, mode="manual", revision=2)

    found = {one["name"]: one["configuration"] for one in api.get("subclusters/").body["results"]}

    assert found == {
        "default": {"files": 2, "bytes": 4, "mode": "follow", "revision": head()},
        "staging": {"files": 1, "bytes": 2, "mode": "manual", "revision": 2},
    }
    etag = api.get("subclusters/default/").etag
    commit({"default/default/a": "1\n"})
    assert api.get("subclusters/default/").etag == etag


def test_subclusters_are_listed_though_the_repository_cannot_be_read(
    api: Api, settings: Any, tmp_path: Any
) -> None:
    broken = tmp_path / "broken.git"
    broken.mkdir()
    (broken / "what").touch()
    settings.MUSTER_REPOSITORY_DIRECTORY = broken
    store.forget()

    assert api.get("subclusters/default/").body["configuration"] is None


def test_a_history_goes_on_in_what_was_copied(api: Api) -> None:
    first = head()
    copied = _post(api, COPY, "staging", "trial", history=True).body["revision"]
    commit({"staging/default/a": "2\n", "trial/default/a": "3\n"})

    told: list[tuple[str, int]] = []
    where = "config/revisions/?limit=1&path=trial/default/a"
    while where:
        answer = api.get(where).body
        told += [(one["path"], one["number"]) for one in answer["results"]]
        where = (answer["next"] or "").removeprefix("http://testserver/api/v1/")

    assert told == [
        ("trial/default/a", head()),
        ("trial/default/a", copied),
        ("staging/default/a", first),
    ]
    assert "path" not in api.get("config/revisions/").body["results"][0]
    local = Api(seeding.user("tom", "viewer", "trial"))
    own = local.get("config/revisions/?path=trial/default/a").body
    assert [one["path"] for one in own["results"]] == ["trial/default/a"] * 2
    assert own["next"] is None


def test_a_repository_of_nothing_is_no_trouble(api: Api, settings: Any, tmp_path: Any) -> None:
    settings.MUSTER_REPOSITORY_DIRECTORY = tmp_path / "empty.git"
    Repository.create(tmp_path / "empty.git")
    store.forget()

    told = api.get("subclusters/default/").body["configuration"]
    assert told == {"files": 0, "bytes": 0, "mode": "follow", "revision": 0}


def test_where_another_person_has_to_approve_a_promotion_waits(api: Api) -> None:
    proposal_rules.set_rule(ACTOR, "default", required=True)
    editor = seeding.user("eve", "viewer", "staging")
    editor.grants.create(role="editor", subcluster="default")
    before = head()

    proposed = _post(Api(editor), PROMOTE, "staging", "default", message="Release 12")

    assert (proposed.status, head()) == (202, before)
    commit({"staging/default/a": "not reviewed\n"})
    decided = api.post(f"config/proposals/{proposed.body['number']}/approve/", {})
    assert decided.status < 300
    assert text("default/default/a") == "1\n"
    made = repository().revision(head())
    assert (made.name, made.message) == ("eve", "Release 12\n\nApproved-by: ada")

"""Who may read and write which part of the configuration, by role and by token scope."""

from typing import Any

import pytest

from cluster_admin.configs import sending
from cluster_admin.configs.models import Replica
from cluster_admin.inventory.models import Node, Subcluster
from tests.web import seeding
from tests.web.api_client import Api, newest
from tests.web.config_stage import commit, head, subcluster, text

pytestmark = pytest.mark.django_db

READS = (
    *("revisions/", "revisions/{default}/", "revisions/{default}/tree/", "diff/?to={default}"),
    *("revisions/{default}/file/?path=default/default/a", "diff/?node=mta1", "render/mta1/"),
    *("revisions/{default}/file/?path=global/motd", "archive/", "replicas/", "nodes/mta1/"),
    *("deployments/", "deployments/default/", "revisions/?path=default/mta1"),
)
OTHERS = (
    *("revisions/{other}/", "revisions/{default}/file/?path=other/default/a", "render/oth1/"),
    *("diff/?path=other/default", "archive/?under=other", "revisions/?path=other"),
    *("revisions/{default}/tree/?under=other/oth1", "nodes/oth1/", "deployments/other/"),
)


@pytest.fixture
def numbers(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """Two subclusters; the revisions that wrote `global`, each of them, and both at once."""
    monkeypatch.setattr(sending, "send", lambda asked: {})
    subcluster()
    subcluster("other", "198.19.0", "oth")
    Replica.objects.create(node="mta1", subcluster="default")
    found = {}
    for name, files in (
        ("global", {"global/motd": "x\n"}),
        ("default", {"default/default/a": "1\n"}),
        ("both", {"default/default/b": "1\n", "other/default/b": "1\n"}),
        ("other", {"other/default/a": "secret plans\n"}),
    ):
        commit(files, message=f"of {name}")
        found[name] = head()
    return found


def _commit(api: Api, path: str, **values: Any) -> Any:
    change = {"path": path, "text": f"{head()}\n"}
    return api.post(
        "config/commits/", {"base": head(), "message": "m", "changes": [change], **values}
    )


def test_a_viewer_reads_their_subcluster_and_global_and_nothing_else(
    numbers: dict[str, int],
) -> None:
    api = Api(seeding.user("vera", "viewer", "default"))

    found = {where: api.get("config/" + where.format(**numbers)).status for where in READS}
    assert found == dict.fromkeys(READS, 200)
    for where in OTHERS:
        answer = api.get("config/" + where.format(**numbers))
        assert answer.problem == (403, "forbidden"), where
        assert "other" in answer.body["detail"]


def test_lists_and_differences_leave_out_what_is_not_ones_own(numbers: dict[str, int]) -> None:
    api = Api(seeding.user("vera", "viewer", "default"))

    history = api.get("config/revisions/").body["results"]
    told = [one["number"] for one in history]
    assert numbers["other"] not in told
    assert {numbers["global"], numbers["default"], numbers["both"]} <= set(told)
    both = api.get(f"config/revisions/{numbers['both']}/").body["files"]
    assert [one["path"] for one in both] == ["default/default/b"]
    assert "other/" not in api.get(f"config/diff/?from=0&to={head()}").text
    tree = api.get(f"config/revisions/{head()}/tree/").body["files"]
    assert {one["path"].partition("/")[0] for one in tree} == {"default", "global"}
    assert [one["subcluster"] for one in api.get("config/deployments/").body] == ["default"]


def test_what_a_node_got_in_another_subcluster_is_of_that_one(numbers: dict[str, int]) -> None:
    api, root = Api(seeding.user("vera", "viewer", "default")), Api(seeding.user("ro", "viewer"))
    before = head()
    Node.objects.filter(name="oth2").update(subcluster=Subcluster.objects.get(name="default"))

    assert root.get(f"config/render/oth2/?revision={before}").status == 200
    for where in (f"render/oth2/?revision={before}", f"diff/?node=oth2&from=0&to={before}"):
        assert api.get(f"config/{where}").problem == (403, "forbidden")


def test_a_viewer_writes_nothing(numbers: dict[str, int]) -> None:
    api = Api(seeding.user("vera", "viewer"))
    before = head()

    for method, where, body in (
        ("POST", "commits/", {"base": 0, "message": "m", "changes": []}),
        ("POST", "revert/", {"revision": 1}),
        ("POST", "copy/", {"from": "default/mta1", "to": "default/mta2"}),
        ("POST", "nodes/mta1/put/", {}),
        ("POST", "nodes/mta1/apply/", {}),
        ("PATCH", "deployments/default/", {"mode": "manual"}),
    ):
        assert api(method, f"config/{where}", body).problem == (403, "forbidden"), where
        assert newest(outcome="denied").actor == "vera"
    assert head() == before


@pytest.mark.parametrize(
    ("role", "where", "may"),
    [
        ("operator", "default", {"default/default/x", "default/mta1/x"}),
        ("admin", "default", {"default/default/x", "default/mta1/x", "default/definitions.toml"}),
        ("operator", "", {"default/default/x", "default/mta1/x", "other/default/x"}),
        (
            *("admin", ""),
            {
                *("default/default/x", "default/mta1/x", "default/definitions.toml"),
                *("global/x", "other/default/x"),
            },
        ),
    ],
)
def test_who_may_write_what(numbers: dict[str, int], role: str, where: str, may: set[str]) -> None:
    api = Api(seeding.user("pat", role, where))
    paths = (
        *("default/default/x", "default/mta1/x", "default/definitions.toml", "global/x"),
        "other/default/x",
    )

    for path in paths:
        status = _commit(api, path).status
        # A text of no meaning is refused as definitions, but only after who asks was looked at.
        assert (status != 403) == (path in may), (path, status)


def test_a_commit_of_several_places_needs_the_role_in_each(numbers: dict[str, int]) -> None:
    api = Api(seeding.user("otto", "operator", "default"))
    before = head()

    mixed = api.post(
        "config/commits/",
        {
            "base": before,
            "message": "m",
            "changes": [
                {"path": "default/default/x", "text": "1"},
                {"path": "other/default/x", "text": "1"},
            ],
        },
    )

    assert mixed.problem == (403, "forbidden")
    assert "subcluster other" in mixed.body["detail"]
    assert newest(outcome="denied").subcluster == "other"
    assert head() == before
    both = api.post("config/revert/", {"revision": numbers["both"]})
    assert both.problem == (403, "forbidden")
    assert "other/default/b" not in both.text
    assert "a file there" in both.body["detail"]
    assert api.post("config/revert/", {"revision": numbers["global"]}).problem[0] == 403
    assert api.post("config/revert/", {"revision": numbers["default"]}).status == 201


def test_copies_read_one_place_and_write_another(numbers: dict[str, int]) -> None:
    api = Api(seeding.user("otto", "operator", "default"))

    def copy(source: str, target: str) -> int:
        return int(api.post("config/copy/", {"from": source, "to": target}).status)

    assert copy("other/default", "default/default") == 403
    assert copy("default/default", "other/default") == 403
    assert copy("default/default", "global") == 403
    assert copy("global", "default/mta1") == 201
    assert text("default/mta1/motd") == "x\n"


def test_an_operator_deploys_their_own_subcluster(numbers: dict[str, int]) -> None:
    api = Api(seeding.user("otto", "operator", "default"))

    assert api.patch("config/deployments/default/", {"mode": "manual"}).status == 200
    assert api.patch("config/deployments/other/", {"mode": "manual"}).status == 403
    assert api.post("config/nodes/mta1/apply/", {}).status == 202
    assert api.post("config/nodes/oth1/apply/", {}).status == 403
    assert api.post("config/nodes/oth1/put/", {}).status == 403


def test_nobody_without_a_login_or_a_role_sees_anything(numbers: dict[str, int]) -> None:
    nobody = Api()
    nora = Api(seeding.user("nora", ""))

    for where in READS:
        asked = "config/" + where.format(**numbers)
        assert nobody.get(asked).problem == (401, "unauthenticated"), where
        assert nora.get(asked).problem == (403, "forbidden"), where


@pytest.mark.parametrize("scope", ["read", "operate", "define", "accounts"])
def test_a_token_does_what_its_scopes_say(numbers: dict[str, int], scope: str) -> None:
    api = Api(seeding.user("root", is_superuser=True), scopes=[scope])

    for needed, answer in (
        ("read", api.get("config/revisions/")),
        ("define", _commit(api, "global/x")),
        ("define", api.post("config/revert/", {"revision": numbers["default"]})),
        ("operate", api.patch("config/deployments/default/", {"mode": "follow"})),
        ("operate", api.post("config/nodes/mta1/apply/", {})),
    ):
        if needed == scope:
            assert answer.status < 300
        else:
            assert answer.problem == (403, "scope_missing")


def test_a_read_only_token_writes_nothing(numbers: dict[str, int]) -> None:
    api = Api(seeding.user("root", is_superuser=True), read_only=True)

    assert api.get("config/archive/").status == 200
    assert _commit(api, "global/x").problem == (403, "read_only_token")
    assert _commit(api, "global/x", dry_run=True).problem == (403, "read_only_token")

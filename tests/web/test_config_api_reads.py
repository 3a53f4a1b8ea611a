"""Reading the configuration through the API: history, trees, files, differences, archives."""

import base64
import io
import tarfile
from typing import Any

import pytest
from asgiref.sync import async_to_sync

from cluster_admin.configs.store import repository
from tests.web import seeding
from tests.web.api_client import Answer, Api, administrator
from tests.web.config_stage import DEFINITIONS, commit, head, subcluster
from workers.repository.core.changes import Entry

pytestmark = pytest.mark.django_db
BINARY = b"\x00\x01\xff"


@pytest.fixture
def api() -> Api:
    subcluster()
    commit({"global/motd": "hello\n", "default/default/x.j2": "{{ node.name }}\n"}, message="One")
    commit({"global/motd": "hello\nworld\n", "default/mta1/run": Entry(b"#!\n", True)})
    commit({"default/mta2/blob": BINARY}, message="Three\n\nwhy")
    return administrator()


def _numbers(answer: Answer) -> list[int]:
    return [one["number"] for one in answer.body["results"]]


def test_the_history_is_newest_first_and_goes_on(api: Api) -> None:
    newest = head()
    first = api.get("config/revisions/?limit=2")

    assert _numbers(first) == [newest, newest - 1]
    told = first.body["results"][0]
    kept = repository().revision(newest)
    assert (told["message"], told["author"], told["email"]) == ("Three\n\nwhy", "ann", "ann@demo")
    assert told["commit"] == kept.hash
    following = first.body["next"].removeprefix("http://testserver/api/v1/")
    assert _numbers(api.get(following)) == [newest - 2, newest - 3]
    assert api.get("config/revisions/?before=2").body["next"] is None


def test_the_history_of_a_file_and_of_a_directory(api: Api) -> None:
    newest = head()

    assert _numbers(api.get("config/revisions/?path=global/motd")) == [newest - 1, newest - 2]
    assert _numbers(api.get("config/revisions/?path=default/mta2/")) == [newest]
    assert _numbers(api.get("config/revisions/?path=global/nothing")) == []


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=1001", "limit=x", "before=0", "before=-1", "path=", "page=2"]
)
def test_what_a_history_cannot_be_asked_is_refused(api: Api, query: str) -> None:
    assert api.get(f"config/revisions/?{query}").problem == (400, "invalid")


def test_a_revision_says_what_it_changed(api: Api) -> None:
    found = api.get(f"config/revisions/{head() - 1}/").body

    files = {one["path"]: one for one in found["files"]}
    assert set(files) == {"global/motd", "default/mta1/run"}
    assert files["global/motd"] == {
        "path": "global/motd",
        "kind": "changed",
        "old_mode": "100644",
        "new_mode": "100644",
        **{"binary": False, "added": 1, "removed": 0, "note": ""},
    }
    assert files["default/mta1/run"]["note"] == "executable"
    assert found["more"] == 0


@pytest.mark.parametrize(
    "where",
    [
        *("revisions/0/", "revisions/99/", "revisions/999999999999999/", "revisions/99/tree/"),
        *("revisions/99/file/?path=global/motd", "revisions/1/file/?path=global/motd"),
        *("diff/?to=99", "archive/?revision=99", "archive/?under=global/nothing"),
        *("revisions/1/tree/?under=nothing", "render/nobody/", "render/mta1/?revision=99"),
        *("render/mta1/?path=nothing", "nodes/nobody/", "deployments/nobody/", "nowhere/"),
    ],
)
def test_what_is_not_there_is_not_found(api: Api, where: str) -> None:
    assert api.get(f"config/{where}").problem == (404, "not_found")


@pytest.mark.parametrize(
    "where",
    [
        *("revisions/2/file/", "revisions/2/file/?path=global/motd&raw=2", "diff/?from=x"),
        *("diff/?path=/", "archive/?revision=0", "archive/?x=1", "render/mta1/?revision=0"),
        *("revisions/2/tree/?under=a%00b", "deployments/?page=1"),
    ],
)
def test_what_cannot_be_asked_is_refused(api: Api, where: str) -> None:
    assert api.get(f"config/{where}").problem == (400, "invalid")


def test_a_tree_names_every_file(api: Api) -> None:
    answer = api.get(f"config/revisions/{head()}/tree/")

    files = {one["path"]: one for one in answer.body["files"]}
    assert set(files) == {
        *("global/motd", "default/default/x.j2", "default/mta1/run", "default/mta2/blob"),
        DEFINITIONS,
    }
    kept = repository().tree(head())["default/mta1/run"]
    assert files["default/mta1/run"] == {
        "path": "default/mta1/run",
        **{"size": 3, "executable": True, "blob": kept.blob},
    }
    below = api.get(f"config/revisions/{head()}/tree/?under=default/mta1").body["files"]
    assert [one["path"] for one in below] == ["default/mta1/run"]
    assert api.get("config/revisions/0/tree/").body["files"] == []
    assert answer.etag != api.get(f"config/revisions/{head() - 1}/tree/").etag


def test_a_file_is_text_or_base64_or_its_bytes(api: Api) -> None:
    where = f"config/revisions/{head()}/file/"
    text = api.get(f"{where}?path=global/motd")
    binary = api.get(f"{where}?path=default/mta2/blob")
    raw = api.get(f"{where}?path=default/mta2/blob&raw=1")
    asked = api.get(f"{where}?path=global/motd", Accept="application/octet-stream")

    assert (text.body["text"], text.body["size"]) == ("hello\nworld\n", 12)
    assert base64.b64decode(binary.body["base64"]) == BINARY
    assert "text" not in binary.body
    assert raw.data == BINARY
    assert raw.headers["Content-Type"] == "application/octet-stream"
    assert raw.headers["Content-Disposition"] == 'attachment; filename="blob"'
    assert raw.headers["X-Content-Type-Options"] == "nosniff"
    assert asked.data == b"hello\nworld\n"
    assert raw.etag == binary.etag


def test_a_difference_is_told_by_line_and_as_text(api: Api) -> None:
    found = api.get(f"config/diff/?from={head() - 2}&to={head()}&path=global").body

    (file,) = found["files"]
    assert (found["from"], found["to"], found["node"]) == (head() - 2, head(), None)
    (hunk,) = file["hunks"]
    assert hunk["lines"][-1] == {
        "mark": "+",
        **{"text": "world", "old": None, "new": 2, "newline": True, "more": 0},
    }
    assert found["text"] == (
        "--- a/global/motd\n+++ b/global/motd\n@@ -1,1 +1,2 @@\n hello\n+world\n"
    )
    usual = api.get("config/diff/").body
    assert [one["path"] for one in usual["files"]] == ["default/mta2/blob"]
    assert usual["files"][0]["note"] == "binary, so no lines are shown"
    everything = api.get(f"config/diff/?from=0&to={head()}").body["files"]
    assert {one["kind"] for one in everything} == {"added"}


def test_a_difference_of_what_a_node_gets_is_of_rendered_files(api: Api) -> None:
    commit({"default/default/x.j2": "{{ node.name }} {{ secret('p') }}\n"})

    found = api.get("config/diff/?node=mta1").body

    assert found["text"] == ("--- a/x\n+++ b/x\n@@ -1,1 +1,1 @@\n-mta1\n+mta1 <secret p>\n")
    assert api.get("config/diff/?node=mta1&path=motd").body["files"] == []


def test_a_node_gets_its_layers_rendered_with_secrets_concealed(api: Api) -> None:
    commit({"default/default/key.j2": "k = {{ secret('p') }}\n"})

    found = api.get("config/render/mta1/").body

    files = {one["path"]: one for one in found["files"]}
    assert set(files) == {"motd", "x", "run", "key"}
    assert (files["x"]["text"], files["x"]["source"]) == ("mta1\n", "default/default/x.j2")
    assert (files["key"]["text"], files["key"]["secret"]) == ("k = <secret p>\n", True)
    assert files["run"]["executable"]
    alone = api.get(f"config/render/mta2/?revision={head() - 1}&path=blob").body["files"]
    assert base64.b64decode(alone[0]["base64"]) == BINARY


def test_an_archive_has_every_file_as_it_is(api: Api) -> None:
    def fetched(where: str) -> tuple[Answer, dict[str, Any]]:
        answer = api.get(where)

        async def all_of_it() -> bytes:
            return b"".join([piece async for piece in answer.response.streaming_content])

        with tarfile.open(fileobj=io.BytesIO(async_to_sync(all_of_it)())) as archive:
            members = archive.getmembers()
            return answer, {
                one.name: (archive.extractfile(one).read(), one.mode, one.mtime)  # type: ignore[union-attr]
                for one in members
            }

    answer, files = fetched("config/archive/")
    at = int(repository().revision(head()).when.timestamp())
    assert answer.headers["Content-Type"] == "application/x-tar"
    assert files["default/mta1/run"] == (b"#!\n", 0o755, at)
    assert files["default/mta2/blob"] == (BINARY, 0o644, at)
    assert set(files) == set(repository().tree(head()))
    _, below = fetched(f"config/archive/?revision={head() - 1}&under=global/")
    assert set(below) == {"global/motd"}


def test_before_the_first_commit_there_is_nothing() -> None:
    seeding.cluster()
    api = administrator()

    assert api.get("config/revisions/").body == {"next": None, "results": []}
    assert api.get("config/archive/").problem == (404, "not_found")
    assert api.get("config/diff/").body["files"] == []
    assert api.get("config/replicas/").body["count"] == 0

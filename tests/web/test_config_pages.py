"""The configuration's pages: history, revisions, files; what they show, and to whom."""

import re

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from cluster_admin.accounts.models import User
from cluster_admin.inventory.models import Node
from tests.web import config_seeding, seeding
from tests.web.config_seeding import TRANSPORT

pytestmark = pytest.mark.django_db
OTHER = "other/default/secret-plan"


@pytest.fixture
def viewer(client: Client) -> Client:
    config_seeding.defined()
    client.force_login(seeding.user())
    return client


def page(client: Client, path: str, status: int = 200) -> str:
    answer = client.get(path)
    assert answer.status_code == status, (path, answer.content[-2000:])
    return answer.content.decode()


def numbers(text: str) -> list[int]:
    return [int(one) for one in re.findall(r'<tr id="r(\d+)"', text)]


@pytest.mark.parametrize(
    "path",
    [
        *("", "revisions/1/", "tree/", "file/global/a/", "new/", "edit/global/a/", "nodes/"),
        *("nodes/mta1/", "nodes/mta1/drift/"),
    ],
)
def test_nothing_is_shown_without_a_login(client: Client, path: str) -> None:
    answer = client.get(f"/config/{path}")

    assert (answer.status_code, answer["Location"]) == (302, f"/login/?next=/config/{path}")


@pytest.mark.parametrize(
    "path",
    [
        *("revisions/1/revert/", "further/", "delete/global/a/", "rename/global/a/", "commit/"),
        *("resolve/", "new/", "edit/global/a/", "nodes/mta1/put/", "nodes/mta1/apply/"),
    ],
)
def test_nothing_is_changed_without_a_login(client: Client, path: str) -> None:
    assert client.post(f"/config/{path}").status_code == 302


def test_an_empty_repository_says_what_to_do(client: Client) -> None:
    client.force_login(seeding.user())

    assert "Nothing has been committed yet" in page(client, "/config/")
    assert "bootstrap --configuration" in page(client, "/config/tree/")
    assert "No node matches" in page(client, "/config/nodes/")


def test_history_is_paged_searched_and_of_a_path(viewer: Client) -> None:
    for number in range(55):
        config_seeding.commit({TRANSPORT: f"{number}\n"}, f"Number {number}, told <b>")
    config_seeding.commit({"default/default/x": "x\n"}, "Elsewhere")

    newest = page(viewer, "/config/")
    assert numbers(newest) == list(range(57, 7, -1))
    assert "told &lt;b&gt;" in newest
    assert numbers(page(viewer, "/config/?before=8")) == list(range(7, 0, -1))
    assert numbers(page(viewer, f"/config/?path={TRANSPORT}"))[0] == 56
    assert len(numbers(page(viewer, "/config/?path=global&before=10"))) == 8
    assert numbers(page(viewer, "/config/?q=elsewhere")) == [57]
    assert numbers(page(viewer, "/config/?path=global&q=number+7,")) == [9]
    assert numbers(page(viewer, "/config/?q=olga&before=3")) == [2]
    assert numbers(page(viewer, "/config/?path=nowhere")) == []


@pytest.mark.parametrize(
    "query",
    [
        *("before=-1", "before=99999999999999999999", "path=%00", "path=../../etc", "q=%00%FF"),
        *("path=" + "a/" * 900, "q=" + "x" * 5_000, "page=0&revision="),
    ],
)
def test_nonsense_in_urls_breaks_nothing(viewer: Client, query: str) -> None:
    for path in ("", "tree/", "nodes/", "revisions/1/", "file/default/definitions.toml/"):
        assert viewer.get(f"/config/{path}?{query}").status_code == 200, path


@pytest.mark.parametrize(
    "path",
    [
        *("revisions/0/", "revisions/9/", "revisions/999999999999999/", "revisions/1/?since=7"),
        *("revisions/9999999999999999/", "tree/nowhere/", "tree/?revision=9", "tree/a%00b/"),
        *("file/nowhere/", "file/default/definitions.toml/?revision=0", "file/global/", "nodes/x/"),
        *("edit/nowhere/", "file/..%2f..%2fetc%2fpasswd/", "nodes/x/drift/"),
    ],
)
def test_what_is_not_there_is_not_found(viewer: Client, path: str) -> None:
    assert viewer.get(f"/config/{path}").status_code == 404


def test_a_revision_shows_each_file_both_ways(viewer: Client) -> None:
    first = config_seeding.commit({TRANSPORT: "a\nb <i>\n", "default/mta1/x": "x\n"}, "One\n\nWhy.")
    config_seeding.commit({TRANSPORT: "a\nc <i>\n", "default/mta1/x": None}, "Two")

    text = page(viewer, f"/config/revisions/{first.number + 1}/")

    assert 'class="kind deleted"' in text
    assert "<code><mark>b</mark> &lt;i&gt;</code>" in text
    assert text.count('<table class="side">') == text.count('<table class="unified">') == 2
    assert "<i>" not in text.replace("<i>(no newline", "")
    alone = page(viewer, f"/config/revisions/{first.number + 1}/?path={TRANSPORT}")
    assert 'data-path="default/mta1/x"' not in alone
    both = page(viewer, f"/config/revisions/{first.number + 1}/?since=1")
    assert re.findall(r'data-path="([^"]+)"', both) == [TRANSPORT]
    assert "r1 → r3" in both


def test_large_revisions_are_paged(viewer: Client) -> None:
    many = {f"global/many/{number:03}": "x\n" * 100 for number in range(60)}
    made = config_seeding.commit(many, "Many")

    text = page(viewer, f"/config/revisions/{made.number}/?page=3")

    assert "60 files" in text
    shown = re.findall(r'data-path="global/many/(\d+)"', text)
    assert shown == [f"{n:03}" for n in range(50, 60)]
    assert len(text) < 1_000_000


def test_directories_are_browsed_at_any_revision(viewer: Client) -> None:
    made = config_seeding.commit({TRANSPORT: "a\n", "global/run": "x"}, "One")
    config_seeding.commit({TRANSPORT: None}, "Two")

    assert 'href="/config/tree/global/"' in page(viewer, "/config/tree/")
    assert 'href="/config/file/global/run/"' in page(viewer, "/config/tree/global/")
    assert viewer.get("/config/tree/global/postfix/").status_code == 404
    then = page(viewer, f"/config/tree/global/postfix/?revision={made.number}")
    assert f'href="/config/file/{TRANSPORT}/?revision={made.number}"' in then
    found = page(viewer, "/config/tree/?q=run")
    assert ">global/run<" in found
    assert "definitions" not in found


def test_a_file_has_its_content_history_and_purpose(viewer: Client) -> None:
    first = config_seeding.commit({TRANSPORT: "old\n"}, "First of it")
    config_seeding.commit({TRANSPORT: "<new>\n"}, "Then this")

    text = page(viewer, f"/config/file/{TRANSPORT}/")
    assert "<code>&lt;new&gt;</code>" in text
    assert "For every node: as postfix/transport, byte for byte." in text
    assert "First of it" in text
    assert "Then this" in text
    then = page(viewer, f"/config/file/{TRANSPORT}/?revision={first.number}")
    assert "<code>old</code>" in then
    assert "Then this" not in then


def test_a_file_is_shown_as_a_node_gets_it(viewer: Client) -> None:
    text = '{{ node.name }} {{ secret("password") }}\n'
    files = {"global/x.j2": text, "default/mta2/x": "mine\n", "global/_inc.j2": "i"}
    made = config_seeding.commit(files, "Templates")

    text = page(viewer, "/config/file/global/x.j2/?node=mta1")
    assert "<code>mta1 &lt;secret password&gt;</code>" in text
    other = page(viewer, "/config/file/global/x.j2/?node=mta2")
    assert "mta2 gets default/mta2/x in its place." in other
    assert "<code>mine</code>" in other
    assert "Other templates include it" in page(viewer, "/config/file/global/_inc.j2/?node=mta1")
    assert "<option>mta1</option>" not in page(viewer, "/config/file/default/mta2/x/")
    unknown = page(viewer, "/config/file/global/x.j2/?node=nobody")
    assert "{{ node.name }}" in unknown
    assert made.number == 2


def test_the_bytes_of_a_file_are_never_taken_for_a_page(viewer: Client) -> None:
    config_seeding.commit({'global/a"b.html': "<script>alert(1)</script>"}, "Bad name")

    answer = viewer.get("/config/file/global/a%22b.html/?raw=1")

    assert answer.content == b"<script>alert(1)</script>"
    assert answer["Content-Type"] == "application/octet-stream"
    assert answer["Content-Disposition"] == 'attachment; filename="a_b.html"'
    assert answer["X-Content-Type-Options"] == "nosniff"


def test_readers_of_one_subcluster_see_it_and_global_and_nothing_else(client: Client) -> None:
    config_seeding.defined()
    config_seeding.defined(1, "other", prefix="x", block=3)
    hidden = config_seeding.commit({OTHER: "hush\n"}, "The hush message")
    both = config_seeding.commit({OTHER: "hush\n2\n", "default/default/a": "a\n"}, "Of both")
    client.force_login(seeding.user("vera", "viewer", "default"))

    history = page(client, "/config/")
    assert "The hush message" not in history
    assert numbers(history) == [both.number, 1]
    assert page(client, f"/config/revisions/{hidden.number}/", 404)
    shown = page(client, f"/config/revisions/{both.number}/")
    assert "default/default/a" in shown
    assert "secret-plan" not in shown
    for path in ("tree/", f"revisions/{both.number}/?since=1", "tree/?q=plan", f"?path={OTHER}"):
        assert "secret-plan/" not in page(client, f"/config/{path}").replace(f'value="{OTHER}"', "")
        assert "hush" not in page(client, f"/config/{path}")
    for path in (f"file/{OTHER}/", "tree/other/", f"file/{OTHER}/?raw=1", "nodes/x1/"):
        page(client, f"/config/{path}", 404)
    assert "x1" not in re.findall(r'data-node="([^"]+)"', page(client, "/config/nodes/"))


def test_what_a_node_got_in_another_subcluster_is_not_shown(client: Client) -> None:
    made = config_seeding.defined()
    config_seeding.commit({"global/a": "a\n"}, "Files")
    config_seeding.defined(1, "other", prefix="x", block=3)
    config_seeding.commit({OTHER.replace("default", "x1"): "hush\n"}, "Its own")
    Node.objects.filter(name="x1").update(subcluster=made.subcluster)
    client.force_login(seeding.user("vera", "viewer", "default"))

    text = page(client, "/config/file/global/a/?node=x1&revision=4")

    assert "x1 was in another subcluster at r4, which you may not read." in text
    assert "hush" not in text
    text = page(client, "/config/deployments/default/?mode=manual&revision=4")
    assert "x1 was in another subcluster at r4, which you may not read" in text
    assert "hush" not in text


def test_whoever_has_no_role_sees_nothing(client: Client) -> None:
    config_seeding.defined()
    config_seeding.sample()
    client.force_login(User.objects.create_user("nobody"))

    assert numbers(page(client, "/config/")) == []
    assert "postfix" not in page(client, "/config/tree/")
    page(client, f"/config/file/{TRANSPORT}/", 404)


def test_questions_to_the_database_do_not_grow(viewer: Client) -> None:
    def queries(path: str) -> int:
        with CaptureQueriesContext(connection) as found:
            page(viewer, path)
        return len(found)

    paths = ("/config/", "/config/tree/", "/config/nodes/", f"/config/file/{TRANSPORT}/")
    config_seeding.commit({TRANSPORT: "x\n"}, "x")
    config_seeding.applied("mta1", 1)
    few = {path: queries(path) for path in paths}
    for number in range(20):
        config_seeding.commit({TRANSPORT: f"{number}\n", f"global/{number}": "x"}, "x")
    for node in ("mta1", "mta2", "mta3"):
        config_seeding.stand(node, 1)
        config_seeding.applied(node, 1)

    many = {path: queries(path) for path in paths}
    assert many == few


def test_a_repository_that_is_broken_is_said_in_words(viewer: Client, settings: object) -> None:
    settings.MUSTER_REPOSITORY_DIRECTORY = "/proc/nowhere.git"  # type: ignore[attr-defined]

    text = page(viewer, "/config/tree/", 503)

    assert "The configuration repository does not do what is asked" in text

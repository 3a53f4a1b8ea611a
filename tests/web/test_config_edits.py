"""Changing files from pages: preview on each node, commit, refusals, conflicts, roles."""

import html
import re
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client

from cluster_admin.audit.models import AuditRecord
from cluster_admin.configs.models import Revision
from cluster_admin.configs.store import repository
from cluster_admin.vips.models import Vip
from tests.web import config_seeding, seeding
from tests.web.config_seeding import TRANSPORT

pytestmark = pytest.mark.django_db
OWN = "default/default/x"
COMMIT = "/config/commit/"


@pytest.fixture
def operator(client: Client) -> Client:
    """Somebody who may commit to `default/` and not to `global/`."""
    config_seeding.defined()
    config_seeding.commit({OWN: "a\nb\nc\n"}, "Begin")
    client.force_login(seeding.user("olga", "operator", "default"))
    return client


@pytest.fixture
def admin(client: Client) -> Client:
    config_seeding.defined()
    config_seeding.commit({OWN: "a\nb\nc\n", TRANSPORT: "t\n"}, "Begin")
    client.force_login(seeding.user("adam", "admin"))
    return client


def send(client: Client, path: str, fields: dict[str, Any], status: int = 200) -> str:
    answer = client.post(path, fields)
    assert answer.status_code == status, text_of(answer)[-3000:]
    return text_of(answer)


def text_of(answer: HttpResponse) -> str:
    return answer.content.decode()


def hidden(text: str, form: str = COMMIT) -> dict[str, str]:
    """The hidden fields of a form, as a browser sends them."""
    inside = text.partition(f'action="{form}"')[2].partition("</form>")[0]
    found = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', inside)
    return {name: html.unescape(value) for name, value in found}


def edited(text: str, base: int = 2, name: str = OWN, **fields: str) -> dict[str, str]:
    usual = {"base": str(base), "name": name, "text": text.replace("\n", "\r\n")}
    return usual | {"message": "Because"} | fields


def content(path: str) -> bytes:
    return repository().read(config_seeding.newest(), path)


def test_an_edit_is_previewed_on_each_node_and_then_committed(operator: Client) -> None:
    form = text_of(operator.get(f"/config/edit/{OWN}/"))
    assert "a\nb\nc\n</textarea>" in form

    review = send(operator, f"/config/edit/{OWN}/", edited("a\nB\nc\n"))

    assert 'data-nodes="mta1 mta2 mta3"' in review
    assert 'value="Because"' in review
    assert config_seeding.newest() == 2
    answer = operator.post(COMMIT, hidden(review) | {"message": "Because"}, follow=True)
    assert "r3 is committed; no node holds it yet" in text_of(answer)
    assert content(OWN) == b"a\nB\nc\n"
    row = Revision.objects.get(number=3)
    assert (row.author, row.message) == ("olga", "Because")
    record = AuditRecord.objects.get(action="commit", object="r3")
    assert (record.actor, record.via, record.subcluster) == ("olga", "admin", "default")


def test_the_same_form_sent_twice_commits_once(operator: Client) -> None:
    review = send(operator, f"/config/edit/{OWN}/", edited("new\n"))
    for _ in range(2):
        send(operator, COMMIT, hidden(review) | {"message": "m"}, 302)

    assert config_seeding.newest() == 3


def test_a_message_is_needed(operator: Client) -> None:
    review = send(operator, f"/config/edit/{OWN}/", edited("new\n", message=""))

    again = send(operator, COMMIT, hidden(review) | {"message": "  "})

    assert "say in a line what the change is for" in again
    assert config_seeding.newest() == 2


def test_templates_are_previewed_rendered_and_secrets_concealed(operator: Client) -> None:
    text = '{{ node.name }} {{ secret("password") }}\n'

    review = send(operator, "/config/new/", edited(text, name="default/default/y.j2"))

    assert "mta2 &lt;secret password&gt;" in review
    assert len(re.findall(r"data-nodes=", review)) == 3


def test_what_no_node_could_be_given_is_refused_with_file_and_line(operator: Client) -> None:
    text = "fine\n{{ node.nme }}\n"

    review = send(operator, "/config/new/", edited(text, name="default/default/y.j2"), 422)

    assert '<span class="mono">default/default/y.j2:2</span>' in review
    assert ">Commit</button>" not in review
    further = send(operator, "/config/further/", hidden(review) | {"message": "m"})
    assert "{{ node.nme }}" in further
    assert 'value="default/default/y.j2"' in further
    send(operator, COMMIT, hidden(review) | {"message": "m"}, 422)
    assert config_seeding.newest() == 2
    assert AuditRecord.objects.filter(action="commit", outcome="refused").exists()


@pytest.mark.parametrize(
    ("name", "status", "sentence"),
    [
        ("default/../global/x", 422, "has . or .. as a name"),
        ("default/nobody/x", 422, "is of a node that is not defined"),
        ("default/default/X", 422, "differs only in case"),
        ("default/default/.git/x", 422, "git keeps for itself"),
        (OWN, 422, "is there already"),
        ("", 422, "Write the path"),
        ("default/default/a\0b", 422, "has a control or invisible character"),
    ],
)
def test_bad_paths_change_nothing(operator: Client, name: str, status: int, sentence: str) -> None:
    text = send(operator, "/config/new/", edited("y\n", name=name), status)

    assert sentence in text
    assert config_seeding.newest() == 2


def test_a_bad_path_leads_back_to_the_text(operator: Client) -> None:
    text = send(operator, "/config/new/", edited("much work\n", name="default/../x"), 422)

    assert "much work" in text
    assert 'name="text"' in text


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("", "write a path"),
        (OWN, "is there already"),
        ("default/default/a\0b", "has a control or invisible character"),
        ("../x", "has . or .. as a name"),
    ],
)
def test_a_bad_new_name_is_said_on_the_files_page(
    operator: Client, name: str, sentence: str
) -> None:
    fields = {"base": "2", "name": name}
    answer = operator.post(f"/config/rename/{OWN}/", fields, follow=True)

    assert answer.redirect_chain == [(f"/config/file/{OWN}/", 302)]
    assert sentence in text_of(answer)
    assert config_seeding.newest() == 2


def test_a_file_that_no_page_can_edit_says_why(operator: Client) -> None:
    config_seeding.commit({OWN: "a\x1b\n"}, "Not for pages")

    answer = operator.get(f"/config/edit/{OWN}/", follow=True)

    assert "it has control characters; use `muster config` for it" in text_of(answer)


def test_a_file_that_is_gone_leads_to_its_history(operator: Client) -> None:
    config_seeding.commit({OWN: None}, "Away")

    answer = operator.get(f"/config/file/{OWN}/")

    assert answer.status_code == 404
    assert f"{OWN}: no such file in r3." in text_of(answer)
    assert f'href="/config/?path={OWN}"' in text_of(answer)
    assert operator.get("/config/file/other/default/secret/").status_code == 404
    assert "secret" not in text_of(operator.get("/config/file/other/default/secret/"))


def test_an_edit_that_changes_nothing_says_so(operator: Client) -> None:
    text = send(operator, f"/config/edit/{OWN}/", edited("a\nb\nc\n"), 422)

    assert "already says all of it" in text


def test_the_ends_of_lines_and_the_flag_stay(operator: Client) -> None:
    config_seeding.commit({OWN: "a\r\nb\r\n"}, "As others write it")
    form = text_of(operator.get(f"/config/edit/{OWN}/"))
    assert 'name="ends" value="crlf"' in form

    fields = edited("a\nc\n", base=3, ends="crlf", executable="1")
    review = send(operator, f"/config/edit/{OWN}/", fields)
    send(operator, COMMIT, hidden(review) | {"message": "m"}, 302)

    assert content(OWN) == b"a\r\nc\r\n"
    assert repository().tree(4)[OWN].executable


def test_files_that_no_form_can_carry_are_not_offered(operator: Client) -> None:
    config_seeding.commit({OWN: "a\rb"}, "Old lines")

    assert f"/config/edit/{OWN}/" not in text_of(operator.get(f"/config/file/{OWN}/"))
    assert operator.get(f"/config/edit/{OWN}/").status_code == 302


def test_a_file_out_of_sight_is_not_told_of(operator: Client) -> None:
    config_seeding.defined(1, "other", prefix="x", block=3)
    config_seeding.commit({"other/default/secret": "hush\n"}, "Theirs")
    for name in ("other/default/secret", "other/default/none"):
        for where in (f"/config/rename/{OWN}/", f"/config/edit/{OWN}/"):
            fields = {"base": "3", "name": name, "text": "x\n"}
            answer = operator.post(where, fields, follow=True)
            assert "already" not in text_of(answer), where


def test_a_file_is_renamed_and_deleted_after_a_preview(operator: Client) -> None:
    review = send(operator, f"/config/rename/{OWN}/", {"base": "2", "name": "default/default/z"})
    send(operator, COMMIT, hidden(review) | {"message": "Move"}, 302)
    assert OWN not in repository().tree(3)
    assert content("default/default/z") == b"a\nb\nc\n"

    review = send(operator, "/config/delete/default/default/z/", {"base": "3"})
    assert "\N{MINUS SIGN}3" in review
    send(operator, COMMIT, hidden(review) | {"message": "Away"}, 302)
    assert "default/default/z" not in repository().tree(4)


def test_a_revision_is_taken_back_after_a_preview(operator: Client) -> None:
    config_seeding.commit({OWN: "worse\n", "default/mta1/new": "n\n"}, "A mistake")

    review = send(operator, "/config/revisions/3/revert/", {})

    assert 'value="Take back r3: A mistake"' in review
    send(operator, COMMIT, hidden(review) | {"message": "Back"}, 302)
    assert content(OWN) == b"a\nb\nc\n"
    assert "default/mta1/new" not in repository().tree(4)
    assert operator.post("/config/revisions/9/revert/").status_code == 404


def test_edits_of_different_lines_are_merged(operator: Client) -> None:
    config_seeding.commit({OWN: "A\nb\nc\n"}, "Theirs")

    review = send(operator, f"/config/edit/{OWN}/", edited("a\nb\nC\n", base=2))
    send(operator, COMMIT, hidden(review) | {"message": "Mine"}, 302)

    assert content(OWN) == b"A\nb\nC\n"


def conflict(client: Client) -> dict[str, str]:
    """The fields of the page that comes after both changed the same line."""
    config_seeding.commit({OWN: "a\ntheirs\nc\n"}, "Theirs")
    text = send(client, f"/config/edit/{OWN}/", edited("a\nmine\nc\n", base=2), 409)
    assert "between r2 and r3" in text
    for pane in ("a\nb\nc\n", "a\ntheirs\nc\n", "a\nmine\nc\n"):
        assert f">{pane}</pre>" in text
    return hidden(text, "/config/resolve/")


def test_a_conflict_is_resolved_on_top_of_theirs(operator: Client) -> None:
    fields = conflict(operator)
    result = {"how-1": "result", "result-1": "a\r\nmine and theirs\r\nc\r\n"}

    review = send(operator, "/config/resolve/", fields | result)
    send(operator, COMMIT, hidden(review) | {"message": "Both"}, 302)

    assert content(OWN) == b"a\nmine and theirs\nc\n"
    assert [row.message for row in Revision.objects.all()[:2]] == ["Both", "Theirs"]


def test_a_conflict_may_be_given_up_or_decided_for_a_side(operator: Client) -> None:
    fields = conflict(operator)

    answer = operator.post("/config/resolve/", fields | {"how-1": "theirs"}, follow=True)
    assert "Nothing is left to commit" in text_of(answer)
    review = send(operator, "/config/resolve/", fields | {"how-1": "mine"})
    send(operator, COMMIT, hidden(review) | {"message": "Mine"}, 302)
    assert content(OWN) == b"a\nmine\nc\n"


def test_whoever_loses_again_gets_the_panes_again(operator: Client) -> None:
    fields = conflict(operator)
    config_seeding.commit({OWN: "a\ntheirs again\nc\n"}, "Theirs again")
    result = {"how-1": "result", "result-1": "a\nboth\nc\n"}

    text = send(operator, "/config/resolve/", fields | result, 409)

    assert "theirs again" in text
    fields = hidden(text, "/config/resolve/")
    review = send(operator, "/config/resolve/", fields | {"how-1": "mine"})
    send(operator, COMMIT, hidden(review) | {"message": "Mine"}, 302)
    assert content(OWN) == b"a\nboth\nc\n"


def test_what_was_in_no_conflict_comes_along_merged(operator: Client) -> None:
    made = config_seeding.commit({OWN: "a\nB\nc\n", "default/default/y": "1\n2\n3\n"}, "Both")
    config_seeding.commit({OWN: "a\n!\nc\n", "default/default/y": "1\n2\n3\n4\n"}, "Theirs")

    text = send(operator, f"/config/revisions/{made.number}/revert/", {}, 409)
    fields = hidden(text, "/config/resolve/")
    assert "default/default/y" in text
    choices = {"how-1": "mine", "how-2": "theirs"}
    paths = ["default/default/x", "default/default/y"]
    review = send(operator, "/config/resolve/", fields | choices | {"path": paths})
    send(operator, COMMIT, hidden(review) | {"message": "Back"}, 302)

    assert content(OWN) == b"a\nb\nc\n"
    assert content("default/default/y") == b"1\n2\n3\n4\n"


def test_marks_that_are_left_are_told(operator: Client) -> None:
    fields = conflict(operator)
    left = "a\n<<<<<<< mine\nmine\n=======\ntheirs\n>>>>>>> theirs\nc\n"

    text = send(operator, "/config/resolve/", fields | {"how-1": "result", "result-1": left})

    assert "still has the marks of the conflict" in text


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"changes": "nonsense", "base": "2"},
        {"changes": "[]", "base": "2"},
        {"changes": '[["default/default/x", ["eA==", false]]]', "base": "99999999999999999999"},
        {"changes": '[["default/default/\\u0000", ["eA==", false]]]', "base": "2"},
        {"changes": '[["default/default/\\ud800", ["eA==", false]]]', "base": "2"},
    ],
)
def test_forms_that_no_page_makes_change_nothing(operator: Client, fields: dict[str, str]) -> None:
    for path in (COMMIT, "/config/resolve/", "/config/further/"):
        answer = operator.post(path, fields | {"message": "m"})
        assert answer.status_code in (200, 302, 404, 409, 422), (path, answer.status_code)
    assert config_seeding.newest() == 2


def test_operators_write_their_subcluster_and_nothing_else(operator: Client) -> None:
    config_seeding.commit({TRANSPORT: "t\n"}, "Of all")
    denied = {
        f"/config/edit/{TRANSPORT}/": edited("x\n", base=3, name=TRANSPORT),
        "/config/new/": edited("x\n", base=3, name="global/y"),
        f"/config/delete/{TRANSPORT}/": {"base": "3"},
        f"/config/rename/{OWN}/": {"base": "3", "name": "global/z"},
        "/config/edit/default/definitions.toml/": edited("", name="default/definitions.toml"),
        "/config/revisions/3/revert/": {},
    }
    for path, fields in denied.items():
        text = send(operator, path, fields, 403)
        assert "needs the role admin" in text, path
    packed = '[["global/x", ["eA==", false]]]'
    send(operator, COMMIT, {"changes": packed, "base": "3", "message": "m"}, 403)

    assert config_seeding.newest() == 3
    record = AuditRecord.objects.filter(outcome="denied").first()
    assert record is not None
    assert (record.actor, record.action, record.kind) == ("olga", "commit", "configuration")
    assert operator.get(f"/config/edit/{TRANSPORT}/").status_code == 403
    assert "Edit</a>" not in text_of(operator.get(f"/config/file/{TRANSPORT}/"))
    assert "New file" not in text_of(operator.get("/config/tree/global/"))
    assert "Revert" not in text_of(operator.get("/config/revisions/3/"))


def test_viewers_are_offered_nothing_and_denied_everything(operator: Client) -> None:
    operator.force_login(seeding.user("vera", "viewer"))

    for path in (f"/config/file/{OWN}/", "/config/tree/", "/config/revisions/2/"):
        text = text_of(operator.get(path))
        assert not re.search(r">(Edit|Delete|Rename|Revert|New file)</", text), path
    text = send(operator, f"/config/edit/{OWN}/", edited("x\n"), 403)
    assert "needs the role editor in subcluster default" in text


def test_administrators_write_global_and_what_all_nodes_get_is_shown(admin: Client) -> None:
    review = send(admin, f"/config/edit/{TRANSPORT}/", edited("u\n", name=TRANSPORT))

    assert 'data-nodes="mta1 mta2 mta3"' in review
    send(admin, COMMIT, hidden(review) | {"message": "All"}, 302)
    assert content(TRANSPORT) == b"u\n"


def test_definitions_are_edited_as_text_and_become_rows(admin: Client) -> None:
    path = "default/definitions.toml"
    text = content(path).decode().replace("198.18.0.3", "198.18.0.33")
    assert "198.18.0.33" in text

    review = send(admin, f"/config/edit/{path}/", edited(text, name=path))
    send(admin, COMMIT, hidden(review) | {"message": "Another address"}, 302)

    assert Vip.objects.filter(address="198.18.0.33").exists()
    assert not Vip.objects.filter(address="198.18.0.3").exists()
    broken = text.replace("198.18.0.33", "198.18.0.333")
    refused = send(admin, f"/config/edit/{path}/", edited(broken, base=3, name=path), 422)
    assert "default/definitions.toml" in refused
    assert Revision.objects.count() == 3


def test_taking_back_where_a_subcluster_began_is_refused(admin: Client) -> None:
    text = send(admin, "/config/revisions/1/revert/", {}, 422)

    assert "goes when its subcluster is removed" in text


def test_without_the_token_of_the_form_nothing_is_done(operator: Client) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = operator.cookies

    assert strict.post(f"/config/delete/{OWN}/", {"base": "2"}).status_code == 403
    for path in (COMMIT, "/config/resolve/", f"/config/delete/{OWN}/", "/config/further/"):
        assert operator.get(path).status_code == 405

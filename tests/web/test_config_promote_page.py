"""The promotion page: choose, see each node's difference, commit once; and who may."""

import html
import re
from typing import Any

import pytest
from django.test import Client

from cluster_admin.audit.actor import SYSTEM
from cluster_admin.audit.models import AuditRecord
from cluster_admin.configs.models import Revision
from cluster_admin.configs.store import repository
from cluster_admin.inventory import services
from cluster_admin.inventory.models import Setting, Subcluster
from tests.web import config_seeding, seeding
from tests.web.config_seeding import commit, newest

pytestmark = pytest.mark.django_db
PAGE = "/config/promote/"
REVIEW = f"{PAGE}?from=staging&to=default"


@pytest.fixture
def olga(client: Client) -> Client:
    """An operator of production who reads staging."""
    config_seeding.defined()
    config_seeding.defined(2, "staging", prefix="test", block=8)
    commit({"staging/default/a": "1\n", "default/default/old": "0\n", "default/mta1/a": "own\n"})
    user = seeding.user("olga", "operator", "default")
    user.grants.create(role="viewer", subcluster="staging")
    client.force_login(user)
    return client


def page(client: Client, path: str = REVIEW, status: int = 200) -> str:
    answer = client.get(path)
    assert answer.status_code == status, answer.content[-3000:]
    return answer.content.decode()


def fields(text: str) -> dict[str, str]:
    inside = text.partition('method="post" action="/config/promote/"')[2].partition("</form>")[0]
    found = re.findall(r'name="(\w+)" value="([^"]*)"', inside)
    return {name: html.unescape(value) for name, value in found}


def committed(client: Client, sent: dict[str, Any]) -> str:
    answer = client.post(PAGE, sent, follow=True)
    assert answer.status_code == 200
    return answer.content.decode()


def test_nothing_is_shown_or_done_without_a_login(client: Client) -> None:
    for answer in (client.get(PAGE), client.post(PAGE)):
        assert (answer.status_code, answer["Location"][:7]) == (302, "/login/")


def test_the_choice_has_what_one_reads_and_what_one_may_change(olga: Client) -> None:
    text = page(olga, PAGE)

    chooser = text.partition('name="from"')[2]
    assert re.findall("<option[^>]*>(\\w+)<", chooser.partition("</select>")[0]) == [
        *("default", "staging")
    ]
    targets = chooser.partition('name="to"')[2].partition("</select>")[0]
    assert re.findall("<option[^>]*>(\\w+)<", targets) == ["default"]


def test_a_promotion_is_reviewed_and_then_committed(olga: Client) -> None:
    before = newest()
    text = page(olga)

    assert 'data-nodes="mta2 mta3"' in text
    assert 'data-nodes="mta1"' in text
    assert '<table class="side">' in text
    assert "2 files would change" in text
    assert newest() == before
    told = committed(olga, fields(text) | {"message": "Release 12"})

    assert f"r{before + 1} is committed" in told
    row = Revision.objects.get(number=before + 1)
    assert (row.author, row.message) == ("olga", "Release 12")
    assert "default/default/old" not in repository().tree(newest())
    assert repository().read(newest(), "default/default/a") == b"1\n"
    assert "there is nothing to promote" in page(olga)


def test_sent_twice_it_is_committed_once(olga: Client) -> None:
    sent = fields(page(olga))

    for _ in range(2):
        committed(olga, sent)

    assert Revision.objects.filter(key=sent["key"]).count() == 1


def test_what_was_shown_is_committed_though_staging_went_on(olga: Client) -> None:
    sent = fields(page(olga))
    commit({"staging/default/a": "2\n"})

    committed(olga, sent)

    assert repository().read(newest(), "default/default/a") == b"1\n"


def test_a_change_meanwhile_is_shown_as_a_conflict(olga: Client) -> None:
    commit({"default/default/a": "0\n"})
    sent = fields(page(olga))
    commit({"default/default/a": "a hotfix\n"})

    answer = olga.post(PAGE, sent)

    assert answer.status_code == 409
    assert b"a hotfix" in answer.content


def test_what_a_node_cannot_render_is_told_with_its_line(olga: Client) -> None:
    bad = "{% if node.name == 'mta2' %}\n{{ nothing }}{% endif %}\n"
    commit({"staging/default/b.j2": bad})

    text = page(olga)

    assert "default/default/b.j2:2" in text
    assert 'method="post" action="/config/promote/"' not in text


def test_settings_need_more(olga: Client) -> None:
    with services.change(Subcluster.objects.get(name="staging"), SYSTEM) as done:
        Setting.objects.create(subcluster=done.subcluster, name="dead_after", value=1.5)

    text = page(olga, f"{REVIEW}&settings=1")
    assert "needs the role admin in subcluster default" in text
    assert 'method="post" action="/config/promote/"' not in text
    sent = fields(page(olga)) | {"settings": "1"}
    assert olga.post(PAGE, sent).status_code == 403
    assert AuditRecord.objects.filter(outcome="denied", actor="olga").exists()


@pytest.mark.parametrize("query", ["from=secret&to=default", "from=default&to=secret"])
def test_what_one_may_not_see_is_not_there(olga: Client, query: str) -> None:
    config_seeding.defined(1, "secret", prefix="s", block=9)

    page(olga, f"{PAGE}?{query}", 404)
    sent = dict(one.split("=") for one in query.split("&"))
    assert olga.post(PAGE, {**sent, "base": "1"}).status_code == 404


@pytest.mark.parametrize(
    "query",
    [
        *("from=staging", "to=default", "from=&to=", "from=staging&to=staging&revision=1"),
        *("from=staging&to=default&revision=x", "from=default&to=default"),
        *("from=global&to=default", "from=default&to=global", "settings=x&revision=-1"),
    ],
)
def test_nonsense_breaks_nothing(olga: Client, query: str) -> None:
    page(olga, f"{PAGE}?{query}")


def test_nonsense_in_the_form_commits_nothing(olga: Client) -> None:
    before = newest()

    for sent in ({}, {"from": "staging", "to": "staging"}, {"from": "x" * 500, "base": "-1"}):
        assert olga.post(PAGE, sent).status_code in (302, 404)
    assert olga.post(PAGE, {"from": "staging", "to": "default", "base": "99"}).status_code == 404
    assert newest() == before

"""The pages of proposals and deployments: what they show, what is done there, who may."""

import html
import re

import pytest
from django.test import Client

from cluster_admin.accounts.models import User
from cluster_admin.audit.actor import Actor
from cluster_admin.audit.models import AuditRecord
from cluster_admin.configs import deployments, proposal_rules
from cluster_admin.configs.proposal_models import Proposal
from cluster_admin.configs.submitting import submit
from tests.web import config_seeding, seeding
from tests.web.config_stage import ACTOR, commit, entries, head, subcluster, text

pytestmark = pytest.mark.django_db
FILE = "default/default/motd"
PAGE = "/config/deployments/default/"


@pytest.fixture
def number() -> int:
    """A proposal of eve's for `default`."""
    subcluster()
    subcluster("other", "198.19.0", "oth")
    commit({FILE: "hello\n"})
    proposal_rules.set_rule(ACTOR, "default", required=True)
    return propose("eve")


def propose(name: str, content: str = "good day\n") -> int:
    """A proposal by an editor, who is made if need be."""
    if not User.objects.filter(username=name).exists():
        seeding.user(name, "editor", "default")
    made = submit(Actor(name), entries({FILE: content}), "Greet better", base=head())
    assert isinstance(made, Proposal)
    return made.pk


def logged_in(name: str, role: str, place: str = "default") -> Client:
    client = Client()
    client.force_login(seeding.user(name, role, place))
    return client


def see(client: Client, where: str, status: int = 200) -> str:
    answer = client.get(where)
    assert answer.status_code == status
    return answer.content.decode()


def decide(client: Client, number: int, deed: str, **values: str) -> tuple[int, str]:
    form = {"deed": deed, "reason": "looks right", **values}
    answer = client.post(f"/config/proposals/{number}/decide/", form, follow=True)
    return answer.status_code, answer.content.decode()


def test_an_approver_sees_what_waits_and_approves_it(number: int) -> None:
    abe = logged_in("abe", "approver")

    assert 'title="Proposals that wait for you">1<' in see(abe, "/")
    assert f'href="/config/proposals/{number}/"' in see(abe, "/config/proposals/")
    page = see(abe, f"/config/proposals/{number}/")
    assert 'data-nodes="mta1 mta2"' in page
    assert 'data-open="ask-approve"' in page
    assert 'data-open="ask-withdraw"' not in page
    status, page = decide(abe, number, "approve")

    assert status == 200
    assert f"proposal {number} is approved: r{head()}" in page
    assert text(FILE) == "good day\n"
    assert "Proposals that wait for you" not in see(abe, "/")
    assert "Nothing waits for another person." in see(abe, "/config/proposals/")
    assert "looks right" in see(abe, f"/config/proposals/{number}/")
    assert f'id="proposal-{number}"' in see(abe, "/config/proposals/?state=all")


def test_its_author_can_only_withdraw_it(number: int) -> None:
    eve = Client()
    eve.force_login(User.objects.get(username="eve"))

    page = see(eve, f"/config/proposals/{number}/")
    assert "needs another person than eve" in page
    assert 'data-open="ask-approve"' not in page
    status, page = decide(eve, number, "approve")
    assert (status, "needs another person" in page) == (403, True)
    assert AuditRecord.objects.filter(action="approve", outcome="denied", actor="eve").exists()
    assert "is withdrawn" in decide(eve, number, "withdraw")[1]


def test_who_reads_another_subcluster_sees_nothing_of_it(number: int) -> None:
    oda = logged_in("oda", "admin", "other")

    assert "Nothing waits" in see(oda, "/config/proposals/")
    see(oda, f"/config/proposals/{number}/", 404)
    assert oda.post(f"/config/proposals/{number}/decide/", {"deed": "reject"}).status_code == 404


def test_a_conflict_is_shown_and_keeps_it_open(number: int) -> None:
    commit({FILE: "good night\n"})
    abe = logged_in("abe", "approver")

    assert "It cannot be approved as it is" in see(abe, f"/config/proposals/{number}/")
    assert "stays as it is: changed both here and since" in decide(abe, number, "approve")[1]
    assert Proposal.objects.get(pk=number).state == "open"


@pytest.mark.parametrize(
    ("form", "says"),
    [
        ({"deed": "burn"}, "is nothing to do with it"),
        ({"reason": "x" * 600}, "the reason is not one plain line"),
    ],
)
def test_forms_that_make_no_sense_change_nothing(
    number: int, form: dict[str, str], says: str
) -> None:
    abe = logged_in("abe", "approver")

    assert says in decide(abe, number, form.pop("deed", "approve"), **form)[1]
    assert Proposal.objects.get(pk=number).state == "open"


def test_a_form_under_the_rule_proposes(number: int) -> None:
    eve = Client()
    eve.force_login(User.objects.get(username="eve"))
    form = {"base": str(head()), "text": "tea?\n", "message": "Ask", "name": FILE}
    review = eve.post(f"/config/edit/{FILE}/", form).content.decode()

    assert "Another person has to approve what changes default" in review
    assert ">Propose</button>" in review
    fields = dict(re.findall(r'name="(base|key|title|changes)" value="([^"]*)"', review))
    sent = {name: html.unescape(value) for name, value in fields.items()} | {"message": "Ask"}
    answer = eve.post("/config/commit/", sent, follow=True)

    assert "Nothing is committed yet" in answer.content.decode()
    assert Proposal.objects.filter(author="eve", message="Ask", state="open").count() == 1
    assert text(FILE) == "hello\n"


def test_a_deployment_shows_what_changes_before_it_is_made(number: int) -> None:
    ola = logged_in("ola", "operator")
    old = head()
    commit({FILE: "good night\n"})
    for node in ("mta1", "mta2"):
        config_seeding.stand(node, old)

    assert "it follows: each commit is deployed at once" in see(ola, PAGE)
    assert f'href="{PAGE}"' in see(ola, "/config/nodes/")
    page = see(ola, f"{PAGE}?mode=manual&revision={head()}")
    assert 'data-nodes="mta1 mta2"' in page
    assert "1 file" in page
    assert "nothing changes" in see(ola, f"{PAGE}?mode=manual&revision={old}")
    assert deployments.pointer("default").mode == "follow"
    form = {"mode": "manual", "revision": str(old), "reason": "hold it"}
    answer = ola.post(f"{PAGE}deploy/", form, follow=True)

    assert f"default shall run r{old} until you say otherwise" in answer.content.decode()
    assert deployments.pointer("default").revision == old
    back = ola.post(f"{PAGE}deploy/", {"mode": "follow"}, follow=True)
    assert "default follows" in back.content.decode()
    record = AuditRecord.objects.filter(action="deploy").last()
    assert (record and record.actor, record and record.reason) == ("ola", "hold it")


def test_deployments_are_operators_and_numbers_are_checked(number: int) -> None:
    eve = Client()
    eve.force_login(User.objects.get(username="eve"))

    assert "Deploying needs the role operator" in see(eve, f"{PAGE}?mode=follow")
    assert eve.post(f"{PAGE}deploy/", {"mode": "follow"}).status_code == 403
    see(eve, f"{PAGE}?mode=manual&revision=999", 404)
    see(eve, "/config/deployments/other/", 404)
    ola = logged_in("ola", "operator")
    for form, says in (
        ({"mode": "never"}, "choose a mode"),
        ({"mode": "manual", "revision": "x"}, "say which revision"),
        ({"mode": "manual", "revision": "999"}, "no such revision"),
    ):
        answer = ola.post(f"{PAGE}deploy/", form, follow=True)
        assert says in answer.content.decode()
    assert deployments.pointer("default").mode == "follow"


def test_edits_of_a_node_are_put_by_operators(number: int) -> None:
    config_seeding.stand("mta1", head())
    config_seeding.edit("mta1", "motd", b"edited\n", head())
    eve = Client()
    eve.force_login(User.objects.get(username="eve"))

    assert eve.post("/config/nodes/mta1/put/").status_code == 403
    assert logged_in("ola", "operator").post("/config/nodes/mta1/put/").status_code == 200

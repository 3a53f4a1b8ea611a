"""Proposals and review rules in the admin: seen by whom they concern, decided after a question."""

import pytest
from django.test import Client
from django.urls import reverse

from cluster_admin.accounts.models import User
from cluster_admin.accounts.roles import Role
from cluster_admin.audit.actor import Actor
from cluster_admin.audit.models import AuditRecord
from cluster_admin.configs import proposal_rules
from cluster_admin.configs.proposal_models import Proposal, ReviewRule
from cluster_admin.configs.submitting import submit
from tests.web.admin_fixtures import client_of, make_user
from tests.web.config_stage import ACTOR, entries, head, subcluster, text

pytestmark = pytest.mark.django_db
FILE = "default/default/motd"
LIST = "/admin/configs/proposal/"
RULES = "/admin/configs/reviewrule/"


@pytest.fixture
def number() -> int:
    """A proposal of eve's for `default`."""
    subcluster()
    subcluster("other", "198.19.0", "oth")
    make_user("eve", Role.EDITOR, "default")
    proposal_rules.set_rule(ACTOR, "default", required=True)
    made = submit(Actor("eve"), entries({FILE: "hello\n"}), "Greet", base=head())
    assert isinstance(made, Proposal)
    return made.pk


def act(client: Client, number: int, action: str, **more: str) -> str:
    form = {"action": action, "_selected_action": str(number), **more}
    answer = client.post(LIST, form, follow=True)
    assert answer.status_code == 200
    return answer.content.decode()


def test_an_approver_is_asked_and_then_it_is_committed(number: int) -> None:
    abe = client_of(make_user("abe", Role.APPROVER, "default"))

    assert "Greet" in abe.get(LIST).content.decode()
    assert "+hello" in abe.get(f"{LIST}{number}/change/").content.decode()
    assert "Approve 1 proposal?" in act(abe, number, "approve")
    assert Proposal.objects.get(pk=number).state == "open"
    page = act(abe, number, "approve", confirmed="1", reason="fine")

    assert f"Proposal {number} is approved" in page
    assert text(FILE) == "hello\n"
    assert Proposal.objects.get(pk=number).comment == "fine"


def test_who_may_not_decide_changes_nothing(number: int) -> None:
    for name, role in (("ola", Role.OPERATOR), ("eve", None)):
        user = make_user(name, role, "default") if role else User.objects.get(username=name)
        client = client_of(user)
        assert "stays as it is" in act(client, number, "approve", confirmed="1", reason="x")
    assert AuditRecord.objects.filter(action="approve", outcome="denied").count() == 2
    assert Proposal.objects.get(pk=number).state == "open"


def test_others_do_not_see_it(number: int) -> None:
    oda = client_of(make_user("oda", Role.ADMIN, "other"))

    assert "Greet" not in oda.get(LIST).content.decode()
    assert oda.get(f"{LIST}{number}/change/").status_code == 302
    act(oda, number, "reject", confirmed="1", reason="x")
    assert Proposal.objects.get(pk=number).state == "open"


def test_rules_are_set_by_administrators_of_everything(number: int) -> None:
    ida = client_of(make_user("ida", Role.ADMIN, "default"))
    ada = client_of(make_user("ada", Role.ADMIN))

    assert ida.get(RULES).status_code == 403
    form = {"place": "other", "required": "on", "definitions": "on"}
    assert ada.post(f"{RULES}add/", form).status_code == 302
    assert ReviewRule.objects.get(place="other").definitions
    for wrong in ({**form, "place": "nowhere"}, {"place": "global", "definitions": "on"}):
        assert ada.post(f"{RULES}add/", wrong).status_code == 200
    assert ReviewRule.objects.count() == 2
    assert AuditRecord.objects.filter(kind="review rule", action="create", actor="ada").exists()
    assert reverse("admin:configs_reviewrule_changelist") == RULES

"""Accounts in the admin: roles raise nobody above themselves, secrets are told once."""

import re

import pytest
from django.test import Client
from django.urls import reverse

from cluster_admin.accounts.models import Grant, Token, User
from cluster_admin.accounts.roles import Role
from cluster_admin.accounts.tokens import check_token, make_token
from cluster_admin.audit.models import AuditRecord
from cluster_admin.events.models import NotificationTarget
from tests.web.admin_fixtures import client_of, make_superuser, make_user

pytestmark = pytest.mark.django_db
TOKEN_ADD = reverse("admin:accounts_token_add")
TOKENS = reverse("admin:accounts_token_changelist")


@pytest.fixture
def chief() -> Client:
    return client_of(make_superuser())


def page_of(row: User | Token, page: str = "change") -> str:
    return reverse(f"admin:accounts_{row._meta.model_name}_{page}", args=(row.pk,))


def user_form(user: User, **more: object) -> dict[str, object]:
    found = {"username": user.username, "is_active": "on", "is_staff": "on"}
    return {**found, "grants-TOTAL_FORMS": 0, "grants-INITIAL_FORMS": 0, **more}


def test_an_account_is_made_granted_changed_and_removed(chief: Client) -> None:
    sent = {"username": "ann", "password1": "quite long a word", "usable_password": "true"}
    add = reverse("admin:accounts_user_add")
    assert chief.post(add, sent | {"password2": "quite long a word"}).status_code == 302
    ann = User.objects.get(username="ann")
    grant = {"grants-TOTAL_FORMS": 1, "grants-0-role": "operator", "grants-0-subcluster": "default"}
    assert chief.post(page_of(ann), user_form(ann, **grant)).status_code == 302
    assert str(Grant.objects.get(user=ann)) == "ann: operator of default"
    assert chief.post(page_of(ann, "delete"), {"post": "yes"}).status_code == 302

    records = AuditRecord.objects.filter(kind="user", object="ann").order_by("id")
    assert [one.action for one in records] == ["create", "update", "delete"]
    assert records[1].before["grants"] == []
    assert records[1].after["grants"] == ["ann: operator of default"]
    assert "password" not in str([one.after for one in records])


def test_an_admin_makes_no_superuser_and_touches_none(chief: Client) -> None:
    client = client_of(make_user("deputy", Role.ADMIN))
    other, boss = make_user("other"), User.objects.get(username="chief")

    assert client.post(page_of(other), user_form(other, is_superuser="on")).status_code == 302
    other.refresh_from_db()
    assert not other.is_superuser
    assert client.get(page_of(boss)).status_code == 200
    assert client.post(page_of(boss), user_form(boss)).status_code == 403
    assert client.post(page_of(boss, "delete"), {"post": "yes"}).status_code == 403
    password = reverse("admin:auth_user_password_change", args=(boss.pk,))
    assert client.post(password, {"password1": "x", "password2": "x"}).status_code == 403
    assert AuditRecord.objects.filter(actor="deputy", outcome="denied").count() == 3


def test_nobody_removes_their_own_account(chief: Client) -> None:
    boss = User.objects.get(username="chief")

    assert chief.post(page_of(boss, "delete"), {"post": "yes"}).status_code == 403


def test_nobody_locks_themselves_out(chief: Client) -> None:
    boss = User.objects.get(username="chief")
    sent = {"email": "chief@example.net", "grants-TOTAL_FORMS": 0, "grants-INITIAL_FORMS": 0}

    assert (
        chief.post(page_of(boss), {"username": "chief", "is_staff": "on", **sent}).status_code
        == 302
    )

    boss.refresh_from_db()
    assert (boss.email, boss.is_active, boss.is_superuser) == ("chief@example.net", True, True)


def test_the_secret_of_a_token_is_told_once(chief: Client) -> None:
    sent = {"name": "backup", "scopes": ["read"], "days": "7", "read_only": "on"}
    response = chief.post(TOKEN_ADD, sent)
    secret = re.search(r"muster_[\w-]+", response.content.decode())

    assert secret
    assert "no-store" in response["Cache-Control"]
    token = check_token(secret.group())
    assert (token.name, token.read_only, token.scopes) == ("backup", True, ["read"])
    assert secret.group() not in chief.get(page_of(token)).content.decode()
    assert secret.group() not in str(AuditRecord.objects.values_list("after", "object"))


@pytest.mark.parametrize(
    "more",
    [{"scopes": ["all"]}, {"scopes": []}, {"days": "0"}, {"days": "x"}, {"name": "x" * 1_000_000}],
)
def test_a_token_that_cannot_be_is_refused(chief: Client, more: dict[str, object]) -> None:
    response = chief.post(TOKEN_ADD, {"name": "backup", "scopes": ["read"], "days": "7", **more})

    assert response.context["errors"]
    assert Token.objects.count() == 1
    assert AuditRecord.objects.get().outcome == "refused"


def test_tokens_are_ones_own_and_can_be_revoked(chief: Client) -> None:
    ann = make_user("ann", Role.VIEWER)
    mine, _ = make_token(ann, "mine")
    client = client_of(ann)
    assert [str(row.name) for row in client.get(TOKENS).context["cl"].result_list] == ["mine"]
    theirs = Token.objects.get(name="first")
    sent = {"action": "revoke", "_selected_action": [mine.pk, theirs.pk]}
    assert "Revoke these" in client.post(TOKENS, sent | {"index": "0"}).content.decode()

    client.post(TOKENS, sent | {"confirmed": "Revoke"})
    mine.refresh_from_db()
    theirs.refresh_from_db()
    assert mine.revoked_at
    assert not theirs.revoked_at
    assert client.post(page_of(mine), {"name": "other"}).status_code == 403
    assert {one.name for one in chief.get(TOKENS).context["cl"].result_list} == {"mine", "first"}


def test_the_secret_of_a_target_is_kept_and_never_shown(chief: Client) -> None:
    sent = {"kind": "webhook", "address": "https://ops.example.net/in", "kinds": ["moved"]}
    add = reverse("admin:events_notificationtarget_add")
    assert chief.post(add, {**sent, "secret": "hush", "enabled": "on"}).status_code == 302
    target = NotificationTarget.objects.get()
    change = reverse("admin:events_notificationtarget_change", args=(target.pk,))
    assert "hush" not in chief.get(change).content.decode()

    assert chief.post(change, {**sent, "kinds": ["unsafe", "stuck"]}).status_code == 302
    target.refresh_from_db()
    assert (target.secret, target.kinds, target.enabled) == ("hush", ["unsafe", "stuck"], False)
    records = AuditRecord.objects.filter(kind="notification target")
    assert [one.action for one in records] == ["update", "create"]
    assert "hush" not in str(records.values_list("before", "after"))
    wrong = chief.post(change, {**sent, "address": "nonsense"})
    assert wrong.context["errors"]

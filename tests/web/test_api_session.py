"""Logging in for a token, what tokens can do, and how they end."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from cluster_admin.accounts.models import Grant, Token, User
from cluster_admin.accounts.throttle import NAME_AND_SOURCE_MAX, SOURCE_MAX, WINDOW
from cluster_admin.accounts.tokens import LIVE_MAX, digest_of, make_token
from cluster_admin.audit.models import AuditRecord
from cluster_admin.audit.services import BURST_ROWS, REST
from tests.web import seeding
from tests.web.api_client import Api, administrator, expired, newest

pytestmark = pytest.mark.django_db
WRONG = "not it"


def _login(name: str = "viewer", password: str = seeding.PASSWORD, **more: Any) -> Any:
    return Api().post("login/", {"username": name, "password": password, **more})


def test_a_login_gives_a_token_that_works_and_is_stored_as_a_digest_only() -> None:
    seeding.user()

    answer = _login(name="viewer", read_only=True, scopes=["read"], expires_in_seconds=60)

    assert answer.status == 201
    assert answer.headers["Cache-Control"] == "no-store"
    assert set(answer.body) == {"token", "name", "expires_at", "user"}
    token = Token.objects.get()
    assert token.digest == digest_of(answer.body["token"])
    assert answer.body["token"] not in str(Token.objects.values().get())
    assert timedelta(0) < token.expires_at - timezone.now() <= timedelta(seconds=60)
    api = Api()
    api.secret = answer.body["token"]
    me = api.get("whoami/").body
    assert me["user"] == "viewer"
    assert me["roles"] == [{"role": "viewer", "subcluster": ""}]
    assert me["token"]["read_only"] is True
    assert newest(action="login").actor == "viewer"


def test_logging_out_ends_the_token_even_one_that_only_reads() -> None:
    api = Api(seeding.user(), read_only=True)

    assert api.post("logout/").status == 204
    again = api.get("whoami/")

    assert again.problem == (401, "unauthenticated")
    assert "revoked" in again.body["detail"]
    assert again.headers["WWW-Authenticate"].startswith("Bearer")


def test_a_wrong_password_says_nothing_more_and_is_in_the_audit_trail() -> None:
    seeding.user()

    wrong, nobody = _login(password=WRONG), _login(name="nobody")

    assert wrong.problem == nobody.problem == (401, "unauthenticated")
    assert wrong.body["detail"] == nobody.body["detail"]
    record = newest(actor="viewer", action="login")
    assert (record.outcome, record.source, record.via) == ("denied", "127.0.0.1", "api")
    assert seeding.PASSWORD not in str(AuditRecord.objects.values())


def test_too_many_failed_logins_have_to_wait_and_are_bounded_in_the_trail() -> None:
    seeding.user()
    for _ in range(NAME_AND_SOURCE_MAX):
        assert _login(password=WRONG).status == 401

    waits = _login()

    assert waits.problem == (429, "throttled")
    assert int(waits.headers["Retry-After"]) == WINDOW.total_seconds()
    for _ in range(30):
        assert _login().status == 429
    assert AuditRecord.objects.filter(action="login").count() == 2
    AuditRecord.objects.update(at=timezone.now() - WINDOW)
    assert _login().status == 201


def test_one_source_cannot_try_many_names() -> None:
    for number in range(SOURCE_MAX):
        assert _login(name=f"user{number}").status == 401

    assert _login(name="another").status == 429


def test_failed_logins_count_whatever_else_the_source_was_denied() -> None:
    seeding.user()
    for number in range(BURST_ROWS + 1):
        Api().get(f"nodes/n{number}/", Authorization="Bearer nonsense")
    assert AuditRecord.objects.filter(object=REST).exists()

    for _ in range(NAME_AND_SOURCE_MAX):
        assert _login(password=WRONG).status == 401

    assert _login().status == 429


def test_an_inactive_user_has_no_way_in() -> None:
    who = seeding.user()
    api = Api(who)
    who.is_active = False
    who.save()

    assert api.get("whoami/").problem == (401, "unauthenticated")
    assert _login().status == 401


def test_an_expired_token_is_told_apart_and_audited_with_its_owner() -> None:
    api = Api(seeding.user())
    assert api.token is not None
    expired(api.token)

    assert api.get("nodes/").problem == (401, "token_expired")
    record = newest(outcome="denied")
    assert (record.actor, record.token, record.source) == ("viewer", "test", "127.0.0.1")


@pytest.mark.parametrize(
    "header", ["Bearer nonsense", "Bearer", "Basic dTpw", "Bearer \x01", "Bearer " + "x" * 5000]
)
def test_a_header_that_is_no_token_is_refused(header: str) -> None:
    answer = Api().get("nodes/", Authorization=header)

    assert answer.problem == (401, "unauthenticated")
    assert newest(outcome="denied").actor == "anonymous"


def test_nobody_is_asked_to_log_in() -> None:
    assert Api().get("nodes/").problem == (401, "unauthenticated")
    assert AuditRecord.objects.count() == 0


def test_a_session_works_but_changes_need_its_csrf_token() -> None:
    seeding.cluster()
    api = Api()
    api.client.handler.enforce_csrf_checks = True
    api.client.force_login(seeding.user("ada", "admin"))

    assert api.get("nodes/").status == 200
    assert api.patch("nodes/mta1/", {"weight": 2}).problem == (403, "forbidden")
    assert newest(outcome="denied").object == "mta1"
    api.client.cookies["csrftoken"] = "x" * 32
    assert api.patch("nodes/mta1/", {"weight": 2}, X_CSRFToken="x" * 32).status == 200


def test_a_token_shows_its_secret_once_and_is_its_users_alone() -> None:
    api, other = Api(seeding.user("one")), Api(seeding.user("two"))

    made = api.post("tokens/", {"name": "robot", "scopes": ["read"], "read_only": True})

    assert made.status == 201
    assert made.body["token"].startswith(made.body["prefix"])
    where = f"tokens/{made.body['id']}/"
    assert "token" not in api.get(where).body
    assert other.get(where).problem == (403, "forbidden")
    assert other.delete(where).problem == (403, "forbidden")
    assert made.body["id"] not in [row["id"] for row in other.get("tokens/").body["results"]]
    assert len(administrator().get("tokens/?user=one").body["results"]) == 2
    assert api.delete(where).status == 204
    assert api.get(where).body["revoked_at"] is not None


def test_a_token_cannot_make_one_that_may_more() -> None:
    api = Api(seeding.user(), scopes=["read", "accounts"])

    more = api.post("tokens/", {"name": "more", "scopes": ["define"]})
    same = api.post("tokens/", {"name": "same"})

    assert more.problem == (400, "invalid")
    assert same.body["scopes"] == ["read", "accounts"]


def test_a_dry_run_makes_no_token() -> None:
    api = Api(seeding.user())

    answer = api.post("tokens/?dry_run=1", {"name": "robot"})

    assert answer.body["dry_run"] is True
    assert "robot" in answer.body["diff"]
    assert Token.objects.count() == 1


def test_so_many_tokens_and_no_more_the_least_used_goes() -> None:
    who = seeding.user()
    tokens = [make_token(who, f"t{number}")[0] for number in range(LIVE_MAX)]
    Token.objects.exclude(pk=tokens[7].pk).update(last_used_at=timezone.now())

    make_token(who, "one more")

    assert Token.objects.filter(revoked_at=None).count() == LIVE_MAX
    assert Token.objects.get(pk=tokens[7].pk).revoked_at is not None


def test_users_and_grants_are_made_by_administrators_of_everything() -> None:
    api = administrator()
    assert api.post("users/", {"username": "eve", "password": "short"}).problem == (400, "invalid")
    made = api.post("users/", {"username": "eve", "password": "long-enough-word"})
    assert made.status == 201
    assert "password" not in made.body
    granted = api.post("grants/", {"user": "eve", "role": "operator", "subcluster": "default"})
    assert granted.status == 201
    again = api.post("grants/", {"user": "eve", "role": "viewer", "subcluster": "default"})
    assert again.problem == (400, "invalid")
    assert _login("eve", "long-enough-word").status == 201
    assert "long-enough-word" not in str(AuditRecord.objects.values())
    assert api.patch(f"grants/{granted.body['id']}/", {"role": "admin"}).body["role"] == "admin"
    assert api.delete(f"grants/{granted.body['id']}/").status == 204
    assert not Grant.objects.filter(user__username="eve").exists()
    assert api.delete("users/eve/").status == 204


def test_only_superusers_make_or_change_superusers_and_nobody_ends_themselves() -> None:
    api = administrator()
    seeding.user("root", is_superuser=True)

    new = {"username": "eve", "password": "long-enough-word", "is_superuser": True}
    assert api.post("users/", new).problem == (403, "forbidden")
    assert api.patch("users/root/", {"password": "long-enough-word"}).status == 403
    assert api.delete("users/root/").status == 403
    assert api.patch("users/ada/", {"is_active": False}).problem == (409, "refused")
    assert api.delete("users/ada/").problem == (409, "refused")
    assert api.get("users/ada/").body["is_active"] is True


def test_a_change_of_a_user_takes_back_no_other_one() -> None:
    api, vera = administrator(), seeding.user("vera")

    def just_before(execute: Any, sql: str, *rest: Any) -> Any:
        """Somebody deactivates her after she was looked up, before she is held."""
        if sql.startswith("SAVEPOINT"):
            User.objects.filter(pk=vera.pk).update(is_active=False)
        return execute(sql, *rest)

    with connection.execute_wrapper(just_before):
        assert api.patch("users/vera/", {"email": "vera@example.net"}).status == 200

    vera.refresh_from_db()
    assert (vera.email, vera.is_active) == ("vera@example.net", False)

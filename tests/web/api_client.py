"""The API as a program uses it: a client with a token, and answers that were checked for form."""

import json
from typing import Any

from django.test import Client
from django.utils import timezone

from cluster_admin.accounts.models import Token, User
from cluster_admin.accounts.tokens import make_token
from cluster_admin.audit.models import AuditRecord
from tests.web.seeding import user

JSON = "application/json"
PROBLEM = "application/problem+json"


class Answer:
    """What came back."""

    def __init__(self, response: Any) -> None:
        self.status: int = response.status_code
        self.headers: dict[str, str] = dict(response.headers)
        self.kind = response.headers.get("Content-Type", "")
        self.data: bytes = b"" if response.streaming else response.content
        self.text: str = self.data.decode(errors="replace")
        self.response = response
        self.body: Any = json.loads(self.text) if "json" in self.kind else None
        if self.status >= 400:
            assert self.kind == PROBLEM, self.text
            assert self.body["status"] == self.status
            assert self.body["title"]
            assert self.body["detail"]

    @property
    def etag(self) -> str:
        return self.headers["ETag"]

    @property
    def problem(self) -> tuple[int, str]:
        return self.status, self.body["code"]

    @property
    def names(self) -> list[str]:
        return [row.get("name") or row.get("address") for row in self.body["results"]]


class Api:
    """Somebody's token, or nobody's."""

    def __init__(self, who: User | None = None, **token: Any) -> None:
        self.client = Client(raise_request_exception=True)
        self.user, self.token, self.secret = who, None, ""
        if who is not None:
            self.token, self.secret = make_token(who, "test", **token)

    def __call__(self, method: str, where: str, body: Any = None, **headers: str) -> Answer:
        told = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.secret:
            told.setdefault("Authorization", f"Bearer {self.secret}")
        kind = told.pop("Content-Type", JSON)
        data = body if isinstance(body, str | bytes) else json.dumps(body)
        sent = {} if body is None else {"data": data, "content_type": kind}
        path = where if where.startswith("/") else f"/api/v1/{where}"
        return Answer(self.client.generic(method, path, headers=told, **sent))

    def get(self, where: str, **headers: str) -> Answer:
        return self("GET", where, **headers)

    def post(self, where: str, body: Any = None, **headers: str) -> Answer:
        return self("POST", where, body, **headers)

    def put(self, where: str, body: Any = None, **headers: str) -> Answer:
        return self("PUT", where, body, **headers)

    def patch(self, where: str, body: Any = None, **headers: str) -> Answer:
        return self("PATCH", where, body, **headers)

    def delete(self, where: str, **headers: str) -> Answer:
        return self("DELETE", where, **headers)


def administrator(**token: Any) -> Api:
    """May do everything everywhere, without being a superuser."""
    return Api(user("ada", "admin"), **token)


def expired(token: Token) -> None:
    """It ended a moment ago."""
    Token.objects.filter(pk=token.pk).update(expires_at=timezone.now())


def newest(**values: Any) -> AuditRecord:
    """The newest record of the audit trail that is so."""
    found = AuditRecord.objects.filter(**values).first()
    assert found is not None, list(AuditRecord.objects.values_list("actor", "action", "outcome"))
    return found

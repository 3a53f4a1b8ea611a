"""Logging in and out, and the stream that follows a session."""

import asyncio
import json

import pytest
from asgiref.sync import async_to_sync
from django.test import AsyncClient, Client

from cluster_admin.audit.models import AuditRecord
from tests.web import seeding

pytestmark = pytest.mark.django_db


def test_logging_in_leads_to_where_one_wanted(client: Client) -> None:
    seeding.user()
    seeding.cluster(1, 1)
    fields = {"username": "viewer", "password": seeding.PASSWORD}

    answer = client.post("/login/?next=/vips/%3Fstate%3Dbad", fields)

    assert (answer.status_code, answer["Location"]) == (302, "/vips/?state=bad")
    assert AuditRecord.objects.get(action="login").actor == "viewer"


@pytest.mark.parametrize("target", ["https://example.org/", "//example.org", "javascript:1"])
def test_a_login_never_leads_elsewhere(client: Client, target: str) -> None:
    seeding.user()
    fields = {"username": "viewer", "password": seeding.PASSWORD, "next": target}

    assert client.post("/login/", fields)["Location"] == "/"


@pytest.mark.parametrize(
    "fields",
    [
        {"username": "viewer", "password": "wrong"},
        {"username": "nobody", "password": seeding.PASSWORD},
        {"username": "x" * 1_000_000, "password": "y"},
        {"username": "a\0b", "password": "y"},
        {},
    ],
)
def test_a_wrong_login_does_not_say_what_was_wrong(client: Client, fields: dict[str, str]) -> None:
    seeding.user()

    answer = client.post("/login/", fields)

    assert answer.status_code == 200
    assert 'role="alert"' in answer.content.decode()
    assert "sessionid" not in client.cookies


def test_logging_out_ends_the_session(client: Client) -> None:
    client.force_login(seeding.user())

    assert client.post("/logout/")["Location"] == "/login/"
    assert client.get("/")["Location"] == "/login/?next=/"


@pytest.mark.django_db(transaction=True)
def test_the_stream_says_what_the_reader_may_read() -> None:
    seeding.cluster(2, 2)
    reader = seeding.user("only", subcluster="default")
    seeding.tell("dead", "x1", subcluster="other")
    mine = seeding.tell("taken", "mta1", vip="198.18.0.1")

    async def ask() -> list[str]:
        client = AsyncClient()
        await client.aforce_login(reader)
        answer = await client.get("/live/?after=0")
        assert answer["Content-Type"] == "text/event-stream"
        frames = aiter(answer.streaming_content)
        async with asyncio.timeout(10):
            await anext(frames)
            text = (await anext(frames)).decode()
        await frames.aclose()
        return [line for line in text.splitlines() if line.startswith("data:")]

    lines = async_to_sync(ask)()

    told = [json.loads(line.removeprefix("data: ")) for line in lines]
    assert [one["id"] for one in told if "kind" in one] == [mine.pk]
    assert [one["listener"]["stale"] for one in told if "listener" in one] == [False]


@pytest.mark.parametrize("after", ["x", "-1", "1.5", "9" * 30, "%00"])
def test_the_stream_refuses_what_is_no_number(client: Client, after: str) -> None:
    client.force_login(seeding.user())

    assert client.get(f"/live/?after={after}").status_code == 400


def test_the_admin_has_the_same_login(client: Client) -> None:
    seeding.user("boss", is_staff=True, is_superuser=True)

    assert client.get("/admin/", follow=True).redirect_chain == [
        ("/admin/login/?next=/admin/", 302)
    ]
    fields = {"username": "boss", "password": seeding.PASSWORD, "next": "/admin/"}
    assert client.post("/admin/login/", fields)["Location"] == "/admin/"
    assert client.get("/admin/").status_code == 200


def test_who_may_not_see_the_admin_is_told_so(client: Client) -> None:
    client.force_login(seeding.user())

    text = client.get("/admin/", follow=True).content.decode()

    assert "viewer may not see that page" in text


def test_too_many_failures_have_to_wait(client: Client) -> None:
    seeding.user()
    for _ in range(6):
        answer = client.post("/login/", {"username": "viewer", "password": "wrong"})

    assert "Too many logins failed" in answer.content.decode()
    right = client.post("/login/", {"username": "viewer", "password": seeding.PASSWORD})
    assert "sessionid" not in right.cookies


def test_what_is_not_there_is_said_plainly(client: Client) -> None:
    client.force_login(seeding.user())

    answer = client.get("/vips/203.0.113.9/")

    assert answer.status_code == 404
    assert "nothing here that you may see" in answer.content.decode()

"""The stream of events through the whole application: who may, what comes, where it begins."""

import asyncio
import json
from typing import Any

import pytest
from django.test import AsyncClient

from tests.web import seeding
from tests.web.api_client import Api

pytestmark = pytest.mark.django_db(transaction=True)
SECONDS = 20.0


def _frames(text: str) -> list[dict[str, str]]:
    return [
        dict(line.split(": ", 1) for line in block.splitlines())
        for block in text.split("\n\n")
        if block
    ]


async def _read(api: Api, query: str, until: str, **headers: str) -> list[dict[str, str]]:
    """What comes until a text is seen."""
    told = {"Authorization": f"Bearer {api.secret}", "Accept": "text/event-stream", **headers}
    response: Any = await AsyncClient().get(f"/api/v1/events/stream/{query}", headers=told)
    assert response.status_code == 200, response.content
    assert response["Content-Type"].startswith("text/event-stream")
    seen = ""
    async with asyncio.timeout(SECONDS):
        async for part in response.streaming_content:
            seen += part.decode()
            if until in seen:
                break
    await response.streaming_content.aclose()
    return _frames(seen)


def _stream(api: Api, query: str, until: str, **headers: str) -> list[dict[str, str]]:
    return asyncio.run(_read(api, query, until, **headers))


def _prepared(subcluster: str = "") -> tuple[Api, list[int]]:
    seeding.cluster()
    rows = [seeding.tell("taken", vip=f"198.18.0.{n}") for n in (1, 2, 3)]
    seeding.tell("taken", "stg1", subcluster="staging", vip="198.18.0.9")
    return Api(seeding.user("vera", "viewer", subcluster)), [row.pk for row in rows]


def test_events_come_with_their_ids_and_a_heartbeat() -> None:
    api, ids = _prepared()

    frames = _stream(api, "?after=0", "event: heartbeat")

    events = [one for one in frames if one.get("event") == "event"]
    assert [int(one["id"]) for one in events][:3] == ids
    assert json.loads(events[0]["data"])["vip"] == "198.18.0.1"
    beat = json.loads(frames[-1]["data"])
    assert beat["listener"]["stale"] is False


def test_whoever_comes_back_says_what_they_had() -> None:
    api, ids = _prepared()

    frames = _stream(api, "", "event: heartbeat", **{"Last-Event-ID": str(ids[1])})

    assert next(one["id"] for one in frames if one.get("event") == "event") == str(ids[2])


def test_a_stream_has_only_what_its_reader_may_read_and_asked_for() -> None:
    api, _ = _prepared("default")

    everything = _stream(api, "?after=0", "event: heartbeat")
    one = _stream(api, "?after=0&vip=198.18.0.2", "event: heartbeat")

    assert "staging" not in str(everything)
    assert len([frame for frame in one if frame.get("event") == "event"]) == 1


def test_a_stream_is_refused_like_everything_else() -> None:
    seeding.cluster()
    api = Api(seeding.user())

    assert Api().get("events/stream/").problem == (401, "unauthenticated")
    assert api.get("events/stream/", Accept="image/png").problem == (406, "not_acceptable")
    assert api.get("events/stream/?nonsense=1").problem == (400, "invalid")
    assert api.get("events/stream/", Last_Event_ID="x").problem == (400, "invalid")

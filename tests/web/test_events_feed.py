"""The feed behind live pages and the API's stream: nothing lost, nothing twice, one poller."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.utils import timezone

from cluster_admin.events import feed, sse
from cluster_admin.events.feed import Filters, Limits, Pulse, pulses
from cluster_admin.events.models import Event, ListenerStatus

pytestmark = pytest.mark.django_db(transaction=True)
NUMBERS = count(1)


def _happen(number: int = 1, **values: Any) -> list[int]:
    now = timezone.now()
    usual = {"subcluster": "default", "node": "mta1", "kind": "taken", "vip": "198.18.0.101"}
    rows = [
        Event(incarnation=1, number=next(NUMBERS), time=now, received_at=now, **usual | values)
        for _ in range(number)
    ]
    Event.objects.bulk_create(rows)
    return [row.pk for row in rows]


def _run(story: Callable[[], Awaitable[None]]) -> None:
    async def limited() -> None:
        async with asyncio.timeout(10):
            await story()

    async_to_sync(limited)()  # what asks the database stays in this thread


async def _ids(stream: AsyncGenerator[Pulse], wanted: int) -> list[int]:
    found: list[int] = []
    async for pulse in stream:
        found += [story["id"] for story in pulse.events]
        if len(found) >= wanted:
            break
    return found


def test_a_stream_begins_after_the_event_it_names_and_goes_on() -> None:
    limits = Limits(page_events=7)
    before = _happen(20)

    async def story() -> None:
        async with contextlib.aclosing(pulses(before[2], limits=limits)) as stream:
            assert await _ids(stream, 17) == before[3:]
            later = await sync_to_async(_happen)(3)
            assert await _ids(stream, 3) == later

    _run(story)


def test_streams_that_are_slow_read_the_database() -> None:
    limits = Limits(kept_events=10)

    async def story() -> None:
        async with (
            contextlib.aclosing(pulses(limits=limits)) as quick,
            contextlib.aclosing(pulses(limits=limits)) as slow,
        ):
            await anext(quick)
            await anext(slow)
            told: list[int] = []
            for size in (4, 9, 30, 1):
                ids = await sync_to_async(_happen)(size)
                assert await _ids(quick, size) == ids
                told += ids
            assert await _ids(slow, len(told)) == told

    _run(story)


def test_filters_let_through_what_they_name() -> None:
    async def story() -> None:
        filters = Filters(vip="198.18.0.102", readable=frozenset({"default"}))
        async with contextlib.aclosing(pulses(0, filters)) as stream:
            await sync_to_async(_happen)(2)
            await sync_to_async(_happen)(1, vip="198.18.0.102", subcluster="other")
            wanted = await sync_to_async(_happen)(1, vip="198.18.0.102")
            assert await _ids(stream, 1) == wanted

    _run(story)


def test_a_quiet_stream_has_heartbeats_that_say_how_fresh_it_is() -> None:
    now = timezone.now()
    ListenerStatus.objects.create(
        name="manager", started_at=now, alive_at=now, heard_at=now - timedelta(seconds=9)
    )

    async def story() -> None:
        async with contextlib.aclosing(pulses(heartbeat_seconds=0.05)) as stream:
            first, second = await anext(stream), await anext(stream)
        assert first.mark == second.mark
        assert second.events == []
        assert second.fresh.stale
        assert second.fresh.age_seconds == pytest.approx(9, abs=1)

    _run(story)


def test_a_stream_says_that_it_is_stale_while_the_database_does_not_answer() -> None:
    now = timezone.now() - timedelta(seconds=2)
    ListenerStatus.objects.create(
        name="manager", started_at=now, alive_at=now, heard_at=now, connected=True
    )

    async def story() -> None:
        async with contextlib.aclosing(pulses(heartbeat_seconds=0.05)) as stream:
            assert not (await anext(stream)).fresh.stale
            task = feed._pollers[asyncio.get_running_loop()].task
            assert task is not None
            task.cancel()  # as when a question is never answered
            async for pulse in stream:
                if pulse.fresh.stale:
                    break
        assert pulse.fresh.broker == "the database does not answer"

    _run(story)


def test_one_poller_serves_all_streams_and_ends_with_the_last() -> None:
    async def story() -> None:
        loop = asyncio.get_running_loop()
        async with contextlib.aclosing(pulses()) as one, contextlib.aclosing(pulses()) as two:
            await anext(one)
            await anext(two)
            assert feed._pollers[loop].streams == 2
            task = feed._pollers[loop].task
        assert loop not in feed._pollers
        assert task is not None
        await asyncio.wait([task])

    _run(story)


def test_one_stream_too_many_is_told_so() -> None:
    async def story() -> None:
        async with contextlib.aclosing(pulses(limits=Limits(streams=1))) as stream:
            await anext(stream)
            frames = [frame async for frame in sse.frames(None, feed.EVERYTHING)]
        assert "event: full\n" in frames[-1]

    _run(story)


def test_frames_carry_the_id_to_come_back_with() -> None:
    ids = _happen(1)

    async def story() -> None:
        async with contextlib.aclosing(sse.frames(0, feed.EVERYTHING)) as frames:
            assert await anext(frames) == "retry: 1000\n\n"
            told = await anext(frames)
        assert f"id: {ids[0]}\nevent: event\ndata: {{" in told
        assert "event: mark\n" in told
        assert "event: heartbeat\n" in told

    _run(story)

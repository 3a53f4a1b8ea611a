"""Collected logs in API, pages and commands: who may, what is found, and what is refused."""

import asyncio
import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from threading import BoundedSemaphore
from typing import Any

import pytest
from django.test import AsyncClient, Client

from cluster_admin.logs import reader
from tests.integration.collected import Collected, mails, stamp
from tests.web import seeding
from tests.web.api_client import Api, administrator
from tests.web.shell import Shell

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.one_database]
HOSTILE = "<script>alert(1)</script>"
SECONDS = 250.0


@pytest.fixture
def began() -> float:
    """When the first message came."""
    return time.time() // 1 - 600


@pytest.fixture(autouse=True)
def logs(tmp_path: Path, settings: Any, began: float) -> Iterator[Collected]:
    """Two nodes of one subcluster, one of another."""
    made = Collected(tmp_path)
    settings.MUSTER_LOGS_DESTINATION = made.template
    settings.MUSTER_LOGS_INDEX = str(made.index)
    made.keep("mta1", mails("mta1", began, 5, to="mta2"))
    made.keep("mta2", mails("mta2", began, 5))
    made.keep("stg1", f"{stamp(began)} stg1 web: {HOSTILE}\n", subcluster="staging", log="web")
    yield made
    made.close()


@pytest.fixture(autouse=True)
def _patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine may take long."""
    monkeypatch.setattr("cluster_admin.logs.reading.SECONDS", SECONDS)


def viewer(subcluster: str = "") -> Api:
    return Api(seeding.user("vera", "viewer", subcluster))


def test_lines_of_all_nodes_come_in_order_with_what_they_are_of() -> None:
    told = viewer().get("logs/lines/?grep=status%3Dsent&limit=4").body

    assert [one["node"] for one in told["lines"]] == ["mta1", "mta2"] * 2
    first = told["lines"][0]
    assert (first["subcluster"], first["source"], first["cut"]) == ("default", "mail", False)
    assert first["time"].endswith("+00:00")
    assert (told["more"], told["files"]) == (True, 3)
    assert "more than these 4" in told["note"]


def test_a_reader_has_the_logs_of_their_subclusters_alone(began: float) -> None:
    api = viewer("staging")

    told = api.get("logs/lines/").body
    counted = api.get("logs/histogram/?bars=1&since=1h").body
    other = api.get("logs/trace/?key=u1@example.org&subcluster=default").body

    assert [one["node"] for one in told["lines"]] == ["stg1"]
    assert counted["counts"] == [1]
    assert (other["lines"], other["files"]) == ([], 0)
    assert "no log of that time" in other["note"]


def test_a_trace_goes_from_node_to_node() -> None:
    told = viewer().get("logs/trace/?key=%3Cm3@example.net%3E").body

    assert sorted(one["node"] for one in told["lines"]) == ["mta1"] * 4 + ["mta2"] * 4
    assert {"m3@example.net" in one["text"] for one in told["lines"]} == {True, False}
    assert not told["more"]


@pytest.mark.parametrize(
    ("where", "name"),
    [
        ("lines/?grep=(a", "grep"),
        ("lines/?since=yesterday", "since"),
        ("lines/?limit=0", "limit"),
        ("lines/?key=x", "key"),
        ("lines/?node=a&node=b", "node"),
        ("histogram/?bars=501", "bars"),
        ("trace/", "key"),
        ("tail/?lines=1001", "lines"),
        ("tail/?follow=2", "follow"),
        ("tail/?grep=*", "grep"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(where: str, name: str) -> None:
    refused = viewer().get(f"logs/{where}")

    assert refused.problem == (400, "invalid")
    assert list(refused.body["errors"]) == [name]


def test_the_command_draws_a_histogram(shell: Shell) -> None:
    command = "muster logs search status=sent --since 1h --histogram --bars 6"

    drawn = shell.types(command)
    told = json.loads(shell.types(f"{command} -o json").stdout)

    counts = [one["count"] for one in told]
    assert (len(counts), sum(counts) > 0) == (6, True)
    assert [one["until"] for one in told[:-1]] == [one["since"] for one in told[1:]]
    assert "█" * 40 in drawn.stdout
    assert f"{sum(counts)} lines" in drawn.stderr
    assert shell.types(f"{command} -o csv").stdout.splitlines()[0] == "since,lines,bar,until"


@pytest.mark.parametrize("where", ["lines/", "histogram/", "trace/?key=a", "tail/"])
def test_nobody_reads_logs_without_a_role(where: str) -> None:
    assert Api().get(f"logs/{where}").problem == (401, "unauthenticated")
    assert Api(seeding.user("eve", "")).get(f"logs/{where}").problem == (403, "forbidden")


async def _listen(api: Api, query: str, until: str) -> str:
    told = {"Authorization": f"Bearer {api.secret}", "Accept": "text/event-stream"}
    response: Any = await AsyncClient().get(f"/api/v1/logs/tail/{query}", headers=told)
    assert response.status_code == 200, response.content
    seen = ""
    async with asyncio.timeout(SECONDS):
        async for part in response.streaming_content:
            seen += part.decode()
            if until in seen:
                break
    await response.streaming_content.aclose()
    return seen


def _lines(text: str) -> list[dict[str, Any]]:
    frames = [block.split("\ndata: ") for block in text.split("\n\n")]
    return [json.loads(one[1]) for one in frames if one[0] == "event: line"]


def test_a_tail_streams_and_leaves_no_process_behind(logs: Collected) -> None:
    api = viewer()
    logs.keep("mta2", f"{stamp(time.time())} mta2 x: the last one\n")

    told = asyncio.run(_listen(api, "?lines=2&node=mta2", "event: heartbeat"))

    assert [one["text"][-7:] for one in _lines(told)] == ["removed", "ast one"]
    assert told.startswith("retry: ")
    assert not _children()


def test_a_tail_that_does_not_go_on_ends_with_a_word(logs: Collected) -> None:
    told = asyncio.run(_listen(viewer("staging"), "?follow=0", "event: done"))

    assert [one["node"] for one in _lines(told)] == ["stg1"]
    assert 'event: done\ndata: {"files":1}' in told


def _children() -> list[str]:
    """Processes of ours that read logs."""
    found = []
    for one in Path("/proc").glob("[0-9]*"):
        try:
            words = (one / "cmdline").read_bytes().split(b"\0")
            parent = (one / "stat").read_text().rpartition(")")[2].split()[1]
        except OSError:
            continue
        if b"workers.logs.reader" in words and parent == str(os.getpid()):
            found.append(one.name)
    return found


@pytest.fixture
def page(client: Client) -> Client:
    client.force_login(seeding.user())
    return client


def shown(client: Client, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200, path
    return answer.content.decode()


def test_pages_ask_for_what_takes_time_as_parts(page: Client) -> None:
    assert 'data-stream="/api/v1/logs/tail/?node=mta1"' in shown(page, "/logs/?node=mta1&grep=")
    assert "data-load" not in shown(page, "/logs/search/")
    found = shown(page, "/logs/search/?grep=a%26b&since=&until=")
    assert 'data-load="/logs/search/lines/?grep=a%26b&amp;since=1h" data-load-now' in found
    assert 'data-load="/logs/trace/lines/?key=x"' in shown(page, "/logs/trace/?key=x&since=")


def test_a_search_shows_lines_and_bars_and_no_markup_of_strangers(page: Client) -> None:
    lines = shown(page, "/logs/search/lines/?source=web")
    bars = shown(page, "/logs/search/histogram/?since=1h&grep=removed")

    assert "&lt;script&gt;" in lines
    assert HOSTILE not in lines
    assert 'rel="next"' not in lines
    assert "<b>10</b>" in bars
    assert 'href="/logs/search/?grep=removed&amp;since=' in bars


def test_a_trace_is_drawn_by_nodes(page: Client) -> None:
    text = shown(page, "/logs/trace/lines/?key=u2@example.org")

    assert text.count('class="lane"') == 2
    assert "delivered</span>" in text
    assert 'class="moved"' in text


def test_a_part_says_what_makes_no_sense(page: Client) -> None:
    for where in ("search/lines/?grep=(", "search/histogram/?since=x", "trace/lines/"):
        assert 'role="alert"' in shown(page, f"/logs/{where}")


@pytest.mark.parametrize("path", ["/logs/", "/logs/search/", "/logs/trace/", "/logs/search/lines/"])
def test_no_page_of_logs_without_a_login(client: Client, path: str) -> None:
    answer = client.get(path)

    assert (answer.status_code, answer["Location"]) == (302, f"/login/?next={path}")


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path, administrator().secret)


def test_commands_print_the_node_and_the_whole_line(shell: Shell) -> None:
    found = shell.types("muster logs search status=sent --node mta2 --since 1h --limit 2")

    assert found.exit_code == 0
    lines = found.stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["mta2", "mta2"]
    assert lines[0].endswith("status=sent (250 ok)")
    assert "more than these 2" in found.stderr


def test_commands_print_json_and_csv(shell: Shell) -> None:
    traced = shell.types("muster logs trace u4@example.org -o json")
    newest = shell.types("muster logs tail -n 1 --subcluster staging --columns node,text -o csv")

    assert {one["node"] for one in json.loads(traced.stdout)} == {"mta1", "mta2"}
    assert newest.stdout.splitlines()[0] == "node,text"
    assert newest.stdout.splitlines()[1].startswith("stg1,")


def test_commands_say_what_was_not_found_or_makes_no_sense(shell: Shell) -> None:
    nothing = shell.types("muster logs search 'no such thing'")
    refused = shell.types("muster logs search '(a'")

    assert (nothing.exit_code, nothing.stdout) == (0, "")
    assert "nothing was found" in nothing.stderr
    assert refused.exit_code == 2
    assert "grep" in refused.stderr


def test_as_many_as_may_read_at_once_and_the_next_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    api = viewer()
    monkeypatch.setattr(reader, "WAIT_SECONDS", 0.0)
    monkeypatch.setattr(reader, "STREAMS_MAX", 0)
    monkeypatch.setattr(reader, "_places", BoundedSemaphore(1))
    with reader._places:
        refused = api.get("logs/lines/")
    full = asyncio.run(_listen(api, "", "event: full"))

    assert refused.problem == (429, "throttled")
    assert "try again" in refused.body["detail"]
    assert "others follow logs now" in full


def test_a_reader_that_fails_is_said_to_have(monkeypatch: pytest.MonkeyPatch) -> None:
    api = viewer()
    monkeypatch.setattr(reader, "COMMAND", (sys.executable, "-c", ""))

    refused = api.get("logs/lines/")

    assert refused.problem == (503, "unavailable")
    assert "reading the logs failed" in refused.body["detail"]


def test_a_tail_that_looks_no_more_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    api = viewer()
    monkeypatch.setattr(reader, "SILENT_SECONDS", 0.5)
    monkeypatch.setattr(reader, "COMMAND", (sys.executable, "-c", "import time; time.sleep(999)"))

    told = asyncio.run(_listen(api, "", "event: full"))

    assert "nothing came for 0.5 seconds" in told

"""The plugin of fixtures/haraka in a real Haraka: what it asks, and what comes of the answers."""

import re
import smtplib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.integration import harakas
from tests.integration.harakas import Haraka, Sink
from tests.integration.limit_doors import Doors, opened


@dataclass
class Stage:
    """A Haraka, the doors it asks, and where its mail goes."""

    haraka: Haraka
    doors: Doors
    sink: Sink


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    harakas.needed()
    home = tmp_path_factory.mktemp("haraka")
    with (
        opened(home) as doors,
        harakas.sinking() as sink,
        harakas.running(home / "home", doors.api, doors.policy, sink) as haraka,
    ):
        yield Stage(haraka, doors, sink)


@pytest.fixture
def stage(shared: Stage) -> Iterator[Stage]:
    """Nothing asked yet, everything granted."""
    shared.doors.calls.clear()
    shared.doors.questions.clear()
    shared.sink.recipients.clear()
    yield shared
    shared.doors.silent = False
    shared.doors.granted = lambda _verb, _body: True
    shared.doors.action = lambda _question: "DUNNO"
    shared.sink.held.set()


def outbound(stage: Stage) -> list[tuple[str, dict[str, object]]]:
    """What was asked for deliveries: leases of clients are left out."""
    return [
        (verb, body)
        for verb, body in stage.doors.calls
        if body.get("kind") != "inbound" and not str(body.get("lease")).startswith("inbound")
    ]


def verbs(stage: Stage) -> list[str]:
    return [verb for verb, _ in outbound(stage)]


def wait_until(true: Callable[[], object], what: str, seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what}"
        time.sleep(0.02)


def test_each_stage_is_asked_in_postfix_words(stage: Stage) -> None:
    stage.haraka.send("one@example.org")
    states = [question["protocol_state"] for question in stage.doors.questions]
    assert states == ["RCPT", "END-OF-MESSAGE"]
    rcpt = stage.doors.questions[0]
    assert rcpt["request"] == "smtpd_access_policy"
    assert rcpt["client_address"] == "127.0.0.1"
    assert (rcpt["sender"], rcpt["recipient"]) == ("from@example.com", "one@example.org")
    assert stage.doors.questions[1]["recipient_count"] == "1"
    wait_until(lambda: "release" in verbs(stage), "it is sent")


@pytest.mark.parametrize(
    ("state", "action", "severity"),
    [
        ("RCPT", "DEFER_IF_PERMIT limit in: later", 4),
        ("RCPT", "REJECT limit in: no", 5),
        ("END-OF-MESSAGE", "DEFER_IF_PERMIT limit in: later", 4),
    ],
)
def test_a_refusal_is_told_to_the_client(
    stage: Stage, state: str, action: str, severity: int
) -> None:
    stage.doors.action = lambda asked: action if asked["protocol_state"] == state else "DUNNO"
    with pytest.raises(smtplib.SMTPException) as refused:
        stage.haraka.send("two@example.org")
    told = str(refused.value)
    assert re.search(rf"\b{severity}\d\d\b", told)
    assert action.partition(" ")[2] in told
    assert stage.sink.recipients == []


def test_a_client_over_its_limit_is_told_so(stage: Stage) -> None:
    stage.doors.granted = lambda _verb, body: body.get("kind") != "inbound"
    with pytest.raises(smtplib.SMTPException) as refused:
        stage.haraka.send("two@example.org")
    assert "421" in str(refused.value)
    assert "limit out: 3 of 3" in str(refused.value)


def test_a_client_takes_a_lease_and_gives_it_back(stage: Stage) -> None:
    client = smtplib.SMTP("127.0.0.1", stage.haraka.port, timeout=10)
    assert stage.doors.calls == [
        ("acquire", {"kind": "inbound", "address": "127.0.0.1", "ttl": 60})
    ]
    client.close()
    wait_until(lambda: len(stage.doors.calls) > 1, "it is given back")
    verb, body = stage.doors.calls[-1]
    assert verb == "release"
    assert body["lease"].startswith("inbound")


def test_a_delivery_takes_a_lease_and_gives_it_back(stage: Stage) -> None:
    stage.haraka.send("three@example.org")
    wait_until(lambda: "release" in verbs(stage), "the lease is given back")
    assert verbs(stage) == ["check", "acquire", "acquire", "release"]
    connection, message = (body for verb, body in outbound(stage) if verb == "acquire")
    assert (connection["kind"], connection["domain"]) == ("connection", "example.org")
    assert (message["kind"], message["count"]) == ("message", 1)
    assert outbound(stage)[-1][1]["lease"].startswith("connection")
    assert stage.sink.recipients == ["three@example.org"]


def test_a_delivery_waits_until_its_limit_has_room(stage: Stage) -> None:
    stage.doors.granted = lambda _verb, body: body.get("kind") != "connection"
    stage.haraka.send("four@example.org")
    wait_until(lambda: verbs(stage).count("acquire") > 1, "it is tried again")
    assert stage.sink.recipients == []
    stage.doors.granted = lambda _verb, _body: True
    wait_until(lambda: stage.sink.recipients, "it is sent")
    wait_until(lambda: "release" in verbs(stage), "the lease is given back")
    assert verbs(stage).count("release") == 1


def test_a_message_over_its_limit_takes_no_connection(stage: Stage) -> None:
    stage.doors.granted = lambda _verb, body: body.get("kind") != "message"
    stage.haraka.send("five@example.org")
    wait_until(lambda: verbs(stage).count("check") > 1, "it is tried again")
    assert "acquire" not in verbs(stage)
    stage.doors.granted = lambda _verb, _body: True
    wait_until(lambda: stage.sink.recipients, "it is sent")
    wait_until(lambda: "release" in verbs(stage), "the lease is given back")


def test_the_lease_is_given_back_when_the_message_was_charged_elsewhere_meanwhile(
    stage: Stage,
) -> None:
    refused: list[str] = []

    def granted(verb: str, body: dict[str, object]) -> bool:
        late = verb == "acquire" and body["kind"] == "message" and not refused
        refused.extend([verb] * late)
        return not late

    stage.doors.granted = granted
    stage.haraka.send("six@example.org")
    wait_until(lambda: verbs(stage).count("release") == 2, "both leases are given back")
    assert stage.sink.recipients == ["six@example.org"]


def test_mail_flows_when_nobody_answers(stage: Stage) -> None:
    stage.doors.silent = True
    began = time.monotonic()
    stage.haraka.send("seven@example.org")
    wait_until(lambda: stage.sink.recipients == ["seven@example.org"], "it is sent")
    assert time.monotonic() - began < 10.0
    stage.doors.silent = False
    stage.haraka.send("eight@example.org")
    wait_until(lambda: "release" in verbs(stage), "the doors are used again")


def test_mail_flows_without_the_sockets(tmp_path: Path) -> None:
    harakas.needed()
    nowhere = tmp_path / "nowhere.sock"
    with (
        harakas.sinking() as sink,
        harakas.running(tmp_path / "home", nowhere, nowhere, sink) as haraka,
    ):
        haraka.send("nine@example.org")
        wait_until(lambda: sink.recipients == ["nine@example.org"], "it is sent")
        told = haraka.log.read_text()
    assert "mail goes on without limits" in told

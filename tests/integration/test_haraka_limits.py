"""A real Haraka with the plugin, and the real limits of a node behind it."""

import smtplib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from tests.integration import harakas
from tests.integration.harakas import Haraka, Sink
from tests.integration.limit_server import LimitServer, serving
from workers.replication.core.definitions import Action, Limit, Per, Replication, Subject

DOMAIN = "example.org"


@dataclass
class Stage:
    """A Haraka, the limits it asks, and where its mail goes."""

    haraka: Haraka
    limits: LimitServer
    sink: Sink


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    harakas.needed()
    home = tmp_path_factory.mktemp("haraka")
    with (
        serving(home) as limits,
        harakas.sinking() as sink,
        harakas.running(home / "home", limits.api, limits.policy, sink) as haraka,
    ):
        yield Stage(haraka, limits, sink)


@pytest.fixture
def stage(shared: Stage) -> Iterator[Stage]:
    """Without limits before and after, and nothing on its way."""
    shared.sink.recipients.clear()
    shared.sink.most_open = 0
    yield shared
    shared.sink.held.set()
    shared.limits.redefine(Replication())
    wait_until(lambda: shared.limits.open_to(DOMAIN) == 0, "all leases are given back")


def wait_until(true: Callable[[], object], what: str, seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what}"
        time.sleep(0.02)


def limited(stage: Stage, subject: Subject, per: Per, most: int, window: float = 0) -> None:
    """Limit by one limit; the name is new, so that it begins to count."""
    name = f"limit-{time.monotonic_ns()}"
    stage.limits.redefine(Replication(limits=(Limit(name, subject, per, most, window),)))


def test_one_connection_at_a_time_to_a_domain_that_may_have_one(stage: Stage) -> None:
    limited(stage, Subject.OUTBOUND_CONNECTIONS, Per.DOMAIN, 1)
    stage.sink.held.clear()
    for number in range(3):
        stage.haraka.send(f"{number}@{DOMAIN}")
    wait_until(lambda: stage.limits.open_to(DOMAIN) == 1, "one is open")
    time.sleep(1.5)  # the others ask again after a second
    assert stage.sink.most_open == 1
    stage.sink.held.set()
    wait_until(lambda: len(stage.sink.recipients) == 3, "all are sent")
    assert stage.sink.most_open == 1


def test_recipients_over_the_limit_are_deferred(stage: Stage) -> None:
    limited(stage, Subject.INBOUND_RECIPIENTS, Per.SENDER, 2, 60.0)
    for number in range(2):
        stage.haraka.send(f"{number}@{DOMAIN}")
    with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
        stage.haraka.send(f"3@{DOMAIN}")
    ((code, sentence),) = refused.value.recipients.values()
    assert code == 450
    assert b"too many inbound recipients" in sentence
    wait_until(lambda: len(stage.sink.recipients) == 2, "what was taken is sent")


def test_a_client_has_as_many_connections_as_it_may(stage: Stage) -> None:
    limited(stage, Subject.INBOUND_OPEN, Per.ADDRESS, 1)
    first = smtplib.SMTP("127.0.0.1", stage.haraka.port, timeout=10)
    with pytest.raises(smtplib.SMTPConnectError) as refused:
        smtplib.SMTP("127.0.0.1", stage.haraka.port, timeout=10)
    assert refused.value.smtp_code == 421
    first.quit()
    wait_until(lambda: can_connect(stage), "the first one is gone")


def can_connect(stage: Stage) -> bool:
    try:
        smtplib.SMTP("127.0.0.1", stage.haraka.port, timeout=10).quit()
    except smtplib.SMTPConnectError:
        return False
    return True


def test_messages_wait_for_the_window(stage: Stage) -> None:
    limited(stage, Subject.OUTBOUND_MESSAGES, Per.DOMAIN, 1, 3.0)
    began = time.monotonic()
    for number in range(2):
        stage.haraka.send(f"{number}@{DOMAIN}")
    wait_until(lambda: len(stage.sink.recipients) == 2, "both are sent")
    assert time.monotonic() - began >= 2.9


def test_a_limit_that_rejects_rejects(stage: Stage) -> None:
    one = Limit("rejects", Subject.INBOUND_RECIPIENTS, Per.SENDER, 0, 60.0, action=Action.REJECT)
    stage.limits.redefine(Replication(limits=(one,)))
    with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
        stage.haraka.send(f"1@{DOMAIN}")
    ((code, _),) = refused.value.recipients.values()
    assert code == 550

"""Configuration in a lab with mail: a commit reaches every node, a bad one none; who is down."""

import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import httpx
import pytest

from tests.lab import configured
from tests.lab.looking import assert_nothing_left, wait_until
from workers.lab.bringup import Wish, bring_up, take_down
from workers.lab.configuration import MAIN, live_revision
from workers.lab.health import look, missing
from workers.lab.host_files import config_directory
from workers.lab.lab import Lab
from workers.lab.table import picture

GREEN_SECONDS, ANSWER_SECONDS = 45.0, 10.0
REACH_SECONDS, CATCH_UP_SECONDS, FLOW_SECONDS = 10.0, 30.0, 15.0
MANAGER = "manager1"


@dataclass(frozen=True, slots=True)
class Mail:
    """A lab with mail and a manager, and a client with the administrator's token."""

    lab: Lab
    api: httpx.Client

    def set_size(self, size: int) -> int:
        """Commit another limit of a message; the revision."""
        proposed = configured.proposal(self.api, configured.SETTINGS, configured.settings(size))
        return configured.committed(configured.commit(self.api, proposed))

    def says(self, nodes: tuple[str, ...], size: int) -> bool:
        """Whether the Postfix of each of these nodes says so."""
        return all(configured.size_said(self.lab, node) == size for node in nodes)

    def live(self) -> dict[str, int | None]:
        """The revision that is live on each node."""
        directories = {node: config_directory(self.lab.record, node) for node in self.lab.nodes}
        return {node: live_revision(directory) for node, directory in directories.items()}

    def flows(self, nodes: tuple[str, ...]) -> None:
        """See that these nodes go on delivering mail."""
        before = self._delivered()
        wait_until(
            lambda: all(self._delivered()[node] > before.get(node, 0) for node in nodes),
            FLOW_SECONDS,
            f"mail is delivered by {', '.join(nodes)}",
        )

    def _delivered(self) -> dict[str, int]:
        found: dict[str, int] = dict(look(self.lab.record).sink["by_node"])
        return found

    def settle(self) -> None:
        """Heal everything, and wait until all is green."""
        self.lab.heal()
        record = Lab.load(self.lab.name).record
        wait_until(lambda: not missing(record, look(record)), GREEN_SECONDS, "all green")


@pytest.fixture(scope="module")
def started() -> Iterator[Mail]:
    """A lab of this module's own."""
    name = f"c{os.getpid()}"
    try:
        lab = bring_up(Wish(name=name, manager=True), lambda _line: None)
        headers = {"Authorization": f"Bearer {lab.manager_token}"}
        with httpx.Client(
            base_url=lab.manager_url, headers=headers, timeout=ANSWER_SECONDS
        ) as client:
            yield Mail(lab, client)
        pids = [process.pid for process in lab.processes()]
    finally:
        take_down(name)
    assert_nothing_left(name, pids)


@pytest.fixture
def mail(started: Mail) -> Iterator[Mail]:
    """The lab, all green before and without faults after."""
    started.settle()
    yield started
    started.lab.heal()


def test_a_commit_reaches_every_node_and_mail_flows_on(mail: Mail) -> None:
    deferred = look(mail.lab.record).traffic["deferred"]
    number = mail.set_size(31_000_001)
    wait_until(
        lambda: all(configured.runs(mail.lab, node, number) for node in mail.lab.nodes),
        REACH_SECONDS,
        f"r{number} is live on all nodes",
    )
    assert mail.says(mail.lab.nodes, 31_000_001)
    assert mail.live() == dict.fromkeys(mail.lab.nodes, number)
    told = picture(mail.lab.record, look(mail.lab.record))["nodes"]
    assert {node["node"]: node["configuration"] for node in told} == mail.live()
    mail.flows(mail.lab.nodes)
    assert look(mail.lab.record).traffic["deferred"] == deferred


def test_a_bad_commit_is_refused_and_changes_nothing(mail: Mail) -> None:
    number, live = configured.newest(mail.api), mail.live()
    text = "{% set message_size_limit = no_such_name + 1 %}\n{% set process_limit = 20 %}\n"
    for path, content, line in (
        (configured.SETTINGS, text, 1),
        ("default/mta2/postfix/main.cf.j2", "a = 1\nb = {{ no_such_name }}\n", 2),
        ("default/mta9/main.cf", "a = 1\n", 0),
        ("default/mta1/../main.cf", "a = 1\n", 0),
    ):
        answer = configured.commit(mail.api, configured.proposal(mail.api, path, content))
        assert answer.status_code == HTTPStatus.UNPROCESSABLE_ENTITY, answer.text
        problems: list[dict[str, Any]] = answer.json()["problems"]
        assert path in {problem["path"] for problem in problems}, problems
        assert line in {problem["line"] for problem in problems}, problems
    assert configured.newest(mail.api) == number
    assert mail.live() == live
    mail.flows(mail.lab.nodes)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("this is no line of main.cf", "validate failed"),
        ("smtpd_recipient_limit = many", "the tree before is back, reloaded and healthy"),
    ],
)
def test_what_postfix_cannot_live_with_does_not_stay(mail: Mail, line: str, why: str) -> None:
    size = configured.size_said(mail.lab, "mta2")
    text = f"{configured.text_of(mail.api, MAIN)}{line}\n"
    proposed = configured.proposal(mail.api, "default/mta2/postfix/main.cf.j2", text)
    number = configured.committed(configured.commit(mail.api, proposed))
    sentence = re.compile(f"r{number} was not applied: .*{why}")
    reports = "/api/v1/config/nodes/mta2/"
    wait_until(
        lambda: sentence.search(json.dumps(mail.api.get(reports).json())),
        CATCH_UP_SECONDS,
        "the manager knows that mta2 did not take it",
    )
    assert mail.says(("mta2",), size)
    mail.flows(mail.lab.nodes)
    change = {"path": "default/mta2/postfix/main.cf.j2", "delete": True}
    proposed = {"base": number, "message": "Take it back", "changes": [change]}
    after = configured.committed(configured.commit(mail.api, proposed))
    wait_until(
        lambda: configured.runs(mail.lab, "mta2", after), REACH_SECONDS, f"mta2 runs r{after}"
    )


def test_a_node_that_was_down_catches_up(mail: Mail) -> None:
    mail.lab.inject("power-loss", ["mta2"])
    others = ("mta1", "mta3")
    first = mail.set_size(32_000_001)
    number = mail.set_size(32_000_002)
    wait_until(
        lambda: all(configured.runs(mail.lab, node, number) for node in others),
        REACH_SECONDS,
        f"r{number} is live on {', '.join(others)}",
    )
    assert (mail.live()["mta2"] or 0) < first
    mail.lab.heal()
    wait_until(
        lambda: configured.runs(mail.lab, "mta2", number), CATCH_UP_SECONDS, f"mta2 runs r{number}"
    )
    wait_until(lambda: mail.says(("mta2",), 32_000_002), REACH_SECONDS, "its Postfix says so")


def test_without_a_manager_nodes_go_on_and_so_does_one_that_starts_anew(mail: Mail) -> None:
    number = mail.set_size(33_000_001)
    wait_until(
        lambda: all(configured.runs(mail.lab, node, number) for node in mail.lab.nodes),
        REACH_SECONDS,
        f"r{number} is live on all nodes",
    )
    mail.lab.inject("power-loss", [MANAGER])
    mail.lab.inject("power-loss", ["mta1"])
    mail.flows(("mta2", "mta3"))
    mail.lab.heal("power-loss", "mta1")
    mail.flows(mail.lab.nodes)
    assert mail.live() == dict.fromkeys(mail.lab.nodes, number)
    assert mail.says(mail.lab.nodes, 33_000_001)
    mail.settle()
    after = mail.set_size(33_000_002)
    assert after == number + 1
    wait_until(
        lambda: all(configured.runs(mail.lab, node, after) for node in mail.lab.nodes),
        CATCH_UP_SECONDS,
        f"r{after} is live on all nodes",
    )

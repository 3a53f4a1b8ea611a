"""Rollouts in a lab with mail: drained nodes serve nothing while they reload; back after an abort.

What nodes do is read from their own disks and kernels, not asked of the manager.
"""

import contextlib
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from http import HTTPStatus
from typing import Any

import httpx
import pytest

from tests.lab import configured
from tests.lab.looking import assert_nothing_left, kernel_vips, owners, wait_until
from workers.config.core.applying import Mark
from workers.config.errors import ConfigError
from workers.config.state import State
from workers.lab.bringup import Wish, bring_up, take_down
from workers.lab.configuration import MAIN
from workers.lab.health import look, missing
from workers.lab.host_files import config_directory
from workers.lab.lab import Lab

GREEN_SECONDS, ANSWER_SECONDS, END_SECONDS, TURN_SECONDS = 45.0, 10.0, 150.0, 60.0
DEPLOYMENT, ROLLOUTS = "/api/v1/config/deployments/default/", "/api/v1/config/rollouts/"
CANARY = "mta2"
ORDER = (CANARY, "mta1", "mta3")
ENDS = ("done", "turned_back", "aborted")
MOVED_SECONDS = 1.0
"""Whoever sends notices a VIP's new owner with the next segment, or one sent again after 0.2 s."""


@dataclass(slots=True)
class Watch:
    """What was seen of nodes while a rollout went on."""

    ran: list[tuple[str, int]] = field(default_factory=list)
    """(node, revision) whenever a node had another one live than before, in the order seen."""
    served: list[tuple[str, int, set[str]]] = field(default_factory=list)
    """(node, revision, VIPs) when VIPs were in its kernel during switch, reload or check."""
    looked: set[tuple[str, int]] = field(default_factory=set)
    """(node, revision) that was seen between switch and end."""

    def nodes_with(self, revision: int) -> list[str]:
        """The nodes that had a revision live, in the order in which they did."""
        return [node for node, one in self.ran if one == revision]


@dataclass(frozen=True, slots=True)
class Mail:
    """A lab with mail, its manager's client, whose subcluster is deployed by hand."""

    lab: Lab
    api: httpx.Client

    def commit(self, path: str, text: str) -> int:
        """Commit a file, which no node has before a rollout; the revision."""
        return configured.committed(
            configured.commit(self.api, configured.proposal(self.api, path, text))
        )

    def start(self, revision: int, **values: Any) -> int:
        """Start a rollout with draining, the canary first; its number."""
        wish = {"subcluster": "default", "revision": revision, "order": list(ORDER), "drain": True}
        answer = self.api.post(ROLLOUTS, json={**wish, "pause_seconds": 2, **values})
        assert answer.status_code == HTTPStatus.CREATED, answer.text
        return int(answer.json()["id"])

    def rollout(self, number: int) -> dict[str, Any]:
        """A rollout as the manager tells it."""
        found: dict[str, Any] = self.api.get(f"{ROLLOUTS}{number}/").json()
        return found

    def ended(self, number: int) -> str:
        """Wait for a rollout's end; which it was."""
        wait_until(
            lambda: self.rollout(number)["phase"] in ENDS, END_SECONDS, f"rollout {number} is over"
        )
        return str(self.rollout(number)["phase"])

    def live(self) -> dict[str, int]:
        """The revision that is live on each node."""
        return {node: self.state(node).live().revision for node in self.lab.nodes}

    def state(self, node: str) -> State:
        """What a node has on its disk."""
        return State(config_directory(self.lab.record, node))

    def served_again(self) -> None:
        """Wait until nobody drains and each VIP is held by one node."""
        wait_until(
            lambda: all(
                node["admin_state"] == "enabled"
                for node in self.api.get("/api/v1/nodes/").json()["results"]
            ),
            TURN_SECONDS,
            "all nodes are enabled",
        )
        wait_until(
            lambda: all(len(nodes) == 1 for nodes in owners(self.lab).values()),
            TURN_SECONDS,
            "each VIP has one owner",
        )

    def refused(self) -> int:
        """Mails that nobody took at once, but for those whose session was cut."""
        told = look(self.lab.record).traffic
        return int(told["deferred"]) - len(told["cuts"])

    def cut_without_a_move(self) -> list[tuple[str, float]]:
        """Sessions that ended though their VIP had not just moved, by VIP and time of day."""
        return [
            (vip, at)
            for vip, at in look(self.lab.record).traffic["cuts"]
            if not any(0 <= at - moved <= MOVED_SECONDS for moved in self._moves(vip))
        ]

    def _moves(self, vip: str) -> list[float]:
        """When a VIP was taken or released, by the nodes' events."""
        answer = self.api.get(f"/api/v1/vips/{vip}/history/", params={"page_size": 100})
        return [
            datetime.fromisoformat(event["time"]).timestamp() for event in answer.json()["results"]
        ]

    @contextlib.contextmanager
    def watched(self) -> Iterator[Watch]:
        """Watch the nodes all the time."""
        watch, over = Watch(), threading.Event()
        thread = threading.Thread(target=self._watch, args=(watch, over))
        thread.start()
        try:
            yield watch
        finally:
            over.set()
            thread.join()

    def _watch(self, watch: Watch, over: threading.Event) -> None:
        before = self.live()
        while not over.wait(0.02):
            for node in self.lab.nodes:
                with contextlib.suppress(ConfigError, OSError):
                    self._look(node, before, watch)

    def _look(self, node: str, before: dict[str, int], watch: Watch) -> None:
        state = self.state(node)
        under_way = _under_way(state)
        if under_way:
            held = kernel_vips(self.lab, node)
            if _under_way(state) == under_way:
                watch.looked.add((node, under_way))
                if held:
                    watch.served.append((node, under_way, held))
        revision = state.live().revision
        if revision != before[node]:
            before[node] = revision
            watch.ran.append((node, revision))


def _under_way(state: State) -> int:
    """The revision that is between switch and end on a node; 0: none is."""
    journal = state.journal()
    during = journal is not None and journal.mark in (Mark.SWITCHING, Mark.TURNING_BACK)
    return journal.revision if journal is not None and during else 0


@pytest.fixture(scope="module")
def started() -> Iterator[Mail]:
    """A lab of this module's own."""
    name = f"r{os.getpid()}"
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
    """The lab, all green before, and each VIP with one owner after."""
    record = Lab.load(started.lab.name).record
    wait_until(lambda: not missing(record, look(record)), GREEN_SECONDS, "all green")
    answer = started.api.patch(DEPLOYMENT, json={"mode": "manual"})
    assert answer.status_code == HTTPStatus.OK, answer.text
    yield started
    started.served_again()


def test_each_node_is_empty_while_it_reloads_and_no_mail_waits(mail: Mail) -> None:
    before, refused = mail.live(), mail.refused()
    revision = mail.commit(configured.SETTINGS, configured.settings(41_000_001))
    with mail.watched() as watch:
        number = mail.start(revision)
        assert mail.ended(number) == "done", mail.rollout(number)
    assert mail.live() == dict.fromkeys(mail.lab.nodes, revision) != before
    assert watch.nodes_with(revision) == list(ORDER)
    assert watch.looked == {(node, revision) for node in ORDER}, "each was seen while it reloaded"
    assert watch.served == []
    assert all(configured.size_said(mail.lab, node) == 41_000_001 for node in mail.lab.nodes)
    mail.served_again()
    assert mail.refused() == refused
    assert mail.cut_without_a_move() == []


def test_an_abort_takes_the_canary_back_and_nobody_else_ever_had_it(mail: Mail) -> None:
    before = mail.live()
    sizes = {node: configured.size_said(mail.lab, node) for node in mail.lab.nodes}
    revision = mail.commit(configured.SETTINGS, configured.settings(42_000_001))
    with mail.watched() as watch:
        number = mail.start(revision, stops="canary")
        wait_until(
            lambda: mail.rollout(number)["phase"] == "paused", END_SECONDS, "the canary has it"
        )
        assert configured.size_said(mail.lab, CANARY) == 42_000_001
        answer = mail.api.post(f"{ROLLOUTS}{number}/abort/", json={})
        assert answer.status_code == HTTPStatus.OK, answer.text
        assert mail.ended(number) == "aborted"
    assert watch.nodes_with(revision) == [CANARY]
    assert (CANARY, revision) in watch.looked
    # Back it goes at once, VIPs or not: a revision that nobody wants is not kept for a drain.
    assert revision not in {one for _, one, _ in watch.served}
    assert mail.live() == before
    assert {node: configured.size_said(mail.lab, node) for node in mail.lab.nodes} == sizes


def test_what_breaks_postfix_is_rolled_back_and_nobody_else_ever_ran_it(mail: Mail) -> None:
    before, refused = mail.live(), mail.refused()
    text = configured.text_of(mail.api, MAIN)
    path = MAIN.replace("global/", "default/default/")
    revision = mail.commit(path, f"{text}smtpd_recipient_limit = many\n")
    with mail.watched() as watch:
        number = mail.start(revision)
        assert mail.ended(number) == "turned_back", mail.rollout(number)
    assert watch.nodes_with(revision) == [CANARY]
    assert (CANARY, revision) in watch.looked
    assert watch.served == [], "a canary without VIPs breaks nobody's mail"
    assert mail.live() == before
    mail.served_again()
    assert mail.refused() == refused
    assert mail.cut_without_a_move() == []

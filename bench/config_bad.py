"""A commit that breaks Postfix, rolled out: until the canary runs as before. Nobody else runs it.

The value passes `postfix check`, so the health check has to find it. The time runs from the request
that starts the rollout until the canary's journal is settled with the old tree live again and its
Postfix says what it said before; the rollout itself has to end turned back. Last, what was broken
is put right in the repository, for whoever follows it next.
"""

import time
from http import HTTPStatus
from typing import Any

import httpx

from bench.errors import BenchError
from bench.options import Teller
from tests.lab import configured
from workers.config.core.applying import Mark
from workers.config.state import State
from workers.lab.configuration import MAIN
from workers.lab.host_files import config_directory
from workers.lab.lab import Lab

LIMIT_SECONDS = 60.0
LOOK_SECONDS = 0.02
ENDS = ("done", "turned_back", "aborted")
DEPLOYMENT, ROLLOUTS = "/api/v1/config/deployments/default/", "/api/v1/config/rollouts/"


def seconds(lab: Lab, client: httpx.Client, runs: int, tell: Teller) -> list[float]:
    """How long each takes; raises `BenchError` when another node runs it, or none turns back."""
    _expect(client.patch(DEPLOYMENT, json={"mode": "manual"}), HTTPStatus.OK)
    canary, path = lab.nodes[0], MAIN.replace("global/", "default/default/")
    text = configured.text_of(client, MAIN)
    found = []
    for number in range(runs):
        bad = f"{text}smtpd_recipient_limit = many{number}\n"
        revision = configured.committed(
            configured.commit(client, configured.proposal(client, path, bad))
        )
        found.append(round(_rolled_out(lab, client, revision, canary), 4))
        tell(f"bad commit {number + 1}: {canary} runs as before after {found[-1]} s")
    configured.committed(configured.commit(client, configured.proposal(client, path, text)))
    return found


def _rolled_out(lab: Lab, client: httpx.Client, revision: int, canary: str) -> float:
    """The seconds until the canary is well again."""
    before = configured.size_said(lab, canary)
    wish = {"subcluster": "default", "revision": revision, "order": [canary], "pause_seconds": 5}
    began = time.monotonic()
    started = client.post(ROLLOUTS, json=wish)
    _expect(started, HTTPStatus.CREATED)
    ran: set[str] = set()
    well = 0.0
    while not well:
        if time.monotonic() - began > LIMIT_SECONDS:
            raise BenchError(f"{canary} does not run as before after r{revision}; it ran on {ran}")
        time.sleep(LOOK_SECONDS)
        ran |= {node for node in lab.nodes if _state(lab, node).live().revision == revision}
        if canary in ran and _turned_back(lab, canary, revision):
            well = (time.monotonic() - began) * (configured.size_said(lab, canary) == before)
    end = _end(client, int(started.json()["id"]))
    ran |= {node for node in lab.nodes if _state(lab, node).live().revision == revision}
    if end["phase"] != "turned_back" or ran != {canary}:
        raise BenchError(f"the rollout of r{revision} ended {end['phase']}; it ran on {ran}")
    return well


def _turned_back(lab: Lab, node: str, revision: int) -> bool:
    journal = _state(lab, node).journal()
    settled = journal is not None and journal.mark is Mark.SETTLED
    return settled and _state(lab, node).live().revision != revision


def _state(lab: Lab, node: str) -> State:
    return State(config_directory(lab.record, node))


def _end(client: httpx.Client, rollout: int) -> dict[str, Any]:
    """How the rollout ended."""
    deadline = time.monotonic() + LIMIT_SECONDS
    while True:
        found: dict[str, Any] = client.get(f"{ROLLOUTS}{rollout}/").json()
        if found["phase"] in ENDS or time.monotonic() > deadline:
            return found
        time.sleep(10 * LOOK_SECONDS)


def _expect(answer: httpx.Response, status: HTTPStatus) -> None:
    if answer.status_code != status:
        raise BenchError(f"{answer.request.url}: {answer.status_code}: {answer.text}")

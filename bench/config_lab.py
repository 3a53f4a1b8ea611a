"""Commits to a lab with mail: from the request until all nodes run the new files, reloaded.

Each commit changes a number that Postfix says when it is greeted. A node counts as done when its
own journal is settled with that revision live, so after reload and health check, and its Postfix
says the number to the client.
"""

import time

import httpx

from bench.errors import BenchError
from bench.options import Teller
from tests.lab import configured
from workers.lab.lab import Lab

LIMIT_SECONDS = 30.0
LOOK_SECONDS = 0.01
PAUSE_SECONDS = 1.0
"""Between two commits, so that each finds the lab at rest."""
FIRST_SIZE = 30_000_000


def client_of(lab: Lab) -> httpx.Client:
    """A client of the lab's manager with the administrator's token."""
    headers = {"Authorization": f"Bearer {lab.manager_token}"}
    return httpx.Client(base_url=lab.manager_url, headers=headers, timeout=LIMIT_SECONDS)


def seconds(lab: Lab, client: httpx.Client, commits: int, tell: Teller) -> list[float]:
    """How long each commit takes; raises `BenchError` when one does not come through."""
    found = []
    for number in range(commits):
        time.sleep(PAUSE_SECONDS)
        took, told = _commit(lab, client, FIRST_SIZE + number)
        found.append(round(took, 4))
        tell(f"commit {number + 1}: {took:.3f} s ({told})")
    return found


def _commit(lab: Lab, client: httpx.Client, size: int) -> tuple[float, str]:
    """The seconds until all nodes run it, and a story of them."""
    proposed = configured.proposal(client, configured.SETTINGS, configured.settings(size))
    began = time.monotonic()
    answer = configured.commit(client, proposed)
    answered = time.monotonic() - began
    if answer.is_error:
        raise BenchError(f"the commit was refused: {answer.status_code}: {answer.text}")
    number = configured.committed(answer)
    done: dict[str, float] = {}
    while left := [node for node in lab.nodes if node not in done]:
        for node in left:
            if configured.runs(lab, node, number) and configured.size_said(lab, node) == size:
                done[node] = time.monotonic() - began
        if time.monotonic() - began > LIMIT_SECONDS:
            raise BenchError(f"r{number} is not live on {', '.join(left)}")
        time.sleep(LOOK_SECONDS)
    nodes = ", ".join(f"{node} {at:.3f}" for node, at in sorted(done.items()))
    return max(done.values()), f"answered after {answered:.3f}; {nodes}"

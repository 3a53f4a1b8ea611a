"""A manager with a large repository: how long commits and pages take, of a real server.

Commits come by the API, to a node's file, a subcluster's and everybody's; the kind that takes
longest counts. Pages are log, differences and rendered trees, of API and dashboard; the slowest
counts. No node is up, so nobody is waited for.
"""

import random
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx

from bench import config_history, fleet, pages
from bench.config_history import Size
from bench.errors import BenchError
from bench.options import Teller

CLUSTER, SITE, NODE = "bench", "site2", "mta207"
API = "/api/v1/config"
AGO = 100
"""Revisions between the two sides of a difference."""


@dataclass(frozen=True, slots=True)
class Found:
    """Seconds of each run, of the slowest kind of commit and of the slowest page."""

    commits: list[float]
    pages: list[float]


def measure(size: Size, runs: int, tell: Teller) -> Found:
    """Make the repository, serve it, and time it."""
    seed = random.SystemRandom().randrange(1 << 32)
    with _manager(size, seed, tell) as client:
        commits = {path: _commits(client, path, runs) for path in _changed(size)}
        _say(commits, tell)
        timed = {path: pages.timed(client, path, runs) for path in _pages(size)}
        _say(timed, tell)
    slowest, worst = pages.worst(commits), pages.worst(timed)
    return Found([round(one, 4) for one in slowest], [round(one, 4) for one in worst])


@contextmanager
def _manager(size: Size, seed: int, tell: Teller) -> Iterator[httpx.Client]:
    """A real server over the repository, with a token and a login."""
    with TemporaryDirectory(prefix="muster-bench-") as place:
        directory = Path(place)
        began = time.monotonic()
        config_history.make(directory / "configuration.git", CLUSTER, size, seed)
        told = f"{size.files} files, {size.bytes >> 20} MiB, {size.revisions} revisions"
        tell(f"{told} (seed {seed}) made in {time.monotonic() - began:.1f} s")
        fleet.set_up(directory)
        began = time.monotonic()
        token = _index()
        tell(f"read into the database in {time.monotonic() - began:.1f} s")
        with pages.served() as client:
            client.headers["Authorization"] = f"Bearer {token}"
            yield client


def _index() -> str:
    """Make the rows from git, and a token."""
    from django.contrib.auth import get_user_model

    from cluster_admin.accounts.tokens import make_token
    from cluster_admin.configs import index

    index.rebuild()
    return make_token(get_user_model().objects.get(username="admin"), "bench")[1]


def _changed(size: Size) -> list[str]:
    """A file of one node, one of a subcluster's nodes, and one of all."""
    paths = config_history.paths(size.files)
    return [
        next(path for path in paths if path.startswith(f"{SITE}/{NODE}/")),
        f"{SITE}/default/maps/site00.cf",
        "global/maps/all00.cf",
    ]


def _commits(client: httpx.Client, path: str, runs: int) -> list[float]:
    """Seconds from the request to the answer of each of so many commits to a file."""
    found = []
    for number in range(runs):
        base = _answer(client.get(f"{API}/revisions/", params={"limit": 1}))
        change = {"path": path, "text": f"changed {number} at {time.time_ns()}\n"}
        proposal = {"base": _newest(base), "message": f"Change {path}", "changes": [change]}
        began = time.monotonic()
        answer = client.post(f"{API}/commits/", json=proposal)
        found.append(time.monotonic() - began)
        _answer(answer)
    return found


def _newest(listed: dict[str, object]) -> int:
    rows = listed.get("results", listed.get("revisions"))
    if not isinstance(rows, list) or not rows:
        raise BenchError(f"no revisions are listed: {listed}")
    return int(rows[0]["number"])


def _answer(answer: httpx.Response) -> dict[str, object]:
    if answer.is_error:
        request = answer.request
        raise BenchError(f"{request.method} {request.url}: {answer.status_code}: {answer.text}")
    found: dict[str, object] = answer.json()
    return found


def _pages(size: Size) -> list[str]:
    own, _, everybody = _changed(size)
    last = size.revisions
    return [
        f"{API}/revisions/?limit=50",
        f"{API}/revisions/?limit=50&path={own}",
        f"{API}/revisions/?limit=50&path={SITE}/default",
        f"{API}/revisions/{last}/",
        f"{API}/revisions/{last}/tree/",
        f"{API}/diff/?from={last - 1}&to={last}",
        f"{API}/diff/?from={last - AGO}&to={last}",
        f"{API}/diff/?from={last - AGO}&to={last}&path={everybody}",
        f"{API}/diff/?from={last - AGO}&to={last}&node={NODE}",
        f"{API}/render/{NODE}/?revision={last}",
        "/config/",
        f"/config/?path={own}",
        f"/config/revisions/{last}/",
        f"/config/revisions/{last}/?since={last - AGO}",
        "/config/tree/",
        f"/config/tree/{SITE}/{NODE}/",
        f"/config/file/{own}/",
        f"/config/nodes/{NODE}/",
    ]


def _say(timed: dict[str, list[float]], tell: Teller) -> None:
    for path, runs in timed.items():
        tell(f"{path}: {statistics.median(runs):.3f} s, at most {max(runs):.3f} s")

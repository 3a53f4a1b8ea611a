"""What a page of a large fleet costs: server time of the running server, and its SQL queries.

Queries are counted in this process with Django's own client, with a small fleet and with the large
one; seconds are taken from a real server on loopback, one client, from request to last byte.
"""

import os
import re
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx

from bench import fleet
from bench.errors import BenchError

PATHS = {
    "the live page": "/",
    "the page of VIPs": "/vips/",
    "the page of nodes": "/nodes/",
    "vips of the API": "/api/v1/vips/?page_size=100",
    "nodes of the API": "/api/v1/nodes/?page_size=100",
    "VIPs of the admin": "/admin/vips/vip/",
    "nodes of the admin": "/admin/inventory/node/",
}
START_SECONDS = 30.0


@contextmanager
def large_fleet() -> Iterator[dict[str, tuple[int, int]]]:
    """Fill a database; gives path -> (queries with a small fleet, with the large one)."""
    with TemporaryDirectory(prefix="muster-bench-") as place:
        directory = Path(place)
        fleet.set_up(directory)
        fleet.fill(*fleet.SMALL)
        few = {path: _queries(path) for path in PATHS.values()}
        fleet.fill(fleet.NODES, fleet.VIPS)
        many = {path: _queries(path) for path in PATHS.values()}
        yield {path: (few[path], many[path]) for path in few}


def seconds(paths: Iterable[str], runs: int) -> dict[str, list[float]]:
    """Path -> server seconds of each run, by a real server on the database that is set up."""
    with served() as client:
        return {path: timed(client, path, runs) for path in paths}


@contextmanager
def served() -> Iterator[httpx.Client]:
    """A real server on the database that is set up, and a browser that is signed in."""
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        door.listen(64)
        door.set_inheritable(True)
        url = f"http://127.0.0.1:{door.getsockname()[1]}"
        command = [sys.executable, "-m", "uvicorn", "cluster_admin.asgi:application"]
        command += ["--fd", str(door.fileno()), "--log-level", "warning"]
        server = subprocess.Popen(command, env=dict(os.environ), pass_fds=(door.fileno(),))
        try:
            with _signed_in(url) as client:
                yield client
        finally:
            server.terminate()
            server.wait(10)


def _queries(path: str) -> int:
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    client = Client()
    client.login(username="admin", password=fleet.PASSWORD)
    client.get(path)  # what is cached for the process is not counted
    with CaptureQueriesContext(connection) as seen:
        answer = client.get(path)
    if answer.status_code != 200:
        raise BenchError(f"{path}: {answer.status_code}")
    return len(seen)


@contextmanager
def _signed_in(url: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=url, timeout=START_SECONDS, follow_redirects=True) as client:
        page = client.get("/admin/login/").text
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
        fields = {"username": "admin", "password": fleet.PASSWORD}
        fields["csrfmiddlewaretoken"] = token[1] if token else ""
        client.post("/admin/login/", data=fields, headers={"Referer": f"{url}/admin/login/"})
        if "sessionid" not in client.cookies:
            raise BenchError(f"signing in to {url} failed")
        yield client


def timed(client: httpx.Client, path: str, runs: int) -> list[float]:
    """Seconds of each run, after one that is not counted; raises `BenchError`."""
    found = []
    for _ in range(runs + 1):
        began = time.monotonic()
        answer = client.get(path)
        found.append(time.monotonic() - began)
        if answer.status_code != 200:
            raise BenchError(f"{path}: {answer.status_code}")
    return found[1:]


def worst(found: dict[str, list[float]]) -> list[float]:
    """The runs of the path with the largest median."""
    return max(found.values(), key=statistics.median)

"""Limits in a lab: other ones while it runs, mail by smtp-source, and what became of it."""

import contextlib
import dataclasses
import re
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import httpx

from tests.lab.looking import wait_until
from workers.failover.core.definitions_text import parse, render
from workers.files import durable
from workers.lab.core.hosts import Role
from workers.lab.lab import Lab
from workers.lab.limit_files import LIMITS_SOCKET
from workers.lab.limit_health import ask
from workers.lab.log_files import MAILLOG
from workers.maillog.core.moments import Moments
from workers.replication.core.definitions import Limit, Per, Replication, Subject

SENDER = "load.test"
RECIPIENT = "somebody@lab.test"
LIMIT = Limit("load", Subject.INBOUND_RECIPIENTS, Per.SENDER_DOMAIN, 1_000, 60.0)
_SENT = rf"from=<x@{re.escape(SENDER)}>"
_ADMITTED = re.compile(rf"(.{{15}}) \S+ postfix/qmgr\[\d+\]: ([0-9A-F]{{6,}}): {_SENT}.*active")
_REFUSED = re.compile(rf"(.{{15}}) .*NOQUEUE: reject: RCPT from .* 450 4\.7\.1 .*{_SENT}")
"""The lab's own traffic is of other senders."""


@dataclass
class Fate:
    """When recipients were admitted and refused, seconds since 1970, by the logs' whole seconds."""

    admitted: list[float] = field(default_factory=list)
    refused: list[float] = field(default_factory=list)


def answers(lab: Lab, node: str, place: str) -> dict[str, Any] | None:
    """What a node's API has at a place."""
    return ask(lab.host_directory(node) / LIMITS_SOCKET, place)


def acquired(lab: Lab, node: str, domain: str, ttl: float = 60.0) -> dict[str, Any]:
    """What a node answers who wants to connect to a domain."""
    transport = httpx.HTTPTransport(uds=str(lab.host_directory(node) / LIMITS_SOCKET))
    with httpx.Client(transport=transport, base_url="http://localhost") as client:
        body = {"kind": "connection", "domain": domain, "ttl": ttl}
        found: dict[str, Any] = client.post("/v1/acquire", json=body).json()
    return found


def delivered(lab: Lab) -> int:
    """How many deliveries to the sink the nodes' logs tell, since the lab is up."""
    sink = next(host.address for host in lab.hosts.values() if host.role is Role.SINK)
    texts = [(lab.host_directory(node) / MAILLOG).read_text("utf-8") for node in lab.nodes]
    form = re.compile(rf"relay={re.escape(sink)}\[{re.escape(sink)}\]:25, .*status=sent")
    return sum(len(form.findall(text)) for text in texts)


def redefine(lab: Lab, replication: Replication) -> None:
    """Have every node limit by this from now on."""
    for node in lab.nodes:
        path = lab.host_directory(node) / "state" / "definitions.toml"
        found = parse(path.read_text(), str(path))
        new = dataclasses.replace(found, revision=found.revision + 1, replication=replication)
        durable.replace(path, render(new).encode(), 0o644)
    names = [one.name for one in replication.limits]
    for node in lab.nodes:
        wait_until(lambda node=node: limits_of(lab, node) == names, 20, f"{node} limits by it")


def limits_of(lab: Lab, node: str) -> list[str]:
    """Names of the limits that a node knows."""
    return [one["name"] for one in (answers(lab, node, "/v1/limits") or {}).get("limits", ())]


def value(lab: Lab, node: str, key: str, limit: str) -> int:
    """What a limit counts of a key, as a node sees it; -1: it does not say."""
    found = answers(lab, node, f"/v1/explain?key={quote(key)}") or {}
    return next((one["value"] for one in found.get("limits", ()) if one["name"] == limit), -1)


def rows(lab: Lab, node: str, table: str) -> dict[str, int]:
    """What a table has, as a node sees it."""
    found = answers(lab, node, f"/v1/tables/{table}?top=1000") or {}
    return {key: count for key, count, *_ in found.get("rows", ())}


class Logs:
    """The nodes' mail logs from now on."""

    def __init__(self, lab: Lab) -> None:
        self._paths = {node: lab.host_directory(node) / MAILLOG for node in lab.nodes}
        self._starts = {node: path.stat().st_size for node, path in self._paths.items()}

    def fate(self, node: str) -> Fate:
        """What became of mail to a node."""
        with self._paths[node].open("rb") as log:
            log.seek(self._starts[node])
            text = log.read().decode("utf-8", "replace")
        moments, fate = Moments(-time.timezone), Fate()
        seen: set[str] = set()
        for line in text.splitlines():
            admitted, refused = _ADMITTED.match(line), _REFUSED.match(line)
            found = admitted or refused
            moment = moments.seconds(found[1], time.time()) if found else None
            if moment is None:
                continue
            if refused:
                fate.refused.append(moment)
            elif admitted and admitted[2] not in seen:  # not when it is tried again
                seen.add(admitted[2])
                fate.admitted.append(moment)
        return fate


def source(
    lab: Lab, node: str, *options: str, sender: str = f"x@{SENDER}"
) -> subprocess.Popen[bytes]:
    """smtp-source from the client to a node; it goes on when a recipient is refused."""
    words = ["smtp-source", "-A", "-l", "100", "-f", sender, "-t", RECIPIENT, *options]
    command = lab.command("client", [*words, f"{lab.hosts[node].address}:25"])
    return subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


@contextlib.contextmanager
def load(lab: Lab, nodes: Sequence[str], sessions: int) -> Iterator[None]:
    """Mail in so many sessions to each node, a second between two of each, until the block ends."""
    options = ("-s", str(sessions), "-w", "1", "-m", "1000000")
    sources = [source(lab, node, *options) for node in nodes]
    try:
        yield
    finally:
        for one in sources:
            one.kill()
            one.wait(10)

"""How a lab's manager is, asked over the machine's own loopback as a browser would ask it.

What it says of the cluster is its own picture, heard from the nodes; whether that is complete is
told in sentences. Asking never waits longer than `ASK_SECONDS` for each of two answers.
"""

import http.client
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from workers.lab import manager_files
from workers.lab.state import Record
from workers.lab.surroundings import LOOPBACK

ASK_SECONDS = 1.0
_ANSWER_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class ManagerHealth:
    """What was seen: whether it is ready, else why not, and the answer of /api/v1/status/."""

    problem: str
    """Empty when it answers and is ready."""
    status: Mapping[str, Any] = field(default_factory=dict)

    @property
    def ready(self) -> bool:
        """Whether it can be used."""
        return not self.problem


def look_at_manager(record: Record) -> ManagerHealth | None:
    """Ask; None in a lab without a manager."""
    if not record.port:
        return None
    try:
        code, body = _get(record, "/readyz")
        if code != HTTPStatus.OK:
            return ManagerHealth(f"the manager is not ready: {_reason(code, body)}")
        code, body = _get(record, "/api/v1/status/")
        found = json.loads(body)
    except (OSError, http.client.HTTPException) as error:
        return ManagerHealth(f"the manager does not answer: {error or type(error).__name__}")
    except ValueError:
        return ManagerHealth(f"the manager's status is no JSON (HTTP {code})")
    if code != HTTPStatus.OK:
        return ManagerHealth(f"the manager does not tell its status: {_reason(code, body)}")
    return ManagerHealth("", found)


def missing_in(health: ManagerHealth) -> list[str]:
    """What the manager does not know or reach yet; empty when all is as it should be."""
    if not health.ready:
        return [health.problem]
    found = []
    if health.status.get("listener", {}).get("stale"):
        found.append("the manager's listener hears nothing")
    for subcluster in health.status.get("subclusters", ()):
        found += _missing_of(subcluster)
    return found


def _missing_of(subcluster: Mapping[str, Any]) -> list[str]:
    found = []
    for had, wanted, what in (("alive", "nodes", "nodes alive"), ("owned", "vips", "VIPs owned")):
        if subcluster.get(had, 0) != subcluster.get(wanted, 0):
            counts = f"{subcluster.get(had, 0)} of {subcluster.get(wanted, 0)}"
            found.append(f"the manager knows {counts} {what}")
    acting, revision = subcluster.get("acting_revision_min"), subcluster.get("revision")
    if acting != revision:
        found.append(f"nodes act on definitions {acting}, the manager's are {revision}")
    return found


def _get(record: Record, path: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection(LOOPBACK, record.port, timeout=ASK_SECONDS)
    try:
        token = manager_files.token_of(record)
        connection.request("GET", path, headers={"Authorization": f"Bearer {token}"})
        answer = connection.getresponse()
        return answer.status, answer.read(_ANSWER_BYTES).decode(errors="replace")
    finally:
        connection.close()


def _reason(code: int, body: str) -> str:
    """The first line that an answer gives as its reason."""
    try:
        told = json.loads(body)
        words = str(told.get("detail") or told)
    except (ValueError, AttributeError):
        words = body
    return f"HTTP {code} {' '.join(words.split())[:200]}"

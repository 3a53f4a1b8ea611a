"""How the limits of a lab are: what each node's worker says, and what is still missing."""

import http.client
import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from workers.files.local_http import LocalConnection
from workers.lab.core.hosts import Role
from workers.lab.limit_files import limits_socket
from workers.lab.state import Record

WELL = "with its peers"
ASK_SECONDS = 1.0
ANSWER_BYTES = 1 << 20
Told = Mapping[str, Mapping[str, Any] | None]
"""Node -> what its worker says of itself; None: nothing."""


def look_at_limits(record: Record) -> Told:
    """Ask all nodes at once; nothing in a lab without limits."""
    nodes = record.names(Role.NODE) if record.limits else ()
    if not nodes:
        return {}
    with ThreadPoolExecutor(max_workers=len(nodes)) as pool:
        asked = {name: pool.submit(ask, limits_socket(record, name)) for name in nodes}
    return {name: answer.result() for name, answer in asked.items()}


def standing(told: Mapping[str, Any] | None) -> str:
    """How a node limits, in a word or two."""
    if told is None:
        return "does not answer"
    return "cut off" if told.get("cut_off") else WELL


def missing_in(told: Told) -> list[str]:
    """What is not as it should be; empty when every node limits and hears its peers."""
    found = [f"{name}'s limits do not answer" for name, one in told.items() if one is None]
    for name, one in told.items():
        if one is not None and one.get("cut_off"):
            found.append(f"{name} does not count with its peers")
        found += [f"{name}: {problem}" for problem in (one or {}).get("problems", ())]
    return found


def ask(path: Path, place: str = "/v1/health") -> dict[str, Any] | None:
    """What the API at a UNIX socket has at a place; None when it does not answer with JSON."""
    line = LocalConnection(path, ASK_SECONDS)
    try:
        line.request("GET", place)
        found = json.loads(line.getresponse().read(ANSWER_BYTES))
    except (OSError, ValueError, http.client.HTTPException):
        return None
    finally:
        line.close()
    return found if isinstance(found, dict) else None

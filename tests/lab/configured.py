"""Configuration in a lab: committing by the API, and what nodes run of it, seen from outside."""

import socket
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import httpx

from workers.config.core.applying import Mark
from workers.config.state import State
from workers.lab.core.hosts import namespace
from workers.lab.health import in_namespace
from workers.lab.host_files import config_directory
from workers.lab.lab import Lab

SETTINGS = "default/default/_settings.j2"
"""In the lab's repository: what all its nodes may have otherwise than everybody."""
SMTP = 25
ANSWER_SECONDS = 10.0


def settings(size: int) -> str:
    """Its text, with that limit of a message in bytes."""
    return f"{{% set message_size_limit = {size} %}}\n{{% set process_limit = 20 %}}\n"


def proposal(client: httpx.Client, path: str, text: str) -> dict[str, Any]:
    """A change of one file, to the newest revision; `client` has the manager's address as base."""
    change = {"path": path, "text": text}
    return {"base": newest(client), "message": f"Change {path}", "changes": [change]}


def commit(client: httpx.Client, proposed: dict[str, Any]) -> httpx.Response:
    """What the manager answers to it."""
    return client.post("/api/v1/config/commits/", json=proposed)


def committed(answer: httpx.Response) -> int:
    """The number of the revision that a commit made."""
    assert answer.status_code == HTTPStatus.CREATED, f"{answer.status_code}: {answer.text}"
    return int(answer.json()["revision"])


def text_of(client: httpx.Client, path: str) -> str:
    """A file of the newest revision."""
    answer = client.get(f"/api/v1/config/revisions/{newest(client)}/file/", params={"path": path})
    answer.raise_for_status()
    return str(answer.json()["text"])


def newest(client: httpx.Client) -> int:
    """The number of the newest revision."""
    answer = client.get("/api/v1/config/revisions/", params={"limit": 1})
    answer.raise_for_status()
    return int(answer.json()["results"][0]["number"])


def runs(lab: Lab, node: str, number: int) -> bool:
    """Whether a node is through with applying a revision, or a later one, and it is live."""
    state = State(config_directory(lab.record, node))
    journal = state.journal()
    if journal is None or journal.mark is not Mark.SETTLED or journal.revision < number:
        return False
    return state.live().revision >= number


def size_said(lab: Lab, node: str) -> int:
    """The largest message that a node's Postfix says it takes, asked by the client; 0: none."""
    address = lab.hosts[node].address

    def connect() -> socket.socket:
        return socket.create_connection((address, SMTP), ANSWER_SECONDS)

    with in_namespace(namespace(lab.name, "client"), connect) as door, door.makefile("rwb") as talk:
        _until_last(talk.readline)
        talk.write(b"EHLO client\r\n")
        talk.flush()
        for line in _until_last(talk.readline):
            if line[4:9].upper() == b"SIZE ":
                return int(line[9:])
    return 0


def _until_last(readline: Callable[[], bytes]) -> list[bytes]:
    """The lines of one answer."""
    lines = [readline()]
    while lines[-1][3:4] == b"-":
        lines.append(readline())
    return lines

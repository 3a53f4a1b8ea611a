"""The node's own local API, as its shipper uses it: events of a log, over a UNIX socket.

The API keeps, for each source, up to which offset it was told; what does not go beyond counts
nothing. So who asks first where that is, and tells what comes behind, is counted once.
"""

import http.client
from collections.abc import Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Annotated

import msgspec

from workers.files.local_http import LocalConnection
from workers.maillog.core.reports import Event

ANSWER_SECONDS = 5.0
ANSWER_BYTES = 1 << 16
_NEVER = (
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.UNPROCESSABLE_ENTITY,
)


class DoorError(Exception):
    """Nobody takes the events now; the sentence says why."""


class RefusedError(Exception):
    """These events will never be taken; the sentence says why."""


class Report(msgspec.Struct, frozen=True):
    """Events of `source` up to byte `offset`."""

    source: str
    offset: int
    events: Sequence[Event]


class _Answer(msgspec.Struct, frozen=True):
    offset: Annotated[int, msgspec.Meta(ge=0)]


class LimitsDoor:
    """For one thread. `path`: the socket."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._line: LocalConnection | None = None

    @property
    def there(self) -> bool:
        """Whether there is, or was, somebody who listens."""
        return self._path.exists()

    def position(self, source: str) -> int:
        """Up to where the source is taken; raises `DoorError` or `RefusedError`."""
        return self.report(Report(source, 0, ()))

    def report(self, report: Report) -> int:
        """Up to where the source is taken now; raises `DoorError` or `RefusedError`."""
        try:
            status, content = self._post(msgspec.json.encode(report))
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise DoorError(f"{self._path}: {error or type(error).__name__}") from error
        if status in _NEVER:
            raise RefusedError(f"{self._path} refuses: {content[:200].decode(errors='replace')}")
        try:
            if status != HTTPStatus.OK:
                raise msgspec.DecodeError(f"status {status}")
            return msgspec.json.decode(content, type=_Answer).offset
        except msgspec.DecodeError as error:
            self.close()
            raise DoorError(f"{self._path} answers what cannot be read: {error}") from error

    def close(self) -> None:
        """Let go of the connection."""
        if self._line is not None:
            self._line.close()
            self._line = None

    def _post(self, body: bytes) -> tuple[int, bytes]:
        if self._line is None:
            self._line = LocalConnection(self._path, ANSWER_SECONDS)
        self._line.request("POST", "/v1/report", body, {"Content-Type": "application/json"})
        answer = self._line.getresponse()
        content = answer.read(ANSWER_BYTES + 1)
        if len(content) > ANSWER_BYTES:
            raise http.client.HTTPException("too long an answer")
        return answer.status, content

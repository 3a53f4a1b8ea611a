"""The largest request is enforced before Django sees it, announced or not."""

import asyncio
import base64
import json
from typing import Any

from cluster_admin.api.limits import BodyLimit, Message, Receive, Send
from cluster_admin.rest.bodies import limit_of
from workers.repository.core.changes import FILE_BYTES

LIMIT = 1_000


async def _reads_it_all(scope: Message, receive: Receive, send: Send) -> None:
    size, more = 0, True
    while more:
        message = await receive()
        size += len(message.get("body", b""))
        more = message.get("more_body", False)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": str(size).encode()})


def _asked(
    pieces: list[bytes], headers: Any = (), path: str = "/api/v1/login/"
) -> tuple[int, bytes, int]:
    """Status, body, and how many pieces were taken."""
    waiting = [
        {"type": "http.request", "body": one, "more_body": number < len(pieces)}
        for number, one in enumerate(pieces, 1)
    ]
    sent: list[Message] = []

    async def receive() -> Message:
        return waiting.pop(0)

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {"type": "http", "path": path, "headers": list(headers)}
    asyncio.run(BodyLimit(_reads_it_all, lambda _path: LIMIT)(scope, receive, send))
    return sent[0]["status"], sent[1]["body"], len(pieces) - len(waiting)


def test_what_is_within_the_limit_goes_through() -> None:
    assert _asked([b"x" * 500, b"x" * 500]) == (200, b"1000", 2)


def test_a_length_announced_too_large_is_refused_unread() -> None:
    status, body, taken = _asked([b"x"], [(b"content-length", b"1001")])

    assert (status, taken) == (413, 0)
    assert json.loads(body)["code"] == "too_large"


def test_a_body_without_a_length_is_refused_as_soon_as_it_is_too_large() -> None:
    status, _, taken = _asked([b"x" * 400] * 10)

    assert (status, taken) == (413, 3)


def test_a_commit_that_is_too_large_is_told_how_large_files_come_in() -> None:
    announced = [(b"content-length", b"1001")]

    _, body, _ = _asked([b"x"], announced, "/api/v1/config/commits/")

    assert "bootstrap --configuration" in json.loads(body)["detail"]
    assert "bootstrap" not in json.loads(_asked([b"x"], announced)[1])["detail"]


def test_nonsense_for_a_length_counts_for_nothing() -> None:
    assert _asked([b"x"], [(b"content-length", b"-5"), (b"content-length", b"9x")])[0] == 200


def test_a_page_is_answered_in_words() -> None:
    status, body, _ = _asked([b"x"], [(b"content-length", b"1001")], "/config/new/")

    assert status == 413
    assert body.startswith(b"Nothing was done: the body has more than")


def test_the_largest_file_of_a_configuration_is_within_what_a_commit_may_have() -> None:
    encoded = len(base64.b64encode(bytes(FILE_BYTES)))

    assert encoded + 64 * 1024 < limit_of("/api/v1/config/commits/")
    assert limit_of("/api/v1/login/") < limit_of("/api/v1/config/commits/")

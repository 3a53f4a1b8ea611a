"""What is read of an AMQP stream past pika: just what pika would have read, or nothing."""

from typing import Any

import pika
import pytest
from pika import frame, spec

from workers.bus.deliveries import Delivery, delivery

BODY = bytes(range(256)) * 3


def message(body: bytes = BODY, user: str = "mta1", pieces: int = 1, **more: Any) -> bytes:
    """As a broker sends it."""
    properties = pika.BasicProperties(user_id=user, delivery_mode=1, **more)
    frames: list[Any] = [
        frame.Method(1, spec.Basic.Deliver("ctag1.0f", 7, False, "room", "")),
        frame.Header(1, len(body), properties),
    ]
    size = len(body) // pieces
    frames += [frame.Body(1, body[size * n : size * (n + 1)]) for n in range(pieces) if body]
    return b"".join(one.marshal() for one in frames)


def test_messages_are_read_one_after_another() -> None:
    first, second = message(), message(b"short", "mta16")
    stream = first + second
    assert delivery(stream, 0) == Delivery(BODY, "mta1", len(first))
    assert delivery(stream, len(first)) == Delivery(b"short", "mta16", len(stream))
    assert delivery(stream, len(stream)) is None


@pytest.mark.parametrize("left", range(len(message(b"body"))))
def test_what_is_not_whole_is_left(left: int) -> None:
    assert delivery(message(b"body")[:left], 0) is None


@pytest.mark.parametrize(
    "stream",
    [
        message(b""),
        message(pieces=2),
        message(content_type="text/plain"),
        frame.Heartbeat().marshal() + message(),
        frame.Method(1, spec.Basic.CancelOk("ctag1.0f")).marshal() + message(),
        message()[:-1] + b"\0",
    ],
    ids=["no body", "two body frames", "more properties", "heartbeat", "method", "no end"],
)
def test_what_is_unusual_is_left(stream: bytes) -> None:
    assert delivery(stream, 0) is None

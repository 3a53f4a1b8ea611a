"""What passes between whoever wants templates rendered and the process that renders them.

A frame is its length (4 bytes, big-endian) and msgpack. One `Job` is answered by one `Answer` for
each template it wants, in that order.
"""

import msgspec

from workers.config.core.facts import Facts
from workers.config.core.problems import Problem
from workers.config.core.templates import OUTPUT_BYTES, Output, Source

LENGTH_BYTES = 4
ANSWER_BYTES = OUTPUT_BYTES + 1024 * 1024
"""Of the longest answer: a file of full size, and the secrets that it names."""


class Job(msgspec.Struct, frozen=True):
    """Templates of one node. `sources`: name -> key; `new`: sources not sent before, by key."""

    facts: Facts
    sources: dict[str, str]
    new: dict[str, Source]
    wanted: tuple[str, ...]
    included: frozenset[str]
    """Names among `wanted` that are checked only."""


class Answer(msgspec.Struct, frozen=True):
    """What came of one template: one of both. `exhausted`: it ran out of time or memory."""

    output: Output | None = None
    problem: Problem | None = None
    exhausted: bool = False


def encode(message: Job | Answer) -> bytes:
    """A message as a frame."""
    body = msgspec.msgpack.encode(message)
    return len(body).to_bytes(LENGTH_BYTES, "big") + body

"""Where what was read of a log is cut into chunks."""

CHUNK_BYTES = 1 << 20
"""The most that goes out as one."""


def cut(data: bytes, start: int = 0, *, final: bool, limit: int = CHUNK_BYTES) -> int:
    """How many bytes of what was read go out now, from `start` on: whole lines, at most `limit`.

    A line that is longer goes out in pieces of `limit`; a line that has no end yet waits, unless
    the log is `final`: nobody writes to it any more. 0: nothing goes out yet.
    """
    end = data.rfind(b"\n", start, start + limit) + 1
    if end:
        return end - start
    there = len(data) - start
    return min(there, limit) if final or there >= limit else 0

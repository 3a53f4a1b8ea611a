"""Where web processes get live tables and limits from: the listener on this host."""

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.db import connection

from cluster_admin.replication import door

SECONDS = 5.0
Readable = frozenset[str] | None
"""Subclusters that the asker may read; None: every one."""


class SourceError(Exception):
    """No answer: `code` is unavailable, throttled, not_found or invalid."""

    def __init__(self, sentence: str, code: str) -> None:
        super().__init__(sentence)
        self.code = code


def ask(
    what: str, readable: Readable, asked: Mapping[str, Any], seconds: float = SECONDS
) -> dict[str, Any]:
    """The listener's answer; raises `SourceError`."""
    if not connection.in_atomic_block:
        connection.close()  # waiting has no use for it
    may = None if readable is None else sorted(readable)
    question = {"ask": what, "readable": may, **asked}
    try:
        told = door.ask(settings.MUSTER_SHARED_SOCKET, question, seconds)
    except door.DoorError as error:
        raise SourceError(str(error), "unavailable") from error
    if "error" in told:
        raise SourceError(str(told["error"]), str(told.get("code")))
    return told

"""Signatures of the tasks that managers hand to nodes: not all who reach a queue are managers.

A signature is an HMAC-SHA256 with a cluster key over cluster, task, node and arguments, in
hexadecimal; it travels in the task's header `HEADER`. The first key signs, all keys verify, as with
messages. Invariant: what is signed for one node or task verifies for no other, and never as a
message of `codec`, which begins otherwise. Replays are not seen here.
"""

import hmac
import json
from collections.abc import Sequence
from typing import Any

from workers.bus.codec import check_keys

HEADER = "muster_signature"
_PURPOSE = b"task\0"


class Signer:
    """Signs and verifies the tasks of one cluster; raises `BusError` for keys that sign nothing."""

    def __init__(self, cluster: str, keys: Sequence[bytes]) -> None:
        check_keys(keys)
        self._cluster = cluster
        self._keys = tuple(keys)

    def headers(self, task: str, node: str, arguments: Sequence[Any]) -> dict[str, str]:
        """What to send along; raises `ValueError` or `TypeError` for what JSON cannot say."""
        return {HEADER: _signature(self._keys[0], self._signed(task, node, arguments))}

    def verifies(self, task: str, node: str, arguments: Sequence[Any], signature: object) -> bool:
        """Whether somebody with a key of the cluster signed that; False for whatever else comes."""
        try:
            signed = self._signed(task, node, arguments)
        except (ValueError, TypeError, RecursionError):
            return False
        told = str(signature).encode("utf-8", "replace")
        found = [hmac.compare_digest(told, _signature(k, signed).encode()) for k in self._keys]
        return any(found)

    def _signed(self, task: str, node: str, arguments: Sequence[Any]) -> bytes:
        """The same bytes on both sides, and others for whatever else is said."""
        named = [self._cluster, task, node, list(arguments)]
        return json.dumps(named, allow_nan=False, separators=(",", ":")).encode("ascii")


def _signature(key: bytes, signed: bytes) -> str:
    return hmac.digest(key, _PURPOSE + signed, "sha256").hex()

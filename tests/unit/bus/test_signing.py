"""Signed tasks: what a manager asked of one node verifies there, and nothing else does anywhere."""

import json
from typing import Any

import pytest

from workers.bus.errors import BusError
from workers.bus.signing import HEADER, Signer

OLD, NEW, FOREIGN = b"o" * 32, b"n" * 32, b"f" * 32
ARGUMENTS: list[Any] = ["default", 7, {"text": "é\n\ud800", "on": True, "none": None, "x": 1.5}]


def signature(*keys: bytes, cluster: str = "demo") -> str:
    return Signer(cluster, keys or (OLD,)).headers("task", "mta1", ARGUMENTS)[HEADER]


def verifies(told: object, *keys: bytes, **others: Any) -> bool:
    asked = {"task": "task", "node": "mta1", "arguments": ARGUMENTS, **others}
    cluster = asked.pop("cluster", "demo")
    return Signer(cluster, keys or (OLD,)).verifies(**asked, signature=told)


def test_what_was_signed_verifies_after_its_way_through_json() -> None:
    assert verifies(signature(), arguments=json.loads(json.dumps(ARGUMENTS)))


@pytest.mark.parametrize(
    "other",
    [
        {"cluster": "other"},
        {"task": "another"},
        {"node": "mta2"},
        {"arguments": ["default", 8, ARGUMENTS[2]]},
        {"arguments": ["default", "7", ARGUMENTS[2]]},
        {"arguments": ["default", 7.0, ARGUMENTS[2]]},
        {"arguments": ["default", True, ARGUMENTS[2]]},
        {"arguments": [*ARGUMENTS, None]},
        {"arguments": ARGUMENTS[:2]},
        {"arguments": []},
    ],
)
def test_nothing_else_does(other: dict[str, Any]) -> None:
    assert not verifies(signature(), **other)


@pytest.mark.parametrize("told", [None, "", "00" * 32, b"\xff", 7, ["x"], "\ud800", "é" * 64])
def test_no_signature_is_none(told: object) -> None:
    assert not verifies(told)


def test_what_json_cannot_say_is_not_signed_and_never_verifies() -> None:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    for arguments in ([float("nan")], [b"bytes"], [deep]):
        assert not verifies(signature(), arguments=arguments)
    with pytest.raises(ValueError, match="not JSON compliant"):
        Signer("demo", [OLD]).headers("task", "mta1", [float("nan")])


def test_a_foreign_key_does_not_sign() -> None:
    assert not verifies(signature(FOREIGN))


@pytest.mark.parametrize(
    ("managers", "nodes"),
    [
        ((OLD,), (OLD, NEW)),
        ((OLD, NEW), (OLD,)),
        ((OLD, NEW), (NEW, OLD)),
        ((NEW, OLD), (OLD, NEW)),
        ((NEW, OLD), (NEW,)),
        ((NEW,), (NEW, OLD)),
    ],
)
def test_while_a_key_changes_nobody_is_refused(
    managers: tuple[bytes, ...], nodes: tuple[bytes, ...]
) -> None:
    assert verifies(signature(*managers), *nodes)


@pytest.mark.parametrize("keys", [(), (b"short",), (OLD, b"short")])
def test_keys_that_sign_nothing_are_refused(keys: tuple[bytes, ...]) -> None:
    with pytest.raises(BusError, match="a cluster key of at least 16 bytes is needed"):
        Signer("demo", keys)

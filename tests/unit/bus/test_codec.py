"""The codec: what comes back is what was said, and everything else is refused with its reason."""

import msgspec
import pytest

from workers.bus.codec import MAX_BYTES, MAX_PLAIN_BYTES, TAG_BYTES, Codec, Refusal, Refused
from workers.bus.errors import BusError
from workers.failover.core.messages import (
    Claim,
    DefinitionsPiece,
    Heard,
    Heartbeat,
    Message,
    Neighbourhood,
    NodeState,
    Opinion,
    Question,
)

OLD, NEW = b"o" * 32, b"n" * 32
HEARTBEAT = Heartbeat(
    node="mta1",
    incarnation=7,
    sequence=3,
    sent_at=12.5,
    state=NodeState.READY,
    revision=1,
    known_revision=2,
    view="abc",
    macs=("02:4d:c6:12:00:0b",),
    heard=(Heard("mta2", 4, 9, 120),),
    claims=(Claim("198.18.0.101", 5),),
    digest=99,
)
MESSAGES: list[Message] = [
    HEARTBEAT,
    Question(node="mta1", to="mta2", number=1, vips=("198.18.0.101", "2001:db8::1")),
    Opinion(node="mta2", to="mta1", number=1, proved=True, silent=("198.18.0.101",), held=()),
    DefinitionsPiece(
        node="mta1", to="mta2", revision=3, checksum=1, index=0, count=2, data=bytes(40_000)
    ),
    Neighbourhood(node="mta1", hosts=(("198.18.0.7", "02:4d:c6:12:00:07"),) * 512),
]


def codec(*keys: bytes, cluster: str = "demo", subcluster: str = "default") -> Codec[Message]:
    return Codec(cluster, subcluster, keys or (OLD,), Message)


def refusal(data: bytes, by: Codec[Message] | None = None) -> Refusal:
    with pytest.raises(Refused) as refused:
        (by or codec()).decode(data)
    assert refused.value.refusal.value in str(refused.value)
    return refused.value.refusal


def changed(**fields: object) -> bytes:
    """A well-signed heartbeat with other values in some fields."""
    values = {**msgspec.to_builtins(HEARTBEAT), **fields}
    free: Codec[object] = Codec("demo", "default", [OLD], object)
    return free.encode(values)


@pytest.mark.parametrize("message", MESSAGES, ids=lambda m: type(m).__name__)
def test_every_message_comes_back_as_it_was(message: Message) -> None:
    assert codec().decode(codec().encode(message)) == message


def test_a_heartbeat_is_small() -> None:
    assert len(codec().encode(HEARTBEAT)) < 300


def test_the_first_key_signs_and_all_keys_verify() -> None:
    rotating = codec(NEW, OLD)
    assert rotating.decode(codec(OLD).encode(HEARTBEAT)) == HEARTBEAT
    assert codec(NEW).decode(rotating.encode(HEARTBEAT)) == HEARTBEAT
    assert refusal(rotating.encode(HEARTBEAT), codec(OLD)) is Refusal.BAD_SIGNATURE


@pytest.mark.parametrize(
    "names",
    [
        {"cluster": "other"},
        {"subcluster": "other"},
        {"cluster": "demod", "subcluster": "efault"},  # the same letters, cut elsewhere
    ],
)
def test_another_cluster_is_told_from_a_forgery(names: dict[str, str]) -> None:
    assert refusal(codec(**names).encode(HEARTBEAT)) is Refusal.FOREIGN_CLUSTER


def test_another_version_is_told_apart() -> None:
    data = codec().encode(HEARTBEAT)
    assert refusal(bytes([data[0] + 1]) + data[1:]) is Refusal.UNKNOWN_VERSION


def test_a_message_cut_short_is_refused_at_every_length() -> None:
    data = codec().encode(HEARTBEAT)
    header = len(b"\1\4demo\7default") + TAG_BYTES
    for length in range(len(data)):
        expected = Refusal.TRUNCATED if length < header else Refusal.BAD_SIGNATURE
        assert refusal(data[:length]) is expected


def test_every_flipped_bit_is_noticed() -> None:
    data = codec().encode(HEARTBEAT)
    for bit in range(8 * len(data)):
        flipped = bytearray(data)
        flipped[bit // 8] ^= 1 << bit % 8
        refusal(bytes(flipped))


def test_too_much_is_refused_both_ways() -> None:
    piece = DefinitionsPiece(
        node="a", to="b", revision=1, checksum=1, index=0, count=1, data=bytes(MAX_PLAIN_BYTES)
    )
    with pytest.raises(Refused) as refused:
        codec().encode(piece)
    assert refused.value.refusal is Refusal.OVERSIZED
    assert refusal(bytes(MAX_BYTES + 1)) is Refusal.OVERSIZED


def test_all_claims_of_the_largest_cluster_fit() -> None:
    claims = tuple(Claim(f"10.{i >> 8}.{i & 255}.{i * 7 & 255}", i % 50) for i in range(10_240))
    full = msgspec.structs.replace(HEARTBEAT, claims=claims)
    data = codec().encode(full)
    assert len(data) < MAX_BYTES
    assert codec().decode(data) == full


def test_a_compressed_flood_is_refused() -> None:
    import zlib

    free: Codec[object] = Codec("demo", "default", [OLD], object)
    bomb = b"\1" + zlib.compress(bytes(64 * 1024 * 1024), 9)
    signed = free._header + free._tag(OLD, bomb) + bomb
    assert refusal(signed[:MAX_BYTES]) in {Refusal.BAD_SIGNATURE, Refusal.MALFORMED}
    small = b"\1" + zlib.compress(bytes(MAX_PLAIN_BYTES + 1), 9)
    assert refusal(free._header + free._tag(OLD, small) + small) is Refusal.MALFORMED


@pytest.mark.parametrize(
    "fields",
    [
        {"sent_at": float("nan")},
        {"sent_at": float("inf")},
        {"sent_at": -1.0},
        {"sequence": -1},
        {"incarnation": 2**63},
        {"incarnation": 1.5},
        {"epoch": 1, "claims": [["198.18.0.101", -5]]},
        {"node": ""},
        {"node": "x" * 64},
        {"macs": ["x" * 65]},
        {"claims": [["x" * 46, 1]]},
        {"state": "emperor"},
        {"type": "rumour"},
        {"heard": 7},
        {"view": None},
    ],
)
def test_values_no_node_would_send_are_refused(fields: dict[str, object]) -> None:
    assert refusal(changed(**fields)) is Refusal.MALFORMED


def test_a_field_of_a_later_version_is_ignored() -> None:
    assert codec().decode(changed(mood="good")) == HEARTBEAT


@pytest.mark.parametrize(
    ("names", "keys"),
    [
        ({"cluster": ""}, [OLD]),
        ({"cluster": "x" * 64}, [OLD]),
        ({"subcluster": ""}, [OLD]),
        ({}, []),
        ({}, [OLD, b"short"]),
    ],
)
def test_a_codec_needs_names_and_keys(names: dict[str, str], keys: list[bytes]) -> None:
    with pytest.raises(BusError):
        Codec(**{"cluster": "demo", "subcluster": "default", **names}, keys=keys, message_type=int)

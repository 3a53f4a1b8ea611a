"""Whatever the bytes, `decode` answers with a message or with `Refused`; nothing else ever."""

import contextlib
import random

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from workers.bus.codec import Codec, Refusal, Refused
from workers.failover.core import messages as m

KEY = b"k" * 32
CODEC: Codec[m.Message] = Codec("demo", "default", [KEY], m.Message)
SIGNER: Codec[object] = Codec("demo", "default", [KEY], object)
ROUNDS = 20_000

names = st.text(st.characters(codec="utf-8"), min_size=1, max_size=63)
numbers = st.integers(0, 2**53)
vips = st.ip_addresses().map(str)
vip_lists = st.lists(vips, max_size=20).map(tuple)
heartbeats = st.builds(
    m.Heartbeat,
    node=names,
    incarnation=numbers,
    sequence=numbers,
    sent_at=st.floats(0, 1e10),
    clock=numbers,
    state=st.sampled_from(m.NodeState),
    revision=numbers,
    known_revision=numbers,
    view=st.text(st.characters(codec="utf-8"), max_size=128),
    macs=st.lists(st.text("0123456789abcdef:", max_size=64), max_size=4).map(tuple),
    heard=st.lists(st.builds(m.Heard, names, numbers, numbers, numbers), max_size=9).map(tuple),
    claims=st.none() | st.lists(st.builds(m.Claim, vips, numbers), max_size=200).map(tuple),
    digest=numbers,
    cannot=vip_lists,
    late=st.booleans(),
    asks=st.booleans(),
)
questions = st.builds(m.Question, node=names, to=names, number=numbers, vips=vip_lists)
opinions = st.builds(
    m.Opinion,
    node=names,
    to=names,
    number=numbers,
    proved=st.booleans(),
    silent=vip_lists,
    held=vip_lists,
)
mediations = st.builds(
    m.Mediation,
    node=names,
    to=names,
    owner=st.builds(m.Heard, names, numbers, numbers, numbers),
    claims=st.lists(st.builds(m.Claim, vips, numbers), max_size=m.MEDIATED_MAX).map(tuple),
)
pieces = st.builds(
    m.DefinitionsPiece,
    node=names,
    to=names,
    revision=numbers,
    checksum=st.integers(0, 2**32 - 1),
    index=st.integers(0, 65_535),
    count=st.integers(0, 65_535),
    data=st.binary(max_size=40_000),
)
neighbourhoods = st.builds(
    m.Neighbourhood,
    node=names,
    hosts=st.lists(st.tuples(vips, st.text(max_size=64)), max_size=512).map(tuple),
)
messages = heartbeats | questions | opinions | mediations | pieces | neighbourhoods
anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats()
    | st.text()
    | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(messages)
def test_what_was_said_comes_back(message: m.Message) -> None:
    assert CODEC.decode(CODEC.encode(message)) == message


@given(st.binary(max_size=300))
def test_random_bytes_are_refused(data: bytes) -> None:
    assert _refusal(data) is not Refusal.MALFORMED


@given(messages, st.data())
def test_changed_bytes_are_refused(message: m.Message, data: st.DataObject) -> None:
    good = CODEC.encode(message)
    position = data.draw(st.integers(0, len(good) - 1))
    other = data.draw(st.integers(0, 255).filter(lambda byte: byte != good[position]))
    assert _refusal(good[:position] + bytes([other]) + good[position + 1 :])


@given(messages, st.data())
def test_cut_or_lengthened_bytes_are_refused(message: m.Message, data: st.DataObject) -> None:
    good = CODEC.encode(message)
    assert _refusal(good[: data.draw(st.integers(0, len(good) - 1))])
    assert _refusal(good + data.draw(st.binary(min_size=1, max_size=50)))


@given(anything)
def test_signed_nonsense_is_malformed(value: object) -> None:
    with contextlib.suppress(Refused):
        assert _refusal(SIGNER.encode(value)) is Refusal.MALFORMED


@given(heartbeats, st.sampled_from(m.Heartbeat.__struct_fields__), anything)
def test_signed_heartbeats_with_a_wrong_value_never_crash(
    heartbeat: m.Heartbeat, field: str, value: object
) -> None:
    built = {**msgspec.to_builtins(heartbeat), field: value}
    with contextlib.suppress(Refused):
        decoded = CODEC.decode(SIGNER.encode(built))
        assert isinstance(decoded, m.Heartbeat)


def test_thousands_of_spoilt_payloads_under_a_good_signature_never_crash() -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    rng = random.Random(seed)
    heartbeat = m.Heartbeat(
        node="mta1",
        incarnation=1,
        sequence=1,
        sent_at=1.0,
        state=m.NodeState.READY,
        revision=1,
        known_revision=1,
        view="v",
        macs=("02:00:00:00:00:01",),
        heard=(m.Heard("mta2", 1, 1, 1),),
        claims=(m.Claim("198.18.0.101", 1),),
        digest=1,
    )
    plain = msgspec.msgpack.encode(heartbeat)
    for _ in range(ROUNDS):
        spoilt = bytearray(plain)
        for _flip in range(rng.randrange(1, 4)):
            spoilt[rng.randrange(len(spoilt))] = rng.randrange(256)
        payload = bytes([rng.randrange(3)]) + bytes(spoilt[: rng.randrange(len(spoilt) + 1)])
        with contextlib.suppress(Refused):
            CODEC.decode(SIGNER._header + SIGNER._tag(KEY, payload) + payload)


def _refusal(data: bytes) -> Refusal:
    try:
        CODEC.decode(data)
    except Refused as refused:
        return refused.refusal
    raise AssertionError("it was taken")

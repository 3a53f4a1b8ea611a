"""What nodes tell of their configuration: it fits a message, whatever happened."""

import hashlib

import pytest

from workers.bus.codec import Codec, Refused
from workers.config.core.manifests import Drift, DriftKind
from workers.config.core.messages import (
    EDIT_BYTES,
    Applied,
    Edited,
    Message,
    Standing,
    shorter,
)
from workers.config.core.reports import DRIFT_MAX, Outcome, Report, Step

CODEC: Codec[Message] = Codec("demo", "site", [b"k" * 32], Message)


def noise(size: int) -> bytes:
    """Bytes that no compression makes fewer, the same each time."""
    block = b""
    while len(block) < size:
        block += hashlib.sha256(block[-32:] + size.to_bytes(8, "big")).digest()
    return block[:size]


DRIFT = tuple(Drift(f"{n}/{noise(400 + n).hex()}", DriftKind.ADDED) for n in range(DRIFT_MAX))
STANDING = Standing(
    node="mta1",
    started_at="2026-11-28T12:00:00.000+00:00",
    sequence=1,
    number=7,
    commit="a" * 40,
    live=6,
    live_hash="b" * 64,
    drift=DRIFT,
    drift_count=DRIFT_MAX,
)
APPLIED = Applied(
    node="mta1",
    started_at="2026-11-28T12:00:00.000+00:00",
    sequence=2,
    report=Report(
        revision=7,
        hash="b" * 64,
        outcome=Outcome.KEPT,
        sentence="s" * 500,
        step=Step.VALIDATE,
        output=noise(32_000).hex(),
        seconds={Step.SAVE: 0.1, Step.STAGE: 0.2},
        drift=DRIFT,
        drift_count=DRIFT_MAX,
    ),
)


@pytest.mark.parametrize("message", [STANDING, APPLIED])
def test_what_is_too_large_is_told_with_less_detail(message: Message) -> None:
    with pytest.raises(Refused):
        CODEC.encode(message)
    shown: Message | None = message
    for _ in range(20):
        assert shown is not None
        try:
            told = CODEC.decode(CODEC.encode(shown))
        except Refused:
            shown = shorter(shown)
        else:
            break

    assert told == shown
    if isinstance(told, Standing):
        assert told.drift_count == DRIFT_MAX > len(told.drift) > 0
    if isinstance(told, Applied):
        assert told.report.sentence == "s" * 500
        assert told.report.output


def test_what_has_no_details_cannot_be_shorter() -> None:
    shown: Message | None = APPLIED
    steps = 0
    while shown is not None:
        shown, steps = shorter(shown), steps + 1

    assert steps < 40


def test_the_largest_edit_fits() -> None:
    edit = Edited(
        node="m" * 63,
        started_at="2026-11-28T12:00:00.000+00:00",
        sequence=2**53,
        live=2**53,
        path="p" * 1_024,
        content=noise(EDIT_BYTES),
        executable=True,
        more=True,
    )

    assert CODEC.decode(CODEC.encode(edit)) == edit
    assert shorter(edit) is None

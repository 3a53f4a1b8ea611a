"""Limits and refusals as pages show them: badges, bars, and refusals in sentences."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from cluster_admin.dashboard.badges import Badge

ROOM = Badge("room", "good", "check", "nobody is near it")
NEAR = Badge("near", "warn", "half", "somebody has used most of it")
REACHED = Badge("reached", "bad", "alert", "somebody has used all of it, and is refused")
TRIED = Badge("tried", "info", "question", "it only says what it would refuse")
OFF = Badge("off", "muted", "slash", "it is defined, and does not count")
NEAR_SHARE = 0.8
ACTIONS = {"defer": "told to come again", "reject": "told no", "hold": "held for somebody to look"}


@dataclass(frozen=True, slots=True)
class Bar:
    """A key, and a bar as long as its share."""

    key: str
    value: int
    most: int
    percent: str
    width: str
    tone: str


@dataclass(frozen=True, slots=True)
class LimitRow:
    """A limit, ready to be shown."""

    told: Mapping[str, Any]
    badge: Badge
    bar: Bar
    near: list[Bar]


@dataclass(frozen=True, slots=True)
class RefusalRow:
    """A refusal, ready to be shown."""

    told: Mapping[str, Any]
    at: datetime
    sentence: str


def limit_row(told: Mapping[str, Any]) -> LimitRow:
    """A limit as the listener tells it."""
    return LimitRow(told, badge_of(told), bar(told), [bar(one) for one in told.get("near", ())])


def badge_of(told: Mapping[str, Any]) -> Badge:
    """How near it is to being reached; what is tried or off says so first."""
    if not told["enabled"]:
        return OFF
    if told["test"]:
        return TRIED
    return REACHED if told["share"] >= 1 else NEAR if told["share"] >= NEAR_SHARE else ROOM


def bar(told: Mapping[str, Any]) -> Bar:
    """Of a key."""
    share = float(told["share"])
    tone = "bad" if share >= 1 else "warn" if share >= NEAR_SHARE else "info"
    width = f"{min(100.0, 100 * share):.2f}%"
    return Bar(told["key"], told["value"], told["most"], f"{100 * share:.0f} %", width, tone)


def refusal_row(told: Mapping[str, Any]) -> RefusalRow:
    """A refusal with why it was one."""
    return RefusalRow(told, datetime.fromtimestamp(told["at"], UTC), why(told))


def why(told: Mapping[str, Any]) -> str:
    """One sentence that answers: why was this refused?"""
    whose = f"{told['key']} had {told['value']} of {told['most']} counted on all nodes"
    if told["test"]:
        return f"{whose}; limit {told['limit']} is only tried: nobody was refused"
    did = ACTIONS.get(told["action"], told["action"])
    return f"{whose}: limit {told['limit']} was reached, so it was {did}"

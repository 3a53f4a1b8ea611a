"""What words after `muster lab fault KIND` and `muster lab heal` mean.

Invariant: a Fault that leaves here names hosts of this lab, fit for its kind; everything else is a
FaultError whose message says what would do.
"""

import re
from collections.abc import Sequence

from workers.lab.core.faults import Fault, FaultError, FaultKind
from workers.lab.core.hosts import Host, Role

CLOCK_STEP_SECONDS = 3600
_SEPARATORS = ("|", "/")
_AGENT_KINDS = (
    FaultKind.KILL_AGENT,
    FaultKind.KILL_AGENT_FOR_GOOD,
    FaultKind.CLEAN_STOP,
    FaultKind.STOP_AGENT,
    FaultKind.CLOCK_STEP,
    FaultKind.RING_B_DOWN,
    FaultKind.SPLIT,
)
_BROKER_KINDS = (FaultKind.BROKER_KILL, FaultKind.BROKER_FREEZE, FaultKind.BROKER_CUT)
_ALL_WHEN_NONE = (*_BROKER_KINDS, FaultKind.SPLIT, FaultKind.RING_B_DOWN)
_PAIR_KINDS = (FaultKind.CUT, FaultKind.ONE_WAY)


def kind_named(name: str) -> FaultKind:
    """The kind of fault called `name`."""
    try:
        return next(kind for kind in FaultKind if kind.value == name)
    except StopIteration:
        known = ", ".join(kind.value for kind in FaultKind)
        raise FaultError(f"there is no fault {name!r}; the faults are: {known}") from None


def fault_on(kind: FaultKind, words: Sequence[str], hosts: Sequence[Host]) -> Fault:
    """The fault of `kind` that `words` ask for."""
    words, seconds = _without_seconds(kind, words)
    parts = _parts(words)
    if kind is not FaultKind.PARTITION and len(parts) > 1:
        raise FaultError(f"{kind.value} has no parts: {kind.value} {kind.usage}")
    fit = [host.name for host in hosts if _fits(kind, host)]
    if not parts and kind in _ALL_WHEN_NONE:
        parts = (tuple(fit),) if fit else ()
    _check(kind, parts, fit)
    return Fault(kind, parts, seconds)


def healed_by(words: Sequence[str], faults: Sequence[Fault], hosts: Sequence[Host]) -> list[Fault]:
    """Those of `faults` that `heal WORDS` ends: all, or those of the kinds and hosts named."""
    if not words or "all" in words:
        return list(faults)
    names = {host.name for host in hosts}
    kinds = {kind_named(word) for word in words if word not in names}
    wanted = {word for word in words if word in names}
    return [
        fault
        for fault in faults
        if (not kinds or fault.kind in kinds) and (not wanted or wanted & set(fault.targets))
    ]


def _without_seconds(kind: FaultKind, words: Sequence[str]) -> tuple[Sequence[str], int]:
    if kind is not FaultKind.CLOCK_STEP:
        return words, 0
    if words and re.fullmatch(r"[+-]?\d{1,9}", words[-1]):
        if int(words[-1]) == 0:
            raise FaultError("a clock step of 0 seconds is none: give seconds, such as -3600")
        return words[:-1], int(words[-1])
    return words, CLOCK_STEP_SECONDS


def _parts(words: Sequence[str]) -> tuple[tuple[str, ...], ...]:
    parts: list[list[str]] = [[]]
    for word in words:
        if word in _SEPARATORS:
            parts.append([])
        else:
            parts[-1].extend(name for name in word.split(",") if name)
    return tuple(tuple(part) for part in parts if part)


def _fits(kind: FaultKind, host: Host) -> bool:
    if kind in _AGENT_KINDS:
        return host.role is Role.NODE
    if kind in _BROKER_KINDS:
        return host.role is Role.BROKER
    return True


def _check(kind: FaultKind, parts: Sequence[Sequence[str]], fit: Sequence[str]) -> None:
    names = [name for part in parts for name in part]
    for name in names:
        if name not in fit:
            able = ", ".join(fit) or "none in this lab"
            raise FaultError(f"{kind.value} cannot be done to {name!r}; hosts it fits: {able}")
    if len(set(names)) != len(names):
        raise FaultError(f"{kind.value}: a host is named twice in {' '.join(names)!r}")
    usage = f"usage: muster lab fault {kind.value} {kind.usage}"
    if not names:
        raise FaultError(f"{kind.value} needs a target; {usage}")
    if kind in _PAIR_KINDS and len(names) != 2:
        raise FaultError(f"{kind.value} is between two hosts, not {len(names)}; {usage}")
    if kind is FaultKind.PARTITION and len(parts) < 2:
        raise FaultError(f"partition needs two parts or more, separated by '/' or '|'; {usage}")

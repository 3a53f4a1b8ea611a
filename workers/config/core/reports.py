"""What a node tells of one application of a revision: the outcome, the step that failed, the time.

Steps stand in the order in which they are taken; those from `restore` on happen only when the tree
before has to come back. Every text is bounded, so that a report fits a message.
"""

from enum import StrEnum

import msgspec

from workers.config.core.manifests import Drift

OUTPUT_BYTES = 65_536
"""Of all outputs in one report together."""
SENTENCE_CHARACTERS = 500
DRIFT_MAX = 200
"""Paths that a report names; their number is told in any case."""


class Step(StrEnum):
    """What an application does, one after the other."""

    SAVE = "save"
    """Local edits of the live tree are put aside."""
    STAGE = "stage"
    """The new tree is written beside the live one, durably."""
    VALIDATE = "validate"
    SWITCH = "switch"
    """`current` becomes the new tree."""
    RELOAD = "reload"
    CHECK = "check"
    RESTORE = "restore"
    """`current` becomes the tree before again."""
    RELOAD_OLD = "reload_old"
    CHECK_OLD = "check_old"
    SETTLE = "settle"
    """The journal is closed, and what nobody needs any more is removed."""


class Outcome(StrEnum):
    """What came of an application."""

    APPLIED = "applied"
    """The new tree is live and healthy."""
    UNCHANGED = "unchanged"
    """It was live already; nothing was touched."""
    REFUSED = "refused"
    """Nothing was begun; the sentence says why."""
    KEPT = "kept"
    """A step before the switch failed; the tree before was live all the time."""
    TURNED_BACK = "turned_back"
    """The new tree did not do; the one before is live and healthy again."""
    STRANDED = "stranded"
    """Turning back failed too; somebody has to look at this node now."""


class Result(msgspec.Struct, frozen=True):
    """What came of one step. `sentence`: what was wrong; `output`: what a command wrote."""

    good: bool
    sentence: str = ""
    output: str = ""


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """One application, as a node tells it. `revision` and `hash` are those that were wanted."""

    revision: int
    hash: str
    outcome: Outcome
    sentence: str
    step: Step | None = None
    """The first step that failed; None when none did."""
    output: str = ""
    """What the failed steps wrote, each under its name; at most `OUTPUT_BYTES`."""
    seconds: dict[Step, float] = {}
    live_revision: int = 0
    """What is live now; 0 and an empty hash when nothing is."""
    live_hash: str = ""
    drift: tuple[Drift, ...] = ()
    """What people had changed in the live tree, the first `DRIFT_MAX` paths."""
    drift_count: int = 0
    edits: str = ""
    """The directory that the changed files were saved in; empty when there were none."""
    resumed: bool = False
    """Whether this finishes what a power loss or a killed worker had interrupted."""
    key: str = ""
    """Names the application, so that it counts once when it is told again; "": it was not begun."""


def shortened(text: str, limit_bytes: int) -> str:
    """The text, or its beginning and end with a line between that says how much is left out."""
    data = text.encode("utf-8", "replace")
    if len(data) <= limit_bytes:
        return data.decode("utf-8")
    half = max(0, limit_bytes - 60) // 2
    head = data[:half].decode("utf-8", "ignore")
    tail = data[len(data) - half :].decode("utf-8", "ignore")
    return f"{head}\n[{len(data) - 2 * half} bytes are left out here]\n{tail}"

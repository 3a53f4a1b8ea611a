"""Applying a revision: whether to begin, which step follows which, and what came of it.

Invariants: before the switch a failure changes nothing that is live; after it a failure leads back
to the tree before, which is reloaded and checked again; after a death at any instant the journal
and `current` say together how to go on. Who performs and times the steps is not here.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum, StrEnum

import msgspec
from msgspec.structs import replace

from workers.config.core.manifests import Drift
from workers.config.core.reports import (
    DRIFT_MAX,
    OUTPUT_BYTES,
    SENTENCE_CHARACTERS,
    Outcome,
    Report,
    Result,
    Step,
    shortened,
)

JOURNAL_OUTPUT_BYTES = 16_384
"""Of a report that the journal keeps."""
INTERRUPTED = "it was interrupted by a power loss or a killed worker"


class Autoupdate(StrEnum):
    """What a node does with a new revision by itself."""

    TRUE = "true"
    """Apply it; local edits are saved first."""
    IFUNCHANGED = "ifunchanged"
    """Apply it unless there are local edits."""
    FALSE = "false"
    """Apply what an operator asks for, nothing else."""


class Refusal(Enum):
    """Why an application is not begun; the value is the sentence shown to people."""

    OLDER = "it is older than what is live; ask for a rollback if you mean it"
    NOT_ORDERED = "this node has autoupdate = false; apply it by hand"
    EDITED = (
        "this node has autoupdate = ifunchanged, and its files were edited; "
        "commit the edits, or apply it over them"
    )
    BUSY = "another application is under way on this node; try again when it is over"


class Mark(StrEnum):
    """How far an application is, as the journal says after a death."""

    STAGING = "staging"
    SWITCHING = "switching"
    TURNING_BACK = "turning_back"
    SETTLED = "settled"


class Journal(msgspec.Struct, frozen=True):
    """The application under way; once settled, what is live."""

    mark: Mark
    revision: int
    hash: str
    tree: str
    previous: str = ""
    """The tree before; "" when there was none."""
    previous_revision: int = 0
    reused: bool = False
    """The tree was there before, and stays if it comes to nothing."""
    key: str = ""
    """Names the application under way."""
    report: Report | None = None
    """What came of it, once settled: whoever was to tell it may be dead."""
    format: int = 1


def journal_revision(journal: Journal | None, tree: str) -> int | None:
    """As which revision a tree is live: that of its name, or a later one that changed nothing."""
    if journal is None or not tree:
        return None
    known = {journal.previous: journal.previous_revision, journal.tree: journal.revision}
    return known.get(tree)


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be applied, and how much somebody insists."""

    revision: int
    hash: str
    ordered: bool = False
    """An operator asked for it."""
    backwards: bool = False
    """It may be older than what is live."""
    over_edits: bool = False
    """Local edits are to be replaced (they are saved in any case)."""


@dataclass(frozen=True, slots=True)
class Live:
    """What `current` is; revision 0 and an empty hash when there is nothing."""

    revision: int = 0
    hash: str = ""
    edited: bool = False


def refusal(wish: Wish, live: Live, autoupdate: Autoupdate) -> Refusal | None:
    """Why a wish is not granted; None when it is."""
    if wish.revision < live.revision and not wish.backwards:
        return Refusal.OLDER
    if is_live(wish, live):
        return None
    if autoupdate is Autoupdate.FALSE and not wish.ordered:
        return Refusal.NOT_ORDERED
    if live.edited and autoupdate is Autoupdate.IFUNCHANGED and not wish.over_edits:
        return Refusal.EDITED
    return None


def is_live(wish: Wish, live: Live) -> bool:
    """Whether nothing is to be done: edits stay until other files come, or somebody insists."""
    return wish.hash == live.hash and not (live.edited and wish.over_edits)


def report(course: "Course", live: Live, found: Sequence[Drift] = (), edits: str = "") -> Report:
    """What to tell of an application at its end. `found`: what had drifted before it."""
    return Report(
        revision=course.revision,
        hash=course.hash,
        outcome=course.outcome,
        sentence=course.sentence(),
        step=course.failed,
        output=course.output(),
        seconds=dict(course.seconds),
        live_revision=live.revision,
        live_hash=live.hash,
        drift=tuple(found[:DRIFT_MAX]),
        drift_count=len(found),
        edits=edits,
        resumed=course.resumed,
        key=course.key,
    )


def not_begun(
    wish: Wish, outcome: Outcome, sentence: str, live: Live, found: Sequence[Drift] = ()
) -> Report:
    """What to tell when no step was taken: it is live already, or refused."""
    return Report(
        revision=wish.revision,
        hash=wish.hash,
        outcome=outcome,
        sentence=sentence[:SENTENCE_CHARACTERS],
        live_revision=live.revision,
        live_hash=live.hash,
        drift=tuple(found[:DRIFT_MAX]),
        drift_count=len(found),
    )


_FOLLOWING = {
    Step.SAVE: (Step.STAGE, Step.SETTLE),
    Step.STAGE: (Step.VALIDATE, Step.SETTLE),
    Step.VALIDATE: (Step.SWITCH, Step.SETTLE),
    Step.SWITCH: (Step.RELOAD, Step.RESTORE),
    Step.RELOAD: (Step.CHECK, Step.RESTORE),
    Step.CHECK: (Step.SETTLE, Step.RESTORE),
    Step.RESTORE: (Step.RELOAD_OLD, Step.SETTLE),
    Step.RELOAD_OLD: (Step.CHECK_OLD, Step.CHECK_OLD),
    Step.CHECK_OLD: (Step.SETTLE, Step.SETTLE),
}
"""The step after one that was good, and after one that failed."""
_INTERRUPTED_AT = {
    Mark.STAGING: Step.STAGE,
    Mark.SWITCHING: Step.SWITCH,
    Mark.TURNING_BACK: Step.CHECK,
}
_BACK = {Step.RESTORE, Step.RELOAD_OLD, Step.CHECK_OLD}
_BEFORE = {Step.SAVE, Step.STAGE, Step.VALIDATE}


def following(step: Step, good: bool, previous: str) -> Step | None:
    """The step after `step`; None after the last. Without a tree before there is none to reload."""
    if step is Step.SETTLE:
        return None
    if step is Step.RESTORE and not previous:
        return Step.SETTLE
    return _FOLLOWING[step][0 if good else 1]


def resume(journal: Journal | None, current: str) -> Step | None:
    """The step to go on with after a death; None when nothing was under way.

    `current` is the tree that is live, "" for none.
    """
    if journal is None or journal.mark is Mark.SETTLED:
        return None
    if journal.mark is Mark.STAGING:
        return Step.SETTLE
    if journal.mark is Mark.SWITCHING and current == journal.tree:
        return Step.RELOAD
    # Perhaps it was never switched; perhaps it was, and a full disk kept the journal from saying
    # that it was turned back. To reload the tree before is right in either case.
    return Step.RESTORE


@dataclass(slots=True)
class Course:
    """One application on its way. `tree` is where the new one is, `previous` the one before."""

    revision: int
    hash: str
    tree: str
    previous: str = ""
    previous_revision: int = 0
    reused: bool = False
    key: str = ""
    step: Step | None = Step.SAVE
    """What to do next; None at the end."""
    resumed: bool = False
    results: dict[Step, Result] = field(default_factory=dict)
    seconds: dict[Step, float] = field(default_factory=dict)

    @classmethod
    def after(cls, journal: Journal, current: str) -> "Course | None":
        """How to go on after a death; None when nothing was under way."""
        step = resume(journal, current)
        if step is None:
            return None
        course = cls(
            journal.revision,
            journal.hash,
            journal.tree,
            journal.previous,
            journal.previous_revision,
            journal.reused,
            journal.key,
            step,
            resumed=True,
        )
        if step is not Step.RELOAD:
            course.results[_INTERRUPTED_AT[journal.mark]] = Result(False, INTERRUPTED)
        return course

    def journal(self, mark: Mark, told: Report | None = None) -> Journal:
        """What the journal has to say at `mark`; once settled, with what is to be told."""
        if mark is not Mark.SETTLED:
            return Journal(
                mark,
                self.revision,
                self.hash,
                self.tree,
                self.previous,
                self.previous_revision,
                self.reused,
                self.key,
            )
        if told is not None:
            output = shortened(told.output, JOURNAL_OUTPUT_BYTES)
            told = replace(told, output=output, drift=())
        if self.outcome is Outcome.APPLIED:
            return Journal(mark, self.revision, self.hash, self.tree, report=told)
        return Journal(mark, self.previous_revision, "", self.previous, report=told)

    def note(self, result: Result, seconds: float) -> None:
        """Say what came of `step`, and go on to the next."""
        if self.step is None:
            raise ValueError("the application is at its end; begin another")
        self.results[self.step] = result
        self.seconds[self.step] = round(seconds, 6)
        self.step = following(self.step, result.good, self.previous)

    @property
    def failed(self) -> Step | None:
        """The first step that failed. The last is not meant: the next start repeats it."""
        bad = (step for step, result in self.results.items() if not result.good)
        return next((step for step in bad if step is not Step.SETTLE), None)

    @property
    def outcome(self) -> Outcome:
        """What came of it, as far as it is now."""
        failed = self.failed
        if failed is None:
            return Outcome.APPLIED
        if failed in _BEFORE:
            return Outcome.KEPT
        back = [self.results[step] for step in _BACK if step in self.results]
        return Outcome.TURNED_BACK if all(one.good for one in back) else Outcome.STRANDED

    def sentence(self) -> str:
        """What came of it in words, for people."""
        name, failed = f"r{self.revision}", self.failed
        settled = self.results.get(Step.SETTLE, Result(True))
        note = f" (but: {settled.sentence})" if settled.sentence else ""
        if failed is None:
            return f"{name} is applied{note}"[:SENTENCE_CHARACTERS]
        what = f"{name} was not applied: {failed} failed: {self.results[failed].sentence}"
        if self.outcome is Outcome.KEPT:
            end = "the tree before was live all the time"
        elif self.outcome is Outcome.TURNED_BACK and self.previous:
            end = "the tree before is back, reloaded and healthy"
        elif self.outcome is Outcome.TURNED_BACK:
            end = "there was no tree before, so none is live now"
        else:
            told = "; ".join(
                f"{step} failed: {result.sentence}"
                for step, result in self.results.items()
                if step in _BACK and not result.good
            )
            restored = self.results.get(Step.RESTORE, Result(False)).good
            place = "the files before are back, but " if restored else ""
            end = f"{place}{told[: SENTENCE_CHARACTERS // 3]}; look at this node now"
            what = f"TURNING BACK FAILED. {what}"
        limit = SENTENCE_CHARACTERS - len(end) - len(note) - 2
        return f"{what[:limit]}; {end}{note}"[:SENTENCE_CHARACTERS]

    def output(self) -> str:
        """What the failed steps wrote, each under its name, together at most `OUTPUT_BYTES`."""
        parts = [(s, r.output) for s, r in self.results.items() if not r.good and r.output]
        share = OUTPUT_BYTES // max(1, len(parts)) - 32
        return "\n".join(f"[{step}]\n{shortened(text, share)}" for step, text in parts)

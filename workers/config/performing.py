"""Performs the steps of one application on the disk and with the server: what `core.applying` asks.

Invariant: a step ends with a `Result`, whatever happens in it; the journal says what is about to
be done before it is done.
"""

import contextlib
import logging
from collections.abc import Callable
from pathlib import Path

from workers.config.core.applying import Course, Live, Mark, report
from workers.config.core.manifests import Drift, Manifest, Rendered
from workers.config.core.reports import Outcome, Report, Result, Step
from workers.config.errors import ConfigError
from workers.config.profiles import Profile
from workers.config.state import State

TREES_KEPT = 5
GOOD = Result(True)

log = logging.getLogger("muster")


class Performance:
    """One application on its way, new or resumed; a resumed one has no manifest."""

    def __init__(
        self,
        state: State,
        profile: Profile,
        course: Course,
        manifest: Manifest | None = None,
        rendered: Rendered | None = None,
    ) -> None:
        self._state = state
        self._profile = profile
        self._course = course
        self._manifest = manifest
        self._rendered = rendered
        self._found: tuple[Drift, ...] = ()
        self._saved = ""
        self._steps: dict[Step, Callable[[], Result]] = {
            Step.SAVE: self._save,
            Step.STAGE: self._stage,
            Step.VALIDATE: self._validate,
            Step.SWITCH: self._switch,
            Step.RELOAD: lambda: profile.reload(state.current),
            Step.CHECK: lambda: profile.check(state.current),
            Step.RESTORE: self._restore,
            Step.RELOAD_OLD: lambda: profile.reload(state.current),
            Step.CHECK_OLD: lambda: profile.check(state.current),
            Step.SETTLE: self._settle,
        }

    def run(self, told: Callable[[Step], None], clock: Callable[[], float]) -> Report:
        """Take every step to the end; what came of it."""
        while (step := self._course.step) is not None:
            self._tell(told, step)
            began = clock()
            self._course.note(self._result(step), clock() - began)
        ended = self._report()
        level = logging.ERROR if ended.outcome is Outcome.STRANDED else logging.INFO
        log.log(level, "configuration: %s", ended.sentence)
        return ended

    def _report(self) -> Report:
        """What came of it so far."""
        live = Live()
        with contextlib.suppress(ConfigError, OSError):
            live = self._state.live()
        return report(self._course, live, self._found, self._saved)

    def _tell(self, told: Callable[[Step], None], step: Step) -> None:
        try:
            told(step)
        except Exception:
            log.exception("configuration: step %s was not told", step)

    def _result(self, step: Step) -> Result:
        try:
            return self._steps[step]()
        except (ConfigError, OSError) as error:
            return Result(False, str(error))
        except Exception as error:
            # Whatever a profile raises, the tree before has to come back.
            log.exception("configuration: %s failed unexpectedly", step)
            return Result(False, f"{type(error).__name__}: {error}; this is a mistake of Muster's")

    def _save(self) -> Result:
        self._state.write_journal(self._course.journal(Mark.STAGING))
        self._put_aside(self._course.previous)
        return GOOD

    def _put_aside(self, tree: str) -> None:
        """Save the edits of a tree that was live, and remember them for the report."""
        if tree:
            saved, found = self._state.edits.save(tree)
            if found:
                self._saved, self._found = saved, found

    def _stage(self) -> Result:
        trees, tree, result = self._state.trees, self._course.tree, GOOD
        if not self._course.reused and self._manifest is not None and self._rendered is not None:
            result = trees.stage(tree, self._manifest, self._rendered, self._profile.build)
        if result.good:
            trees.touch(tree)
        return result

    def _validate(self) -> Result:
        trees, tree = self._state.trees, self._course.tree
        result = self._profile.validate(trees.files(tree))
        if result.good and (changed := trees.drift(tree)):
            way = "let the command leave the tree as it is"
            sentence = f"the command that validates changed {changed[0].path} in the tree; {way}"
            return Result(False, sentence, result.output)
        return result

    def _switch(self) -> Result:
        self._state.write_journal(self._course.journal(Mark.SWITCHING))
        self._state.switch(self._course.tree, self._course.previous)
        return GOOD

    def _restore(self) -> Result:
        # On a full disk the link still turns; see `resume` for a death right after that.
        with contextlib.suppress(OSError):
            self._state.write_journal(self._course.journal(Mark.TURNING_BACK))
        self._state.restore(self._course.previous)
        return GOOD

    def _settle(self) -> Result:
        outcome = self._course.outcome
        if outcome is Outcome.STRANDED:
            return GOOD  # the journal stays open: the next start turns back once more
        self._state.write_journal(self._course.journal(Mark.SETTLED, self._report()))
        if outcome is Outcome.APPLIED:
            self._put_aside(self._course.previous)  # what was edited while this was under way
        elif not self._course.reused:
            self._discard(self._course.tree)
        self._state.tidy()
        self._prune()
        return GOOD

    def _prune(self) -> None:
        keep = {self._state.tree(), self._course.previous}
        for tree in self._state.trees.spare(keep, TREES_KEPT):
            self._discard(tree)

    def _discard(self, tree: str) -> None:
        """Remove a tree, its edits saved: a shell may still have been at work in it."""
        files: Path = self._state.trees.files(tree)
        if tree != self._state.tree() and files.is_dir():
            self._state.edits.save(tree)
        if tree != self._state.tree():
            self._state.trees.remove(tree)

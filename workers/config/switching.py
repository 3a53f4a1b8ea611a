"""Applies rendered trees on a node: one at a time, begun, finished or turned back, and told.

Invariant: at every instant `current` is the old tree or the new one, whole. What a death
interrupted is brought to its end by `recover`, which every application begins with. The steps are
in `performing`, their order in `core.applying`, the files in `state`.
"""

import contextlib
import secrets
import time
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

from workers.config.core.applying import (
    Autoupdate,
    Course,
    Journal,
    Live,
    Mark,
    Wish,
    is_live,
    not_begun,
    refusal,
)
from workers.config.core.manifests import Drift, Manifest, Rendered, manifest_of, objection
from workers.config.core.reports import Outcome, Report, Step
from workers.config.errors import ConfigError, StateError
from workers.config.locking import locked
from workers.config.performing import Performance
from workers.config.profiles import Profile
from workers.config.state import State

KEY_BYTES = 8
LOCK_SECONDS = 5.0
"""A worker that is killed while it starts a command leaves the lock to that for an instant."""


def _tell_nobody(_step: Step) -> None:
    """Nobody follows the steps."""


class Switcher:
    """The trees of one node; any number of threads and processes may have one.

    `lock_seconds`: how long to wait for another that is at work. `told` hears of each step before
    it is taken.
    """

    def __init__(
        self,
        directory: Path,
        profile: Profile,
        autoupdate: Autoupdate = Autoupdate.TRUE,
        *,
        lock_seconds: float = LOCK_SECONDS,
        told: Callable[[Step], None] = _tell_nobody,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._state = State(directory)
        self._profile = profile
        self._autoupdate = autoupdate
        self._lock_seconds = lock_seconds
        self._told = told
        self._clock = clock

    @property
    def current(self) -> Path:
        """The link to the live files."""
        return self._state.current

    def apply(
        self,
        revision: int,
        rendered: Rendered,
        *,
        private: Collection[str] = (),
        ordered: bool = False,
        backwards: bool = False,
        over_edits: bool = False,
    ) -> tuple[Report, ...]:
        """Apply a tree; its report is the last one, before it that of something interrupted.

        Nothing is raised for what goes wrong: it is in the report. `private`: paths that only root
        may read. For the flags see `Wish`.
        """
        sentence = objection(rendered)
        if sentence:
            return (not_begun(Wish(revision, ""), Outcome.REFUSED, sentence, self._live()),)
        manifest = manifest_of(revision, rendered, private)
        wish = Wish(revision, manifest.hash, ordered, backwards, over_edits)
        told: list[Report] = []
        try:
            with self._at_work():
                if interrupted := self._recovered():
                    told.append(interrupted)
                told.append(self._applied(wish, manifest, rendered))
        except (ConfigError, OSError) as error:
            told.append(not_begun(wish, Outcome.REFUSED, str(error), self._live()))
        return tuple(told)

    def recover(self) -> Report | None:
        """Bring to its end what a death interrupted; None when nothing was.

        Raises `StateError` when the directory cannot be used, `Busy` when another is at work.
        """
        try:
            with self._at_work():
                return self._recovered()
        except OSError as error:
            raise StateError(f"{self._state.directory}: cannot be used: {error}") from error

    def last_report(self) -> Report | None:
        """What came of the last application that was begun, without drift and with less output.

        None when there was none, or that is not known; raises `StateError`.
        """
        try:
            journal = self._state.journal()
        except OSError as error:
            raise StateError(f"{self._state.directory}: cannot be read: {error}") from error
        return None if journal is None else journal.report

    def live(self) -> tuple[Live, tuple[Drift, ...]]:
        """What is live, and how people changed it since; raises `StateError`."""
        try:
            return self._looked_at()
        except OSError as error:
            raise StateError(f"{self.current}: cannot be read: {error}") from error

    def _live(self) -> Live:
        """What is live, as far as it can be told."""
        with contextlib.suppress(ConfigError, OSError):
            return self._state.live()
        return Live()

    @contextlib.contextmanager
    def _at_work(self) -> Iterator[None]:
        self._state.make()
        with locked(self._state.directory / "lock", self._lock_seconds):
            yield

    def _recovered(self) -> Report | None:
        journal = self._state.journal()
        course = Course.after(journal, self._state.tree()) if journal else None
        if course is not None:
            return Performance(self._state, self._profile, course).run(self._told, self._clock)
        self._state.tidy()
        return None

    def _applied(self, wish: Wish, manifest: Manifest, rendered: Rendered) -> Report:
        live, found = self._looked_at()
        name = f"r{wish.revision}"
        if why := refusal(wish, live, self._autoupdate):
            sentence = f"{name} was not applied: {why.value}"
            return not_begun(wish, Outcome.REFUSED, sentence, live, found)
        tree = self._state.tree()
        if is_live(wish, live):
            journal = self._state.journal()
            open_still = Course.after(journal, tree) if journal else None
            if wish.revision != live.revision and open_still is None:
                told = journal.report if journal else None
                settled = Journal(Mark.SETTLED, wish.revision, wish.hash, tree, report=told)
                self._state.write_journal(settled)
                live = self._state.live()
            sentence = f"{name} changes nothing on this node"
            return not_begun(wish, Outcome.UNCHANGED, sentence, live, found)
        place, reused = self._state.trees.place_for(manifest)
        key = secrets.token_hex(KEY_BYTES)
        course = Course(wish.revision, wish.hash, place, tree, live.revision, reused, key)
        course_run = Performance(self._state, self._profile, course, manifest, rendered)
        return course_run.run(self._told, self._clock)

    def _looked_at(self) -> tuple[Live, tuple[Drift, ...]]:
        live, found = self._state.live(), self._state.drift()
        return Live(live.revision, live.hash, bool(found)), found

"""Renders templates in a process of their own, within bounds of time and memory.

Invariant: whatever a template does, there is an answer soon: what it yields, or a problem that
names it. A template that takes too long or too much is not tried again until `begin`; nor are any
when together they take longer than `all_seconds`. Not for several threads at once.
"""

import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from workers.config.core.facts import Facts
from workers.config.core.problems import Problem
from workers.config.core.render import TREE_BYTES, too_big
from workers.config.core.templates import Output, Source
from workers.config.template_messages import Job
from workers.config.template_process import (
    ANSWER_SECONDS,
    COMMAND,
    ProcessEnded,
    RenderingError,
    TemplateProcess,
)

ALL_SECONDS = 60.0
GIVEN_UP_SECONDS = 1.0
"""What a template took that never ends."""
SENT_BYTES = 8 * 1024 * 1024
"""Of sources that one process is sent before another takes its place."""


class BoundedTemplates:
    """An engine for `render_node`; the process is started when the first template needs it.

    `command` is the process, `answer_seconds` how long it may stand still, and `all_seconds` how
    long all templates from one `begin` to the next may take.
    """

    def __init__(
        self,
        command: Sequence[str] = COMMAND,
        answer_seconds: float = ANSWER_SECONDS,
        all_seconds: float = ALL_SECONDS,
    ) -> None:
        self._command = command
        self._answer_seconds = answer_seconds
        self._all_seconds = all_seconds
        self._process: TemplateProcess | None = None
        self._sent: set[str] = set()
        self._sent_bytes = 0
        self._hopeless: dict[tuple[str, str], Problem] = {}
        self._seconds: dict[str, float] = defaultdict(float)
        """What templates took, by path."""

    def begin(self) -> None:
        """What comes is another revision: nothing is given up yet."""
        self._hopeless.clear()
        self._seconds.clear()

    def warm(self) -> None:
        """Start the process, if none runs: no template has to wait for that; `RenderingError`."""
        self._ready()

    def close(self) -> None:
        """End the process; the next template starts another."""
        if self._process is not None:
            self._process.end()
        self._process = None
        self._sent.clear()
        self._sent_bytes = 0

    @property
    def pid(self) -> int | None:
        """The process id; None when none runs."""
        return None if self._process is None else self._process.pid

    def __call__(
        self, facts: Facts, sources: Mapping[str, Source], included: frozenset[str]
    ) -> dict[str, Output | Problem]:
        """What templates yield; nothing but the problem after one that nobody should wait for."""
        for name, source in sources.items():
            if known := self._overtime() or self._hopeless.get(source.key):
                return {name: known}
        errand = _Errand(facts, sources, included, list(sources))
        try:
            while errand.waiting:
                if problem := self._go_on(errand):
                    self._give_up(problem, errand)
                    return {errand.waiting[0]: problem}
        except _Enough as error:
            self.close()
            return {errand.waiting[0]: error.problem}
        except BaseException:
            self.close()  # answers that nobody waits for any more may be on their way
            raise
        return errand.outputs

    def _go_on(self, errand: "_Errand") -> Problem | None:
        """Take answers until all are there or the process ends; the problem, if one ends all."""
        try:
            return self._answers(errand, errand.waiting)
        except ProcessEnded as error:
            self.close()
            if error.limit:
                sentence = "takes too long within one operation; look for a value that grows"
                return Problem(errand.path, 0, sentence)
        # Somebody else may have ended the process; a template does so every time.
        try:
            return self._answers(errand, errand.waiting[:1])
        except ProcessEnded as again:
            self.close()
            sentence = f"cannot be rendered: {again}; leave out what was added last"
            return Problem(errand.path, 0, sentence)

    def _answers(self, errand: "_Errand", wanted: Sequence[str]) -> Problem | None:
        """Ask for the first templates that wait, and take the answers."""
        process = self._ready()
        asked = time.monotonic()
        process.ask(self._job(errand, wanted))
        for _ in range(len(wanted)):
            answer = process.answer()
            outcome = answer.output or answer.problem
            if outcome is None:
                raise RenderingError("the process that renders templates gave an empty answer")
            if isinstance(outcome, Problem) and answer.exhausted:
                self.close()  # its memory may be spoilt, and more answers are on their way
                return outcome
            errand.size += len(outcome.text) if isinstance(outcome, Output) else 0
            if errand.size > TREE_BYTES:
                raise _Enough(too_big(errand.path))
            self._seconds[errand.path] += time.monotonic() - asked
            asked = time.monotonic()
            if late := self._overtime():
                raise _Enough(late)
            errand.outputs[errand.waiting.pop(0)] = outcome
        return None

    def _overtime(self) -> Problem | None:
        """What is said when all templates together have taken too long."""
        if sum(self._seconds.values()) <= self._all_seconds:
            return None
        slowest = max(self._seconds, key=lambda path: self._seconds[path])
        limit = f"all templates together take longer than {self._all_seconds:g} s"
        return Problem(slowest, 0, f"{limit}, this one the longest; make it do less")

    def _give_up(self, problem: Problem, errand: "_Errand") -> None:
        """Remember what is to blame: the file that the problem names, or who included it."""
        guilty = {source.path: source.key for source in errand.sources.values()}
        self._hopeless[guilty.get(problem.path, guilty[errand.path])] = problem
        self._seconds[errand.path] += GIVEN_UP_SECONDS

    def _ready(self) -> TemplateProcess:
        if self._sent_bytes > SENT_BYTES:
            self.close()
        if self._process is None:
            self._process = TemplateProcess(self._command, self._answer_seconds)
        return self._process

    def _job(self, errand: "_Errand", wanted: Sequence[str]) -> Job:
        keys = {name: f"{one.blob}:{one.path}" for name, one in errand.sources.items()}
        new = {key: errand.sources[name] for name, key in keys.items() if key not in self._sent}
        self._sent.update(new)
        self._sent_bytes += sum(len(source.content) for source in new.values())
        return Job(errand.facts, keys, new, tuple(wanted), errand.included)


class _Enough(Exception):
    """The templates of a node yield too much, or those of all nodes take too long."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem


@dataclass(slots=True)
class _Errand:
    """The templates of one node on their way. `waiting`: names, in the order of the answers."""

    facts: Facts
    sources: Mapping[str, Source]
    included: frozenset[str]
    waiting: list[str]
    outputs: dict[str, Output | Problem] = field(default_factory=dict)
    size: int = 0
    """Characters in `outputs`."""

    @property
    def path(self) -> str:
        """Where the template that is waited for is in the repository."""
        return self.sources[self.waiting[0]].path

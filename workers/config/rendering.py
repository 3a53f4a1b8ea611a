"""Renders nodes' trees within bounds of time and memory; what `render_node` decides, safely.

Templates are rendered in one process for many nodes, which is started when the first needs it.
A template that takes too long or too much ends with a problem that names it, and is not tried again
for other nodes; so do all of a revision when together they take longer than `all_seconds`. What
cannot be blamed on a template is a `RenderingError`. Not for several threads at once.
"""

import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType

from workers.config.core.facts import Facts
from workers.config.core.overlay import E, Layers
from workers.config.core.problems import Problem
from workers.config.core.render import TREE_BYTES, Read, Tree, render_node, too_big
from workers.config.core.secrets import Secrets, placeholders
from workers.config.core.templates import Output, Source
from workers.config.template_messages import Job
from workers.config.template_process import (
    ANSWER_SECONDS,
    COMMAND,
    ProcessEnded,
    RenderingError,
    TemplateProcess,
)

__all__ = ["Renderer", "RenderingError"]

ALL_SECONDS = 60.0
SENT_BYTES = 8 * 1024 * 1024
"""Of sources that one process is sent before another takes its place."""
REMEMBERED_BYTES = TREE_BYTES
"""Of contents that many nodes share."""


class Renderer:
    """Renders trees; close it, or use it in a `with`.

    `command` is the process, `answer_seconds` how long it may stand still, and `all_seconds` how
    long the templates of one revision may take for all nodes.
    """

    def __init__(
        self,
        command: Sequence[str] = COMMAND,
        answer_seconds: float = ANSWER_SECONDS,
        all_seconds: float = ALL_SECONDS,
    ) -> None:
        self._command = command
        self._answer_seconds = answer_seconds
        self._process: TemplateProcess | None = None
        self._sent: set[str] = set()
        self._sent_bytes = 0
        self._all_seconds = all_seconds
        self._hopeless: dict[tuple[str, str], Problem] = {}
        self._seconds: dict[str, float] = defaultdict(float)
        """What the templates of this revision took, by path."""
        self._overtime: Problem | None = None

    def __enter__(self) -> "Renderer":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the process; the next rendering starts another."""
        if self._process is not None:
            self._process.end()
        self._process = None
        self._sent.clear()
        self._sent_bytes = 0

    def render(
        self,
        listing: Mapping[str, E],
        read: Read,
        facts: Facts,
        secrets: Secrets = placeholders,
    ) -> Tree | list[Problem]:
        """The tree of one node, or its problems; raises `RenderingError`."""
        ((_, outcome),) = self.render_all(listing, read, [facts], secrets)
        return outcome

    def render_all(
        self,
        listing: Mapping[str, E],
        read: Read,
        nodes: Iterable[Facts],
        secrets: Secrets = placeholders,
    ) -> Iterator[tuple[Facts, Tree | list[Problem]]]:
        """Each node's tree or problems, one after another; raises `RenderingError`.

        One tree is made at a time: whoever keeps them all keeps up to 64 MiB a node.
        """
        self._hopeless.clear()
        self._seconds.clear()
        self._overtime = None
        remembered, layers = _remembered(read), Layers(listing)
        for facts in nodes:
            yield facts, render_node(layers, remembered, facts, secrets, self._outputs)

    def _outputs(
        self, facts: Facts, sources: Mapping[str, Source], included: frozenset[str]
    ) -> dict[str, Output | Problem]:
        """What templates yield; nothing but the problem after one that nobody should wait for."""
        for name, source in sources.items():
            if known := self._overtime or self._hopeless.get(source.key):
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
            self._spend(errand.path, time.monotonic() - asked)
            asked = time.monotonic()
            errand.outputs[errand.waiting.pop(0)] = outcome
        return None

    def _spend(self, path: str, seconds: float) -> None:
        """Count what a template took; raises `_Enough` when all of them have taken too long."""
        self._seconds[path] += seconds
        if sum(self._seconds.values()) > self._all_seconds:
            slowest = max(self._seconds, key=lambda one: self._seconds[one])
            sentence = (
                f"all templates together take longer than {self._all_seconds:g} s, "
                "this one the longest; make it do less"
            )
            self._overtime = Problem(slowest, 0, sentence)
            raise _Enough(self._overtime)

    def _give_up(self, problem: Problem, errand: "_Errand") -> None:
        """Remember what is to blame: the file that the problem names, or who included it."""
        guilty = {source.path: source.key for source in errand.sources.values()}
        self._hopeless[guilty.get(problem.path, guilty[errand.path])] = problem

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


def _remembered(read: Read) -> Read:
    """The same; what it gave once it gives again without reading, within bounds."""
    contents: dict[str, bytes] = {}
    size = 0

    def remembered(blob: str) -> bytes:
        nonlocal size
        content = contents.get(blob)
        if content is None:
            content = read(blob)
            if size + len(content) <= REMEMBERED_BYTES:
                contents[blob] = content
                size += len(content)
        return content

    return remembered

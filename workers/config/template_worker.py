"""The process that renders templates, so that none can harm whoever wants them rendered.

It is given no secrets and opens nothing. A template that takes `SOFT_SECONDS` of processor time is
interrupted and told with its line; one that hangs within a single operation is ended with this
process at `HARD_SECONDS`. Memory ends at `MEMORY_BYTES`. Times are of the processor, so that a busy
host refuses nothing that is good. Run by `template_process`.
"""

import math
import os
import resource
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import CodeType, FrameType
from typing import BinaryIO

import msgspec

from workers.config.core.problems import Problem
from workers.config.core.templates import Source, Templates
from workers.config.core.unusable import OutOfTime, problem_of
from workers.config.template_messages import LENGTH_BYTES, Answer, Job, encode

SOFT_SECONDS = 0.75
HARD_SECONDS = 1.0
AGAIN_SECONDS = 0.1
"""Python loses an exception that comes while it cleans up; so it comes again."""
MEMORY_BYTES = 512 * 1024 * 1024
FILES_OPEN = 16


class _Clock:
    """Interrupts what takes too long."""

    def __init__(self) -> None:
        self._running = False
        signal.signal(signal.SIGPROF, self._ring)
        signal.signal(signal.SIGVTALRM, signal.SIG_DFL)

    @contextmanager
    def bound(self) -> Iterator[None]:
        """What is done within may take so long; it gets `OutOfTime`, or this process ends."""
        _, hard = resource.getrlimit(resource.RLIMIT_CPU)
        end = math.ceil(time.process_time() + HARD_SECONDS) + 1
        resource.setrlimit(resource.RLIMIT_CPU, (end, hard))
        self._running = True
        signal.setitimer(signal.ITIMER_VIRTUAL, HARD_SECONDS)
        signal.setitimer(signal.ITIMER_PROF, SOFT_SECONDS, AGAIN_SECONDS)
        try:
            yield
        finally:
            self._running = False
            signal.setitimer(signal.ITIMER_PROF, 0)
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)

    def _ring(self, _number: int, _frame: FrameType | None) -> None:
        if self._running:
            raise OutOfTime


def main() -> None:
    """Answer jobs until there are no more."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what somebody prints must not pass for an answer
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (FILES_OPEN, FILES_OPEN))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever started this ends it
    clock = _Clock()
    sources: dict[str, Source] = {}
    compiled: dict[tuple[str, str], CodeType] = {}
    while job := _next(sys.stdin.buffer):
        sources.update(job.new)
        templates = Templates(
            job.facts, {name: sources[key] for name, key in job.sources.items()}, compiled
        )
        for name in job.wanted:
            answers.write(encode(_answer(templates, name, name in job.included, clock)))
            answers.flush()


def _answer(templates: Templates, name: str, included: bool, clock: _Clock) -> Answer:
    try:
        with clock.bound():
            outcome = templates.check(name) if included else templates.render(name)
    except (OutOfTime, MemoryError) as error:  # it struck while another was being told
        return Answer(problem=problem_of(error, templates.path(name)), exhausted=True)
    if isinstance(outcome, Problem):
        return Answer(problem=outcome, exhausted=templates.exhausted)
    return Answer(output=outcome)


def _next(jobs: BinaryIO) -> Job | None:
    length = jobs.read(LENGTH_BYTES)
    if len(length) < LENGTH_BYTES:
        return None
    return msgspec.msgpack.decode(jobs.read(int.from_bytes(length, "big")), type=Job)


if __name__ == "__main__":
    main()

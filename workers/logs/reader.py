"""Answers one question about collected logs: `python -m workers.logs.reader`.

The question comes in on stdin, answers go out on stdout (`core.questions`). It is a process of its
own, so that an expression that never ends, and gigabytes that are read, hold up no web server; who
asked kills it with all that it started. It ends by itself when nobody reads its answers any more.
"""

import contextlib
import os
import signal
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from workers.logs import histogram, reading
from workers.logs.core.destination import TemplateError
from workers.logs.core.lines import Line, LogFile
from workers.logs.core.merging import Merge
from workers.logs.core.patterns import PatternError, checked
from workers.logs.core.questions import (
    ANSWER_CHARACTERS,
    TEXT_MAX,
    Alive,
    Answer,
    Bars,
    Done,
    Found,
    Histogram,
    Question,
    Refused,
    Scope,
    Search,
    Tail,
    Trace,
)
from workers.logs.following import Following, files_of
from workers.logs.histogram import Spans

EVERY_LINE = "."
LOOK_SECONDS = 0.5
HOLD_SECONDS = 1.0
ALIVE_SECONDS = 2.0
GRACE_SECONDS = 10
"""Beyond the time that a question may take; then the process ends at once."""
NICENESS = 5


def main() -> int:
    """Read the question, answer it; 0 when that was done."""
    os.nice(NICENESS)
    try:
        question = msgspec.json.decode(sys.stdin.buffer.read(), type=Question)
    except msgspec.MsgspecError as error:
        return _tell([Refused(f"the question cannot be read: {error}")])
    if not isinstance(question, Tail):
        signal.alarm(int(question.seconds) + GRACE_SECONDS)
    return _tell(answers(question))


def answers(question: Question) -> Iterator[Answer]:
    """What there is to say, the end of it included."""
    try:
        match question:
            case Search():
                yield from _search(question)
            case Histogram():
                yield from _histogram(question)
            case Trace():
                yield from _trace(question)
            case Tail():
                yield from _tail(question)
    except (PatternError, TemplateError) as error:
        yield Refused(str(error))


def _tell(told: Iterable[Answer]) -> int:
    encoder = msgspec.json.Encoder()
    with contextlib.suppress(BrokenPipeError):
        for one in told:
            sys.stdout.buffer.write(encoder.encode(one) + b"\n")
            sys.stdout.buffer.flush()
        return 0
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # nothing is left to be written
    return 0


def _search(question: Search) -> Iterator[Answer]:
    files = _files(question, question.since, question.until)
    found = reading.search(
        files,
        question.pattern or EVERY_LINE,
        since=question.since,
        until=question.until,
        limit=question.limit + 1,
        seconds=question.seconds,
    )
    yield from _bounded(found, question.limit, len(files))


def _trace(question: Trace) -> Iterator[Answer]:
    files = _files(question, question.since, question.until)
    index = Path(question.index) if question.index else None
    limit = question.limit
    found = reading.trace(
        files,
        question.key,
        index=index,
        since=question.since,
        until=question.until,
        limit=limit + 1,
    )
    yield from _bounded(found, limit, len(files))


def _histogram(question: Histogram) -> Iterator[Answer]:
    files = _files(question, question.since, question.until)
    spans = Spans(question.since, question.until, question.bars)
    expression = checked(question.pattern or EVERY_LINE)
    counts, whole = histogram.histogram(files, expression, spans, question.seconds)
    yield Bars(tuple(counts))
    late = f"not all was counted within {question.seconds:g} seconds; narrow the time"
    yield Done(len(files), not whole, "" if whole else late)


def _tail(question: Tail) -> Iterator[Answer]:
    def find(now: float) -> list[LogFile]:
        return _readable(
            question,
            files_of(
                question.template,
                now,
                node=question.node,
                subcluster=question.subcluster,
                log=question.source,
            ),
        )

    following = Following(find, checked(question.pattern or EVERY_LINE))
    yield from map(_found, following.begin(question.lines, time.time()))
    if question.follow:
        yield from _follow(following)
    yield Done(following.files)


def _follow(following: Following) -> Iterator[Answer]:
    """For ever; at least every `ALIVE_SECONDS` something is said."""
    merge, said = Merge(HOLD_SECONDS), 0.0
    while True:
        now = time.monotonic()
        lines, skipped = following.look(time.time())
        merge.add(lines, now)
        news: list[Answer] = [*skipped, *map(_found, merge.take(now))]
        if not news and now - said >= ALIVE_SECONDS:
            news = [Alive()]
        if news:
            said = now
        yield from news
        time.sleep(LOOK_SECONDS)


def _files(scope: Scope, since: float, until: float) -> list[LogFile]:
    """The files that are asked for, of what may be read."""
    found = reading.files(
        scope.template,
        since=since,
        until=until,
        node=scope.node,
        subcluster=scope.subcluster,
        log=scope.source,
    )
    return _readable(scope, found)


def _readable(scope: Scope, found: list[LogFile]) -> list[LogFile]:
    return [one for one in found if scope.readable is None or one.subcluster in scope.readable]


def _bounded(found: Iterable[Line], limit: int, files: int) -> Iterator[Answer]:
    """At most `limit` lines, and not too many bytes; what is left out is said."""
    count = characters = 0
    try:
        for line in found:
            if count >= limit or characters > ANSWER_CHARACTERS:
                note = f"there are more than these {count}; narrow the time"
                yield Done(files, True, note)
                return
            count += 1
            characters += min(len(line.text), TEXT_MAX)
            yield _found(line)
    except TimeoutError as error:
        yield Done(files, True, str(error))
        return
    yield Done(files)


def _found(line: Line) -> Found:
    text, cut = line.text[:TEXT_MAX], len(line.text) > TEXT_MAX
    return Found(
        line.moment, line.subcluster, line.node, line.log, text, cut, line.path, line.offset
    )


if __name__ == "__main__":
    sys.exit(main())

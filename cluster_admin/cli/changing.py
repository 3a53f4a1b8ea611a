"""Commands that change: ask first, send each target's change, report each, wait for the nodes.

A target is changed as it was seen: its ETag goes along, so that nobody else's change is lost. One
failing target is a complaint; of several, those that could be done are done (exit code 5).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import typer

from cluster_admin.cli import asking, shapes, tables, waiting
from cluster_admin.cli.bundles import Changing, Defining
from cluster_admin.cli.columns import Column, Rank
from cluster_admin.cli.errors import Cancelled, Complaint, Partial, Unknown, Unreachable, Usage
from cluster_admin.cli.looking import look_of
from cluster_admin.cli.resources import Answer
from cluster_admin.cli.session import Call
from cluster_admin.cli.shapes import tell
from workers.exit_codes import Exit

COLUMNS = (
    Column("target", rank=Rank.KEY),
    Column("outcome", rank=Rank.KEY),
    Column("subcluster"),
    Column("revision"),
    Column("detail"),
    Column("diff", rank=Rank.ASKED),
)
DIFFS_SHOWN = 10


@dataclass(frozen=True, slots=True)
class Step:
    """One change of one target."""

    target: str
    """What it is called to people, such as "vip 198.18.0.107"."""
    method: str
    where: str
    body: Any = None
    seen: str = ""
    """The resource whose ETag goes along; empty: none."""
    subcluster: str = ""
    """Whose definitions change, where neither the answer nor what was seen says so."""
    force: bool = False
    """Although the manager would refuse it."""


@dataclass(slots=True)
class Result:
    """What became of a step."""

    target: str
    outcome: str = "skipped"
    subcluster: str = ""
    revision: int | None = None
    detail: str = ""
    diff: str = ""
    object: Any = None
    error: Complaint | None = field(default=None, repr=False)

    def row(self) -> dict[str, Any]:
        """As it is printed."""
        names = ("target", "outcome", "subcluster", "revision", "detail", "diff", "object")
        return {name: getattr(self, name) for name in names}


def change(
    call: Call,
    how: Changing,
    steps: Sequence[Step],
    *,
    question: str = "",
    done: Callable[[list[Result]], waiting.Missing | None] | None = None,
) -> None:
    """Make the changes; `question` marks those that --yes has to allow, `done` says what to await.

    Raises the complaint of the only step, `Partial` when some of several failed, `Unknown` when the
    nodes took too long, `Cancelled` when the operator said no.
    """
    if how.dry_run:
        _propose(call, how, steps)
        return
    if question and not how.yes:
        _ask(call, how, steps, question)
    results = [Result(step.target) for step in steps]
    for step, result in zip(steps, results, strict=True):
        _make(call, how, step, result)
        if isinstance(result.error, Unreachable):
            break
    _finish(call, how, results, done)


def _finish(
    call: Call,
    how: Changing,
    results: list[Result],
    done: Callable[[list[Result]], waiting.Missing | None] | None,
) -> None:
    made = [result for result in results if result.outcome == "done"]
    if len(results) == 1 and results[0].error:
        raise _about(results[0].target, results[0].error)
    late: BaseException | None = None
    try:
        if made and isinstance(how, Defining) and done:
            _await(call, how, made, done(made))
    except KeyboardInterrupt as interrupt:
        tell("no longer waiting; what is shown as done is done")
        late = interrupt
    except Complaint as error:
        unknown = f"not waiting, it may still happen: {error}"
        late = Unknown(unknown) if error.passing else error
    _print(call, how, results)
    _conclude(results, made, late)


def _conclude(results: list[Result], made: list[Result], late: BaseException | None) -> None:
    """Tell what failed, and end as it fits."""
    for result in results:
        if result.error:
            tell(f"{result.target}: {result.error}")
    failed = [result.error for result in results if result.outcome != "done"]
    if failed and not made and failed[0]:
        raise typer.Exit(failed[0].exit)
    if failed:
        if isinstance(late, Complaint):
            tell(str(late))
        raise Partial(f"{len(made)} of {len(results)} done")
    if late:
        raise late


def _make(call: Call, how: Changing, step: Step, result: Result) -> None:
    try:
        answer, result.subcluster = _send(call, how, step)
    except Complaint as error:
        result.outcome = {Exit.REFUSED: "refused", Exit.UNKNOWN: "unknown"}.get(
            error.exit, "failed"
        )
        result.error, result.detail = error, str(error)
        return
    result.outcome, result.revision = "done", answer.revision
    result.object = answer.body


def _about(target: str, error: Complaint) -> Complaint:
    """The manager's error, with the target's name in front when it does not say it."""
    if not error.code or target.partition(" ")[2] in str(error):
        return error
    return type(error)(f"{target}: {error}", error.code)


def _send(call: Call, how: Changing, step: Step) -> tuple[Answer, str]:
    """The manager's answer, and the subcluster that it is about."""
    headers = {}
    subcluster = step.subcluster
    if step.seen:
        seen = call.client.get(step.seen)
        subcluster = subcluster or _subcluster(seen)
        if seen.etag:
            headers["If-Match"] = seen.etag
    if how.reason:
        headers["X-Muster-Reason"] = quote(how.reason)
    asked = {"dry_run": how.dry_run, "force": step.force}
    query = {name: 1 for name, wanted in asked.items() if wanted} or None
    answer = call.client.send(step.method, step.where, step.body, query=query, headers=headers)
    return answer, subcluster or _subcluster(answer)


def _subcluster(answer: Answer) -> str:
    return str(answer.body.get("subcluster") or "") if isinstance(answer.body, dict) else ""


def _propose(call: Call, how: Changing, steps: Sequence[Step]) -> None:
    """Print what would change; leaves with exit code 10 when something would."""
    results = [_proposal(call, how, step) for step in steps]
    if look_of(call, how).for_people:
        for result in results:
            shapes.diff_text(result.diff, look_of(call, how)).print()
            if not result.diff:
                tell(f"{result.target}: nothing would change")
    else:
        _print(call, how, results)
    if any(result.outcome == "pending" for result in results):
        raise typer.Exit(Exit.CHANGES_PENDING)


def _proposal(call: Call, how: Changing, step: Step) -> Result:
    told = _send(call, how, step)[0].body or {}
    diff = str(told.get("diff") or "")
    return Result(
        step.target,
        "pending" if diff else "unchanged",
        str(told.get("subcluster") or ""),
        told.get("revision"),
        diff=diff,
    )


def _ask(call: Call, how: Changing, steps: Sequence[Step], question: str) -> None:
    """Show what would change and ask; raises unless the answer is yes."""
    if not call.around.asks:
        raise Usage(f"{question} Nobody is there to ask: say --yes to do it, or --dry-run to look")
    looking = Changing(how.output, how.columns, dry_run=True)
    for step in steps[:DIFFS_SHOWN]:
        for line in tables.diff(
            _proposal(call, looking, step).diff, colours=call.around.note_colours
        ):
            tell(line)
    if not asking.yes(question):
        raise Cancelled("cancelled, nothing was changed")


def _await(call: Call, how: Defining, made: list[Result], missing: waiting.Missing | None) -> None:
    if how.wait is False or missing is None:
        return
    names = sorted({result.subcluster for result in made if result.subcluster})
    silent = [name for name in names if not waiting.anybody_lives(call.client, name)]
    if silent:
        why = f"no node of {', '.join(silent)} is heard alive"
        if how.wait is None and silent == names:
            tell(f"not waiting: {why}; --wait waits all the same")
            return
        tell(f"waiting, though {why}")
    waiting.wait(call.client, call.around, missing, how.timeout)


def _print(call: Call, how: Changing, results: Sequence[Result]) -> None:
    rows = [result.row() for result in results]
    shapes.rows_text(rows, COLUMNS, look_of(call, how)).print()


def revisions(results: list[Result]) -> waiting.Missing | None:
    """Wait until the living nodes act on the newest revision of each subcluster changed."""
    newest: dict[str, int] = {}
    for result in results:
        if result.revision and result.subcluster:
            newest[result.subcluster] = max(newest.get(result.subcluster, 0), result.revision)
    checks = [waiting.revision(name, number) for name, number in newest.items()]
    if not checks:
        return None
    return lambda client: [words for check in checks for words in check(client)]

"""Following a rollout until it ends or waits for somebody: a progress bar on a terminal.

Leaving (Ctrl-C, or after the longest wait) changes nothing: the rollout goes on at the manager.
"""

import contextlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from cluster_admin.cli.errors import Cancelled, Complaint, Partial, Unknown
from cluster_admin.cli.surroundings import Surroundings

if TYPE_CHECKING:
    from cluster_admin.cli.client import Client

LOOK_SECONDS = 0.5
WAITS, ENDS = "paused", ("done", "turned_back", "aborted")
Row = dict[str, Any]
Show = Callable[[Row], None]


def follow(client: "Client", around: Surroundings, where: str, timeout_seconds: float) -> Row:
    """Look at the rollout until it has ended or is paused; `Unknown` after the longest wait."""
    end = around.clock() + timeout_seconds
    said = ""
    with _shown(around) as show:
        while True:
            try:
                row: Row = client.get(where).body
                said = described(row)
                show(row)
                if row["phase"] in (*ENDS, WAITS):
                    return row
            except Complaint as error:
                if not error.passing:
                    raise
                said = str(error)
            if around.clock() >= end:
                raise Unknown(f"no longer waiting, the rollout goes on: {said}")
            around.sleep(LOOK_SECONDS)


def conclude(row: Row) -> None:
    """Raise what fits how a rollout stands; nothing when it is done."""
    sentence = described(row)
    if row["phase"] == "turned_back":
        raise Complaint(sentence)
    if row["phase"] == "aborted":
        raise Cancelled(sentence)
    if row["phase"] == WAITS:
        way = f"muster config rollout-resume {row['id']}, or rollout-abort {row['id']}"
        raise Partial(f"{sentence}; go on with: {way}")


def described(row: Row) -> str:
    """How it stands, in one line."""
    passed = row["counts"].get("passed", 0)
    phase = str(row["phase"]).replace("_", " ")
    head = f"r{row['revision']} to {row['subcluster']}: {phase}, {passed} of {row['nodes']} nodes"
    return f"{head}; {row['sentence']}" if row["sentence"] else head


@contextlib.contextmanager
def _shown(around: Surroundings) -> Iterator[Show]:
    """A bar for the time of the block; nothing without a terminal."""
    if not around.reports:
        yield lambda _: None
        return
    from rich.console import Console  # only on a terminal: starting is to be fast
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

    console = Console(stderr=True, force_terminal=True, no_color=not around.note_colours)
    columns = (BarColumn(), TaskProgressColumn(), TextColumn("{task.description}", markup=False))
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("starting", total=1.0)
        yield lambda row: bar.update(task, completed=row["progress"], description=_briefly(row))


def _briefly(row: Row) -> str:
    """Which batch it is at, and how its nodes stand."""
    place = "canary" if row["batch"] == 0 else f"batch {row['batch']} of {row['batches'] - 1}"
    stages = ", ".join(f"{number} {stage}" for stage, number in sorted(row["counts"].items()))
    return f"{str(row['phase']).replace('_', ' ')}, {place}: {stages}"

"""What a bench keeps of its runs: every probe report, and the story of each run over a bound.

`NAME-runs.jsonl` has the reports, `NAME-trouble.txt` the time lines with what agents say of them.
Written as the runs come, so that a bench that is broken off leaves what it has seen.
"""

from collections.abc import Sequence
from pathlib import Path

import msgspec

from bench import facts
from bench.report import Kind, Run, over, timeline
from workers.lab.lab import Lab


class Book:
    """The runs so far. Bounds are looked at within the runs of one side."""

    def __init__(self, directory: Path, name: str, kinds: Sequence[Kind]) -> None:
        self.runs: list[Run] = []
        self._reports = directory / f"{name}-runs.jsonl"
        self._trouble = directory / f"{name}-trouble.txt"
        self._kinds = kinds

    def begin(self) -> None:
        """Forget what an earlier bench left."""
        self._reports.parent.mkdir(parents=True, exist_ok=True)
        for path in (self._reports, self._trouble):
            path.unlink(missing_ok=True)

    def add(self, lab: Lab, run: Run, *, judged: bool = True) -> list[str]:
        """Keep a run; answers the rows it would break, none of a run that is not `judged`."""
        self.runs.append(run)
        with self._reports.open("ab") as out:
            out.write(msgspec.json.encode(run) + b"\n")
        same = [each for each in self.runs if each.side == run.side]
        broken = over(run, same, self._kinds) if judged else []
        if broken:
            told = [", ".join(broken), *timeline(run, facts.around(lab, run)), ""]
            with self._trouble.open("a") as out:
                out.write("\n".join(told) + "\n")
        return broken


def figures_of(run: Run) -> str:
    """The two figures that every run has, for whoever watches."""
    return f"outage {run.probe.outage:.3f} s, two owners {run.probe.two_owners:.3f} s"

"""`python -m bench NAME`: measure, print the table, say by the exit code whether bounds hold.

Exit codes: 0 all bounds hold, 1 the bench failed, 2 usage, 3 refused, 5 some bounds do not hold.
"""

import dataclasses
import signal
from pathlib import Path
from typing import Annotated, Protocol

import typer
from rich.console import Console
from rich.table import Table

from bench.errors import BenchError
from bench.failover import OUTPUT, Failover, Options
from bench.report import Row
from workers.lab.errors import LabError, LabRefused

QUICK_RUNS = 1
PIPE_WIDTH = 140
app = typer.Typer(add_completion=False, no_args_is_help=True)


@app.callback()
def bench() -> None:
    """Measure what the project promises."""


@app.command()
def failover(
    quick: Annotated[bool, typer.Option(help="One run each: a rough answer.")] = False,
    runs: Annotated[int | None, typer.Option(min=1, help="Runs per scenario.")] = None,
    row: Annotated[str, typer.Option(help="Only rows that match, e.g. 'power-loss.*'.")] = "*",
    mail: Annotated[bool, typer.Option(help="With mail flowing in the measured lab.")] = False,
    name: Annotated[str, typer.Option(help="Name of the lab that is made.")] = "bench",
    output: Annotated[Path, typer.Option(help="Directory for the results.")] = OUTPUT,
) -> None:
    """Measure outages and double owners under each fault, three nodes, default knobs."""
    wanted = Options(
        runs=runs or (QUICK_RUNS if quick else 10),
        rows=row,
        name=name,
        mail=mail,
        quick=quick,
        output=output,
    )
    raise typer.Exit(_measure(Failover(wanted, _tell)))


@app.command()
def manager(
    quick: Annotated[bool, typer.Option(help="Few runs each: a rough answer.")] = False,
    row: Annotated[str, typer.Option(help="Only rows that match, e.g. 'page.*'.")] = "*",
    name: Annotated[str, typer.Option(help="Name of the lab that is made.")] = "bench",
    output: Annotated[Path, typer.Option(help="Directory for the results.")] = OUTPUT,
) -> None:
    """Measure adding a VIP, the live page, pages of a large fleet, and history through faults."""
    from bench.manager import ManagerBench
    from bench.manager import Options as Wanted

    wanted = Wanted(rows=row, name=name, output=output)
    if quick:
        wanted = dataclasses.replace(wanted, adds=3, failovers=1, page_runs=5, events=2_000)
    raise typer.Exit(_measure(ManagerBench(wanted, _tell)))


@app.command()
def keepalived(
    quick: Annotated[bool, typer.Option(help="One run each of a few faults.")] = False,
    runs: Annotated[int | None, typer.Option(min=1, help="Runs per scenario.")] = None,
    row: Annotated[str, typer.Option(help="Only rows that match, e.g. 'power-loss.*'.")] = "*",
    name: Annotated[str, typer.Option(help="What the names of its labs begin with.")] = "bench",
    output: Annotated[Path, typer.Option(help="Directory for the results.")] = OUTPUT,
) -> None:
    """Measure every promise of the fault table, Debian's keepalived beside it: over an hour."""
    from bench.keepalived import KeepalivedBench
    from bench.keepalived_sides import Options as Wanted

    runs = runs or (QUICK_RUNS if quick else 10)
    work = KeepalivedBench(Wanted(runs, row, name, quick, output), _tell)
    code = _measure(work)
    _console().print(work.compared())
    raise typer.Exit(code)


@app.command()
def scale(
    quick: Annotated[bool, typer.Option(help="One run each.")] = False,
    runs: Annotated[int | None, typer.Option(min=1, help="Runs per row.")] = None,
    row: Annotated[str, typer.Option(help="Only rows that match, e.g. 'vips-1000.*'.")] = "*",
    name: Annotated[str, typer.Option(help="What the names of its labs begin with.")] = "bench",
    output: Annotated[Path, typer.Option(help="Directory for the results.")] = OUTPUT,
) -> None:
    """Measure 1,000 and 10,240 VIPs on one node, and sixteen nodes; a part of `keepalived`."""
    from bench.keepalived_sides import Options as Wanted
    from bench.scale import Scale

    runs = runs or (QUICK_RUNS if quick else 10)
    raise typer.Exit(_measure(Scale(Wanted(runs, row, name, quick, output), _tell)))


class Work(Protocol):
    """A bench at work."""

    def measure(self) -> None:
        """Measure everything that is wanted."""

    def rows(self) -> list[Row]:
        """What was measured so far."""

    def save(self) -> Path:
        """Write the rows; answers where."""


def _console() -> Console:
    """A pipe has no width to respect."""
    console = Console()
    if not console.is_terminal:
        console.width = PIPE_WIDTH
    return console


def _tell(line: str) -> None:
    typer.echo(line, err=True)


def _measure(work: Work) -> int:
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    complaint = ""
    try:
        work.measure()
    except (BenchError, LabError) as error:
        complaint = str(error)
        if isinstance(error, LabRefused):
            typer.echo(complaint, err=True)
            return 3
    except KeyboardInterrupt:
        complaint = "interrupted"
    found = work.rows()
    _console().print(table(found))
    typer.echo(f"written to {work.save()}", err=True)
    if complaint:
        typer.echo(f"the bench did not finish: {complaint}", err=True)
        return 1
    return 5 if any(each.holds is False for each in found) else 0


def table(found: list[Row]) -> Table:
    """Rows as people read them."""
    shown = Table()
    for heading in ("name", "value", "unit", "bound", "holds", "runs"):
        shown.add_column(heading, justify="left" if heading in ("name", "unit") else "right")
    for each in found:
        shown.add_row(
            each.name,
            "-" if each.value is None else f"{each.value:.3f}",
            each.unit,
            "-" if each.bound is None else f"{each.bound:.3f}",
            {True: "yes", False: "[red]NO[/red]", None: "-"}[each.holds],
            str(len(each.runs)),
        )
    return shown


if __name__ == "__main__":
    app()

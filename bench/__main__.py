"""`python -m bench NAME`: measure, print the table, say by the exit code whether bounds hold.

The rows, with what others made beside them, and the machine go to `NAME.json` in the output
directory. Exit codes: 0 all bounds hold, 1 the bench failed (what it has measured is kept),
2 usage, 3 refused, 5 some bounds do not hold.
"""

import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Protocol

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from bench.errors import BenchError
from bench.machine import describe
from bench.options import OUTPUT, Options
from bench.report import Row
from workers.lab.errors import LabError, LabRefused

PIPE_WIDTH = 140
Runs = Annotated[int | None, typer.Option(min=1, help="Runs per scenario.")]
Asked = Annotated[str, typer.Option(help="Only rows that match, e.g. 'power-loss.*'.")]
Name = Annotated[str, typer.Option(help="What the names of the labs that are made begin with.")]
Output = Annotated[Path, typer.Option(help="Directory for the results.")]
app = typer.Typer(add_completion=False, no_args_is_help=True)


@app.callback()
def bench() -> None:
    """Measure what the project promises."""


@app.command()
def failover(
    quick: Annotated[bool, typer.Option(help="One run each: a rough answer.")] = False,
    runs: Runs = None,
    row: Asked = "*",
    mail: Annotated[bool, typer.Option(help="With mail flowing in the measured lab.")] = False,
    name: Name = "bench",
    output: Output = OUTPUT,
) -> None:
    """Measure outages and double owners under each fault, three nodes, default knobs."""
    from bench.failover import Failover

    options = _options(quick, runs, row, name, output)
    raise typer.Exit(_measure("failover", Failover(options, _tell, mail=mail), output))


@app.command()
def manager(
    quick: Annotated[bool, typer.Option(help="Few runs each: a rough answer.")] = False,
    row: Asked = "*",
    name: Name = "bench",
    output: Output = OUTPUT,
) -> None:
    """Measure adding a VIP, the live page, pages of a large fleet, and history through faults."""
    from bench.manager import ManagerBench

    work = ManagerBench(_options(quick, None, row, name, output), _tell)
    raise typer.Exit(_measure("manager", work, output))


@app.command()
def keepalived(
    quick: Annotated[bool, typer.Option(help="One run each of a few faults.")] = False,
    runs: Runs = None,
    row: Asked = "*",
    name: Name = "bench",
    output: Output = OUTPUT,
) -> None:
    """Measure every promise of the fault table, Debian's keepalived beside it: over an hour."""
    from bench.keepalived import KeepalivedBench

    work = KeepalivedBench(_options(quick, runs, row, name, output), _tell)
    code = _measure("keepalived", work, output)
    _console().print(work.compared())
    raise typer.Exit(code)


@app.command()
def scale(
    quick: Annotated[bool, typer.Option(help="One run each.")] = False,
    runs: Runs = None,
    row: Asked = "*",
    name: Name = "bench",
    output: Output = OUTPUT,
) -> None:
    """Measure 1,000 and 10,240 VIPs on one node, and sixteen nodes; a part of `keepalived`."""
    from bench.scale import Scale

    work = Scale(_options(quick, runs, row, name, output), _tell)
    raise typer.Exit(_measure("scale", work, output))


@app.command()
def config(
    quick: Annotated[bool, typer.Option(help="Few runs each: a rough answer.")] = False,
    row: Asked = "*",
    name: Name = "bench",
    output: Output = OUTPUT,
) -> None:
    """Measure commits until nodes apply them, deaths on the way, and a large repository."""
    from bench.config import ConfigBench

    work = ConfigBench(_options(quick, None, row, name, output), _tell)
    raise typer.Exit(_measure("config", work, output))


@app.command()
def logs(
    quick: Annotated[bool, typer.Option(help="Small logs, few deaths: a rough answer.")] = False,
    row: Asked = "*",
    name: Name = "bench",
    output: Output = OUTPUT,
) -> None:
    """Measure a log on its way to a collector, Debian's rsyslog and syslog-ng beside it."""
    from bench.logs import LogsBench

    work = LogsBench(_options(quick, None, row, name, output), _tell)
    code = _measure("logs", work, output)
    _console().print(work.compared())
    raise typer.Exit(code)


@app.command()
def replication(
    quick: Annotated[bool, typer.Option(help="Short loads, few deaths: a rough answer.")] = False,
    row: Asked = "*",
    name: Name = "bench",
    output: Output = OUTPUT,
) -> None:
    """Measure what nodes count together: lag, cost, overshoot, a million keys, and drift."""
    from bench.replication import ReplicationBench

    work = ReplicationBench(_options(quick, None, row, name, output), _tell)
    raise typer.Exit(_measure("replication", work, output))


class Work(Protocol):
    """A bench at work."""

    def measure(self) -> None:
        """Measure everything that is wanted."""

    def rows(self) -> list[Row]:
        """What was measured so far."""


def _options(quick: bool, runs: int | None, rows: str, name: str, output: Path) -> Options:
    return Options(runs or (1 if quick else Options().runs), rows, name, quick, output)


def _console() -> Console:
    """A pipe has no width to respect."""
    console = Console()
    if not console.is_terminal:
        console.width = PIPE_WIDTH
    return console


def _tell(line: str) -> None:
    typer.echo(line, err=True)


def _measure(name: str, work: Work, output: Path) -> int:
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    machine, complaint = describe(), ""
    try:
        work.measure()
    except (BenchError, LabError) as error:
        complaint = str(error)
        if isinstance(error, LabRefused) and not any(each.runs for each in work.rows()):
            typer.echo(complaint, err=True)
            return 3
    except KeyboardInterrupt:
        complaint = "interrupted"
    found = work.rows()
    if not (found or complaint):
        typer.echo("nothing was measured: --row or --quick leaves none of the rows", err=True)
        return 2
    _console().print(table(found))
    typer.echo(f"written to {_save(output / f'{name}.json', found, machine)}", err=True)
    if complaint:
        typer.echo(f"the bench did not finish: {complaint}", err=True)
        return 1
    return 5 if any(each.holds is False for each in found) else 0


def _save(path: Path, rows: list[Row], machine: Mapping[str, object]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    told = msgspec.json.encode({"rows": rows, "machine": machine})
    path.write_bytes(msgspec.json.format(told, indent=2) + b"\n")
    return path


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
            _holds(each),
            str(len(each.runs)),
        )
    return shown


def _holds(each: Row) -> str:
    if each.value is None and each.holds is None:
        return "not measured"
    return {True: "yes", False: "[red]NO[/red]", None: "-"}[each.holds]


if __name__ == "__main__":
    app()

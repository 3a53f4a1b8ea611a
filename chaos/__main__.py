"""`python -m chaos`: random faults on a lab, several at once, judged as a client sees them.

Progress goes to stderr, the table (or JSON) to stdout. Exit codes: 0 all bounds hold, 1 chaos could
not go on, 2 usage, 3 refused, 5 a bound was broken; 130 ended by Ctrl-C.
"""

import secrets
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from chaos.core.result import Row, rows
from chaos.errors import ChaosError
from chaos.run import OUTPUT, Chaos, Options
from workers.exit_codes import Exit
from workers.lab.endings import end_like_interrupt
from workers.lab.errors import LabError, LabRefused

INTERRUPTED = 130
SEEDS = 1_000_000


class Output(StrEnum):
    """How results are printed."""

    TABLE = "table"
    JSON = "json"


app = typer.Typer(add_completion=False)


@app.command()
def chaos(
    minutes: Annotated[float, typer.Option(min=0.1, help="For how long.")] = 5.0,
    seed: Annotated[int | None, typer.Option(min=0, help="Of all rounds; else random.")] = None,
    number: Annotated[int | None, typer.Option("--round", min=0, help="This round alone.")] = None,
    nodes: Annotated[int, typer.Option(min=1, max=16, help="How many nodes.")] = 3,
    brokers: Annotated[int, typer.Option(help="1, or a RabbitMQ cluster of 3.")] = 1,
    name: Annotated[str, typer.Option(help="Name of the lab that is made.")] = "chaos",
    keep_going: Annotated[bool, typer.Option(help="Go on after a broken bound.")] = False,
    output: Annotated[Output, typer.Option("--output", "-o", help="Table or JSON.")] = Output.TABLE,
    directory: Annotated[Path, typer.Option(help="Where results are written.")] = OUTPUT,
) -> None:
    """Do random faults to a lab of its own, and hold what a client sees against the bounds."""
    chosen = secrets.randbelow(SEEDS) if seed is None else seed
    options = Options(chosen, minutes, number, nodes, brokers, name, keep_going, directory)
    end_like_interrupt()
    raise typer.Exit(_carry_out(Chaos(options, _tell), output))


def _carry_out(work: Chaos, output: Output) -> int:
    _tell(f"seed {work.options.seed}")
    complaint, code = "", 0
    try:
        work.run()
    except LabRefused as error:
        _tell(str(error))
        return Exit.REFUSED
    except (ChaosError, LabError) as error:
        complaint, code = str(error), Exit.FAILED
    except KeyboardInterrupt:
        complaint, code = "interrupted; the lab is gone", INTERRUPTED
    path = work.save()
    if output is Output.JSON:
        typer.echo(path.read_text(), nl=False)
    else:
        Console().print(table(rows(work.results)))
    _tell(f"written to {path}")
    if complaint:
        _tell(f"chaos did not finish: {complaint}")
    for each in work.failed:
        _tell(f"BROKEN in round {each.number}; replay: {work.command(each.number)}")
    return Exit.PARTIAL if work.failed else code


def _tell(line: str) -> None:
    typer.echo(line, err=True)


def table(found: list[Row]) -> Table:
    """One line per kind of combination; seconds."""
    shown = Table(title="Rounds by what they did at once; seconds", title_justify="left")
    headings = ("combination", "rounds", "outage median", "outage max", "two owners max")
    for heading in (*headings, "rest max", "broken", "noisy"):
        shown.add_column(heading, justify="left" if heading == "combination" else "right")
    for each in found:
        figures = (each.outage_median, each.outage_max, each.two_owners_max)
        shown.add_row(
            each.combination,
            str(each.rounds),
            *(f"{figure:.3f}" for figure in figures),
            f"{each.rest_max:.1f}",
            f"[red]{each.violations}[/red]" if each.violations else "0",
            str(each.noisy),
        )
    return shown


if __name__ == "__main__":
    app()

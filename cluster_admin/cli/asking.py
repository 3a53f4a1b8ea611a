"""Questions to the operator, on stderr: stdout stays data, whatever is asked."""

import sys
from typing import TYPE_CHECKING

import typer

from cluster_admin.cli.errors import Cancelled, Usage
from cluster_admin.cli.surroundings import Surroundings

if TYPE_CHECKING:
    from cluster_admin.cli.session import Call


def line(question: str, default: str = "") -> str:
    """One line of an answer; an empty one means the default."""
    hint = f" [{default}]" if default else ""
    typer.echo(f"{question}{hint}: ", err=True, nl=False)
    answer = sys.stdin.readline()
    if not answer:
        raise Cancelled("cancelled, nothing was done")
    return answer.strip() or default


def yes(question: str) -> bool:
    """Whether the operator says yes; no answer means no."""
    typer.echo(f"{question} [y/N]: ", err=True, nl=False)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def confirm(call: "Call", question: str) -> None:
    """Go on if the operator says yes; raises `Cancelled`, or `Usage` when nobody is there."""
    if not call.around.asks:
        raise Usage(f"{question} Nobody is there to ask: say --yes to do it")
    if not yes(question):
        raise Cancelled("cancelled, nothing was changed")


def secret(question: str, around: Surroundings) -> str:
    """An answer that is not shown while it is typed."""
    try:
        return around.hidden(f"{question}: ")
    except EOFError:
        raise Cancelled("cancelled, nothing was done") from None

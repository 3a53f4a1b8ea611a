"""`muster lab probe`: measure a lab's VIPs from its client host and show what was found.

The table has one line per VIP; JSON has the whole `ProbeReport`. Data goes to stdout, notes to
stderr. Exit codes: 0 measured, 1 failed, 3 refused.
"""

import sys
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from workers.lab import probing
from workers.lab.core.probe_report import ProbeReport, VipReport
from workers.lab.errors import LabError, LabRefused
from workers.lab.lab import DEFAULT_NAME, Lab


class Output(StrEnum):
    """How results are printed."""

    TABLE = "table"
    JSON = "json"


def probe(
    vip: Annotated[list[str] | None, typer.Option(help="A VIP to probe; may be repeated.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Probe all VIPs of the lab.")] = False,
    seconds: Annotated[float, typer.Option(help="How long to measure.")] = 10.0,
    output: Annotated[Output, typer.Option("--output", "-o")] = Output.TABLE,
    name: Annotated[str, typer.Option(help="The lab.")] = DEFAULT_NAME,
    more: Annotated[
        list[str] | None,
        typer.Argument(metavar="[ADDR]...", help="Further VIPs.", show_default=False),
    ] = None,
) -> None:
    """Measure outages and double owners of VIPs as a client sees them, every 5 ms."""
    try:
        lab = Lab.load(name)
        found = _measure(lab, [*(vip or ()), *(more or ())], every, seconds)
    except LabError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(3 if isinstance(error, LabRefused) else 1) from error
    if output is Output.JSON:
        sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(found), indent=2) + b"\n")
    else:
        names = {host.mac: host.name for host in lab.hosts.values()}
        Console().print(table(found, names))


def _measure(lab: Lab, vips: list[str], every: bool, seconds: float) -> ProbeReport:
    wanted = lab.vips if every else vips
    running = probing.start(lab.record, wanted, seconds, banners=lab.record.mail)
    typer.echo(f"probing for {seconds:g} s; Ctrl-C ends it with what it has", err=True)
    try:
        return running.report()
    except KeyboardInterrupt:
        return running.report()  # the terminal's interrupt reached the probe too


def table(found: ProbeReport, names: Mapping[str, str]) -> Table:
    """One line per VIP; seconds. `names`: link address -> host, for VIPs measured by frames."""
    shown = Table(title=_overhead(found))
    for heading in ("VIP", "outage s", "two owners s", "answered", "owners", "banners"):
        shown.add_column(heading, justify="left" if heading in ("VIP", "owners") else "right")
    for each in found.vips:
        shown.add_row(
            each.vip,
            f"{each.outage:.3f}",
            f"{each.two_owners:.3f}",
            f"{each.answered}/{each.sent}",
            _owners(each, names),
            f"{each.banners.ok}/{each.banners.ok + each.banners.failed}" if each.banners else "",
        )
    return shown


def _owners(each: VipReport, names: Mapping[str, str]) -> str:
    spans = each.owners or tuple(span for span in each.macs if span.who)
    return " > ".join(" + ".join(names.get(w, w) for w in span.who) for span in spans) or "nobody"


def _overhead(found: ProbeReport) -> str:
    overhead = found.overhead
    return (
        f"{found.ended - found.started:.1f} s; the probe's own lateness: p99 "
        f"{1000 * overhead.late_p99:.1f} ms, most {1000 * overhead.late_max:.1f} ms"
    )

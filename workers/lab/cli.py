"""`muster lab ...`: the one-machine lab on the command line.

Data goes to stdout, notes and complaints to stderr. Exit codes: 0 done, 1 failed, 2 usage,
3 refused (with the reason); `exec` has the command's own.
"""

import contextlib
import dataclasses
import json
import os
import shlex
import sys
from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated

import typer
from rich.console import Console, RenderableType
from rich.table import Table

from workers.exit_codes import Exit
from workers.lab import bringup, joining, running
from workers.lab.core.faults import FaultKind
from workers.lab.endings import end_like_interrupt
from workers.lab.errors import LabError, LabRefused
from workers.lab.health import look
from workers.lab.lab import DEFAULT_NAME, HostProcess, Lab
from workers.lab.probe_cli import probe
from workers.lab.progress import progress
from workers.lab.surroundings import BROKER_VARIABLE, FIRST_PORT, LOOPBACK
from workers.lab.table import login_lines, picture, render

INTERRUPTED = 130
COMMAND_WIDTH, PIPE_WIDTH = 60, 160


class Output(StrEnum):
    """How results are printed."""

    TABLE = "table"
    JSON = "json"


Name = Annotated[str, typer.Option("--name", help="The lab; several stand side by side.")]
Shape = Annotated[Output, typer.Option("--output", "-o", help="Table or JSON.")]
Nodes = Annotated[int, typer.Option(help="How many nodes.")]
Vips = Annotated[int, typer.Option(help="How many virtual addresses.")]
Brokers = Annotated[int, typer.Option(help="1, or a RabbitMQ cluster of 3; 0: ring B alone.")]
Mail = Annotated[bool, typer.Option("--mail/--no-mail", help="Postfix, traffic and sink.")]
Interval = Annotated[float, typer.Option(help="Heartbeat interval in seconds.")]
Manager = Annotated[
    bool | None,
    typer.Option(
        "--manager/--no-manager",
        help="Dashboard, API and history; with a broker there is one unless --no-manager.",
        show_default=False,
    ),
]
Port = Annotated[
    int | None,
    typer.Option(help=f"Of the dashboard on {LOOPBACK}; else the first free from {FIRST_PORT}."),
]
Collectors = Annotated[
    int | None,
    typer.Option(
        help="How many collectors take the nodes' logs, each all of them; 1 with manager and mail.",
        show_default=False,
    ),
]
Limits = Annotated[
    bool | None,
    typer.Option(
        "--limits/--no-limits",
        help="Nodes count and limit mail together; with a broker and mail unless --no-limits.",
        show_default=False,
    ),
]
_FAULTS = "Do a fault: KIND TARGET...\n\n" + "\n\n".join(
    f"{kind.value} {kind.usage}: {kind.sentence}" for kind in FaultKind
)
_WORDS = {"allow_extra_args": True, "ignore_unknown_options": True}

app = typer.Typer(
    no_args_is_help=True,
    help="A whole cluster on this machine, in network namespaces: real RabbitMQ, Postfix, agents.",
)
app.command("probe")(probe)


@contextlib.contextmanager
def _complaints() -> Iterator[None]:
    """Say in one sentence what went wrong, and leave with the code that fits."""
    try:
        yield
    except LabError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(Exit.REFUSED if isinstance(error, LabRefused) else Exit.FAILED) from error
    except KeyboardInterrupt:
        typer.echo("interrupted; nothing is left", err=True)
        raise typer.Exit(INTERRUPTED) from None


@app.command()
def up(
    nodes: Nodes = 3,
    vips: Vips = 6,
    brokers: Brokers = 1,
    mail: Mail = True,
    interval: Interval = 0.2,
    manager: Manager = None,
    collectors: Collectors = None,
    limits: Limits = None,
    port: Port = None,
    name: Name = DEFAULT_NAME,
) -> None:
    """Start a lab, wait until all is green, and leave it running."""
    wish = bringup.Wish(name, nodes, vips, brokers, mail, interval, port=port)
    end_like_interrupt()
    with _complaints():
        with progress() as tell:
            lab = bringup.bring_up(_wish(wish, manager, collectors, limits), tell)
        typer.echo(f"lab {lab.name} is up on {lab.subnet}: VIPs {', '.join(lab.vips[:8])}")
        typer.echo("\n".join(login_lines(lab.record)), nl=bool(lab.managers))


@app.command()
def run(
    nodes: Nodes = 3,
    vips: Vips = 6,
    brokers: Brokers = 1,
    mail: Mail = True,
    interval: Interval = 0.2,
    manager: Manager = None,
    collectors: Collectors = None,
    limits: Limits = None,
    port: Port = None,
    name: Name = DEFAULT_NAME,
) -> None:
    """Start a lab, show it live until Ctrl-C, then take it down."""
    wish = bringup.Wish(name, nodes, vips, brokers, mail, interval, port=port)
    with _complaints():
        running.run(_wish(wish, manager, collectors, limits))


@app.command()
def down(name: Name = DEFAULT_NAME) -> None:
    """Take a lab down, or clear what is left of one."""
    with _complaints():
        was = bringup.take_down(name)
    typer.echo(f"lab {name} is gone" if was else f"there was no lab {name}", err=True)


@app.command()
def status(name: Name = DEFAULT_NAME, output: Shape = Output.TABLE) -> None:
    """Show nodes, their configuration, who holds each VIP since when and why, mail and faults."""
    with _complaints():
        lab = Lab.load(name)
        health = look(lab.record)
    if output is Output.JSON:
        typer.echo(json.dumps(picture(lab.record, health), indent=2))
    else:
        _print(render(lab.record, health))


@app.command()
def ps(name: Name = DEFAULT_NAME, output: Shape = Output.TABLE) -> None:
    """List every process: host, role, pid, namespace."""
    with _complaints():
        found = Lab.load(name).processes()
    if output is Output.JSON:
        typer.echo(json.dumps([dataclasses.asdict(process) for process in found], indent=2))
    else:
        _print(_process_table(found))


@app.command("exec", context_settings=_WORDS)
def execute(
    context: typer.Context,
    host: Annotated[str, typer.Argument(help="mta1, broker1, client, sink, gateway, ...")],
    name: Name = DEFAULT_NAME,
) -> None:
    """Run a command on a host: muster lab exec mta1 -- ip address."""
    with _complaints():
        words = context.args[1:] if context.args[:1] == ["--"] else context.args
        if not words:
            raise LabRefused("exec needs a command: muster lab exec HOST -- COMMAND")
        lab = Lab.load(name)
        command, environment = lab.command(host, words), lab.environment(host)
    sys.stdout.flush()
    os.execve(command[0], command, environment)  # noqa: S606 -- the operator's own command


@app.command(context_settings=_WORDS, help=_FAULTS)
def fault(
    context: typer.Context,
    kind: Annotated[str, typer.Argument(help="See the list above.")],
    name: Name = DEFAULT_NAME,
) -> None:
    """Do a fault."""
    with _complaints():
        done = Lab.load(name).inject(kind, context.args).fault
    typer.echo(f"{done}: {done.kind.sentence}", err=True)


@app.command(context_settings=_WORDS)
def heal(context: typer.Context, name: Name = DEFAULT_NAME) -> None:
    """End faults: `heal`, `heal all`, `heal KIND`, `heal HOST`, `heal KIND HOST`."""
    with _complaints():
        healed = Lab.load(name).heal(*context.args)
    typer.echo("\n".join(f"healed {each}" for each in healed) or "nothing to heal", err=True)


@app.command()
def join(name: Name = DEFAULT_NAME, output: Shape = Output.TABLE) -> None:
    """Let another node join the lab by a one-time token, as a real host would."""
    end_like_interrupt()
    with _complaints(), progress() as tell:
        host = joining.join(name, tell)
    if output is Output.JSON:
        typer.echo(json.dumps(dataclasses.asdict(host), indent=2))
    else:
        typer.echo(f"{host.name} is a node of lab {name} at {host.address}")


@app.command()
def env(name: Name = DEFAULT_NAME) -> None:
    """Print what the other commands of muster need: eval "$(muster lab env)"."""
    with _complaints():
        lab = Lab.load(name)
        if not lab.managers:
            raise LabRefused(f"lab {name!r} has no manager: it was started with --no-manager")
        if not lab.manager_token:
            raise LabRefused(f"the manager of lab {name!r} has made no token yet: try again soon")
    for variable, value in (("MUSTER_URL", lab.manager_url), ("MUSTER_TOKEN", lab.manager_token)):
        typer.echo(f"export {variable}={shlex.quote(value)}")


def _wish(
    wish: bringup.Wish, manager: bool | None, collectors: int | None, limits: bool | None
) -> bringup.Wish:
    """The wish, with what the environment says, and all that there can be unless it was said."""
    managed = wish.brokers > 0 if manager is None else manager
    return dataclasses.replace(
        wish,
        manager=managed,
        limits=wish.brokers > 0 and wish.mail if limits is None else limits,
        collectors=int(managed and wish.mail) if collectors is None else collectors,
        broker_url=os.environ.get(BROKER_VARIABLE, "") if wish.brokers else "",
    )


def _process_table(found: list[HostProcess]) -> Table:
    shown = Table()
    for heading in ("host", "role", "pid", "state", "namespace"):
        shown.add_column(heading, no_wrap=True)
    shown.add_column("command", no_wrap=True, overflow="ellipsis", max_width=COMMAND_WIDTH)
    for process in found:
        shown.add_row(
            *(process.host, process.role, str(process.pid), process.state),
            *(process.namespace, process.command),
        )
    return shown


def _print(shown: RenderableType) -> None:
    """Print for people; a pipe has no width to respect."""
    console = Console()
    if not console.is_terminal:
        console.width = PIPE_WIDTH
    console.print(shown)

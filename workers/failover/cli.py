"""`muster node ...`: ask the failover consumer of this host through its local door.

Works with the broker and the manager down. Data goes to stdout, notes to stderr. Exit codes are
those of `workers.exit_codes`: 4 means that no agent answers.
"""

import contextlib
import errno
import json
import socket
import sys
import time
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from workers.exit_codes import Exit
from workers.failover.settings import SettingsError, read_settings

USUAL_CONFIG = Path("/etc/muster/node.toml")
ANSWER_SECONDS = 5.0
PIPED_COLUMNS = 160
RETRY_SECONDS = 0.1


class Output(StrEnum):
    """How results are printed."""

    TABLE = "table"
    JSON = "json"


Config = Annotated[
    Path, typer.Option("--config", envvar="MUSTER_NODE_CONFIG", help="NODE.toml of the node.")
]
Socket = Annotated[
    Path | None, typer.Option("--socket", help="The agent's socket; read from NODE.toml if unset.")
]
Shape = Annotated[Output, typer.Option("--output", "-o", help="Table or JSON.")]

app = typer.Typer(
    no_args_is_help=True, help="Ask this host's failover consumer, also without a broker."
)


@app.command()
def run(config: Config = USUAL_CONFIG) -> None:
    """Run the failover consumer in the foreground (what the service unit does)."""
    import os

    command = [sys.executable, "-m", "workers.failover.consumer", "--config", str(config)]
    os.execv(sys.executable, command)  # noqa: S606 - the very same interpreter


@app.command()
def status(
    config: Config = USUAL_CONFIG, door: Socket = None, output: Shape = Output.TABLE
) -> None:
    """Show what this node is, which peers it hears, and how its rings are."""
    picture = _ask(_path(config, door), {"command": "status"})
    if output is Output.JSON:
        typer.echo(json.dumps(picture, indent=2))
        return
    console = _console()
    facts = Table(show_header=False, box=None)
    for name, value in _facts(picture):
        facts.add_row(name, value)
    console.print(facts)
    peers = Table("PEER", "VERDICT", "STATE", "INCARNATION", "HEARD", "HEARS ME", "VIPS")
    for name, peer in sorted(picture["peers"].items()):
        ages = [_ago(peer["heard_age"]), _ago(peer["hears_me_age"])]
        incarnation = str(peer["incarnation"])
        peers.add_row(name, peer["verdict"], peer["state"], incarnation, *ages, str(peer["vips"]))
    console.print(peers)


@app.command()
def restart(
    config: Config = USUAL_CONFIG,
    door: Socket = None,
    lease: Annotated[
        int, typer.Option(min=1, max=120, help="Seconds the kernel keeps the VIPs meanwhile.")
    ] = 15,
) -> None:
    """Begin the agent anew, for instance after an upgrade; its VIPs stay and go on serving."""
    path = _path(config, door)
    before = _ask(path, {"command": "status"})["incarnation"]
    _ask(path, {"command": "restart", "lease_seconds": lease})
    until = time.monotonic() + lease
    while time.monotonic() < until:
        time.sleep(RETRY_SECONDS)
        with contextlib.suppress(OSError, ValueError, KeyError):
            now = _asked(path, {"command": "status"})
            if now["incarnation"] > before and now["state"] != "joining":
                typer.echo(f"{now['node']} is {now['state']}, incarnation {now['incarnation']}")
                return
    typer.echo(
        f"no new agent is ready after {lease} s: either a peer did not hear of the longer lease "
        "and the old one stays, or the new one does not start and others take over: see its log",
        err=True,
    )
    raise typer.Exit(Exit.FAILED)


@app.command()
def vips(config: Config = USUAL_CONFIG, door: Socket = None, output: Shape = Output.TABLE) -> None:
    """Show who holds each VIP, since when and why, as this node knows it."""
    found = _ask(_path(config, door), {"command": "vips"})["vips"]
    if output is Output.JSON:
        typer.echo(json.dumps(found, indent=2))
        return
    table = Table("VIP", "STATE", "OWNER", "EPOCH", "SINCE", "WHY")
    for vip, picture in found.items():
        since = _ago(picture["since"]) if picture["since"] is not None else ""
        owner, epoch = picture["owner"] or "nobody", str(picture["epoch"])
        table.add_row(vip, picture["state"], owner, epoch, since, _why(picture))
    _console().print(table)


@app.command()
def events(
    config: Config = USUAL_CONFIG,
    door: Socket = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until Ctrl-C.")] = False,
    since: Annotated[int, typer.Option(help="Only events with a higher number.")] = 0,
    output: Shape = Output.TABLE,
) -> None:
    """Show what happened on this node, oldest first."""
    request = {"command": "events", "since": since, "follow": follow}
    lines = _lines(_path(config, door), request, patient=follow)
    with contextlib.suppress(KeyboardInterrupt):
        for event in next(lines)["events"]:
            _show(event, output)
        for event in lines:
            _show(event, output)


def _show(event: dict[str, Any], output: Output) -> None:
    if output is Output.JSON:
        typer.echo(json.dumps(event))
        return
    words = [event["kind"], event["vip"], event["node"], event["detail"], event["reason"]]
    if event.get("gap_ms") is not None:
        words.append(f"after {event['gap_ms']} ms without service")
    typer.echo(f"{event['time']} {event['number']:>5} {' '.join(word for word in words if word)}")


def _why(vip: dict[str, Any]) -> str:
    """Why its owner has it, and what is to be known of its state."""
    return "; ".join(filter(None, (vip["reason"], vip["note"])))


def _facts(picture: dict[str, Any]) -> Iterator[tuple[str, str]]:
    view = picture["view"]
    calm = "mature" if view["mature"] else "agreed" if view["agreed"] else "not agreed"
    objection = picture["objection"]
    yield "node", f"{picture['node']} ({picture['cluster']}/{picture['subcluster']})"
    yield "state", picture["state"] + (f": {objection}" if objection else "")
    yield "incarnation", str(picture["incarnation"])
    yield "definitions", f"r{picture['revision']}, newest known r{picture['known_revision']}"
    yield "view", f"{' '.join(view['members'])} ({calm})"
    yield "ring A", _ring_a(picture["ring_a"], picture["broker"])
    yield "ring B", picture["ring_b"]
    yield "loop", f"longest step {picture['loop']['max_step_ms']} ms"
    for warning in [picture["definitions_problem"], *picture["warnings"]]:
        if warning:
            yield "warning", warning


def _ring_a(sentence: str, broker: str) -> str:
    """The sentence, and the broker that is being tried when it names none or another."""
    return sentence if broker in sentence else f"{sentence}; trying {broker}"


def _console() -> Console:
    """A console that does not squeeze tables when nobody looks."""
    return Console(width=None if sys.stdout.isatty() else PIPED_COLUMNS)


def _ago(seconds: float | None) -> str:
    if seconds is None:
        return "never"
    if seconds < 120:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.0f} h"


def _path(config: Path, door: Path | None) -> Path:
    if door is not None:
        return door
    try:
        return read_settings(config).socket
    except SettingsError as error:
        typer.echo(f"{error}; or name the socket with --socket", err=True)
        raise typer.Exit(Exit.USAGE) from error


def _asked(path: Path, request: dict[str, Any]) -> dict[str, Any]:
    """One answer; raises what goes wrong instead of leaving."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(ANSWER_SECONDS)
        client.connect(str(path))
        client.sendall(json.dumps(request).encode() + b"\n")
        with client.makefile("rb") as answers:
            found: dict[str, Any] = json.loads(answers.readline())
    return found


def _ask(path: Path, request: dict[str, Any]) -> dict[str, Any]:
    return next(_lines(path, request))


def _lines(path: Path, request: dict[str, Any], *, patient: bool = False) -> Iterator[Any]:
    """The agent's answers, decoded; leaves with exit code 4 when nobody answers."""
    try:
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(ANSWER_SECONDS)
            client.connect(str(path))
            client.sendall(json.dumps(request).encode() + b"\n")
            with client.makefile("rb") as answers:
                yield _good(json.loads(answers.readline()))
                while patient:
                    client.settimeout(None)
                    line = answers.readline()
                    if not line:
                        return
                    yield json.loads(line)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "it closed the connection"
        way = "start it with: muster node run --config NODE.toml"
        if getattr(error, "errno", None) in (errno.EACCES, errno.EPERM):
            way = "ask as the user that runs it, normally root"
        elif isinstance(error, (BlockingIOError, TimeoutError)):
            why, way = "it runs, but is stopped or too busy", "look at its process and its log"
        typer.echo(f"the agent of this node does not answer on {path}: {why}; {way}", err=True)
        raise typer.Exit(Exit.UNREACHABLE) from error


def _good(answer: dict[str, Any]) -> dict[str, Any]:
    if "error" in answer:
        typer.echo(f"the agent of this node says: {answer['error']}", err=True)
        raise typer.Exit(Exit.FAILED)
    return answer

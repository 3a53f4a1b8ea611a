"""`muster node join`: make this host a node with a one-time token, on the host itself.

Needs no login. May be run again at any time with the same token: it goes on where it stopped.
"""

import shutil
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cluster_admin.cli import join_files, profiles, shapes
from cluster_admin.cli.bundles import Printing, add
from cluster_admin.cli.columns import Column, Rank
from cluster_admin.cli.errors import Complaint, Unknown, Usage
from cluster_admin.cli.join_files import Places, Progress
from cluster_admin.cli.node_tokens import PANEL
from cluster_admin.cli.shapes import Look, tell
from cluster_admin.cli.surroundings import Surroundings
from workers.exit_codes import Exit

if TYPE_CHECKING:
    import httpx

USUAL = Places()
UNITS = ("muster-agent", "muster-reporter", "muster-worker", "muster-logs", "muster-metrics")
PROCESSES = tuple(
    f"python -m workers.{name}"
    for name in ("failover.consumer", "failover.reporter", "celery", "shipper", "metrics")
)
STARTS = (("enable", *UNITS), ("restart", *UNITS))
"""What systemctl is told: a unit that runs already takes up the new identity."""
SYSTEMD = Path("/run/systemd/system")
"""There while systemd is the first process."""
START_SECONDS = 90
TOKEN_VARIABLE = "MUSTER_JOIN_TOKEN"  # noqa: S105 - its name
JOINED = (
    Column("node", rank=Rank.KEY),
    Column("subcluster"),
    Column("cluster"),
    Column("settings"),
    Column("state"),
    Column("started"),
)
Run = Callable[[Sequence[str]], str]
"""Runs a command; answers what went wrong, empty when nothing did."""


def join(
    url: str,
    token: str,
    places: Places,
    *,
    transport: "httpx.BaseTransport | None" = None,
    force: bool = False,
    start: Callable[[], bool] = lambda: False,
) -> dict[str, Any]:
    """Redeem the token and put the identity in place; then `start`, which says whether it did.

    Raises `Refused` for a token that does not work and a host that is a node already, `Unreachable`
    when nobody answers, `Complaint` for the rest; each time the same call may be made again.
    """
    with join_files.alone(places):
        begun = join_files.begin(places, force=force)
        if not (begun.node and begun.token == join_files.mark_of(token)):
            found = join_files.identity_of(_redeem(url, token, begun.attempt, transport))
            begun = join_files.write(places, found, begun, token, force=force)
        started = start()
        join_files.finish(places)
    return _row(begun, places, started=started)


def start_units(run: Run) -> bool:
    """Have systemd start the node's units now and at every boot; raises `Complaint`."""
    for words in STARTS:
        if problem := run(("systemctl", *words)):
            raise Complaint(
                f"the node's files are in place, but systemctl {words[0]} failed: {problem}; "
                "put that right, then run the same command again"
            )
    return True


def run_command(words: Sequence[str]) -> str:
    """Run a command; its last line of complaint when it fails."""
    try:
        ended = subprocess.run(  # noqa: S603 - our own words
            words, capture_output=True, text=True, timeout=START_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    lines = ended.stderr.strip().splitlines() or [f"exit code {ended.returncode}"]
    return lines[-1] if ended.returncode else ""


def has_systemd() -> bool:
    """Whether this host's services are systemd's."""
    return SYSTEMD.is_dir() and shutil.which("systemctl") is not None


def transport_with(authority: Path | None) -> "httpx.BaseTransport | None":
    """The way to a manager whose certificate a CA of one's own has signed; None: the usual CAs."""
    if authority is None:
        return None
    import ssl

    import httpx

    try:
        return httpx.HTTPTransport(verify=ssl.create_default_context(cafile=authority))
    except (OSError, ssl.SSLError) as error:
        raise Usage(f"--ca {authority}: no certificates can be read there: {error}") from error


def _redeem(url: str, token: str, attempt: str, transport: "httpx.BaseTransport | None") -> Any:
    from cluster_admin.cli.client import Client

    with Client(profiles.Target(url, "", ""), transport) as client:
        try:
            return client.send("POST", "join/", {"token": token, "attempt": attempt}).body
        except Unknown:
            raise Unknown(
                f"the answer of the manager at {url} was lost; run the same command again: "
                "it goes on where it stopped"
            ) from None


def _row(done: Progress, places: Places, *, started: bool) -> dict[str, Any]:
    return {
        **{"node": done.node, "subcluster": done.subcluster, "cluster": done.cluster},
        **{"settings": str(places.settings), "state": str(places.state), "started": started},
    }


app = typer.Typer()


@dataclass(frozen=True, slots=True)
class Where:
    """Where the node's files go."""

    directory: Annotated[
        Path, typer.Option("--directory", help="Where node.toml and cluster.key go.")
    ] = USUAL.directory
    state: Annotated[
        Path, typer.Option("--state", help="The node's state directory; must survive restarts.")
    ] = USUAL.state
    socket: Annotated[Path, typer.Option("--socket", help="The socket that muster node asks.")] = (
        USUAL.socket
    )


@add(
    app,
    "join",
    examples=[
        "muster node join https://manager.example.net --token muster_join_...",
        "muster node join https://manager.example.net --token muster_join_... --ca ca.pem",
        "muster node join https://manager.example.net --token muster_join_... --no-start",
    ],
    panel=PANEL,
)
def join_command(
    around: Surroundings,
    view: Printing,
    where: Where,
    address: Annotated[str, typer.Argument(metavar="URL", help="The manager.")],
    token: Annotated[
        str | None,
        typer.Option(
            "--token",
            help="What muster node add or token printed; others see it in the process list while "
            f"it works. (env {TOKEN_VARIABLE})",
        ),
    ] = None,
    authority: Annotated[
        Path | None,
        typer.Option("--ca", metavar="FILE", help="Certificates that the manager's is checked by."),
    ] = None,
    no_start: Annotated[
        bool, typer.Option("--no-start", help="Only put the files in place.")
    ] = False,
    force: Annotated[
        bool,
        typer.Option("--force", help="Although this host is a node already; its files are kept."),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be done; the token stays unused.")
    ] = False,
) -> None:
    """Make this host a node: fetch its identity with a one-time token, and start it.

    Needs no login. Repeat it when it was interrupted: it goes on where it stopped.
    """
    url = profiles.checked_url(address)
    places = Places(*(path.absolute() for path in (where.directory, where.state, where.socket)))
    look = Look(view.output, view.columns, around)
    shapes.picked(JOINED, look)
    starts = not no_start and has_systemd()
    if dry_run:
        _propose(places, starts=starts, force=force)
    token = token or around.environment.get(TOKEN_VARIABLE)
    if not token:
        raise Usage(f"say --token TOKEN, or set {TOKEN_VARIABLE}; see: muster node token --help")
    if profiles.travels_open(url):
        tell(f"warning: {url} is not encrypted, others may read the node's secrets; prefer https")
    row = join(
        url,
        token,
        places,
        transport=around.transport or transport_with(authority),
        force=force,
        start=(lambda: start_units(run_command)) if starts else (lambda: False),
    )
    shapes.one_text(row, JOINED, look).print()
    if not starts:
        tell(f"now start, each with --config {places.settings}: {', '.join(PROCESSES)}")


def _propose(places: Places, *, starts: bool, force: bool) -> None:
    """Say what would be done, and leave with exit code 10; `Refused` as the join itself."""
    join_files.check(places, force=force)
    for path in (places.key, places.definitions, places.settings):
        tell(f"would write {path}")
    if starts:
        tell(f"would start {', '.join(UNITS)}")
    raise typer.Exit(Exit.CHANGES_PENDING)

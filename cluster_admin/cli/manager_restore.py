"""`muster manager restore`: the configuration of a lost manager, from the replicas of its nodes.

It runs `manage.py restore` of this installation with what manager.env says. Git fetches with the
keys, the agent and the terminal of whoever called; what is done afterwards is done as the owner of
the data directory.
"""

import json
import subprocess
import sys
from typing import Annotated, Any

import typer

from cluster_admin.cli import shapes
from cluster_admin.cli.bundles import Printing, add
from cluster_admin.cli.columns import Column, Rank, clock
from cluster_admin.cli.manager_host import PROJECT, USUAL_DIRECTORY, Directory, Host
from cluster_admin.cli.shapes import Look, tell
from cluster_admin.cli.surroundings import Surroundings
from workers.exit_codes import Exit

RESTORED = (
    Column("revision", rank=Rank.KEY),
    Column("source", rank=Rank.KEY),
    Column("address"),
    Column("commit"),
    Column("at", text=clock),
    Column("author"),
    Column("message"),
    Column("kept"),
    Column("accounts"),
    Column("held"),
    Column("done"),
)
app = typer.Typer()

Nodes = Annotated[
    list[str],
    typer.Option(
        "--from",
        metavar="NODE",
        help="A node's name, USER@HOST, a directory, or an address that git knows; may be"
        " repeated: the newest of all is taken.",
    ),
]
Replica = Annotated[
    str | None,
    typer.Option(
        "--path",
        metavar="PATH",
        help="Where nodes have it, unless at /var/lib/muster/node/config.git.",
    ),
]
DryRun = Annotated[
    bool,
    typer.Option("--dry-run", help="Fetch and check, and say what would be done. Exit code 10."),
]
Force = Annotated[
    bool,
    typer.Option("--force", help="Also where more is here than in the replica: it is kept beside."),
]


@add(
    app,
    "restore",
    examples=[
        "muster manager restore --from mta1 --from mta2 --from mta3",
        "muster manager restore --from mta1 --dry-run",
        "muster manager restore --from ssh://admin@mta1.example.net/srv/muster/config.git",
        "muster manager restore --from /mnt/disk-of-mta1/var/lib/muster/node/config.git",
    ],
)
def restore(
    around: Surroundings,
    view: Printing,
    nodes: Nodes,
    path: Replica = None,
    directory: Directory = USUAL_DIRECTORY,
    dry_run: DryRun = False,
    force: Force = False,
) -> None:
    """Make a lost manager's configuration, with its history, anew from nodes' replicas.

    Stop the manager's services first. May be repeated, whatever ended it.
    """
    look = Look(view.output, view.columns, around)
    shapes.picked(RESTORED, look)
    words = [word for node in nodes for word in ("--from", node)]
    words += ["--path", path] if path else []
    words += ["--dry-run"] if dry_run else []
    words += ["--force"] if force else []
    done = subprocess.run(  # noqa: S603 -- our own program, from a list of words
        [sys.executable, "manage.py", "restore", *words],
        cwd=PROJECT,
        env={**around.environment, **Host(directory).environment()},
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.stdout:
        row = json.loads(done.stdout)
        shapes.one_text(row, RESTORED, look).print()
        if row["done"]:
            _tell_what_next(row)
    if done.returncode:
        raise typer.Exit(done.returncode if done.returncode > 0 else Exit.FAILED)


def _tell_what_next(row: dict[str, Any]) -> None:
    if row["kept"]:
        tell(f"what was here before is in {row['kept']}; delete it when nobody misses anything")
    if not row["accounts"]:
        tell("there is no account yet; muster manager init makes one")
    tell("start the services, and look with: muster config replicas")
    for name in row["held"]:
        tell(f"{name} stays at what it runs until you say: muster config deploy {name} --follow")

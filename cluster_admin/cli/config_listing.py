"""`muster config ls`: the files of a revision, at the manager."""

from typing import Annotated, Any

import typer

from cluster_admin.cli import shapes
from cluster_admin.cli.bundles import Printing, add
from cluster_admin.cli.columns import Column, Rank
from cluster_admin.cli.config_options import AtRevision
from cluster_admin.cli.config_remote import Remote, revision_path
from cluster_admin.cli.looking import look_of
from cluster_admin.cli.session import Call
from cluster_admin.cli.shapes import tell

FILES = (
    Column("path", rank=Rank.KEY),
    Column("size"),
    Column("executable"),
    Column("blob", rank=Rank.WIDE),
)
app = typer.Typer()


@add(
    app,
    "ls",
    examples=["muster config ls", "muster config ls default/mta1", "muster config ls -r 12 global"],
)
def ls(
    call: Call,
    view: Printing,
    directory: Annotated[
        str | None, typer.Argument(metavar="[DIRECTORY]", help="Only what is below it.")
    ] = None,
    revision: AtRevision = None,
) -> None:
    """List the files of a revision; what nodes get of them: muster config render NODE."""
    look = look_of(call, view)
    shapes.picked(FILES, look)
    number = revision
    if number is None:
        number = Remote(call.client).point().number
    under = (directory or "").strip("/")
    query: dict[str, str | int] = {"under": under} if under else {}
    told: Any = call.client.get(f"{revision_path(number)}tree/", query).body
    files = sorted(told["files"], key=lambda file: str(file["path"]))
    shapes.rows_text(files, FILES, look).print()
    where = f" below {under}" if under else ""
    tell(f"r{number}: {len(files)} files{where}")

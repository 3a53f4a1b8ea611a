"""`muster config ...`: the configuration's history, and working copies of it.

Here are the commands of working copies; those that look at history or change it at the manager are
in `config_history`, those about nodes in `config_nodes`.
"""

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import msgspec
import typer

from cluster_admin.cli import (
    completing,
    config_conflicts,
    config_files,
    config_history,
    config_listing,
    config_messages,
    config_nodes,
    config_plans,
    config_proposals,
    config_resolving,
    config_restoring,
    config_rollouts,
    config_texts,
    shapes,
)
from cluster_admin.cli.asking import confirm
from cluster_admin.cli.bundles import Changing, DryRun, Printing, Yes, add
from cluster_admin.cli.columns import Column, Rank
from cluster_admin.cli.config_commits import Asked, Committer, new_key
from cluster_admin.cli.config_copies import WorkingCopy
from cluster_admin.cli.config_options import (
    COMMITTED,
    AtRevision,
    Committing,
    Directory,
    Manual,
    Mine,
    Paths,
    Theirs,
)
from cluster_admin.cli.config_pulls import Puller
from cluster_admin.cli.config_remote import Remote
from cluster_admin.cli.config_revisions import finish
from cluster_admin.cli.config_sites import directory_of, paths_in, remote_of
from cluster_admin.cli.config_states import Choice, State, settled
from cluster_admin.cli.config_words import Words
from cluster_admin.cli.errors import Complaint, Usage
from cluster_admin.cli.looking import look_of
from cluster_admin.cli.resources import path as path_of
from cluster_admin.cli.session import Call
from cluster_admin.cli.shapes import tell
from cluster_admin.cli.waiting import few
from workers.exit_codes import Exit
from workers.repository.core.paths import path_refusal

COPY = (
    Column("directory", rank=Rank.KEY),
    Column("revision", rank=Rank.KEY),
    Column("files"),
    Column("url"),
    Column("under"),
)
STATUS = (
    Column("path", rank=Rank.KEY),
    Column("state", rank=Rank.KEY),
    Column("detail", rank=Rank.KEY),
)
PULLED = (Column("path", rank=Rank.KEY), Column("outcome", rank=Rank.KEY))
DIFF = (
    Column("path", rank=Rank.KEY),
    Column("state", rank=Rank.KEY),
    Column("diff", rank=Rank.ASKED),
)
app = typer.Typer(
    cls=Words, no_args_is_help=True, help="The configuration's history, and working copies."
)

Under = Annotated[
    list[str] | None,
    typer.Option("--under", metavar="DIR", help="Only this part of the tree; may be repeated."),
]


@add(
    app,
    "init",
    examples=["muster config init cluster", "muster config init mine --under default/mta1"],
)
def init(
    call: Call,
    view: Printing,
    directory: Annotated[str | None, typer.Argument(metavar="[DIRECTORY]")] = None,
    under: Under = None,
    mine: Mine = False,
    theirs: Theirs = False,
    manual: Manual = False,
) -> None:
    """Make a working copy of the manager's configuration; files that are there stay."""
    parts = tuple(each.strip("/") for each in under or ())
    for part in parts:
        # A file below it has to be possible; a subcluster's own directory has nodes' in it.
        if refusal := path_refusal(f"{part}/default/x"):
            raise Usage(f"--under {part} {refusal.value}")
    choice = _choice(mine=mine, theirs=theirs, manual=manual)
    client = call.client
    remote = Remote(client)
    newest = remote.point()
    root = directory_of(directory)
    copy = WorkingCopy.made(root, State(url=client.url, under=parts, key=new_key()))
    try:
        with copy.changing():
            Puller(copy, remote, call.around).pull(newest, choice)
    except Complaint:
        if copy.state.pulling is None:
            copy.forget()
        raise
    row = {
        **{"directory": str(copy.root), "revision": newest.number, "url": client.url},
        **{"files": len(copy.state.files), "under": list(parts)},
    }
    shapes.one_text(row, COPY, look_of(call, view)).print()
    _tell_conflicts(copy)


@add(app, "status", examples=["muster config status", "muster config status -o json"])
def status(call: Call, view: Printing, directory: Directory = None) -> None:
    """Show what was changed here since the base; asks no manager."""
    copy = WorkingCopy.opened(directory_of(directory))
    state, found = copy.state, config_files.scan(copy.root)
    base = settled(state, found.files)
    changed = config_plans.changes(base, found.files, found.others.keys(), state.conflicts)
    rows = [
        {"path": path, "state": what.value, "detail": found.others.get(path, "")}
        for path, what in changed.items()
    ]
    shapes.rows_text(rows, STATUS, look_of(call, view)).print()
    tell(f"r{state.revision} of {state.url}" + ("" if rows else "; nothing was changed here"))
    if state.pulling:
        tell(f"a pull of r{state.pulling.revision} was interrupted; go on: muster config pull")
    _tell_conflicts(copy)


@add(
    app,
    "pull",
    examples=[
        "muster config pull",
        "muster config pull --dry-run",
        "muster config pull --manual",
        "muster config pull --revision 12",
    ],
)
def pull(
    call: Call,
    view: Printing,
    dry_run: DryRun = False,
    revision: AtRevision = None,
    mine: Mine = False,
    theirs: Theirs = False,
    manual: Manual = False,
    directory: Directory = None,
) -> None:
    """Bring the working copy to the newest revision; what was changed here is kept, or merged."""
    choice = _choice(mine=mine, theirs=theirs, manual=manual)
    look = look_of(call, view)
    shapes.picked(PULLED, look)
    with _at_work(call, directory) as (copy, remote):
        puller = Puller(copy, remote, call.around, dry_run=dry_run)
        puller.pull(remote.point(revision), choice)
        if not dry_run and copy.state.url != remote.client.url:
            copy.save(msgspec.structs.replace(copy.state, url=remote.client.url))
    shapes.rows_text(puller.rows, PULLED, look).print()
    _tell_conflicts(copy)
    if dry_run and puller.rows:
        raise typer.Exit(Exit.CHANGES_PENDING)
    tell(f"at r{copy.state.revision}")


@add(
    app,
    "diff",
    examples=[
        "muster config diff",
        "muster config diff global/postfix/main.cf",
        "muster config diff --from 12 --to 15",
        "muster config diff --from 12 --to 15 --node mta1",
    ],
)
def diff(
    call: Call,
    view: Printing,
    path: Paths = None,
    older: config_history.From = None,
    newer: config_history.To = None,
    node: config_history.OfNode = None,
    directory: Directory = None,
) -> None:
    """Show what was changed here, line by line; or what differs between two revisions."""
    if older is not None or newer is not None or node is not None:
        config_history.show_diff(call, view, (older, newer), path or [], node)
        return
    look = look_of(call, view)
    shapes.picked(DIFF, look)
    copy = WorkingCopy.opened(directory_of(directory))
    if copy.state.pulling:
        tell("a pull was interrupted: what it brought stands here as changed")
    named = paths_in(copy, directory, path)
    rows = list(config_texts.differences(copy, remote_of(call, copy), named))
    if look.for_people and not view.columns:
        shapes.diff_text("".join(row["diff"] for row in rows), look).print()
    else:
        shapes.rows_text(rows, DIFF, look).print()


@add(
    app,
    "commit",
    examples=[
        "muster config commit -m 'less memory for each connection'",
        "muster config commit -m 'a map for bulk mail' --add-all --dry-run",
        "muster config commit global/postfix -m 'newer limits'",
    ],
)
def commit(
    call: Call,
    how: Committing,
    path: Paths = None,
    add_all: Annotated[
        bool, typer.Option("--add-all", help="Files that are new here, too.")
    ] = False,
    delete_all: Annotated[
        bool, typer.Option("--delete-all", help="Files that are gone here, too.")
    ] = False,
    message_file: Annotated[
        str | None,
        typer.Option("--message-file", "-F", metavar="FILE", help="The message; - is stdin."),
    ] = None,
    propose: Annotated[
        bool, typer.Option("--propose", help="Have another person approve it, rule or not.")
    ] = False,
    directory: Directory = None,
) -> None:
    """Make what was changed here the next revision; each node's tree is checked first.

    Without a message, and on a terminal, it is asked for in $EDITOR.
    Where the four-eyes rule holds it becomes a proposal: muster config proposals.
    """
    shapes.picked(COMMITTED, look_of(call, how))
    message = config_messages.written(how, message_file, call.around)
    with _at_work(call, directory) as (copy, remote):
        named = paths_in(copy, directory, path)
        asked = Asked(message, named, add_all, delete_all, how.emergency, propose)
        committer = Committer(copy, remote, call.around)
        entries = committer.gather(asked)
        if not message:
            words = config_messages.asked(call.around, entries)
            asked = dataclasses.replace(asked, message=words)
        answer = committer.send(asked, entries, dry_run=how.dry_run)
    finish(call, how, answer)


@add(
    app,
    "resolve",
    examples=[
        "muster config resolve global/postfix/main.cf",
        "muster config resolve global/postfix/main.cf --theirs",
        "muster config resolve --with mta1 --dry-run",
        "muster config resolve --with mta1 --mine",
    ],
)
def resolve(
    call: Call,
    view: Changing,
    path: Paths = None,
    mine: Annotated[
        bool, typer.Option("--mine", help="Take PATH.mine; with --with: the manager's side.")
    ] = False,
    theirs: Annotated[
        bool, typer.Option("--theirs", help="Take PATH.theirs; with --with: the node's side.")
    ] = False,
    directory: Directory = None,
    node: Annotated[
        str | None,
        typer.Option(
            "--with",
            metavar="NODE",
            help="Merge the history of this node into the manager's, instead.",
            autocompletion=completing.nodes,
        ),
    ] = None,
) -> None:
    """End conflicts: the file as it is now counts, or one side; the sides go away."""
    choice = _choice(mine=mine, theirs=theirs, manual=False)
    if node is not None:
        if path or directory:
            raise Usage("--with merges whole histories, in no working copy; leave the paths out")
        body = {"side": choice.value} if choice else {}
        config_conflicts.decide(call, view, f"{path_of(node)}resolve", node, body)
        return
    if view.dry_run:
        raise Usage("to look, use: muster config diff")
    copy = WorkingCopy.opened(directory_of(directory))
    with copy.changing():
        rows = config_resolving.resolve(copy, paths_in(copy, directory, path), choice)
    shapes.rows_text(rows, PULLED, look_of(call, view)).print()
    _tell_conflicts(copy)


@add(
    app,
    "restore",
    examples=["muster config restore global/postfix/main.cf", "muster config restore . --yes"],
)
def restore(
    call: Call,
    view: Printing,
    path: Annotated[list[str], typer.Argument(metavar="PATH...", help="Files or directories.")],
    yes: Yes = False,
    directory: Directory = None,
) -> None:
    """Give up what was changed here in these files: they become what they are in the base."""
    look = look_of(call, view)
    shapes.picked(PULLED, look)
    with _at_work(call, directory) as (copy, remote):
        found, wanted = config_restoring.edited(copy, paths_in(copy, directory, path))
        if not yes:
            confirm(call, f"Give up what was changed here in {few(list(wanted))}?")
        rows = config_restoring.restore(copy, remote, found, wanted)
    shapes.rows_text(rows, PULLED, look).print()


for each in (
    config_history.app,
    config_listing.app,
    config_nodes.app,
    config_rollouts.app,
    config_proposals.app,
    config_conflicts.app,
):
    app.registered_commands += each.registered_commands


@contextmanager
def _at_work(call: Call, directory: str | None) -> Iterator[tuple[WorkingCopy, Remote]]:
    """The working copy, locked, and its manager."""
    copy = WorkingCopy.opened(directory_of(directory))
    remote = remote_of(call, copy)
    with copy.changing():
        yield copy, remote


def _choice(*, mine: bool, theirs: bool, manual: bool) -> Choice | None:
    chosen = {Choice.MINE: mine, Choice.THEIRS: theirs, Choice.MANUAL: manual}
    said = [choice for choice, wanted in chosen.items() if wanted]
    if len(said) > 1:
        raise Usage(f"say one of {', '.join(f'--{each}' for each in said)}")
    return said[0] if said else None


def _tell_conflicts(copy: WorkingCopy) -> None:
    for path, sides in copy.state.conflicts.items():
        beside: Any = ", ".join(f".{side}" for side in sides)
        tell(f"conflict: {path} (beside it: {beside}); edit it, then: muster config resolve {path}")

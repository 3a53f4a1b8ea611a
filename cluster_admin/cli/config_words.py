"""Words that other programs of this kind have, and how `muster config` says it."""

import typer
from typer.core import TyperGroup

WORDS = {
    "add": "new files go with: muster config commit PATH, or --add-all",
    "rm": "remove the file, then: muster config commit PATH, or --delete-all",
    "mv": "rename the file, then: muster config commit --add-all --delete-all",
    "cat": "a file as it is in a revision: muster config show REVISION PATH",
    "blame": "who changed a file, and when: muster config log PATH",
    "annotate": "who changed a file, and when: muster config log PATH",
    "checkout": "a working copy: muster config init; give edits up: muster config restore PATH",
    "reset": "give edits up: muster config restore PATH; take a revision back: revert",
    "push": "a commit is at the manager at once; to have nodes run it: muster config deploy",
    "fetch": "what a pull would bring: muster config pull --dry-run",
    "merge": "others' revisions are merged by: muster config pull",
    "update": "bring the working copy up to date: muster config pull",
    "up": "bring the working copy up to date: muster config pull",
    "ci": "make what was changed here a revision: muster config commit",
    "st": "what was changed here: muster config status",
    "stash": "edits stay where they are in a pull; give them up: muster config restore PATH",
    "branch": "there is one history; staging is a subcluster: muster subcluster promote",
    "help": "look with: muster config --help",
}


class Words(TyperGroup):
    """A group that knows what is meant by words of other programs."""

    def resolve_command(self, ctx: typer.Context, args: list[str]) -> object:  # type: ignore[override]
        """Find the command; of a word that is none say the way."""
        if args and args[0] not in self.commands and args[0] in WORDS:
            ctx.fail(f"there is no {args[0]!r} here: {WORDS[args[0]]}")
        return super().resolve_command(ctx, args)

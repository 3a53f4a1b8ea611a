"""Definitions files within a commit: imported as rows, and committed in their canonical form.

What people write may be in any form, and be made to an older revision: where others changed the
file since, what both changed is merged first (`definitions_merge`).
"""

from collections.abc import Mapping
from contextlib import suppress

from cluster_admin.audit.actor import Actor
from cluster_admin.configs import members
from cluster_admin.configs.definitions_merge import ClashError, merge
from cluster_admin.configs.refusals import Problem, Refused
from cluster_admin.configs.store import repository
from cluster_admin.inventory import definitions, services
from cluster_admin.inventory import repository as texts
from cluster_admin.inventory.fields import WORD
from cluster_admin.inventory.models import Subcluster
from workers.failover.core.definitions import Definitions
from workers.failover.core.definitions_text import FIRST_LINE, DefinitionsError, render
from workers.repository.core.changes import Changes, Entry
from workers.repository.errors import ConflictError, Sides

EDITED = "#"
"""Stands where the line stood that says that nobody edited the file."""
Files = Mapping[str, Entry | None]


def divided(changes: Changes) -> tuple[Files, Files]:
    """The definitions files of a change, and all others."""
    files = {path: entry for path, entry in changes.items() if members.subcluster_of(path)}
    return files, {path: entry for path, entry in changes.items() if path not in files}


def loaded(
    files: Files, base: int, actor: Actor, reason: str, *, add_segments: bool
) -> dict[str, Entry]:
    """Make the rows say what these files say; the canonical files, of those that say anything new.

    Within a transaction; files were made to revision `base`. Raises `Refused`, `ConflictError`.
    """
    found: dict[str, Entry] = {}
    for path, entry in sorted(files.items()):
        if entry is None:
            sentence = "goes when its subcluster is removed; remove that instead"
            raise Refused([Problem(path, 0, "", sentence)])
        text = merged(path, base, entry.content)
        row = _subcluster(path, text)
        try:
            done = services.import_text(
                row, text, actor, reason, add_segments=add_segments, kept=False
            )
        except services.Refused as refused:
            raise Refused([Problem(path, 0, "", refused.sentence)]) from refused
        row.refresh_from_db()
        canonical = texts.newest_text(row).encode()
        if done.diff or not _is_kept(path, canonical):
            found[path] = Entry(canonical)
    return found


def _text(path: str, content: bytes) -> str:
    """A file as somebody wrote it: its numbers of lines stay, what says that it is whole goes."""
    try:
        text = content.decode()
    except UnicodeDecodeError:
        raise Refused([Problem(path, 0, "", "is not UTF-8 text; write it anew")]) from None
    return text.replace(FIRST_LINE, EDITED, 1) if text.startswith(FIRST_LINE) else text


def merged(path: str, base: int, content: bytes) -> str:
    """A file that was made to revision `base`, with what others changed since.

    Raises `ConflictError`; `Refused` for what is no text.
    """
    ours = _text(path, content)
    head = repository().head()
    number = 0 if head is None else head.number
    old, new = (_content(path, one) for one in (base, number))
    if old == new:
        return ours
    with suppress(ClashError):
        if new is not None:
            was = None if old is None else _read(path, old.decode())
            return render(merge(was, _read(path, ours), _read(path, new.decode())))
    raise ConflictError(base, number, {path: Sides(old, ours.encode(), new)})


def _subcluster(path: str, text: str) -> Subcluster:
    """The row of a file's subcluster, made if it is new; raises `Refused`."""
    name = members.subcluster_of(path)
    wanted = _read(path, text)
    if wanted.subcluster != name:
        sentence = f"is for subcluster {wanted.subcluster}; put it under that name"
        raise Refused([Problem(path, 0, "", sentence)])
    if WORD.regex.search(name) is None:  # type: ignore[union-attr]
        raise Refused([Problem(path, 0, "", f"no subcluster can be called {name}")])
    return Subcluster.objects.get_or_create(name=name)[0]


def _read(path: str, text: str) -> Definitions:
    """What a file says; `Refused` with the line it is wrong at."""
    try:
        return definitions.read(text, path)
    except DefinitionsError as error:
        raise Refused([Problem(path, error.line, "", error.sentence)]) from None


def _content(path: str, number: int) -> bytes | None:
    file = repository().tree(number).get(path)
    return None if file is None else repository().content(file.blob)


def _is_kept(path: str, canonical: bytes) -> bool:
    head = repository().head()
    return head is not None and _content(path, head.number) == canonical

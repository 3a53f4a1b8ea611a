"""The newest definitions file of each subcluster and its history, as rows.

Everything that reads or writes a definitions file goes through these functions; who keeps the files
in a repository besides is told by `keepers`. Revisions of a subcluster are numbered upwards, with a
gap only where a file that nodes had already was imported; the author is whoever made the change.
"""

import difflib
from datetime import datetime

from cluster_admin.inventory.models import Revision, Subcluster

COMMENT_LENGTH = 500


def newest_text(subcluster: Subcluster) -> str:
    """The canonical text that nodes should act on; empty before the first revision."""
    return text_at(subcluster, subcluster.revision)


def text_at(subcluster: Subcluster, number: int) -> str:
    """The text of one revision; empty when there is none."""
    found = Revision.objects.filter(subcluster=subcluster, number=number).values_list("text")
    return str(found[0][0]) if found else ""


def text_before(subcluster: Subcluster, number: int) -> str:
    """The text of the revision before a revision; empty for the first."""
    earlier = Revision.objects.filter(subcluster=subcluster, number__lt=number)
    found = earlier.order_by("-number").values_list("text", flat=True)[:1]
    return str(found[0]) if found else ""


def commit(subcluster: Subcluster, text: str, author: str, comment: str) -> Revision:
    """Make `text` the newest revision; the caller holds the subcluster's row locked."""
    subcluster.revision += 1
    subcluster.save(update_fields=["revision"])
    return Revision.objects.create(
        subcluster=subcluster,
        number=subcluster.revision,
        text=text,
        author=author[:150],
        comment=comment[:COMMENT_LENGTH],
    )


def restore(
    subcluster: Subcluster, number: int, text: str, author: str, comment: str, at: datetime
) -> None:
    """Make the row of a revision say when, by whom and why a file was made, as git has it."""
    values = {"text": text, "author": author[:150], "comment": comment[:COMMENT_LENGTH]}
    row, _ = Revision.objects.update_or_create(
        subcluster=subcluster, number=number, defaults=values
    )
    Revision.objects.filter(pk=row.pk).update(created_at=at)


def difference(running: str, proposed: str) -> str:
    """Unified diff, running -> proposed; the lines that only count revisions are left out."""
    lines = difflib.unified_diff(
        _told(running), _told(proposed), "running", "proposed", n=2, lineterm=""
    )
    return "\n".join(lines)


def _told(text: str) -> list[str]:
    return [
        line
        for line in text.splitlines()
        if not line.startswith(("revision = ", "# end of definitions", "# Muster definitions"))
    ]

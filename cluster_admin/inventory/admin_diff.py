"""Differences of definitions as HTML: running -> proposed, coloured by line, never endless."""

from collections.abc import Iterable

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from cluster_admin.inventory.services import Change

MOST_LINES = 400
MESSAGE_LINES = 40
CLASSES = {"+": "added", "-": "removed", "@": "place"}


def difference(text: str, most: int = MOST_LINES) -> SafeString:
    """A unified diff; empty for none."""
    lines = text.splitlines()
    if not lines:
        return SafeString()
    body = format_html_join(
        "\n",
        '<span class="muster-{}">{}</span>',
        ((CLASSES.get(line[:1], "kept"), line) for line in lines[:most]),
    )
    rest = f"\n... and {len(lines) - most} more lines" if len(lines) > most else ""
    return format_html('<pre class="muster-diff">{}{}</pre>', body, rest)


def differences(changes: Iterable[Change]) -> SafeString:
    """What changes would make of their subclusters, each under its name."""
    nothing = "Nothing that nodes act on would change."
    return format_html_join(
        "",
        "<h3>Subcluster {}: running &rarr; proposed</h3>{}",
        (
            (one.subcluster.name, difference(one.diff) or format_html("<p>{}</p>", nothing))
            for one in changes
        ),
    )

"""How the admin shows what is live: states with a colour and a word, moments by their age."""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from django.contrib import admin
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

GOOD = frozenset({"alive", "owned", "enabled", "ready", "sent"})
BAD = frozenset(
    {"dead", "isolated", "unowned", "UNSAFE", "BROKEN", "conflict", "stuck", "foreign", "failed"}
)
MUTE = frozenset({"unknown", "left", "withdrawn", ""})


def badge(state: str) -> SafeString:
    """A state in its colour; the word is always there."""
    if not state:
        return SafeString("-")
    look = "good" if state in GOOD else "bad" if state in BAD else "busy"
    look = "mute" if state in MUTE else look
    return format_html('<span class="muster-state muster-{}">{}</span>', look, state)


def ago(moment: datetime | None, now: datetime | None = None) -> str:
    """How long ago, in the largest unit that fits."""
    if moment is None:
        return "never"
    seconds = max(0, int(((now or timezone.now()) - moment).total_seconds()))
    for length, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * length:
            return f"{seconds // length} {unit} ago"
    return f"{seconds} s ago"


def exact(at: datetime) -> str:
    """A moment to the millisecond."""
    return timezone.localtime(at).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]


def moment(at: datetime | None) -> SafeString | str:
    """An age, with the moment itself to hover over."""
    if at is None:
        return "never"
    exact = timezone.localtime(at).strftime("%Y-%m-%d %H:%M:%S %Z")
    return format_html('<time datetime="{}" title="{}">{}</time>', at.isoformat(), exact, ago(at))


def of_status(
    description: str, tell: Callable[[Any], Any], *, unheard: Any = "-", ordering: str | None = None
) -> Any:
    """A column of nodes or VIPs that tells of their state row; `unheard` before there is one."""

    @admin.display(description=description, ordering=ordering)
    def column(_: Any, row: Any) -> Any:
        status = getattr(row, "status", None)
        return unheard if status is None else tell(status) or "-"

    return column


def listed(values: Iterable[Any]) -> str:
    """Values of a list on one line."""
    return ", ".join(map(str, values))

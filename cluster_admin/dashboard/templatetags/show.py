"""How times, states and shapes are written in pages."""

from datetime import datetime

from django import template
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from cluster_admin.configs import conflicts
from cluster_admin.dashboard.badges import Badge

register = template.Library()
UNITS = (("d", 86_400), ("h", 3_600), ("min", 60))


def age(seconds: float) -> str:
    """A time span in at most two units: 8 s, 4 min, 3 h 5 min, 12 d 4 h; as times.js does."""
    rest = max(0, int(seconds))
    for number, (unit, size) in enumerate(UNITS):
        if rest >= size:
            whole, rest = divmod(rest, size)
            if unit == "min":
                return f"{whole} min" if whole > 9 else f"{whole} min {rest} s"
            smaller, smaller_size = UNITS[number + 1]
            return f"{whole} {unit} {rest // smaller_size} {smaller}"
    return f"{rest} s"


@register.simple_tag
def ago(moment: datetime | None, instead: str = "\N{EN DASH}", fresh: int = 0) -> SafeString:
    """How long ago, kept current by the browser; "now" below `fresh` seconds."""
    if moment is None:
        return format_html('<span class="muted">{}</span>', instead)
    seconds = (timezone.now() - moment).total_seconds()
    return format_html(
        '<time datetime="{}" title="{}" data-ago="{}">{}</time>',
        moment.isoformat(timespec="milliseconds"),
        _written(moment),
        fresh,
        "now" if seconds < fresh else age(seconds),
    )


@register.simple_tag
def clock(moment: datetime) -> SafeString:
    """Hours, minutes, seconds (the day too when it is not today's); all of it as the title."""
    today = moment.date() == timezone.now().date()
    text = moment.strftime("%H:%M:%S" if today else "%d %b %H:%M:%S")
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        moment.isoformat(timespec="milliseconds"),
        _written(moment),
        text,
    )


@register.simple_tag
def conflict_open() -> bool:
    """Whether commits are refused, since a node's history stands against the manager's."""
    return conflicts.is_open()


@register.simple_tag
def icon(shape: str) -> SafeString:
    """A symbol of icons.svg; decoration, a word stands beside it."""
    return format_html(
        '<svg class="icon" aria-hidden="true" focusable="false"><use href="#i-{}"/></svg>', shape
    )


@register.simple_tag
def badge(one: Badge) -> SafeString:
    """Shape, word and tone."""
    html = '<span class="badge {}" title="{}">{}{}</span>'
    return format_html(html, one.tone, one.meaning, icon(one.shape), one.word)


def _written(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M:%S.") + f"{moment.microsecond // 1000:03} UTC"

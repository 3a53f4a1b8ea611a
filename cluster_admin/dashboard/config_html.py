"""Differences as HTML: written line by line in Python, since templates are slow for thousands.

Each file is there twice, side by side and unified; the style sheet shows one of them. Every text
goes through `escape`.
"""

from collections.abc import Iterator

from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

from cluster_admin.configs.diff_lines import Hunk, Line, Mark
from cluster_admin.configs.diff_rows import Part, rows
from cluster_admin.configs.diffs import FileDiff

CSS = {Mark.BOTH: "both", Mark.OLD: "gone", Mark.NEW: "new"}
SPOKEN = {Mark.BOTH: "", Mark.OLD: "removed: ", Mark.NEW: "added: "}

COLUMNS = '<col class="number"><col>' * 2


def tables(file: FileDiff) -> SafeString:
    """Both tables of a file; nothing when no lines are shown."""
    if not file.hunks:
        return SafeString()
    parts = [f'<table class="side"><colgroup>{COLUMNS}</colgroup>']
    for hunk in file.hunks:
        parts.extend(_side(hunk))
    parts.append('</table><table class="unified">')
    for hunk in file.hunks:
        parts.extend(_unified(hunk))
    parts.append("</table>")
    return mark_safe("".join(parts))  # noqa: S308 -- all that is not ours was escaped


def _side(hunk: Hunk) -> Iterator[str]:
    yield f'<tr class="hunk"><td colspan="4">{escape(hunk.heading)}</td></tr>'
    for row in rows(hunk):
        yield f"<tr>{_cells(row.old, row.old_part, 0)}{_cells(row.new, row.new_part, 1)}</tr>"


def _cells(line: Line | None, part: Part, side: int) -> str:
    """Number and text of one side."""
    if line is None:
        return '<td class="line none"></td><td class="none"></td>'
    css = CSS[line.mark]
    number = line.new if side else line.old
    return f'<td class="line {css}">{number}</td><td class="{css}">{_text(line, part)}</td>'


def _unified(hunk: Hunk) -> Iterator[str]:
    yield f'<tr class="hunk"><td colspan="3">{escape(hunk.heading)}</td></tr>'
    for line in hunk.lines:
        css = CSS[line.mark]
        numbers = (str(number or "") for number in (line.old, line.new))
        yield "".join(
            (
                "<tr>",
                *(f'<td class="line {css}">{number}</td>' for number in numbers),
                f'<td class="{css}">{_text(line, (0, 0))}</td></tr>',
            )
        )


def _text(line: Line, part: Part) -> str:
    """The text; what is not on the other side is marked, and a sign says which side it is of."""
    first, last = part
    text = line.text
    if 0 <= first < last and last - first < len(text):
        middle = f"<mark>{escape(text[first:last])}</mark>"
        shown = f"{escape(text[:first])}{middle}{escape(text[last:])}"
    else:
        shown = str(escape(text))
    rest = f" <i>({line.more} more characters)</i>" if line.more else ""
    end = "" if line.newline else " <i>(no newline at the end)</i>"
    spoken = SPOKEN[line.mark]
    unseen = f'<span class="unseen">{spoken}</span>' if spoken else ""
    return f"{unseen}<code>{shown}</code>{rest}{end}"

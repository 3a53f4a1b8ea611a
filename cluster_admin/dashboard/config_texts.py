"""Files as pages show and edit them. Bytes in, values out.

Browsers send the lines of a form with CR LF, and cannot carry every character. So a file can be
edited in a page only if it comes back byte for byte: UTF-8, no other control characters than tabs,
and lines that all end alike.
"""

from dataclasses import dataclass

from cluster_admin.configs.diff_lines import visible

SHOWN_LINES = 2_000
SHOWN_BYTES = 256 * 1024
EDITED_BYTES = 1024 * 1024
"""Of a file that pages can edit; larger ones by the CLI."""
LF, CRLF = "lf", "crlf"


@dataclass(frozen=True, slots=True)
class Shown:
    """A file to look at."""

    lines: list[str]
    """The first ones, fit to be printed."""
    size: int
    """In bytes."""
    binary: bool
    cut: bool
    """Whether there are more lines than these."""
    editable: bool


def show(content: bytes) -> Shown:
    """What a page shows of a file."""
    if b"\0" in content[:8000]:
        return Shown([], len(content), True, False, False)
    text = content[:SHOWN_BYTES].decode("utf-8", "replace")
    lines = text.split("\n")
    if not lines[-1]:
        lines.pop()
    cut = len(content) > SHOWN_BYTES or len(lines) > SHOWN_LINES
    shown = [visible(line.removesuffix("\r")) for line in lines[:SHOWN_LINES]]
    return Shown(shown, len(content), False, cut, not objection(content))


def objection(content: bytes) -> str:
    """Why a file cannot be edited in a page, as a sentence; empty when it can."""
    way = "use `muster config` for it"
    if len(content) > EDITED_BYTES:
        return f"it is larger than {EDITED_BYTES >> 20} MiB; {way}"
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return f"it is not UTF-8 text; {way}"
    plain = text.replace("\r\n", "\n")
    if "\r" in plain or any(ord(one) < 32 and one not in "\t\n" for one in set(plain)):
        return f"it has control characters; {way}"
    if plain != text and text.count("\n") != text.count("\r\n"):
        return f"its lines do not all end alike; {way}"
    return ""


def ends_of(content: bytes) -> str:
    """How the lines of a file end: lf or crlf."""
    return CRLF if b"\r\n" in content else LF


def sent(text: str, ends: str) -> bytes:
    """What a form's text says, with the line ends that the file had."""
    plain = text.replace("\r\n", "\n").replace("\r", "\n")
    return (plain.replace("\n", "\r\n") if ends == CRLF else plain).encode()

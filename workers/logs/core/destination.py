"""Where a collector puts a log: `/var/log/muster/%Y/%m/%d/%{l}/%{s}/%{n}`.

`%{l}`, `%{s}` and `%{n}` are the log, the subcluster and the node; everything else with a % is
strftime's, of the time when the lines arrive. Invariant: what a name says stays one part of the
path, so no name leads out of the directory that the template says.
"""

import itertools
import re
from collections.abc import Callable
from dataclasses import dataclass

MACROS = frozenset("aAbBcCdDeFgGhHIjklmMnpPrRsStTuUVwWxXyYzZ+%")
"""What strftime(3) knows; E and O may stand in front."""
_TOKEN = re.compile(r"%(?:\{(\w*)\}|([EO]?.)|$)|[^%]+", re.DOTALL)
_PLACES = {"l": "log", "s": "subcluster", "n": "node"}
_LETTERS = {place: letter for letter, place in _PLACES.items()}


class TemplateError(ValueError):
    """A destination that cannot be used, and how it can be."""


@dataclass(frozen=True, slots=True)
class Destination:
    """A template that was checked: what stands between slashes, as texts and macros."""

    text: str
    parts: tuple[str, ...]
    """Each a piece of text, `%{l}` and the like, or something for strftime."""

    def path(
        self, *, log: str, subcluster: str, node: str, format_time: Callable[[str], str]
    ) -> str:
        """The file for this log of this node, now; raises `TemplateError` for a name with a slash.

        `format_time` is strftime of the instant that counts.
        """
        names = {"%{l}": log, "%{s}": subcluster, "%{n}": node}
        for name in names.values():
            if not name or name in (".", "..") or "/" in name or "\0" in name:
                raise TemplateError(f"{name!r} can be no part of a path")
        return "".join(
            names.get(part) or (format_time(part) if part.startswith("%") else part)
            for part in self.parts
        )

    @property
    def dated(self) -> bool:
        """Whether the name of a file says when it was written, so that it ends some day."""
        return any(_is_macro(part) for part in self.parts)

    @property
    def root(self) -> str:
        """The directory that all files are below."""
        fixed = itertools.takewhile(lambda part: not part.startswith("%"), self.parts)
        return "".join(fixed).rpartition("/")[0] or "/"

    def pattern(self, format_time: Callable[[str], str] | None = None) -> re.Pattern[str]:
        """What the files of all logs and nodes are called: at one time, or ever."""
        return re.compile("".join(_matching(part, format_time) for part in self.parts))


def _is_macro(part: str) -> bool:
    return part.startswith("%") and part[1:2] not in ("{", "%")


def _matching(part: str, format_time: Callable[[str], str] | None) -> str:
    if part == "%%":
        return "%"
    if not part.startswith("%"):
        return re.escape(part)
    if not _is_macro(part):
        return "[^/]+"
    return re.escape(format_time(part)) if format_time else ".+"


def parsed(text: str) -> Destination:
    """A template as a destination; raises `TemplateError`.

    It is an absolute path, without `..`, in which every node has a file of its own.
    """
    if not text.startswith("/") or text.endswith("/"):
        raise TemplateError("write the whole path of a file, such as /var/log/muster/%Y/%{l}/%{n}")
    if "\0" in text or ".." in text.split("/"):
        raise TemplateError("a path with .. or a NUL is not taken; write where it leads to")
    parts = []
    for found in _TOKEN.finditer(text):
        place, macro = found[1], found[2]
        if place is not None and place not in _PLACES:
            known = ", ".join(f"%{{{letter}}}: {name}" for letter, name in _PLACES.items())
            raise TemplateError(f"%{{{place}}} is not known; there are {known}")
        if place is None and found[0].startswith("%") and (not macro or macro[-1] not in MACROS):
            raise TemplateError(f"{found[0]} is nothing that strftime knows; write %% for a %")
        parts.append(found[0])
    for name in ("node", "log"):
        if f"%{{{_LETTERS[name]}}}" not in parts:
            raise TemplateError(f"add %{{{_LETTERS[name]}}}: every {name} needs a file of its own")
    return Destination(text, tuple(parts))

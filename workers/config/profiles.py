"""Profiles: how one kind of server validates a staged tree, reloads, and shows that it is well.

Whatever is wrong comes back as a `Result`; nothing is raised, and every step ends within its limit.
Where the trees are and which one is live is not here.
"""

import os
import re
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from workers.config.commands import run
from workers.config.core.postfix_host import (
    ASKED,
    CONFIG_DIRECTORY,
    can_log,
    same_host,
    values_in,
)
from workers.config.core.postfix_maps import compiled_maps
from workers.config.core.reports import Result
from workers.config.greeting import greeted
from workers.config.scanning import files_in, shown

LISTING_BYTES = 4 << 20
COOL_SECONDS = 10
"""The age that staged files are given: with one changed in this very second, each of Postfix's
programs waits for a second or two, lest somebody is still writing it."""
TREE = "{tree}"
"""In the words of a command: the directory with the staged files, or with the live ones."""

NOTHING = "/bin/true"
"""A program for `postfix` to run once it has read its configuration and seen its directories."""

_COMPLAINT = re.compile(r"\S*postconf: ")

Words = tuple[str, ...]


class Profile(Protocol):
    """What an application needs to know of a server."""

    def build(self, staged: Path) -> Result:
        """Add to the files in `staged` what is made of them; the others must stay as they are."""

    def validate(self, staged: Path) -> Result:
        """Whether the files in `staged` would do; they are not live yet."""

    def reload(self, live: Path) -> Result:
        """Make the server read what is live now."""

    def check(self, live: Path) -> Result:
        """Whether the server is well."""


@dataclass(frozen=True, slots=True)
class Postfix:
    """Postfix, whose configuration directory is a link to `current` or its `subdirectory`."""

    directory: Path
    """The path that the running Postfix knows as its configuration directory."""
    postfix: str = "/usr/sbin/postfix"
    postconf: str = "/usr/sbin/postconf"
    postmap: str = "/usr/sbin/postmap"
    postalias: str = "/usr/sbin/postalias"
    address: str = "127.0.0.1"
    port: int = 25
    validate_seconds: float = 60.0
    """`postfix check` walks the queue, which takes long when that is."""
    reload_seconds: float = 60.0
    greeting_seconds: float = 15.0
    subdirectory: str = ""
    """Where in the tree its files are; empty: at the top."""

    def build(self, staged: Path) -> Result:
        """Compile the maps of the tree that its main.cf and master.cf name."""
        place = staged / self.subdirectory
        files = list(files_in(place))
        _cool(files)
        listing = ""
        for option in ("-nx", "-Px"):
            words = (self.postconf, "-c", str(place), option)
            listed = run(words, self.validate_seconds, keep_bytes=LISTING_BYTES)
            if not listed.good:
                return Result(True)  # the validation says what is wrong
            listing += f"{listed.output}\n"
        present = {shown(path.relative_to(place)) for path in files}
        for one in compiled_maps(listing, (str(place), str(self.directory)), present):
            program = self.postalias if one.aliases else self.postmap
            words = (program, "-c", str(place), f"{one.kind}:{place / one.path}")
            compiled = run(words, self.validate_seconds)
            if not compiled.good:
                return compiled
        return Result(True)

    def validate(self, staged: Path) -> Result:
        """Let Postfix read the tree; what it only warns of is in the output.

        What `postfix check` looks for on the host is left out while the live tree says the same of
        that. Whatever is wrong, the sentence is that of `postfix check`.
        """
        place = staged / self.subdirectory
        parsed, values = self._values(place)
        if not parsed.good:
            # The rest of it are values, which may be secret.
            told = [line for line in parsed.output.splitlines() if _COMPLAINT.match(line)]
            return Result(False, told[-1] if told else "postconf failed", "\n".join(told))
        if values.get(CONFIG_DIRECTORY) != str(place):
            way = "take the line out, every check would look elsewhere"
            return Result(False, f"main.cf sets config_directory; {way}")
        checked = Result(False)
        if same_host(values, self._values(self.directory)[1]) and _can_log(values, place):
            checked = self._postfix(place, NOTHING)
        if not checked.good:
            checked = self._postfix(place, "check")
        return Result(checked.good, checked.sentence, unrepeated(checked.output))

    def _values(self, place: Path) -> tuple[Result, dict[str, str]]:
        """What a configuration says of its host; both files are read for that."""
        read = run((self.postconf, "-c", str(place), "-x", *ASKED), self.validate_seconds)
        return read, values_in(read.output) if read.good else {}

    def _postfix(self, place: Path, command: str) -> Result:
        return run((self.postfix, "-c", str(place), command), self.validate_seconds)

    def reload(self, live: Path) -> Result:
        """`postfix reload`, which leaves a look through the queue in the background."""
        words = (self.postfix, "-c", str(self.directory), "reload")
        return run(words, self.reload_seconds, leave_children=True)

    def check(self, live: Path) -> Result:
        """Its greeting on the SMTP port."""
        return greeted(self.address, self.port, self.greeting_seconds)


@dataclass(frozen=True, slots=True)
class Command:
    """Any server, by four commands of the operator's; an empty one is good at once."""

    build_words: Words = ()
    validate_words: Words = ()
    reload_words: Words = ()
    check_words: Words = ()
    """Runs once: it waits itself for a server that needs a moment."""
    limit_seconds: float = 60.0
    """For each of them."""

    def build(self, staged: Path) -> Result:
        """The operator's command, told where the staged files are; it may add files."""
        return self._run(self.build_words, staged)

    def validate(self, staged: Path) -> Result:
        """The operator's command, told where the staged files are."""
        return self._run(self.validate_words, staged)

    def reload(self, live: Path) -> Result:
        """The operator's command; what it starts goes on."""
        return self._run(self.reload_words, live, leave_children=True)

    def check(self, live: Path) -> Result:
        """The operator's command."""
        return self._run(self.check_words, live)

    def _run(self, words: Words, tree: Path, leave_children: bool = False) -> Result:
        if not words:
            return Result(True)
        filled = [word.replace(TREE, str(tree)) for word in words]
        return run(filled, self.limit_seconds, leave_children)


@dataclass(frozen=True, slots=True)
class Nothing:
    """Files that nobody has to be told of."""

    def build(self, staged: Path) -> Result:
        """Always good."""
        return Result(True)

    def validate(self, staged: Path) -> Result:
        """Always good."""
        return Result(True)

    def reload(self, live: Path) -> Result:
        """Always good."""
        return Result(True)

    def check(self, live: Path) -> Result:
        """Always good."""
        return Result(True)


def _can_log(values: Mapping[str, str], place: Path) -> bool:
    try:
        services = (place / "master.cf").read_text("utf-8", "replace")
    except OSError:
        return False
    return can_log(values, services)


def unrepeated(output: str) -> str:
    """Each line once: Postfix's scripts say the same warning a dozen times."""
    return "\n".join(dict.fromkeys(output.splitlines()))


def _cool(files: Iterable[Path]) -> None:
    """Let files look as if nobody were writing them; raises `OSError`."""
    then = time.time() - COOL_SECONDS
    for path in files:
        os.utime(path, (then, then), follow_symlinks=False)

"""What a commit is for: the words of --message, a file, or what is written in an editor."""

import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from cluster_admin.cli.columns import printable
from cluster_admin.cli.config_options import Committing
from cluster_admin.cli.errors import Cancelled, Complaint, Usage
from cluster_admin.cli.surroundings import Surroundings
from workers.repository.core.messages import MESSAGE_BYTES

STDIN = "-"
WAY = "say what the change is for: --message TEXT, or --message-file FILE"
MARK = "# "
HINT = (
    "Write above what the change is for. Lines that begin with # are left out;",
    "without a message nothing is committed. What is committed:",
)
SHOWN = 200
"""Files that the editor names."""
USUAL = "vi"
TRIED = "dry run"
"""Stands for the message where nothing is kept."""


def written(how: Committing, file: str | None, around: Surroundings) -> str:
    """The message as options give it; empty: it is to be asked for. Raises `Usage`."""
    text = how.message
    if text is not None and file is not None:
        raise Usage("say the message once: --message or --message-file")
    found = _read(file) if file is not None else text or ""
    if len(found.encode(errors="replace")) > MESSAGE_BYTES:
        raise Usage(f"the message is longer than {MESSAGE_BYTES} bytes; shorten it")
    if found.strip():
        return found
    if text is not None or file is not None:
        raise Usage(f"the message is empty; {WAY}")
    if how.dry_run:
        return TRIED
    if not (around.asks and around.shows):
        raise Usage(WAY)
    return ""


def asked(around: Surroundings, what: Iterable[str]) -> str:
    """The message that is written in an editor over the lines of `what`; raises `Cancelled`."""
    lines = list(map(printable, what))
    more = [f"and {len(lines) - SHOWN} more"] if len(lines) > SHOWN else []
    notes = "".join(f"{MARK}{line}".rstrip() + "\n" for line in (*HINT, *lines[:SHOWN], *more))
    with tempfile.TemporaryDirectory(prefix="muster-") as directory:
        place = Path(directory, "message")
        place.write_text(f"\n\n{notes}")
        _edit(place, around.environment)
        text = place.read_text(errors="replace")
    kept = "\n".join(line for line in text.splitlines() if not line.startswith(MARK.strip()))
    if not kept.strip():
        raise Cancelled("cancelled, nothing was committed: there is no message")
    return kept.strip()


def _read(file: str) -> str:
    try:
        content = sys.stdin.buffer.read(MESSAGE_BYTES + 1) if file == STDIN else _head(Path(file))
    except OSError as error:
        raise Usage(
            f"{printable(file)}: {error.strerror}; name a text file, or - for stdin"
        ) from error
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise Usage(f"{printable(file)} is not UTF-8 text; write it anew") from None


def _head(place: Path) -> bytes:
    """As much as a message may have, and a byte."""
    with place.open("rb") as file:
        return file.read(MESSAGE_BYTES + 1)


def _edit(place: Path, environment: Mapping[str, str]) -> None:
    editor = environment.get("VISUAL") or environment.get("EDITOR") or USUAL
    way = "set EDITOR to one that works, or say --message TEXT"
    try:
        words = [*shlex.split(editor), os.fspath(place)]
        done = subprocess.run(words, check=False)  # noqa: S603 - the operator's own editor
    except (OSError, ValueError) as error:
        raise Complaint(
            f"the editor {printable(editor)} cannot be started: {error}; {way}"
        ) from error
    if done.returncode:
        raise Cancelled(
            f"cancelled, nothing was committed: {printable(editor)} ended with {done.returncode}"
        )

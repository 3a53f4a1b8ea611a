"""What a manager has done on a node: `muster.node.define` puts definitions where the agent reads.

Idempotent, since a task may come twice or out of order: only what is newer is written, and one
revision never means two things. A refusal is a sentence for the log; it is never tried again, and
managers see by the node's reports what it acts on.
"""

import contextlib
import json
import logging
import socket
from functools import lru_cache
from pathlib import Path
from typing import Any

from workers.failover.core.definitions import Definitions
from workers.failover.core.definitions_text import DefinitionsError, parse
from workers.failover.errors import FailoverError
from workers.failover.files import replace_if
from workers.failover.settings import Settings
from workers.failover.store import DEFINITIONS, DEFINITIONS_LOCK

DEFINE = "muster.node.define"
AGENT_SECONDS = 1.0
"""With the wait for another writer of the file less than a broker waits for a heartbeat."""

log = logging.getLogger("muster")


class TaskRefused(FailoverError):
    """What a task asks for makes no sense on this node."""


def define(settings: Settings, subcluster: object, revision: object, text: object) -> str:
    """Put the definitions `text` in place and tell the agent; a sentence says what was done."""
    try:
        number, good = _checked(settings, subcluster, revision, text)
        written = _put(settings.state_directory, number, good)
    except FailoverError as error:
        log.error("definitions refused: %s", error)
        return str(error)
    agent = _poke(settings.socket)
    done = f"revision {number} {written}; the agent {agent}"
    log.info("definitions: %s", done)
    return done


def _checked(
    settings: Settings, subcluster: object, revision: object, text: object
) -> tuple[int, str]:
    """Revision and text, if they are for this node and fit each other."""
    if not isinstance(text, str) or not isinstance(revision, int) or isinstance(revision, bool):
        raise TaskRefused("a revision must be a number, and definitions a text")
    if subcluster != settings.subcluster:
        way = "send it to the queue of a node of that subcluster"
        raise TaskRefused(
            f"they are for subcluster {subcluster!r:.80}, "
            f"{settings.node} is in {settings.subcluster}; {way}"
        )
    try:
        text.encode()
    except UnicodeEncodeError:
        raise TaskRefused("the definitions have half a character; send UTF-8") from None
    try:
        definitions = parse(text, f"revision {revision}")
    except DefinitionsError as error:
        raise TaskRefused(str(error)) from None
    theirs = (definitions.cluster, definitions.subcluster, definitions.revision)
    told = (settings.cluster, settings.subcluster, revision)
    if theirs != told:
        one, other = (" ".join(map(str, words)) for words in (theirs, told))
        raise TaskRefused(f"the text is of {one}, the task of {other}; send them as one")
    return revision, text


def _put(directory: Path, revision: int, text: str) -> str:
    """Replace the file if `revision` is newer than what it has; what was done."""
    file = directory / DEFINITIONS
    with contextlib.suppress(OSError):  # then writing says so
        directory.mkdir(mode=0o755, parents=True, exist_ok=True)

    def newer() -> bool:
        return _revision(_text(file)) < revision

    if newer() and replace_if(file, text, directory / DEFINITIONS_LOCK, newer):
        return "written"
    before = _text(file)
    known = _revision(before)
    if known != revision:
        return f"was not written: the node has revision {known} already"
    if before != text and _differs(before, text):
        way = "give the new definitions a higher revision"
        raise TaskRefused(f"{file}: says something else as revision {known}; {way}")
    return "was there already"


def _text(file: Path) -> str:
    """What the file says; empty when it is missing or no text, and so to be replaced."""
    try:
        return file.read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return ""


def _revision(text: str) -> int:
    """The revision of a definitions file; -1 for one that nobody can act on."""
    definitions = _meaning(text)
    return -1 if definitions is None else definitions.revision


def _differs(before: str, text: str) -> bool:
    """Whether two texts of one revision mean different things; a spoilt one means nothing."""
    return _meaning(before) != _meaning(text)


@lru_cache(maxsize=2)
def _meaning(text: str) -> Definitions | None:
    """What a whole file says; None if nobody can act on it."""
    try:
        return parse(text)
    except DefinitionsError:
        return None


def _poke(path: Path) -> str:
    """Have the agent read the file now; if it cannot, it reads it at its next look or start."""
    try:
        with contextlib.closing(socket.socket(socket.AF_UNIX)) as client:
            client.settimeout(AGENT_SECONDS)
            client.connect(str(path))
            client.sendall(b'{"command": "reread"}\n')
            with client.makefile("rb") as answers:
                answer: Any = json.loads(answers.readline())
        revision = answer["revision"]
    except (OSError, ValueError, TypeError, KeyError) as error:
        return f"does not answer ({error}) and will read it later"
    return f"reads it, acting on revision {revision}"

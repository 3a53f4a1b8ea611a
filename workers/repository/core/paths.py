r"""What a path in the configuration repository may be; every refusal is a sentence.

The tree: `global/...`, `SUBCLUSTER/default/...`, `SUBCLUSTER/NODE/...` and
`SUBCLUSTER/definitions.toml`. A path is text with `/` between its segments. Invariant: a path that
passes can be checked out on any usual file system, and `git fsck --strict` has nothing against it.
Names git gives a meaning of its own (`.git`, `.gitattributes`, `git~1`, ...) are refused, since
they would change what other files are, or keep a replica from taking the revision.
"""

import re
import unicodedata
from collections.abc import Collection, Mapping
from enum import Enum

GLOBAL = "global"
"""The directory whose files every node sees."""
DEFAULT = "default"
"""The directory of a subcluster whose files all its nodes see."""
DEFINITIONS = "definitions.toml"
"""The one file that stands directly in a subcluster's directory."""
PATH_BYTES = 1024
SEGMENT_BYTES = 255

Known = Mapping[str, Collection[str]]
"""The names of the nodes of each subcluster that exists."""

_SUBCLUSTER = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_OF_GIT = re.compile(r"\.git|gi[^.]*~[0-9]", re.IGNORECASE)
"""`gi7eba~1` and the like are short names some file systems have for git's own files."""
_UNSEEN = {"Cc", "Cf", "Zl", "Zp"}
"""Unicode categories: control and format characters, separators of lines and paragraphs."""


class PathRefusal(Enum):
    """Why a path is refused, as what follows the path in a sentence."""

    NOT_UTF8 = "is not UTF-8 text; rename the file"
    UNSEEN = "has a control or invisible character; rename the file"
    BACKSLASH = "has a backslash; write / between directories"
    ABSOLUTE = "begins with /; write it from the top of the repository"
    EMPTY_SEGMENT = "has an empty name between two /, or ends with one; write one / and a name"
    DOTS = "has . or .. as a name; write the path it stands for"
    GIT = "has a name that git keeps for itself; rename the file"
    PATH_TOO_LONG = f"is longer than {PATH_BYTES} bytes; shorten it"
    SEGMENT_TOO_LONG = f"has a name longer than {SEGMENT_BYTES} bytes; shorten it"
    NO_LABEL = (
        f"does not begin with {GLOBAL}/ or the name of a subcluster (lower-case letters, digits, "
        f"- and _, at most 63); put it there"
    )
    NO_NODE_LABEL = (
        f"is neither under {DEFAULT}/ nor under the name of a node (lower-case letters, digits "
        f"and -, at most 63); put it there"
    )
    MISPLACED = (
        f"stands outside of any tree; put it under {GLOBAL}/, SUBCLUSTER/{DEFAULT}/ or "
        f"SUBCLUSTER/NODE/ (beside these there is SUBCLUSTER/{DEFINITIONS} only)"
    )
    UNKNOWN_SUBCLUSTER = "is of a subcluster that is not defined; define it first"
    UNKNOWN_NODE = "is of a node that is not defined in that subcluster; define it first"
    CASE = "differs only in case or accents' spelling from another path; use one spelling"
    FILE_AND_DIRECTORY = "would be a file and a directory at once; rename one of them"


def path_refusal(path: str, known: Known | None = None) -> PathRefusal | None:
    """Why this path may not be written; None when it may.

    Undecodable bytes are expected as `os.fsdecode` gives them. Without `known` any subcluster and
    node will do.
    """
    return _text_refusal(path) or _place_refusal(path.split("/"), known)


def folded(path: str) -> str:
    """The same text for all paths that some file system takes for this one."""
    if path.isascii():
        return path.lower()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", path).casefold())


def _text_refusal(path: str) -> PathRefusal | None:
    """What can be said of a path without knowing what it is for."""
    try:
        size = len(path.encode())
    except UnicodeEncodeError:
        return PathRefusal.NOT_UTF8
    if size > PATH_BYTES:
        return PathRefusal.PATH_TOO_LONG
    if any(unicodedata.category(character) in _UNSEEN for character in path):
        return PathRefusal.UNSEEN
    if "\\" in path:
        return PathRefusal.BACKSLASH
    if path.startswith("/"):
        return PathRefusal.ABSOLUTE
    return next(filter(None, map(_segment_refusal, path.split("/"))), None)


def _segment_refusal(segment: str) -> PathRefusal | None:
    if not segment:
        return PathRefusal.EMPTY_SEGMENT
    if segment in (".", ".."):
        return PathRefusal.DOTS
    if _OF_GIT.match(segment):
        return PathRefusal.GIT
    if len(segment.encode()) > SEGMENT_BYTES:
        return PathRefusal.SEGMENT_TOO_LONG
    return None


def _place_refusal(segments: list[str], known: Known | None) -> PathRefusal | None:
    """Whether the path leads into one of the trees, of somebody who is known."""
    top = segments[0]
    if not _SUBCLUSTER.fullmatch(top):
        return PathRefusal.NO_LABEL
    if top == GLOBAL:
        return None if len(segments) > 1 else PathRefusal.MISPLACED
    definitions = segments[1:] == [DEFINITIONS]
    if len(segments) < 3 and not definitions:
        return PathRefusal.MISPLACED
    if known is not None and top not in known:
        return PathRefusal.UNKNOWN_SUBCLUSTER
    if definitions or segments[1] == DEFAULT:
        return None
    if not _LABEL.fullmatch(segments[1]):
        return PathRefusal.NO_NODE_LABEL
    if known is not None and segments[1] not in known[top]:
        return PathRefusal.UNKNOWN_NODE
    return None

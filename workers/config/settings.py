"""The table `[configuration]` of NODE.toml: what is done with the node's tree, and by which means.

Everything has a default: a node without the table keeps its tree up to date for nobody. The keys
are those of docs/reference/node.md.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from workers.config.core.applying import Autoupdate
from workers.config.profiles import Command, Nothing, Postfix, Profile, Words

COMMON = ("profile", "autoupdate", "directory", "secrets", "save_seconds")
COMMANDS = ("build", "validate", "reload", "check")
OWN = {
    "nothing": (),
    "postfix": ("postfix_directory", "subdirectory", "address", "port", "greeting_seconds"),
    "command": (*COMMANDS, "limit_seconds"),
}
"""The keys of each profile."""
SAVE_SECONDS = 300


class Table(Protocol):
    """A table of TOML, such as `failover.core.toml_text.Table`."""

    def allow(self, *keys: str) -> None:
        """Refuse every other key."""

    def text(self, key: str, default: str | None = None) -> str:
        """A text."""

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of texts, empty when it is not there."""

    def whole(self, key: str, default: int | None, low: int, high: int) -> int:
        """A whole number from `low` to `high`."""

    def problem(self, key: str, sentence: str) -> Exception:
        """What to raise about the value of a key."""


@dataclass(frozen=True, slots=True)
class Configuration:
    """What the table says. `save_seconds`: how often the live tree is looked at for edits."""

    repository: Path
    """The node's replica, bare."""
    directory: Path
    """Where trees, edits and the live link are."""
    secrets: Path
    """A file for each secret."""
    profile: Profile
    autoupdate: Autoupdate = Autoupdate.TRUE
    save_seconds: float = SAVE_SECONDS


def configuration(table: Table, state: Path) -> Configuration:
    """Read the table; `state`: the node's state directory. Raises what the table raises."""
    kind = _choice(table, "profile", "nothing", tuple(OWN))
    table.allow(*COMMON, *OWN[kind])
    autoupdate = _choice(table, "autoupdate", Autoupdate.TRUE, tuple(Autoupdate))
    return Configuration(
        repository=state / "config.git",
        directory=_path(table, "directory", state / "config"),
        secrets=_path(table, "secrets", state / "secrets"),
        profile=_profile(table, kind),
        autoupdate=Autoupdate(autoupdate),
        save_seconds=table.whole("save_seconds", SAVE_SECONDS, 1, 86_400),
    )


def _profile(table: Table, kind: str) -> Profile:
    if kind == "postfix":
        return Postfix(
            _path(table, "postfix_directory", Path("/etc/postfix")),
            address=table.text("address", "127.0.0.1"),
            port=table.whole("port", 25, 1, 65_535),
            greeting_seconds=table.whole("greeting_seconds", 15, 1, 3_600),
            subdirectory=_subdirectory(table),
        )
    if kind == "command":
        build, validate, reload, check = (_words(table, key) for key in COMMANDS)
        limit = table.whole("limit_seconds", 60, 1, 3_600)
        return Command(build, validate, reload, check, limit_seconds=limit)
    return Nothing()


def _choice(table: Table, key: str, usual: str, choices: tuple[str, ...]) -> str:
    text = table.text(key, usual)
    if text not in choices:
        raise table.problem(key, f"{key} is {text!r}; write one of {', '.join(choices)}")
    return text


def _path(table: Table, key: str, usual: Path) -> Path:
    text = table.text(key, str(usual))
    if not text.startswith("/") or "\0" in text:
        raise table.problem(key, f"{key} is {text!r}; write the whole path, from / on")
    return Path(text)


def _subdirectory(table: Table) -> str:
    text = table.text("subdirectory", "")
    if text and ("\0" in text or {"", ".", ".."} & set(text.split("/"))):
        way = 'write a path within the tree, such as "postfix"'
        raise table.problem("subdirectory", f"subdirectory is {text!r}; {way}")
    return text


def _words(table: Table, key: str) -> Words:
    words = table.texts(key)
    if words and not words[0].startswith("/"):
        way = "write the whole path of a program, from / on, and each argument by itself"
        raise table.problem(key, f"{key} begins with {words[0]!r}; {way}")
    return words

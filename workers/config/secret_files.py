"""The secrets of a node: one file each, in a directory that only root reads.

A value goes into the files that are rendered, and nowhere else.
"""

import contextlib
import os
import stat
from pathlib import Path

from workers.config.core.secrets import SECRET_BYTES, name_refusal, placeholders
from workers.config.errors import ConfigError

SHOWN_BYTES_MIN = 4
"""A shorter value is found in any file by chance."""
LINE_CHARACTERS_MIN = 12
"""The same of one line of a value that has many, such as a key."""


class SecretFileError(ConfigError):
    """A secret's file cannot be used; the message never has its value."""


class SecretFiles:
    """Gives values by name, as `config.core.secrets.Secrets`."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def __call__(self, name: str) -> bytes | None:
        """The content of a secret's file, None when there is none; raises `SecretFileError`."""
        if name_refusal(name):
            return None
        path = self._directory / name
        try:
            flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC
            with os.fdopen(os.open(path, flags), "rb") as file:
                about = os.fstat(file.fileno())
                if not stat.S_ISREG(about.st_mode):
                    raise SecretFileError(f"{path}: is no plain file; put the value into one")
                if about.st_mode & 0o077:
                    way = f"run: chmod 600 {path}"
                    raise SecretFileError(f"{path}: others may read this secret; {way}")
                return file.read(SECRET_BYTES + 2)
        except FileNotFoundError:
            return None
        except OSError as error:
            way = "correct its permissions"
            raise SecretFileError(f"{path}: cannot be read: {error.strerror}; {way}") from None

    def within(self, content: bytes) -> bool:
        """Whether a file holds the value of any secret that is known here."""
        return any(self._value_in(name, content) for name in self._names())

    def concealed(self, text: str) -> str:
        """A text with `<secret NAME>` for each value in it, and for each line of a long one."""
        found = {}
        for name in self._names():
            with contextlib.suppress(SecretFileError):
                value = (self(name) or b"").decode("utf-8", "replace").removesuffix("\n")
                lines = (line.strip() for line in value.splitlines())
                found[value] = name
                found |= {line: name for line in lines if len(line) >= LINE_CHARACTERS_MIN}
        for value in sorted(found, key=len, reverse=True):
            if len(value) >= SHOWN_BYTES_MIN:
                text = text.replace(value, placeholders(found[value]).decode())
        return text

    def _names(self) -> list[str]:
        try:
            return [path.name for path in self._directory.iterdir()]
        except OSError:
            return []

    def _value_in(self, name: str, content: bytes) -> bool:
        try:
            value = (self(name) or b"").removesuffix(b"\n")
        except SecretFileError:
            return True  # what it is cannot be known
        return len(value) >= SHOWN_BYTES_MIN and value in content

"""What the manager is told by environment variables, read in one place for all settings.

Values are strings as given; an unset variable is empty. Nothing here has side effects.
"""

import os
from pathlib import Path
from typing import Any

import dj_database_url
from django.core.exceptions import ImproperlyConfigured

from workers.logs.core.destination import TemplateError, parsed

BUSY_TIMEOUT_SECONDS = 20
SQLITE = "django.db.backends.sqlite3"
PRAGMAS = "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
"""FULL: a revision that nodes were told, and an audit record, outlive a power cut."""


def text(variable: str, default: str = "") -> str:
    """The variable, without blanks around it."""
    return os.environ.get(variable, "").strip() or default


def required(variable: str) -> str:
    """The variable; the manager does not start without it."""
    value = text(variable)
    if not value:
        message = f"{variable} is not set: the manager does not start without it"
        raise ImproperlyConfigured(message)
    return value


def words(value: str) -> list[str]:
    """The parts between commas, without blanks; empty ones go."""
    return [part.strip() for part in value.split(",") if part.strip()]


def switch(variable: str) -> bool:
    """1 or 0 (or unset)."""
    value = text(variable, "0")
    if value not in ("0", "1"):
        message = f"{variable} is {value!r}; set it to 1 or 0"
        raise ImproperlyConfigured(message)
    return value == "1"


def number(variable: str, default: int) -> int:
    """A whole number above 0."""
    value = text(variable, str(default))
    if not (value.isascii() and value.isdigit() and 0 < int(value) < 10**12):
        message = f"{variable} is {value[:40]!r}; set it to a whole number above 0"
        raise ImproperlyConfigured(message)
    return int(value)


def destination(variable: str, default: str) -> str:
    """The template of a collector's files."""
    value = text(variable, default)
    try:
        parsed(value)
    except TemplateError as error:
        raise ImproperlyConfigured(f"{variable} is {value[:200]!r}: {error}") from None
    return value


def database(directory: Path) -> dict[str, Any]:
    """Django's settings of the database: DATABASE_URL, or SQLite in `directory`."""
    url = text("DATABASE_URL")
    try:
        found: dict[str, Any] = dict(dj_database_url.parse(url)) if url else {}
    except (ValueError, dj_database_url.ParseError, dj_database_url.UnknownSchemeError) as error:
        message = (
            f"DATABASE_URL cannot be used ({error}); write one such as "
            "postgres://USER:PASSWORD@HOST/NAME or sqlite:////DIRECTORY/muster.sqlite3"
        )
        raise ImproperlyConfigured(message) from None
    if not found:
        found = {"ENGINE": SQLITE, "NAME": str(directory / "muster.sqlite3")}
    if found["ENGINE"] == SQLITE:
        found["OPTIONS"] = {
            "timeout": BUSY_TIMEOUT_SECONDS,
            "transaction_mode": "IMMEDIATE",
            "init_command": PRAGMAS,
        }
    return found

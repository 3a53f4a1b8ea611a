"""Which manager a command talks to, and as whom: options, environment and the profile file.

From strong to weak: `--url` and `--token`, `--profile`, MUSTER_URL and MUSTER_TOKEN,
MUSTER_PROFILE, the profile "default". A profile's token is only ever sent to that profile's URL.
The file is `MUSTER_CONFIG` or ~/.config/muster/profiles.toml, written with mode 0600.
"""

import json
import os
import re
import tempfile
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cluster_admin.cli.errors import Usage

DEFAULT = "default"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}")
TOKEN = re.compile(r"[!-~]{1,4096}")
LOOPBACK = ("localhost", "127.0.0.1", "::1")
HEADER = "# Managers that `muster login` knows; tokens are secrets: keep this file to yourself.\n"


@dataclass(frozen=True, slots=True)
class Target:
    """A manager's address without /api/v1, and the token to show it (empty: none)."""

    url: str
    token: str
    profile: str


def config_path(environment: Mapping[str, str]) -> Path:
    """Where the profile file is, whether it exists or not."""
    if named := environment.get("MUSTER_CONFIG"):
        return Path(named)
    base = environment.get("XDG_CONFIG_HOME") or f"{environment.get('HOME', '~')}/.config"
    return Path(base).expanduser() / "muster" / "profiles.toml"


def profile_name(option: str | None, environment: Mapping[str, str]) -> str:
    """The profile meant; its name is checked, it need not exist."""
    name = option or environment.get("MUSTER_PROFILE") or DEFAULT
    if not NAME.fullmatch(name):
        raise Usage(f"profile {name!r} is no name; use letters, digits, - and _, 63 at most")
    return name


def resolve(
    profile: str | None, url: str | None, token: str | None, environment: Mapping[str, str]
) -> Target:
    """Whom to talk to; raises `Usage` when nothing says which manager."""
    name = profile_name(profile, environment)
    known = read(config_path(environment)).get(name, {})
    if profile and not known and not url:
        raise Usage(f"there is no profile {name}; make it with: muster login URL --profile {name}")
    stored_url, stored_token = known.get("url", ""), known.get("token", "")
    if profile:
        chosen_url, chosen_token = url or stored_url, token
    else:
        chosen_url = url or environment.get("MUSTER_URL") or stored_url
        chosen_token = token or environment.get("MUSTER_TOKEN")
    if not chosen_url:
        raise Usage("no manager is known; use: muster login URL, or set MUSTER_URL")
    chosen_url = checked_url(chosen_url)
    if chosen_token and not TOKEN.fullmatch(chosen_token):
        raise Usage("the token has characters that no token has; check --token and MUSTER_TOKEN")
    same = bool(stored_url) and chosen_url == checked_url(stored_url)
    return Target(chosen_url, chosen_token or (stored_token if same else ""), name)


def checked_url(url: str) -> str:
    """The manager's address in one form; raises `Usage` when it cannot be one."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if not host or parts.scheme not in ("http", "https") or not url.isprintable() or " " in url:
        raise Usage(f"{url!r} is no manager's address; write https://HOST[:PORT]")
    if "@" in parts.netloc:
        raise Usage("an address must not carry a password; use: muster login URL")
    place = f"[{host}]" if ":" in host else host
    path = parts.path.rstrip("/").removesuffix("/api/v1").rstrip("/")
    return f"{parts.scheme}://{place}{f':{port}' if port else ''}{path}"


def travels_open(url: str) -> bool:
    """Whether a password would cross a network unencrypted."""
    parts = urlsplit(url)
    return parts.scheme == "http" and parts.hostname not in LOOPBACK


def read(path: Path) -> dict[str, dict[str, Any]]:
    """The profiles by name; none when there is no file."""
    try:
        profiles = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        why = getattr(error, "strerror", None) or error
        raise Usage(f"profile file {path}: {why}; correct it, or remove it and log in") from error
    for name, profile in profiles.items():
        texts = isinstance(profile, dict) and all(isinstance(v, str) for v in profile.values())
        if not texts:
            raise Usage(
                f'profile file {path}: {name} is no profile; write [{name}] and url = "..."'
            )
    return profiles


def open_to_others(path: Path) -> bool:
    """Whether somebody else may read the file."""
    try:
        return bool(path.stat().st_mode & 0o077)
    except OSError:
        return False


def store(path: Path, name: str, profile: Mapping[str, str] | None) -> None:
    """Write one profile, or remove it when it is None; the others stay as they are."""
    profiles = read(path)
    profiles.pop(name, None)
    if profile is not None:
        profiles[name] = dict(profile)
    text = HEADER + "".join(_table(each, values) for each, values in sorted(profiles.items()))
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _replace(path, text)
    except OSError as error:
        raise Usage(f"profile file {path}: {error.strerror}; name another in MUSTER_CONFIG") from (
            error
        )


def _replace(path: Path, text: str) -> None:
    """Put the text in the place of the file at once, or leave everything as it was."""
    descriptor, made = tempfile.mkstemp(dir=path.parent, prefix=".profiles-")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        Path(made).replace(path)
    except BaseException:
        Path(made).unlink()
        raise


def _table(name: str, values: Mapping[str, str]) -> str:
    lines = [f"{_text(key)} = {_text(value)}" for key, value in values.items()]
    return "\n".join([f"\n[{_text(name)}]", *lines, ""])


def _text(value: str) -> str:
    """A basic string of TOML, which is JSON's but for DEL."""
    return json.dumps(value).replace("\x7f", "\\u007f")

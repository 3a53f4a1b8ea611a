"""This host as a manager: its environment file, and `manage.py` run with what stands in there.

    host = Host(Path("/etc/muster"))
    host.environment()                       the variables; Refused when this is no manager
    host.manage("reindex") -> str            its stdout; its notes go to stderr, a failure raises

What is run gets the account that owns the cluster key, so that no file of the manager's ever
belongs to root because root did something by hand.
"""

import os
import pwd
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from cluster_admin.cli import manager_file
from cluster_admin.cli.errors import Complaint, Refused
from cluster_admin.cli.shapes import tell

USUAL_DIRECTORY = Path("/etc/muster")
PROJECT = Path(__file__).resolve().parents[2]
FILE, KEY = "manager.env", "manager.key"
KEY_VARIABLE, DATA_VARIABLE = "MUSTER_KEY_FILE", "MUSTER_DATA_DIRECTORY"
_PASSED_ON = ("PATH", "LANG", "LC_ALL", "TZ")
_DJANGO = "CommandError: "

Directory = Annotated[
    Path, typer.Option("--directory", help="Where manager.env and the cluster key are.")
]


@dataclass(frozen=True, slots=True)
class Host:
    """A manager's host by the directory of its environment file."""

    directory: Path = USUAL_DIRECTORY

    @property
    def file(self) -> Path:
        """The environment file."""
        return self.directory / FILE

    def text(self) -> str:
        """The environment file as it is; empty when there is none. `Refused` if unreadable."""
        try:
            return self.file.read_text(encoding="utf-8")
        except FileNotFoundError:
            return ""
        except (OSError, UnicodeDecodeError) as error:
            why = getattr(error, "strerror", None) or "it is no text"
            raise Refused(f"{self.file}: {why}; run this as root, or correct the file") from error

    def environment(self) -> dict[str, str]:
        """The manager's variables; `Refused` when this host has none."""
        found = manager_file.parsed(self.text(), str(self.file))
        if not found:
            raise Refused(
                f"{self.file} is not there: this host is no manager yet; "
                "muster manager init makes it one"
            )
        return found

    def manage(self, *words: str, stdin: str = "") -> str:
        """Run `manage.py WORDS...` to its end and answer its stdout; raises `Complaint`."""
        settings = self.environment()
        account = _owner(settings)
        try:
            done: subprocess.CompletedProcess[str] = subprocess.run(  # noqa: S603 - our own words
                [sys.executable, "manage.py", *words],
                cwd=PROJECT,
                env=_environment(settings, account),
                input=stdin,
                capture_output=True,
                text=True,
                check=False,
                **_identity(account),
            )
        except OSError as error:
            who = account.pw_name if account else "this account"
            raise Complaint(
                f"{who} cannot run {PROJECT}/manage.py ({error.strerror}): "
                "put the program where it can, by script/install manager"
            ) from error
        notes = done.stderr.strip().splitlines()
        if done.returncode:
            last = notes[-1].removeprefix(_DJANGO) if notes else f"exit status {done.returncode}"
            raise Complaint(f"manage.py {words[0]}: {last}")
        for note in notes:
            tell(note)
        return done.stdout


def _environment(settings: Mapping[str, str], account: pwd.struct_passwd | None) -> dict[str, str]:
    passed = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    home = account.pw_dir if account else os.environ.get("HOME", "/")
    return {**passed, "HOME": home, **settings}


def _owner(settings: Mapping[str, str]) -> pwd.struct_passwd | None:
    """Whose key it is; None when that does not matter, or is not known."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwuid(Path(settings.get(KEY_VARIABLE, "")).stat().st_uid)
    except (OSError, KeyError):
        return None


def _identity(account: pwd.struct_passwd | None) -> dict[str, Any]:
    """How `subprocess` is told who runs it; root needs no telling."""
    if account is None or account.pw_uid == 0:
        return {}
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": ()}

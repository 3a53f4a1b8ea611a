"""What is recorded of each lab: /run/muster/lab/NAME/lab.json, and who may change it when.

Invariant: a record is written before anything of its lab is made and removed after everything of
it is gone, so that what a killed run leaves can be found. The last lab to go removes ROOT.
"""

import contextlib
import fcntl
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

import msgspec

from workers.lab.core.faults import Fault
from workers.lab.core.hosts import Host, Role, Software
from workers.lab.errors import LabError, LabRefused
from workers.lab.processes import started_at

ROOT = Path("/run/muster/lab")
_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_LONGEST_NAME = 20


class Phase(StrEnum):
    """How far a lab has come."""

    STARTING = "starting"
    UP = "up"


@dataclass(frozen=True, slots=True)
class Keeper:
    """The process that takes the lab down when it ends; `started_at` tells it from a later pid."""

    pid: int
    started_at: int

    @property
    def alive(self) -> bool:
        """Whether that very process still runs."""
        return started_at(self.pid) == self.started_at


@dataclass(frozen=True, slots=True)
class Record:
    """A lab as recorded; times are wall-clock seconds since the epoch."""

    name: str
    subnet: str
    hosts: tuple[Host, ...]
    vips: tuple[str, ...]
    heartbeat_interval: float
    mail: bool
    created_at: float
    phase: Phase = Phase.STARTING
    keeper: Keeper | None = None
    faults: tuple[Fault, ...] = field(default=())
    port: int = 0
    """Where the machine's own loopback has the dashboard; 0 in a lab without a manager."""

    software: Software = Software.MUSTER
    collectors: int = 0
    """How many collectors take the nodes' logs; 0: nothing is shipped."""
    limits: bool = False
    """Whether the nodes count and limit mail together."""

    @property
    def abandoned(self) -> bool:
        """Whether its keeper, or whoever was bringing it up, died without taking it down."""
        return self.keeper is not None and not self.keeper.alive

    def names(self, role: Role) -> tuple[str, ...]:
        """The hosts of a role."""
        return tuple(host.name for host in self.hosts if host.role is role)


def this_process() -> Keeper:
    """This process as a keeper."""
    return Keeper(os.getpid(), started_at(os.getpid()) or 0)


def check_name(name: str) -> str:
    """A name that a lab may have."""
    if not _NAME.fullmatch(name) or len(name) > _LONGEST_NAME:
        raise LabRefused(
            f"{name!r} is no name for a lab: lower-case letters, digits and single hyphens, a "
            f"letter first, at most {_LONGEST_NAME} characters"
        )
    return name


def directory(name: str) -> Path:
    """Where everything of a lab is kept."""
    return ROOT / check_name(name)


def recorded_names() -> list[str]:
    """Labs that have a record, whole or not."""
    return sorted(path.name for path in ROOT.iterdir()) if ROOT.is_dir() else []


def load(name: str) -> Record | None:
    """The record of a lab, or None when there is none."""
    path = directory(name) / "lab.json"
    try:
        return msgspec.json.decode(path.read_bytes(), type=Record)
    except FileNotFoundError:
        return None
    except PermissionError as error:
        raise LabRefused(f"{path} may be read by root only: use sudo") from error
    except msgspec.DecodeError as error:
        raise LabError(f"{path} is damaged ({error}): muster lab down --name {name}") from error


def save(record: Record) -> None:
    """Write a record so that a reader sees the old or the new one."""
    home = directory(record.name)
    home.mkdir(parents=True, exist_ok=True, mode=0o755)
    draft = home / "lab.json.new"
    draft.write_bytes(msgspec.json.format(msgspec.json.encode(record), indent=1))
    draft.replace(home / "lab.json")


def forget(name: str) -> None:
    """Remove everything recorded of a lab, and the directories above when they are empty."""
    shutil.rmtree(directory(name), ignore_errors=True)


@contextlib.contextmanager
def exclusively() -> Iterator[None]:
    """Hold the one lock of all labs; leaves no file behind when no lab is left."""
    handle = _locked_root()
    try:
        yield
    finally:
        for path in (ROOT, ROOT.parent):
            with contextlib.suppress(OSError):
                path.rmdir()
        os.close(handle)


def _locked_root() -> int:
    """Open and lock ROOT; another process may remove it while we wait for the lock."""
    while True:
        ROOT.mkdir(parents=True, exist_ok=True, mode=0o755)
        with contextlib.suppress(FileNotFoundError):
            handle = os.open(ROOT, os.O_RDONLY | os.O_DIRECTORY)
            fcntl.flock(handle, fcntl.LOCK_EX)
            with contextlib.suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(handle), os.stat(ROOT)):
                    return handle
            os.close(handle)

"""A working copy: a directory with `.muster/`, which says what it was made from.

    .muster/state.json   the base, see `config_states`; replaced at once
    .muster/lock         held while a command changes something here
    .muster/incoming/    contents on their way into the tree

A death at any instant leaves a state that is whole, and every local edit where it was.
"""

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import msgspec

from cluster_admin.cli import config_files, config_states
from cluster_admin.cli.config_files import OWN
from cluster_admin.cli.config_states import State
from cluster_admin.cli.errors import Complaint, Refused, Usage
from workers.files.locks import TakenError, take

STATE, LOCK, INCOMING = "state.json", "lock", "incoming"


class WorkingCopy:
    """One working copy on this host."""

    def __init__(self, root: Path, state: State) -> None:
        self.root = root
        self.state = state

    @classmethod
    def made(cls, root: Path, state: State) -> "WorkingCopy":
        """Make a directory a working copy; raises `Refused` when it is one, or is in one."""
        above = _found(root.absolute())
        if above:
            raise Refused(
                f"{above} is a working copy already; bring it up to date: muster config pull"
            )
        copy = cls(root.absolute(), state)
        try:
            copy.own.mkdir(mode=0o700, parents=True)
            copy.save(state)
        except OSError as error:
            raise config_files.unreadable(error) from error
        return copy

    @classmethod
    def opened(cls, start: Path) -> "WorkingCopy":
        """The working copy that `start` is in; raises `Usage`, or `Complaint` if it is damaged."""
        root = _found(start.absolute())
        if root is None:
            raise Usage(
                f"{start.absolute()} is in no working copy; "
                "make one with: muster config init DIRECTORY"
            )
        copy = cls(root, State(url=""))
        copy.load()
        return copy

    @property
    def own(self) -> Path:
        """Its own directory."""
        return self.root / OWN

    @property
    def incoming(self) -> Path:
        """Where contents are written before they are put in place."""
        return self.own / INCOMING

    def load(self) -> None:
        """Read the state."""
        place = self.own / STATE
        try:
            self.state = config_states.decode(place.read_bytes())
        except OSError as error:
            raise config_files.unreadable(error) from error
        except ValueError as error:
            way = "move your edits aside and make a new one: muster config init DIRECTORY"
            raise Complaint(f"{place} is damaged ({error}); {way}") from error

    def save(self, state: State) -> None:
        """Replace the state, at once and durably."""
        place = self.own / STATE
        new = place.with_suffix(".new")
        config_files.write_aside(new, [config_states.encode(state)])
        config_files.sync([new])
        os.replace(new, place)
        self.state = state

    @contextlib.contextmanager
    def changing(self) -> Iterator[None]:
        """Hold the lock, and see what others left; raises `Refused` when another command has it."""
        try:
            descriptor = take(self.own / LOCK, 0.0)
        except TakenError:
            raise Refused(f"another command works in {self.root}; wait for its end") from None
        except OSError as error:
            raise config_files.unreadable(error) from error
        try:
            self.load()
            with _told():
                self.tidy()
                yield
        finally:
            os.close(descriptor)

    def tidy(self) -> None:
        """Remove the sides of conflicts that have ended."""
        if self.state.leftovers:
            for path in self.state.leftovers:
                (self.root / path).unlink(missing_ok=True)
            self.save(msgspec.structs.replace(self.state, leftovers=()))

    def empty_incoming(self) -> Path:
        """The directory for contents on their way, without leftovers."""
        shutil.rmtree(self.incoming, ignore_errors=True)
        self.incoming.mkdir(mode=0o700, exist_ok=True)
        return self.incoming

    def forget(self) -> None:
        """No working copy any more; its files stay."""
        shutil.rmtree(self.own)


@contextlib.contextmanager
def _told() -> Iterator[None]:
    """Trouble with the disk as a complaint."""
    try:
        yield
    except OSError as error:
        raise config_files.unreadable(error) from error


def _found(start: Path) -> Path | None:
    """The nearest directory upwards that is a working copy."""
    return next((each for each in (start, *start.parents) if (each / OWN / STATE).exists()), None)

"""Making this host a manager, step by step: settings, key, data, broker account, tables.

Invariant: every step looks at what is there, does what is missing and may be repeated; a secret is
on the disk before anybody else is told it. So a death between or within steps loses nothing, and
the same command goes on.
"""

import contextlib
import fcntl
import os
import pwd
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cluster_admin.cli import manager_file, manager_plan
from cluster_admin.cli.errors import Complaint, Refused, Unreachable
from cluster_admin.cli.manager_host import DATA_VARIABLE, FILE, KEY, KEY_VARIABLE, Host
from cluster_admin.cli.manager_plan import BROKER, CLUSTER, MANAGEMENT, Secrets, Wish, planned
from workers.bus.errors import BusError
from workers.bus.keys import load_keys, make_key
from workers.bus.permissions import manager_permissions, rooms_of
from workers.files import durable

SUBCLUSTER = "default"
PASSWORD = "admin.password"  # noqa: S105 -- the name of a file
SIGNING_BYTES, PASSWORD_BYTES = 48, 24
Row = dict[str, str]


@dataclass(frozen=True, slots=True)
class Init:
    """The work of one call; `user` owns what the manager's processes write."""

    host: Host
    wish: Wish
    data: Path
    user: str
    key: Path | None = None
    """The key of a cluster that runs already."""

    def missing(self) -> list[Row]:
        """What this host lacks of settings, key and data directory; changes nothing."""
        self._account()
        text = self._text()
        values = manager_file.parsed(text, FILE)
        return [
            _row("settings", self._settings_outcome(text), str(self.host.file)),
            _row("key", _outcome(Path(values[KEY_VARIABLE])), values[KEY_VARIABLE]),
            _row("data", _outcome(Path(values[DATA_VARIABLE])), values[DATA_VARIABLE]),
        ]

    def run(self, admin: str, password: str) -> Iterator[Row]:
        """Do every step, each told when it is done; an empty `admin`: no subcluster, no account.

        Raises `Complaint`; what is done stays.
        """
        self._account()
        self.host.directory.mkdir(mode=0o755, parents=True, exist_ok=True)
        with self._alone():
            yield from self._lay_down()
            yield self._broker()
            self.host.manage("migrate", "--noinput", "--verbosity", "0")
            yield _row("tables", "done", "")
            if admin:
                yield self._bootstrap(admin, password)

    def _lay_down(self) -> list[Row]:
        account, rows, text = self._account(), self.missing(), self._text()
        values = manager_file.parsed(text, FILE)
        if rows[0]["outcome"] != "unchanged":
            _put(self.host.file, text, None)
        key = Path(values[KEY_VARIABLE])
        if not key.exists():
            _put(key, self._key_text(), account)
        _own_directory(Path(values[DATA_VARIABLE]), account)
        return rows

    def _broker(self) -> Row:
        """Make the managers' account and the rooms at the broker, where we may."""
        values = self.host.environment()
        addresses = [each for each in values.get(MANAGEMENT, "").split(",") if each]
        name, password = manager_plan.account(values[BROKER])
        if not addresses:
            return _row("broker", "skipped", f"the account {name} is yours to make")
        from workers.bus.accounts import BrokerAwayError, Management  # HTTP is slow to load

        try:
            with Management(addresses, manager_plan.virtual_host(values[BROKER])) as management:
                management.put_account(name, password, manager_permissions(values[CLUSTER]))
                management.put_rooms(rooms_of(values[CLUSTER], SUBCLUSTER))
        except BrokerAwayError as error:
            raise Unreachable(f"{error}; put that right and repeat, what is done stays") from error
        except BusError as error:
            raise Refused(str(error)) from error
        return _row("broker", "done", f"account {name} and the rooms of {SUBCLUSTER}")

    def _bootstrap(self, admin: str, password: str) -> Row:
        """Make the first subcluster and the first account; an empty password: one is made."""
        kept = Path(self.host.environment()[DATA_VARIABLE]) / PASSWORD
        given = ("--password-file", "-") if password else ("--make-password", str(kept))
        words = ("--subcluster", SUBCLUSTER, "--admin", admin, *given)
        self.host.manage("bootstrap", *words, stdin=password)
        where = f"; its password is in {kept}" if kept.exists() else ""
        return _row("account", "done", f"{admin}{where}")

    def _text(self) -> str:
        """What the environment file is to say."""
        before = self.host.text()
        known = manager_file.parsed(before, str(self.host.file))
        fresh = Secrets(secrets.token_urlsafe(SIGNING_BYTES), secrets.token_urlsafe(PASSWORD_BYTES))
        values = planned(self.wish, known, fresh, self.host.directory / KEY, self.data)
        wanted = {name: value for name, value in values.items() if known.get(name) != value}
        return manager_file.merged(before, wanted, FILE) if wanted else before

    def _settings_outcome(self, text: str) -> str:
        before = self.host.text()
        return "unchanged" if text == before else "changed" if before else "new"

    def _key_text(self) -> str:
        if self.key is None:
            return make_key() + "\n"
        try:
            load_keys(self.key)
            return self.key.read_text()
        except (BusError, OSError) as error:
            raise Refused(str(error)) from error

    def _account(self) -> pwd.struct_passwd | None:
        """Whose the manager's files are; None: those of whoever runs this."""
        if os.geteuid() != 0:
            return None
        try:
            return pwd.getpwnam(self.user)
        except KeyError:
            raise Refused(
                f"there is no account {self.user} here: run script/install manager first, "
                "or say --user NAME"
            ) from None

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        handle = os.open(self.host.directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield
        except BlockingIOError:
            raise Refused("another muster manager init is at work here: wait for it") from None
        except OSError as error:
            raise Complaint(f"{error.filename or self.host.directory}: {error.strerror}") from error
        finally:
            os.close(handle)


def _put(path: Path, text: str, account: pwd.struct_passwd | None) -> None:
    """Write a file for its owner alone, whole or not at all."""
    draft = path.with_name(f"{path.name}.new")
    draft.unlink(missing_ok=True)
    durable.write(draft, text.encode(), 0o600)
    if account:
        os.chown(draft, account.pw_uid, account.pw_gid)
    durable.rename(draft, path)


def _own_directory(path: Path, account: pwd.struct_passwd | None) -> None:
    """Make a directory for its owner; one that is there stays as it is."""
    if path.is_dir():
        return
    draft = path.with_name(f"{path.name}.new")
    path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    draft.mkdir(mode=0o750, exist_ok=True)
    if account:
        os.chown(draft, account.pw_uid, account.pw_gid)
    durable.rename(draft, path)


def _outcome(path: Path) -> str:
    return "unchanged" if path.exists() else "new"


def _row(step: str, outcome: str, detail: str) -> Row:
    return {"step": step, "outcome": outcome, "detail": detail}

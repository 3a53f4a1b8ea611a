"""The files and programs of a manager's host: web server, listener, Celery worker and its clock.

Secrets are made once per lab and kept for root alone, so that a manager that lost its power comes
back with its accounts, tokens and database.
"""

import json
import secrets
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from workers.bus.exchanges import MANAGER_ACCOUNT, MANAGER_QUEUE
from workers.lab.broker_files import addresses, management_addresses
from workers.lab.configuration import DOMAIN
from workers.lab.core.hosts import Host, Role
from workers.lab.log_files import manager_environment
from workers.lab.preparation import write_steps
from workers.lab.rabbitmq import Broker
from workers.lab.secret_files import write_secret
from workers.lab.state import Record, directory
from workers.lab.supervision import Program
from workers.lab.surroundings import LOOPBACK

WEB, LISTENER, TASKS, CLOCK = "web", "listener", "celery", "beat"
ADMIN = "admin"
CONFIGURATION = "configuration"
"""The directory with the tree that the repository begins with."""
PASSWORD_BYTES = 8
"""As hexadecimal digits: a double click selects the whole of it, no shell minds it."""
Brokers = Mapping[str, Broker]
_MANAGE = (sys.executable, "manage.py")
_CELERY = (sys.executable, "-m", "celery", "-A", "cluster_admin.celery")
_ALONE = ("--pool", "solo", "--without-gossip", "--without-mingle", "--without-heartbeat")


def address_of(record: Record) -> str:
    """Where the machine's own browser finds the dashboard; empty in a lab without a manager."""
    return f"http://{LOOPBACK}:{record.port}" if record.port else ""


def password_of(record: Record) -> str:
    """The password of the account `ADMIN`."""
    return _password_file(_home(record)).read_text().strip()


def token_of(record: Record) -> str:
    """A token of that account, or nothing while the manager has made none."""
    try:
        return _token_file(_home(record)).read_text().strip()
    except FileNotFoundError:
        return ""


def environment_of(record: Record, host: str) -> dict[str, str]:
    """What the programs of a manager find in their environment."""
    found: dict[str, str] = json.loads(_environment_file(directory(record.name) / host).read_text())
    return found


def address_for_hosts(record: Record) -> str:
    """Where the lab's own hosts find the manager."""
    [host, *_] = [host for host in record.hosts if host.role is Role.MANAGER]
    return f"http://{host.address}:{record.port}"


def lay_down(
    record: Record, host: Host, brokers: Brokers, definitions: str, key_file: Path
) -> list[Program]:
    """Write the host's files and answer what runs on it."""
    home = directory(record.name) / host.name
    write_secret(_password_file(home), secrets.token_hex(PASSWORD_BYTES) + "\n")
    environment = _environment(record, host, brokers, key_file)
    write_secret(_environment_file(home), json.dumps(environment, indent=1) + "\n")
    (home / "definitions.toml").write_text(definitions)
    (home / "static").mkdir()  # empty: files are served from the apps, and nobody is warned
    write_steps(home, _steps(home))
    return [
        Program(role, _prepared(home, arguments), environment)
        for role, arguments in _commands(record, host, home).items()
    ]


def _environment(record: Record, host: Host, brokers: Brokers, key_file: Path) -> dict[str, str]:
    home = directory(record.name) / host.name
    return {
        "DJANGO_SETTINGS_MODULE": "cluster_admin.settings.production",
        "DATABASE_URL": f"sqlite:///{home}/muster.sqlite3",
        "MUSTER_DATA_DIRECTORY": str(home),
        "MUSTER_CLUSTER": record.name,
        "MUSTER_SECRET_KEY": secrets.token_urlsafe(48),
        "MUSTER_ALLOWED_HOSTS": f"{LOOPBACK},localhost,{host.address}",
        "MUSTER_PLAIN_HTTP": "1",
        "MUSTER_PUBLIC_URL": address_of(record),
        "MUSTER_BROKER_URL": ",".join(addresses(brokers, MANAGER_ACCOUNT)),
        "MUSTER_BROKER_MANAGEMENT_URL": ",".join(management_addresses(brokers)),
        "MUSTER_KEY_FILE": str(key_file),
    } | {**_mail(record), **manager_environment(record)}


def _mail(record: Record) -> dict[str, str]:
    """Notifications by mail end where all mail of the lab does."""
    sinks = [host.address for host in record.hosts if host.role is Role.SINK]
    if not record.mail or not sinks:
        return {}
    return {"MUSTER_EMAIL_URL": f"smtp://{sinks[0]}:25/?from=muster@{DOMAIN}"}


def _steps(home: Path) -> list[tuple[str, ...]]:
    """What must be done once, before the programs start."""
    return [
        (*_MANAGE, "migrate", "--noinput", "--verbosity", "0"),
        (
            *(*_MANAGE, "bootstrap", "--definitions", str(home / "definitions.toml")),
            *("--configuration", str(home / CONFIGURATION)),
            *("--admin", ADMIN, "--password-file", str(_password_file(home))),
            *("--token-file", str(_token_file(home))),
        ),
    ]


def _commands(record: Record, host: Host, home: Path) -> dict[str, tuple[str, ...]]:
    """Each program by its role."""
    # The clock is a process of its own: the one that a worker forks would outlive the worker.
    front = (sys.executable, "-m", "workers.lab.front")
    name = f"{MANAGER_QUEUE}@{host.name}"
    return {
        WEB: (*front, str(record.port), host.address, "cluster_admin.asgi:application"),
        LISTENER: (*_MANAGE, "listen"),
        TASKS: (*_CELERY, "worker", "-Q", MANAGER_QUEUE, "-c", "1", "-n", name, *_ALONE),
        CLOCK: (*_CELERY, "beat", "--schedule", str(home / "beat-schedule"), "--pidfile="),
    }


def _prepared(home: Path, arguments: Sequence[str]) -> tuple[str, ...]:
    return (sys.executable, "-m", "workers.lab.preparation", str(home), *arguments)


def _home(record: Record) -> Path:
    return directory(record.name) / record.names(Role.MANAGER)[0]


def _password_file(home: Path) -> Path:
    return home / "admin.password"


def _token_file(home: Path) -> Path:
    return home / "admin.token"


def _environment_file(home: Path) -> Path:
    return home / "environment.json"

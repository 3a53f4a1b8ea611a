"""A node's identity on its disk: cluster key, definitions and NODE.toml, as a manager gave them.

Each file takes its place whole, NODE.toml last: a host has an identity once that is there. Until
everything is done `join.json` says how far it came, so that the same command goes on after any
death; with the same attempt the manager gives the same answer again.
"""

import contextlib
import json
import os
import re
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from cluster_admin.cli.errors import Complaint, Refused, Unreachable
from workers.files import durable, locks

ATTEMPT_BYTES = 16
PRIVATE, READABLE = 0o600, 0o644


@dataclass(frozen=True, slots=True)
class Places:
    """Where the files of a node are; the defaults are those of the service units."""

    directory: Path = Path("/etc/muster")
    state: Path = Path("/var/lib/muster/node")
    socket: Path = Path("/run/muster/muster.sock")

    @property
    def settings(self) -> Path:
        """What the node's processes read at their start."""
        return self.directory / "node.toml"

    @property
    def key(self) -> Path:
        """The cluster key."""
        return self.directory / "cluster.key"

    @property
    def progress(self) -> Path:
        """How far a join came; there only until it is done."""
        return self.directory / "join.json"

    @property
    def definitions(self) -> Path:
        """What the cluster should be."""
        return self.state / "definitions.toml"


@dataclass(frozen=True, slots=True)
class Identity:
    """What a manager answers a node that joins."""

    cluster: str
    subcluster: str
    node: str
    cluster_key: str
    definitions: str
    node_toml: str


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a join came; `node` is empty until its files are in place."""

    attempt: str
    """128 random bits: the token is given to whoever shows the first it was used with."""
    token: str = ""
    """The beginning of the digest of the token that brought the files."""
    node: str = ""
    subcluster: str = ""
    cluster: str = ""


def identity_of(body: Any) -> Identity:
    """The answer as a value; raises `Unreachable` for what no manager answers."""
    names = tuple(Identity.__dataclass_fields__)
    told = dict(body) if isinstance(body, Mapping) else {}
    if not all(isinstance(told.get(name), str) and told[name] for name in names):
        raise Unreachable("what answers is no manager of this version; check the URL")
    return Identity(**{name: told[name] for name in names})


@contextlib.contextmanager
def alone(places: Places) -> Iterator[None]:
    """One join of a host at a time; the directories are made."""
    for directory in (places.directory, places.state):
        with told(directory):
            if not directory.is_dir():
                directory.mkdir(parents=True)
                directory.chmod(0o755)  # whatever the mask: the mail server reads below it
    with told(places.state):
        try:
            handle = locks.take(places.state / "join.lock", 0)
        except locks.TakenError:
            raise Refused("another muster node join runs on this host; wait for it") from None
    try:
        yield
    finally:
        os.close(handle)


def check(places: Places, *, force: bool = False) -> None:
    """Raise `Refused` when the host has an identity that no interrupted join has given it."""
    if places.settings.exists() and not places.progress.exists() and not force:
        raise Refused(
            f"this host is a node already: {places.settings} is there; "
            "say --force to give it another identity"
        )


def begin(places: Places, *, force: bool = False) -> Progress:
    """How far an earlier join came, or a new one; `Refused` when the host has an identity."""
    with told(places.progress):
        with contextlib.suppress(FileNotFoundError, ValueError, TypeError):
            return Progress(**json.loads(places.progress.read_text()))
        check(places, force=force)
        begun = Progress(secrets.token_hex(ATTEMPT_BYTES))
        durable.replace(places.progress, json.dumps(asdict(begun)).encode(), PRIVATE)
    return begun


def write(
    places: Places, found: Identity, begun: Progress, token: str, *, force: bool = False
) -> Progress:
    """Put the identity in place; what is replaced is kept beside, with `.old` at its end."""
    settings = placed(found.node_toml, places)
    if "\n[" not in settings:
        settings += _tables(places.settings)
    if not force and _differs(places.key, found.cluster_key):
        raise Refused(
            f"{places.key} is another cluster's key than {found.cluster}'s; move it away, or say "
            "--force; then run the same command again"
        )
    with told(places.directory):
        for path, text in ((places.key, found.cluster_key), (places.settings, settings)):
            if _differs(path, text):
                durable.replace(path.with_name(f"{path.name}.old"), path.read_bytes(), PRIVATE)
        durable.replace(places.key, f"{found.cluster_key.strip()}\n".encode(), PRIVATE)
    with told(places.state):
        durable.replace(places.definitions, found.definitions.encode(), READABLE)
    names = (found.node, found.subcluster, found.cluster)
    done = Progress(begun.attempt, mark_of(token), *names)
    with told(places.directory):
        durable.replace(places.settings, settings.encode(), PRIVATE)
        durable.replace(places.progress, json.dumps(asdict(done)).encode(), PRIVATE)
    return done


def mark_of(token: str) -> str:
    """What tells one token from another, and gives none away."""
    return sha256(token.encode(errors="replace")).hexdigest()[:16]


def finish(places: Places) -> None:
    """The join is done: the attempt is of no more use to anybody."""
    with told(places.progress):
        places.progress.unlink(missing_ok=True)
        durable.settle(places.directory)


def placed(text: str, places: Places) -> str:
    """NODE.toml with the paths of this host; raises `Unreachable` when it names none."""
    wanted = {
        "state_directory": places.state,
        "key_file": places.key,
        "socket": places.socket,
    }
    for key, path in wanted.items():
        around = re.split(rf"^{key} = .*$", text, flags=re.M)
        text = f"{key} = {json.dumps(str(path))}".join(around)
        if len(around) != 2:
            raise Unreachable(f"the manager's node.toml does not name {key} once; check the URL")
    return text


@contextlib.contextmanager
def told(path: Path) -> Iterator[None]:
    """Say of an `OSError` which file it is about, and what to do."""
    try:
        yield
    except OSError as error:
        where = error.filename or path
        way = "run it as root, or make room; then run the same command again"
        raise Complaint(f"{where}: {error.strerror}; {way}") from error


def _tables(path: Path) -> str:
    """The tables of a NODE.toml that is replaced: what its operator wrote for this host."""
    with told(path), contextlib.suppress(FileNotFoundError):
        tables = re.search(r"^\[.*", path.read_text(errors="replace"), re.M | re.S)
        return f"\n{tables[0]}" if tables else ""
    return ""


def _differs(path: Path, text: str) -> bool:
    """Whether a file is there that says something else."""
    with told(path), contextlib.suppress(FileNotFoundError):
        return path.read_bytes().decode(errors="replace").split() != text.split()
    return False

"""A manager with a history, its loss, and its restoration: what tests of that share.

    lost = Lost.laid_down(directory)      # a manager with revisions of every kind, and a replica
    lost.lose()                           # the data directory is gone
    lost.restore("--from", str(lost.replica))
    assert lost.differences() == []

The replica is what a node has after it took the manager's packs in.
"""

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.integration.managing import ROOT, Manager
from tests.integration.memories import Memory, differences
from workers.repository.repository import Repository

GROW = """
from cluster_admin.audit.actor import Actor
from cluster_admin.configs import index, services
from cluster_admin.inventory import services as inventory
from cluster_admin.inventory.models import Node, Subcluster
from workers.repository.core.changes import Entry

def commit(name, path, content, **values):
    services.commit(Actor(name), {path: Entry(content)}, f"{path} by {name}",
                    base=index.follow(), **values)

mark = sys.argv[1].encode()
commit("ann", "global/postfix/main.cf", b"size = " + mark, key=f"key-{sys.argv[1]}")
commit("b\\u00f6b", "default/mta1/name", b"mta1 " + mark)
with inventory.change(Subcluster.objects.get(), Actor("ann"), f"weight {sys.argv[1]}"):
    vip = Vip.objects.order_by("pk")[0]
    vip.weight = vip.weight % 1000 + 1
    vip.save()
node = Node.objects.get(name="mta2")
inventory.set_admin_state(node, "draining" if node.admin_state == "enabled" else "enabled",
                          Actor("b\\u00f6b"))
commit("ann", "default/default/motd", b"\\r\\n\\xff" + mark)
"""
GROWN = 5
"""Revisions that `GROW` makes."""


@dataclass
class Lost:
    """A manager, the replica of a node, and what the manager remembered when that was made."""

    manager: Manager
    replica: Path
    memory: Memory

    @classmethod
    def laid_down(cls, place: Path) -> "Lost":
        """A manager with some revisions, and a replica that has them all."""
        home = place / "manager"
        home.mkdir(parents=True)
        manager = Manager.laid_down(home)
        Repository.create(place / "replica.git").close()
        lost = cls(manager, place / "replica.git", {})
        lost.grow("1")
        lost.follow()
        return lost

    @property
    def repository(self) -> Path:
        return self.manager.directory / "configuration.git"

    def grow(self, mark: str) -> None:
        """Make revisions of files and of definitions, by several people."""
        self.manager.code(GROW, mark)

    def follow(self, replica: Path | None = None) -> None:
        """Let a replica take in what it lacks; of the own one it is remembered."""
        replicate(self.repository, replica or self.replica)
        if replica is None:
            self.memory = self.remembers()

    def lose(self) -> None:
        """Have the data directory empty, as on a new disk."""
        shutil.rmtree(self.manager.directory)
        self.manager.directory.mkdir()

    def restore(self, *words: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        """Run `manage.py restore`, from the replica unless told otherwise."""
        source = () if "--from" in words else ("--from", str(self.replica))
        done = self.run("manage.py", "restore", *source, *words)
        assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
        return done

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run Python in the manager's environment."""
        return subprocess.run(
            [sys.executable, *words],
            env=self.manager.environment,
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )

    def remembers(self) -> Memory:
        """What the manager remembers now."""
        done = self.run("-m", "tests.integration.memories")
        assert done.returncode == 0, done.stderr
        memory: dict[str, Any] = json.loads(done.stdout)
        return memory

    def differences(self) -> list[str]:
        """What is otherwise than when the replica was made."""
        return differences(self.memory, self.remembers())


def replicate(source: Path, replica: Path) -> None:
    """Bring a replica up to date, as a node's worker does."""
    manager, node = Repository.open(source), Repository.open(replica)
    newest, have = manager.head(), node.head()
    assert newest is not None
    since = have.hash if have else None
    node.receive(manager.pack_since(since), since, newest.hash)
    manager.close()
    node.close()

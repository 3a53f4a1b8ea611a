"""A manager with broker and listener loses its disk; a node with its real worker brings it back."""

import json
import shlex
import shutil
import subprocess
from pathlib import Path

from tests.integration.brokers import RunningBroker
from tests.integration.managers import Manager
from tests.integration.node_parts import Home, wait
from tests.integration.test_cli import MUSTER
from tests.integration.test_config_bus import COMMIT, listen, newest, run
from tests.integration.test_config_managed import SECONDS, STAND, at_rest, current, site

MEMORY = """
import json
from tests.integration.memories import memory
print(json.dumps(memory()).replace(" ", "_"))
"""
FOLLOW = """
print(deploying.deploy(actor, Subcluster.objects.get(), mode="follow").mode)
"""
_SETTINGS = ("MUSTER_", "DJANGO_", "DATABASE_")


def restored(manager: Manager, home: Home, etc: Path) -> dict[str, object]:
    """What the operators' command says, with a manager.env as they have it."""
    settings = {k: v for k, v in manager.environment.items() if k.startswith(_SETTINGS)}
    etc.mkdir()
    (etc / "manager.env").write_text(
        "".join(f"{name}={shlex.quote(value)}\n" for name, value in settings.items())
    )
    words = ("manager", "restore", "--directory", etc, "--from", home.state / "config.git")
    done = subprocess.run(
        [MUSTER, *words, "-o", "json"],
        env={k: v for k, v in manager.environment.items() if k not in settings},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, (done.stdout, done.stderr)
    assert "muster config deploy default --follow" in done.stderr
    row: dict[str, object] = json.loads(done.stdout)
    return row


def test_a_node_brings_its_manager_back(tmp_path: Path, rabbitmq: RunningBroker) -> None:
    place = tmp_path / "site"
    place.mkdir()
    with site(place, rabbitmq) as (manager, home):
        for number in range(5):
            run(manager, COMMIT, "global/motd", f"greeting {number}")
        before, last = run(manager, MEMORY), newest(manager)
        at_rest(manager, last)

        manager.kill()
        for path in (*place.glob("muster.sqlite3*"), place / "configuration.git"):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        row = restored(manager, home, tmp_path / "etc")

        assert (row["revision"], row["held"]) == (last, ["default"])
        assert run(manager, MEMORY) == before
        listen(manager)
        wait(lambda: manager.rows(STAND), "the node is heard again", SECONDS)
        number = int(run(manager, COMMIT, "global/motd", "not yet live")[0])
        wait(lambda: manager.rows(STAND)[0][0] == number, "the replica goes on", SECONDS)
        assert manager.rows(STAND)[0][1] == last, "nothing is deployed by itself"
        run(manager, FOLLOW)
        at_rest(manager, number)
        assert (current(home) / "motd").read_text() == "not yet live"

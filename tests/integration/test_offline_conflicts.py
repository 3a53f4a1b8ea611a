"""A laptop and a node change the same file while neither hears of the other: nothing is lost.

All parts are real: broker, listener, web server, the node's worker, commands, and a browser. The
conflict is told where it is met, and resolved by commands once, and once on its page.
"""

import contextlib
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.integration.brokers import RunningBroker
from tests.integration.managers import ROOT, STOP_SECONDS, Manager
from tests.integration.managing import ADMIN, PASSWORD, free_port
from tests.integration.node_parts import Home, wait
from tests.integration.test_config_cli import Desk
from tests.integration.test_config_managed import SECONDS, STAND, WORKER, at_rest, current, site
from tests.lab import browsing

FILE = "default/mta1/motd"
BEFORE = "one\ntwo\nthree\n"
LAPTOP = "one\ntwo, says the laptop\nthree\n"
NODE = "one\ntwo, says the node\nthree\n"
BOTH = "one\ntwo, say both\nthree\n"
UNREACHABLE, REFUSED = 4, 3


@dataclass
class Offline:
    """A manager with its web server, a node that keeps its edits, and somebody with a laptop."""

    manager: Manager
    home: Home
    broker: RunningBroker
    url: str
    web: "subprocess.Popen[bytes] | None" = None

    def serve(self) -> None:
        """Start the web server."""
        words = ("--host", "127.0.0.1", "--port", self.url.rpartition(":")[2])
        with (self.manager.directory / "web.log").open("ab") as log:
            self.web = subprocess.Popen(
                [sys.executable, "-m", "uvicorn", "cluster_admin.asgi:application", *words],
                **{"env": self.manager.environment, "cwd": ROOT, "stdout": log, "stderr": log},
            )
        wait(self._answers, "the web server answers", SECONDS)

    def cut(self) -> None:
        """Nobody hears anybody any more: no broker, no web server."""
        self.broker.signal(signal.SIGKILL)
        if self.web is not None:
            self.web.kill()
            self.web.wait(STOP_SECONDS)
            self.web = None

    def join(self) -> None:
        """All is reachable again."""
        self.broker.start()
        self.broker.wait_ready()
        self.serve()

    @property
    def running(self) -> str:
        """What the node runs."""
        return (current(self.home) / "motd").read_text()

    def _answers(self) -> bool:
        with contextlib.suppress(httpx.HTTPError):
            return httpx.get(f"{self.url}/healthz", timeout=1).is_success
        return False


@pytest.fixture(scope="module")
def offline(tmp_path_factory: pytest.TempPathFactory, spare: RunningBroker) -> Iterator[Offline]:
    place = tmp_path_factory.mktemp("site")
    with site(place, spare) as (manager, home):
        (place / "password").write_text(PASSWORD)
        manager.manage("bootstrap", "--admin", ADMIN, "--password-file", str(place / "password"))
        with home.config.open("a") as file:
            file.write('autoupdate = "ifunchanged"\n')
        home.processes[-1].kill()
        home.start(WORKER)
        made = Offline(manager, home, spare, f"http://127.0.0.1:{free_port()}")
        manager.environment["MUSTER_PUBLIC_URL"] = made.url
        made.serve()
        try:
            yield made
        finally:
            if made.web is not None:
                made.web.kill()
                made.web.wait(STOP_SECONDS)


def desk(offline: Offline, place: Path) -> Desk:
    """Somebody's working copy, as new as can be."""
    return Desk(place, offline.url).init()


@pytest.fixture
def laptop(offline: Offline, tmp_path: Path) -> Desk:
    """A working copy elsewhere; everybody starts from the same text."""
    made = desk(offline, tmp_path / "laptop")
    made.write(FILE, BEFORE)
    at_rest(offline.manager, made.commit())
    assert offline.running == BEFORE
    return made


def asks(who: Desk, command: str, exit_code: int = 0) -> Any:
    """Type a command that needs no working copy; what it left behind."""
    done = who.types(f"config {command}")
    assert done.exit_code == exit_code, (command, done.stdout, done.stderr, done.exception)
    return done


def history(who: Desk) -> list[str]:
    """The text of the file in each of its revisions, the newest first."""
    rows = json.loads(asks(who, f"log {FILE} -o json").stdout)
    return [asks(who, f"show {row['number']} {FILE}").stdout for row in rows]


def test_by_commands_in_the_working_copies_of_laptop_and_node(
    offline: Offline, laptop: Desk, tmp_path: Path
) -> None:
    node = desk(offline, tmp_path / "node")
    offline.cut()
    laptop.write(FILE, LAPTOP)
    node.write(FILE, NODE)
    for who in (laptop, node):
        who.does("commit -m offline", UNREACHABLE)
        assert json.loads(who.does("status -o json").stdout)[0]["state"] == "changed"
    offline.join()

    first = laptop.commit()
    refused = node.does("commit -m offline", REFUSED)
    unsaid = node.does("pull", REFUSED)
    assert FILE in refused.stderr
    assert "--mine, --theirs or --manual" in unsaid.stderr
    assert (node.copy / FILE).read_text() == NODE
    node.does("pull --manual")
    sides = [(node.copy / f"{FILE}.{side}").read_text() for side in ("base", "mine", "theirs")]
    assert sides == [BEFORE, NODE, LAPTOP]
    node.write(FILE, BOTH)
    node.does(f"resolve {node.copy / FILE}")
    number = node.commit()
    laptop.does("pull")

    at_rest(offline.manager, number)
    assert number == first + 1
    assert offline.running == BOTH
    assert (laptop.copy / FILE).read_text() == BOTH
    assert history(laptop)[:3] == [BOTH, LAPTOP, BEFORE]


def test_on_its_page_with_what_was_edited_in_the_nodes_live_tree(
    offline: Offline, laptop: Desk
) -> None:
    offline.cut()
    laptop.write(FILE, LAPTOP)
    (current(offline.home) / "motd").write_text(NODE)
    laptop.does("commit -m offline", UNREACHABLE)
    offline.join()

    first = laptop.commit()
    told = "SELECT content FROM configs_edit WHERE node = 'mta1'"
    wait(lambda: offline.manager.rows(told) == [(NODE.encode(),)], "the edit is told", SECONDS)
    wait(lambda: offline.manager.rows(STAND)[0][0] == first, "the replica has it", SECONDS)
    assert offline.running == NODE, "what was edited on the node stays"
    assert "says the node" in asks(laptop, "drift mta1").stdout
    assert FILE in asks(laptop, "put mta1 -m keep", REFUSED).stderr

    number = resolved_on_its_page(offline)

    assert number == first + 1
    laptop.does("pull")
    assert (laptop.copy / FILE).read_text() == BOTH
    assert history(laptop)[:3] == [BOTH, LAPTOP, BEFORE]
    asks(laptop, f"apply mta1 {number} --over-edits --yes")
    wait(lambda: offline.running == BOTH, "the node runs it", SECONDS)
    kept = [path for path in offline.home.state.rglob("motd") if "edits" in path.parts]
    assert NODE in [path.read_text() for path in kept], "the node keeps what it replaced"


def resolved_on_its_page(offline: Offline) -> int:
    """Put the node's edits by the browser, and decide in the panes; the revision."""
    with (
        browsing.chromium() as browser,
        browsing.signed_in(browser, offline.url, ADMIN, PASSWORD) as page,
    ):
        page.goto(f"{offline.url}/config/nodes/mta1/")
        page.get_by_role("button", name="Put").click()
        page.locator("#ask-put [type=submit]").click()
        page.wait_for_selector(".panes")
        panes = [one.inner_text() for one in page.locator(".pane pre").all()]
        said = ["says the" in panes[0], "the laptop" in panes[1], "the node" in panes[2]]
        assert said == [False, True, True]
        page.locator("textarea").fill(BOTH)
        page.keyboard.press("Control+Enter")
        page.wait_for_selector(".commit")
        page.keyboard.press("Control+Enter")
        browsing.wait_for_text(page, ".messages", "is committed")
        return int(page.url.rstrip("/").rpartition("/")[2])

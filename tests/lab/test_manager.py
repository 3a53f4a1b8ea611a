"""The manager in a lab: reached from the machine, told by the nodes, of no account to failover."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from http import HTTPStatus

import httpx
import pytest

from tests.lab.looking import owners, roles, wait_until
from tests.lab.managed import ManagedLab
from workers.lab.errors import LabRefused
from workers.lab.health import look
from workers.lab.surroundings import LOOPBACK, choose_port
from workers.lab.table import login_lines

PROGRAM = [sys.executable, "-c", "from workers.lab.cli import app; app()"]
MANAGER = "manager1"
FOLLOW_SECONDS, BOOT_SECONDS = 5, 40


@pytest.fixture
def managed(managed_lab: ManagedLab) -> Iterator[ManagedLab]:
    """The session's managed lab, all green before and without faults after."""
    managed_lab.settle()
    yield managed_lab
    managed_lab.lab.heal()


def muster_lab(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `muster lab ...` to its end."""
    return subprocess.run(
        [*PROGRAM, *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_every_program_runs_and_takes_its_tasks(managed: ManagedLab) -> None:
    lab = managed.lab
    assert set(roles(lab, MANAGER)) == {"supervisor", "web", "listener", "celery", "beat"}
    for node in lab.nodes:
        assert {"agent", "reporter", "worker"} <= set(roles(lab, node))
    assert any("all green" in sentence for sentence in managed.said)


def test_the_manager_knows_every_node_and_the_owner_of_every_vip(managed: ManagedLab) -> None:
    assert managed.api.get("/healthz").status_code == HTTPStatus.OK
    assert managed.api.get("/readyz").status_code == HTTPStatus.OK
    status = managed.get("status/")
    assert status["cluster"] == managed.lab.name
    (subcluster,) = status["subclusters"]
    assert (subcluster["nodes"], subcluster["alive"]) == (3, 3)
    assert managed.owners() == {vip: node for vip, (node,) in owners(managed.lab).items()}


def test_the_login_that_is_shown_opens_api_and_admin(managed: ManagedLab) -> None:
    words = {"username": "admin", "password": managed.lab.manager_password}
    with httpx.Client(base_url=managed.url) as browser:
        wrong = browser.post("/api/v1/login/", json={**words, "password": "wrong"})
        right = browser.post("/api/v1/login/", json=words)
        assert (wrong.status_code, right.status_code) == (
            HTTPStatus.UNAUTHORIZED,
            HTTPStatus.CREATED,
        )
        browser.get("/admin/login/").raise_for_status()
        form = {**words, "csrfmiddlewaretoken": browser.cookies["csrftoken"], "next": "/admin/"}
        entered = browser.post("/admin/login/", data=form, headers={"Referer": managed.url})
        assert (entered.status_code, entered.headers["location"]) == (HTTPStatus.FOUND, "/admin/")
        assert browser.get("/admin/").status_code == HTTPStatus.OK


def test_address_and_token_are_told_and_secrets_are_for_root_alone(managed: ManagedLab) -> None:
    told = muster_lab("env", "--name", managed.lab.name).stdout
    assert told == (
        f"export MUSTER_URL={managed.url}\nexport MUSTER_TOKEN={managed.lab.manager_token}\n"
    )
    status = json.loads(muster_lab("status", "--name", managed.lab.name, "-o", "json").stdout)
    assert status["manager"] == {
        "url": managed.url,
        "account": "admin",
        "ready": True,
        "problem": "",
    }
    (first, second) = login_lines(managed.lab.record)
    assert f"{managed.url}/  login: admin  password: {managed.lab.manager_password}" in first
    assert f"muster lab env --name {managed.lab.name}" in second
    assert f"{managed.url}/ ready" in muster_lab("status", "--name", managed.lab.name).stdout
    home = managed.lab.host_directory(MANAGER)
    for name in ("admin.password", "admin.token", "environment.json", "supervisord.conf"):
        assert (home / name).stat().st_mode & 0o077 == 0
    with pytest.raises(LabRefused, match="is taken"):
        choose_port(managed.lab.record.port, ())


def test_manage_py_works_on_the_managers_host(managed: ManagedLab) -> None:
    done = managed.lab.exec(MANAGER, [sys.executable, "manage.py", "check"])
    assert done.returncode == 0, done.stderr


def test_a_failover_is_known_to_the_manager(managed: ManagedLab) -> None:
    victim = "mta2"
    lost = {vip for vip, owner in managed.owners().items() if owner == victim}
    managed.lab.inject("power-loss", [victim])
    wait_until(
        lambda: not any(managed.owners()[vip] in (victim, "") for vip in lost),
        FOLLOW_SECONDS,
        "new owners in /api/v1/vips/",
    )
    wait_until(
        lambda: managed.get(f"nodes/{victim}/")["status"]["verdict"] == "dead",
        FOLLOW_SECONDS,
        f"{victim} is dead to the manager",
    )
    assert {vip: [node] for vip, node in managed.owners().items()} == {
        vip: [node for node in nodes if node != victim]
        for vip, nodes in owners(managed.lab).items()
    }


def test_failover_needs_no_manager_and_it_comes_back_with_its_data(managed: ManagedLab) -> None:
    lab = managed.lab
    before = managed.get("events/")["count"]
    lab.inject("power-loss", [MANAGER])
    assert roles(lab, MANAGER) == {}
    with pytest.raises(httpx.TransportError):
        managed.api.get("/readyz")
    wait_until(lambda: (answer := look(lab.record).manager) and not answer.ready, 2, "it is missed")
    lab.inject("power-loss", ["mta1"])
    wait_until(
        lambda: all(set(nodes) & {"mta2", "mta3"} for nodes in owners(lab).values()),
        FOLLOW_SECONDS,
        "VIPs are taken over without a manager",
    )
    began = time.monotonic()
    lab.heal(MANAGER)
    wait_until(lambda: told(managed, "mta1") == set(), BOOT_SECONDS, "it is back and knows")
    assert time.monotonic() - began < BOOT_SECONDS
    assert managed.get("events/")["count"] > before
    assert managed.get("whoami/")["user"] == "admin"


def told(managed: ManagedLab, dead: str) -> set[str] | None:
    """VIPs that the manager leaves with a node that is dead; None while it does not answer."""
    try:
        return {vip for vip, owner in managed.owners().items() if owner in (dead, "")}
    except httpx.HTTPError:
        return None


@pytest.mark.parametrize(
    ("arguments", "environment", "sentence"),
    [
        (["--brokers", "0", "--manager"], {}, "a manager needs a broker"),
        (["--manager", "--port", "0"], {}, "a port is 1 to 65535"),
        ([], {"MUSTER_BROKER_URL": f"amqp://a:b@{LOOPBACK}/"}, "a loopback of its own"),
    ],
)
def test_wrong_wishes_are_refused(
    arguments: list[str], environment: dict[str, str], sentence: str
) -> None:
    done = muster_lab("up", "--name", f"v{os.getpid()}", "--no-mail", *arguments, **environment)
    assert (done.returncode, sentence in done.stderr) == (3, True), done.stderr

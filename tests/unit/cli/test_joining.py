"""`muster node join`: which files it writes, where it goes on after a death, what it refuses."""

import json
import os
from pathlib import Path
from typing import Any

import httpx
import pytest

from cluster_admin.cli import node_joining
from cluster_admin.cli.errors import Complaint, Refused, Unknown, Unreachable
from cluster_admin.cli.join_files import Places
from cluster_admin.cli.node_joining import UNITS, start_units
from tests.unit.cli.manager import URL, problem
from tests.unit.cli.operator import Operator
from workers.failover.settings import read_settings

TOKEN = "muster_join_0123456789abcdef_secret"  # noqa: S105 - of a manager in memory
KEY = "ab" * 32 + "\n"
TOML = """# Made by muster node join
cluster = "demo"
subcluster = "default"
node = "mta4"
state_directory = "/var/lib/muster/node"
key_file = "/etc/muster/cluster.key"
brokers = ["amqp://mta4:word@mq1:5672/"]
socket = "/run/muster/muster.sock"
"""


class Joinable:
    """A manager that gives the identity of mta4 to the first attempt of each token."""

    def __init__(self, **answer: Any) -> None:
        names = {"cluster": "demo", "subcluster": "default", "node": "mta4"}
        secrets = {"cluster_key": KEY, "node_toml": TOML, "definitions": "revision = 7\n"}
        self.answer: dict[str, Any] = {**names, **secrets, "brokers": [], "manager": URL, **answer}
        self.asked: list[dict[str, str]] = []
        self.used: dict[str, str] = {}
        self.fault: Exception | httpx.Response | None = None

    def __call__(self, request: httpx.Request) -> httpx.Response:
        assert request.url.path == "/api/v1/join/"
        assert "Authorization" not in request.headers
        told = json.loads(request.content)
        self.asked.append(told)
        fault, self.fault = self.fault, None
        if self.used.setdefault(told["token"], told["attempt"]) != told["attempt"]:
            return problem(403, "forbidden", "the token of node mta4 was used")
        if isinstance(fault, Exception):
            raise fault
        return fault or httpx.Response(200, json=self.answer)

    @property
    def transport(self) -> httpx.MockTransport:
        return httpx.MockTransport(self)

    def join(self, places: Places, token: str = TOKEN, **how: Any) -> dict[str, Any]:
        return node_joining.join(URL, token, places, transport=self.transport, **how)


@pytest.fixture
def places(tmp_path: Path) -> Places:
    return Places(tmp_path / "etc", tmp_path / "state", tmp_path / "run" / "muster.sock")


@pytest.fixture
def manager() -> Joinable:
    return Joinable()


def modes(places: Places) -> dict[str, int]:
    return {path.name: path.stat().st_mode & 0o777 for path in places.directory.iterdir()}


def dies(*_: object) -> bool:
    raise Complaint("systemctl failed")


def test_everything_is_in_place_and_nothing_else(places: Places, manager: Joinable) -> None:
    row = manager.join(places)

    assert row["node"] == "mta4"
    assert modes(places) == {"node.toml": 0o600, "cluster.key": 0o600}
    assert places.key.read_text() == KEY
    assert places.definitions.read_text() == "revision = 7\n"
    settings = places.settings.read_text()
    assert f'state_directory = "{places.state}"' in settings
    assert f'key_file = "{places.key}"' in settings
    assert f'socket = "{places.socket}"' in settings
    assert 'brokers = ["amqp://mta4:word@mq1:5672/"]' in settings


def test_a_host_that_is_a_node_stays_it(places: Places, manager: Joinable) -> None:
    manager.join(places)

    with pytest.raises(Refused, match="this host is a node already"):
        manager.join(places, "muster_join_other")

    assert len(manager.asked) == 1


def test_force_gives_another_identity_and_keeps_the_one_before(
    places: Places, manager: Joinable
) -> None:
    manager.join(places)
    manager.answer |= {"node": "mta5", "cluster_key": "cd" * 32}
    manager.answer["node_toml"] = TOML.replace("mta4", "mta5")

    manager.join(places, "muster_join_other", force=True)

    assert 'node = "mta5"' in places.settings.read_text()
    assert places.key.read_text() == "cd" * 32 + "\n"
    assert 'node = "mta4"' in (places.directory / "node.toml.old").read_text()
    assert (places.directory / "cluster.key.old").read_text() == KEY
    assert set(modes(places).values()) == {0o600}


def test_a_lost_answer_is_asked_for_again_with_the_same_attempt(
    places: Places, manager: Joinable
) -> None:
    manager.fault = httpx.ReadTimeout("lost")
    with pytest.raises(Unknown, match="run the same command again"):
        manager.join(places)
    assert not places.settings.exists()
    assert (places.progress.stat().st_mode & 0o777) == 0o600

    manager.join(places)

    first, second = manager.asked
    assert first == second
    assert len(first["attempt"]) == 32
    assert not places.progress.exists()


@pytest.mark.parametrize("spoilt", ["", "{", "[]", '{"attempt": 1, "other": 2}'])
def test_progress_that_cannot_be_read_begins_anew(
    places: Places, manager: Joinable, spoilt: str
) -> None:
    places.directory.mkdir()
    places.progress.write_text(spoilt)

    assert manager.join(places)["node"] == "mta4"


def test_what_did_not_start_is_started_again_without_asking(
    places: Places, manager: Joinable
) -> None:
    with pytest.raises(Complaint, match="systemctl failed"):
        manager.join(places, start=dies)
    assert places.settings.exists()

    row = manager.join(places, start=lambda: True)

    assert row["started"] is True
    assert len(manager.asked) == 1
    assert not places.progress.exists()


def test_another_token_is_asked_about_though_files_are_there(
    places: Places, manager: Joinable
) -> None:
    with pytest.raises(Complaint):
        manager.join(places, start=dies)
    manager.answer |= {"node": "mta5", "node_toml": TOML.replace("mta4", "mta5")}

    assert manager.join(places, "muster_join_other")["node"] == "mta5"
    assert 'node = "mta5"' in places.settings.read_text()


def test_a_refused_token_changes_nothing_and_the_next_one_does(
    places: Places, manager: Joinable
) -> None:
    manager.used[TOKEN] = "another's"

    with pytest.raises(Refused, match="was used"):
        manager.join(places)
    assert not places.settings.exists()

    assert manager.join(places, "muster_join_other")["node"] == "mta4"


def test_a_manager_without_its_broker_is_told_and_the_same_command_works_later(
    places: Places, manager: Joinable
) -> None:
    manager.fault = problem(503, "unavailable", "the broker is away; the token still works")

    with pytest.raises(Complaint, match="the token still works"):
        manager.join(places)

    assert manager.join(places)["node"] == "mta4"


def test_another_clusters_key_is_not_overwritten(places: Places, manager: Joinable) -> None:
    places.directory.mkdir()
    places.key.write_text("ef" * 32)

    with pytest.raises(Refused, match="another cluster's key than demo's"):
        manager.join(places)
    assert places.key.read_text() == "ef" * 32
    assert not places.settings.exists()

    places.key.unlink()
    assert manager.join(places)["node"] == "mta4"


def test_the_same_key_may_be_there(places: Places, manager: Joinable) -> None:
    places.directory.mkdir()
    places.key.write_text(KEY.strip())

    manager.join(places)

    assert "cluster.key.old" not in modes(places)


@pytest.mark.parametrize(
    "answer",
    [
        {"node": None},
        {"node_toml": 5},
        {"definitions": ""},
        {"node_toml": 'node = "mta4"\n'},
        {"node_toml": TOML + 'socket = "/tmp/x"\n'},
    ],
)
def test_an_answer_of_another_form_is_no_managers(places: Places, answer: dict[str, Any]) -> None:
    with pytest.raises(Unreachable):
        Joinable(**answer).join(places)

    assert not places.settings.exists()


def test_only_one_join_at_a_time(places: Places, manager: Joinable) -> None:
    def twice() -> bool:
        with pytest.raises(Refused, match="another muster node join"):
            manager.join(places)
        return True

    manager.join(places, start=twice)


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path, manager: Joinable) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(Complaint, match="run it as root"):
        manager.join(Places(tmp_path / "file" / "etc", tmp_path / "state"))


@pytest.mark.parametrize("failing", ["enable", "restart"])
def test_units_are_enabled_and_restarted(failing: str) -> None:
    ran: list[tuple[str, ...]] = []

    def run(words: Any) -> str:
        ran.append(tuple(words))
        return "no such unit" if failing in words else ""

    with pytest.raises(Complaint, match=f"systemctl {failing} failed: no such unit"):
        start_units(run)

    assert all(words[2:] == UNITS for words in ran)
    assert start_units(lambda _: "")


def test_what_the_operator_wrote_for_this_host_goes_along(
    places: Places, manager: Joinable
) -> None:
    manager.join(places)
    table = '[configuration]\nprofile = "postfix"\n'
    places.settings.write_text(places.settings.read_text() + table)

    for _ in range(2):
        manager.used.clear()
        manager.join(places, force=True)

    told = places.settings.read_text()
    assert told.count(table) == 1
    assert read_settings(places.settings).node == "mta4"


def test_the_mail_server_can_read_below_the_state_directory(
    places: Places, manager: Joinable
) -> None:
    before = os.umask(0o077)
    try:
        manager.join(places)
    finally:
        os.umask(before)

    assert places.state.stat().st_mode & 0o777 == 0o755


@pytest.fixture
def operator(manager: Joinable, tmp_path: Path) -> Operator:
    """Somebody on a host that knows no manager yet."""
    typing = Operator(manager, tmp_path)  # type: ignore[arg-type]
    typing.environment.clear()
    return typing


def words(places: Places, how: str = "") -> str:
    where = f"--directory {places.directory} --state {places.state} --socket {places.socket}"
    return f"node join {URL} --token {TOKEN} {where} --no-start {how}"


def test_the_command_says_what_is_there_and_what_to_start(
    operator: Operator, places: Places
) -> None:
    done = operator.types(words(places, "-o json"))

    assert done.exit_code == 0
    assert json.loads(done.stdout) == {
        **{"node": "mta4", "subcluster": "default", "cluster": "demo", "started": False},
        **{"settings": str(places.settings), "state": str(places.state)},
    }
    assert "python -m workers.failover.consumer" in done.stderr
    assert "is not encrypted" in done.stderr
    for secret in (KEY.strip(), "word", TOKEN):
        assert secret not in done.stdout + done.stderr


def test_a_dry_run_asks_nobody_and_writes_nothing(
    operator: Operator, places: Places, manager: Joinable
) -> None:
    done = operator.types(words(places, "--dry-run"))

    assert done.exit_code == 10
    assert f"would write {places.settings}" in done.stderr
    assert manager.asked == []
    assert not places.directory.exists()


def test_the_command_is_refused_on_a_node(operator: Operator, places: Places) -> None:
    assert operator.types(words(places)).exit_code == 0

    for how in ("", "--dry-run"):
        done = operator.types(words(places, how))
        assert done.exit_code == 3
        assert "this host is a node already" in done.stderr


def test_a_token_may_come_from_the_environment(
    operator: Operator, places: Places, manager: Joinable
) -> None:
    command = words(places).replace(f"--token {TOKEN} ", "")
    done = operator.types(command)
    assert done.exit_code == 2
    assert "MUSTER_JOIN_TOKEN" in done.stderr

    operator.environment["MUSTER_JOIN_TOKEN"] = TOKEN
    assert operator.types(command).exit_code == 0
    assert manager.asked[0]["token"] == TOKEN


def test_certificates_that_are_none_are_named(operator: Operator, places: Places) -> None:
    transport = operator.transport
    operator.transport = None  # type: ignore[assignment]

    done = operator.types(words(places, f"--ca {places.state}/none"))

    assert done.exit_code == 2
    assert "no certificates can be read there" in done.stderr
    assert transport is not None

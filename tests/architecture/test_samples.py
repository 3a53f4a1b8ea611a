"""The samples that people copy are good: definitions, a node's settings, compose files."""

import json
import re
import shutil
import subprocess
import sys
import tomllib
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from tests.architecture.tree import ROOT
from workers.bus.exchanges import MANAGER_ACCOUNT
from workers.bus.permissions import manager_permissions, node_permissions, rooms_of
from workers.config.settings import configuration
from workers.failover.core.definitions_text import parse, render
from workers.failover.settings import read_file

FIXTURES = ROOT / "fixtures"
COMPOSE = ROOT / "compose"
NODE_KEYS = {
    *("cluster", "subcluster", "node", "state_directory", "key_file", "brokers", "socket"),
}
DEFINITIONS = sorted([*FIXTURES.rglob("definitions.toml"), *COMPOSE.rglob("definitions.toml")])
NODES = sorted(FIXTURES.rglob("node*.toml"))
COMPOSE_FILES = sorted(COMPOSE.glob("*.yaml"))


@pytest.mark.parametrize("path", DEFINITIONS, ids=lambda path: path.parent.name)
def test_sample_definitions_are_accepted(path: Path) -> None:
    definitions = parse(path.read_text(), source=path.name)

    assert definitions.nodes
    assert definitions.vips
    assert parse(render(definitions)) == definitions


@pytest.mark.parametrize("path", NODES, ids=lambda path: path.name)
def test_a_sample_node_has_the_known_keys_and_is_defined(path: Path) -> None:
    _check_node(path, path.parent / "definitions.toml")


def _check_node(path: Path, definitions_path: Path) -> dict[str, object]:
    settings = tomllib.loads(path.read_text())
    definitions = parse(definitions_path.read_text())

    assert set(settings) - {"configuration"} == NODE_KEYS
    read_file(path, lambda top: configuration(top.table("configuration", ""), Path("/state")))
    assert settings["node"] in definitions.nodes
    assert settings["cluster"] == definitions.cluster
    return settings


def test_made_secrets_fit_the_definitions_and_the_compose_files(tmp_path: Path) -> None:
    made = tmp_path / "secrets"
    program = [sys.executable, COMPOSE / "make_secrets.py", made]
    subprocess.run(program, check=True)

    for path in made.glob("mta*.toml"):
        settings = _check_node(path, COMPOSE / "definitions.toml")
        assert len(settings["brokers"]) == (1 if "-one" in path.name else 3)  # type: ignore[arg-type]
    _check_broker(json.loads((made / "broker.json").read_text()))
    assert {path.stat().st_mode & 0o777 for path in made.iterdir()} == {0o600}
    mounted = {
        name
        for file in COMPOSE_FILES
        for name in re.findall(r"file: \./secrets/([\w.-]+)", file.read_text())
    }
    assert mounted == {path.name for path in made.iterdir()}
    assert subprocess.run(program, check=False).returncode == 3


def _check_broker(loaded: dict[str, list[dict[str, Any]]]) -> None:
    """The rooms are there, and accounts may do what those of the lab may, to the letter."""
    rooms = rooms_of("compose", "default")
    assert tuple(exchange["name"] for exchange in loaded["exchanges"]) == rooms
    tags = {user["name"]: user["tags"] for user in loaded["users"]}
    assert tags.pop("administrator") == ["administrator"]
    assert tags == {name: [] for name in ("mta1", "mta2", "mta3", "manager")}
    for found in loaded["permissions"]:
        if (user := found["user"]) not in tags:
            continue
        wanted = (
            manager_permissions("compose")
            if user == MANAGER_ACCOUNT
            else node_permissions("compose", "default", user)
        )
        assert found == {"user": user, "vhost": "/"} | asdict(wanted)


def test_there_are_compose_files_for_one_and_three_brokers() -> None:
    assert [path.name for path in COMPOSE_FILES] == ["cluster-3-brokers.yaml", "cluster.yaml"]


@pytest.mark.parametrize("path", COMPOSE_FILES, ids=lambda path: path.name)
def test_docker_compose_accepts_the_file(path: Path) -> None:
    tool = shutil.which("docker-compose")
    assert tool, "docker-compose is not installed: run script/setup --dev"
    checked = subprocess.run(
        [tool, "-f", path, "config", "-q"], capture_output=True, text=True, check=False
    )

    assert checked.returncode == 0, checked.stderr

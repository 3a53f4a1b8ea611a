"""The sample repository of fixtures/configuration, rendered for the nodes of the demo."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.architecture.tree import ROOT
from tests.unit.config.rendered import EXECUTABLE, FILE, Stored
from workers.config.core.facts import Facts, Node, Vip, ordered
from workers.config.core.render import Tree
from workers.config.rendering import Renderer
from workers.failover.core.definitions_text import parse

SAMPLE = ROOT / "fixtures" / "configuration"
DEMO = parse((ROOT / "fixtures" / "demo" / "definitions.toml").read_text())


@pytest.fixture(scope="module")
def renderer() -> Iterator[Renderer]:
    with Renderer() as one:
        yield one


def listing() -> dict[str, Stored]:
    return {
        str(path.relative_to(SAMPLE)): Stored(
            str(path), EXECUTABLE if path.stat().st_mode & 0o100 else FILE
        )
        for path in sorted(SAMPLE.rglob("*"))
        if path.is_file()
    }


def facts(name: str) -> Facts:
    nodes = [
        Node(one.name, one.address, one.segment, one.weight, one.interfaces)
        for one in DEMO.nodes.values()
    ]
    vips = [
        Vip(
            address=one.address,
            interface=DEMO.interface_on(name, one.address),
            prefer=one.prefer,
            follow=one.follow,
        )
        for one in DEMO.vips.values()
    ]
    return ordered(DEMO.cluster, DEMO.subcluster, DEMO.revision, name, nodes, vips)


def read(blob: str) -> bytes:
    return Path(blob).read_bytes()


def rendered(renderer: Renderer, name: str) -> Tree:
    found = renderer.render(listing(), read, facts(name), {"relay_password": b"s3cret\n"}.get)
    assert isinstance(found, Tree), [str(problem) for problem in found]
    return found


def test_nodes_get_their_layers_and_their_secrets(renderer: Renderer) -> None:
    first, third = rendered(renderer, "mta1"), rendered(renderer, "mta3")
    main = first.files["postfix/main.cf"].content.decode()

    assert set(first.files) - set(third.files) == {"postfix/relay_password"}
    assert set(third.files) == {"postfix/main.cf", "postfix/master.cf", "postfix/transport"}
    assert (
        first.files["postfix/transport"].content
        == (SAMPLE / "global/postfix/transport").read_bytes()
    )
    password = first.files["postfix/relay_password"]
    assert password.content == b"[relay.example.net]:587 mta1:s3cret\n"
    assert password.shown == b"[relay.example.net]:587 mta1:<secret relay_password>\n"
    assert "\nmynetworks = 127.0.0.0/8, [::1]/128, 198.18.0.11, 198.18.0.12, 198.18.0.13\n" in main
    assert "\nrelayhost = [relay.example.net]:587\n" in main
    assert "relayhost" not in third.files["postfix/main.cf"].content.decode()
    assert b"-o smtp_bind_address6=2001:db8:18::101" in first.files["postfix/master.cf"].content


@pytest.mark.parametrize("name", sorted(DEMO.nodes))
def test_postfix_accepts_what_a_node_gets(renderer: Renderer, name: str, tmp_path: Path) -> None:
    postconf = shutil.which("postconf", path="/usr/sbin:/usr/bin")
    if postconf is None:
        pytest.skip("Postfix is not installed")
    for path, (content, _) in rendered(renderer, name).contents.items():
        place = tmp_path / path
        place.parent.mkdir(exist_ok=True)
        place.write_bytes(content)
    for asked in (["-n"], ["-M"]):
        done = subprocess.run(
            [postconf, "-c", tmp_path / "postfix", *asked],
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, "")

"""A limit that an operator sets reaches every Postfix as its share, which is reloaded only then."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab.looking import assert_nothing_left, wait_until
from workers.lab.bringup import Wish, bring_up, take_down
from workers.lab.configuration import live_revision
from workers.lab.host_files import config_directory
from workers.lab.lab import Lab
from workers.lab.log_files import MAILLOG

MUSTER = Path(sys.executable).with_name("muster")
SETTING = "default_destination_concurrency_limit"


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """Three nodes with mail and limits, and a manager; taken down without remains."""
    name = f"s{os.getpid()}"
    try:
        wish = Wish(name=name, vips=3, limits=True, manager=True)
        lab = bring_up(wish, lambda _sentence: None)
        yield lab
        pids = [process.pid for process in lab.processes()]
    finally:
        take_down(name)
    assert_nothing_left(name, pids)


def set_limit(lab: Lab, name: str, most: str) -> None:
    """As an operator does."""
    told = {"MUSTER_URL": lab.manager_url, "MUSTER_TOKEN": lab.manager_token}
    words = [str(MUSTER), "limits", "set", name, "--most", most]
    done = subprocess.run(
        words, env={**os.environ, **told}, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr


def settings(lab: Lab) -> list[str]:
    """What each node's Postfix has."""
    found = []
    for node in lab.nodes:
        etc = lab.host_directory(node) / "postfix" / "etc"
        done = lab.exec(node, ["/usr/sbin/postconf", "-c", str(etc), "-h", SETTING])
        found.append(done.stdout.strip())
    return found


def reloads(lab: Lab) -> list[int]:
    """How often each node's Postfix was reloaded."""
    logs = [(lab.host_directory(node) / MAILLOG).read_text("utf-8") for node in lab.nodes]
    return [log.count("refreshing the Postfix mail system") for log in logs]


def revisions(lab: Lab) -> set[int | None]:
    """What is live on the nodes."""
    return {live_revision(config_directory(lab.record, node)) for node in lab.nodes}


def test_a_share_is_applied_with_one_reload_and_other_limits_reload_nothing(lab: Lab) -> None:
    before = reloads(lab)
    set_limit(lab, "domain-connections", "21")
    wait_until(lambda: settings(lab) == ["7"] * 3, 60, "a third of 21 each")
    wait_until(lambda: reloads(lab) == [count + 1 for count in before], 30, "one reload each")
    (live,) = revisions(lab)
    assert live is not None
    set_limit(lab, "client-messages", "99999/60s")
    wait_until(lambda: revisions(lab) == {live + 1}, 60, "the next revision is live")
    assert settings(lab) == ["7"] * 3
    assert reloads(lab) == [count + 1 for count in before]

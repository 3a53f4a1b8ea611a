"""Hooks and news as real agents call them: after the kernel, on every way a VIP moves."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.integration.agents import VIPS, Cluster, cluster, defined, wait
from workers.exit_codes import Exit
from workers.failover.core.definitions import Definitions, Vip
from workers.failover.core.definitions_text import render

HOOKED, SLOW, PLAIN = VIPS[:3]
SCRIPT = f"""#!/bin/sh
directory=$(dirname $0)
case $1 in
    taken|lost) echo "$3 $1 $2 $4" >>$directory/news;;
    *) here=$(ip -o address show dev eth0 | grep -c "inet $2/")
       echo "$3 $1 $2 $here" >>$directory/calls
       case $2 in {SLOW}) sleep 60;; esac;;
esac
"""


def hooked(script: Path, revision: int = 1) -> Definitions:
    """The first two VIPs have a hook; that of the second hangs."""
    plain = defined(revision, VIPS[:3])
    hooks = {HOOKED: str(script), SLOW: str(script), PLAIN: ""}
    return replace(
        plain,
        knobs=replace(plain.knobs, hook_timeout=0.5, on_change=str(script)),
        vips={vip: Vip(vip, hook=hook) for vip, hook in hooks.items()},
    )


@pytest.fixture(scope="module")
def script(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("hooks") / "hook"
    path.write_text(SCRIPT)
    path.chmod(0o755)
    return path


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, script: Path) -> Iterator[Cluster]:
    with cluster(tmp_path_factory.mktemp("nodes"), hooked(script)) as three:
        for agent in three:
            agent.start()
        wait(lambda: three.spread() == [1, 1, 1], "each has a VIP")
        yield three


def owner_of(running: Cluster, vip: str) -> str:
    return next((agent.name for agent in running if vip in agent.held()), "")


def calls(script: Path, vip: str = HOOKED) -> list[tuple[str, str, str]]:
    """(node, word, on its kernel) of each call of a VIP's hook."""
    file = script.with_name("calls")
    rows = [line.split() for line in file.read_text().splitlines()] if file.exists() else []
    return [(node, word, here) for node, word, address, here in rows if address == vip]


def news(script: Path, vip: str) -> list[str]:
    file = script.with_name("news")
    lines = file.read_text().splitlines() if file.exists() else []
    return [line for line in lines if f" {vip} " in line]


def test_the_hook_is_called_when_the_kernel_has_the_vip(running: Cluster, script: Path) -> None:
    owner, other = owner_of(running, HOOKED), owner_of(running, PLAIN)
    wait(lambda: (owner, "take", "1") in calls(script), "the hook is called")
    assert {here for _, word, here in calls(script) if word == "take"} == {"1"}

    wait(lambda: told(running, owner, "hook", HOOKED), "the outcome is an event")
    assert told(running, owner, "hook", HOOKED)[0].startswith(f"take hook {script} was through")
    # Whoever had it before tells its loss at the same time: any order will do.
    taken = f"{other} taken {PLAIN} "
    wait(lambda: any(one.startswith(taken) for one in news(script, PLAIN)), "the news is told")


def told(running: Cluster, node: str, kind: str, vip: str) -> list[str]:
    """Details of a node's events about a VIP."""
    events = running[node].events()
    return [one["detail"] for one in events if (one["kind"], one["vip"]) == (kind, vip)]


def test_a_hook_that_hangs_delays_no_heartbeat_and_is_told(running: Cluster) -> None:
    owner = owner_of(running, SLOW)
    wait(lambda: told(running, owner, "failed", SLOW), "the failure is told")

    assert told(running, owner, "failed", SLOW)[0].endswith("took longer than 0.5 s and was killed")
    assert running[owner].status()["hooks"]["waiting"] == 0
    assert not {"suspected", "dead"} & {one["kind"] for one in running[owner].events()}


def test_an_agent_that_is_killed_takes_again_what_it_adopts(running: Cluster, script: Path) -> None:
    agent = running[owner_of(running, HOOKED)]
    before, told = len(calls(script)), len(news(script, HOOKED))
    agent.kill()
    agent.start()

    wait(lambda: len(calls(script)) > before, "the hook is called again")

    assert calls(script)[before:] == [(agent.name, "take", "1")]
    assert len(news(script, HOOKED)) == told


def test_a_stopping_node_lets_go_before_it_releases_and_waits_for_its_hook(
    running: Cluster, script: Path
) -> None:
    giver = running[owner_of(running, HOOKED)]
    before = len(calls(script))
    giver.ask("stop")
    assert giver.process is not None
    assert giver.process.wait(10) == 0

    wait(lambda: len(calls(script)) == before + 2, "both hooks are called")

    heir = owner_of(running, HOOKED)
    assert sorted(calls(script)[before:]) == sorted(
        [(giver.name, "release", "0"), (heir, "take", "1")]
    )
    wait(lambda: len(news(script, HOOKED)) >= 3, "the news is told")
    lost, taken = sorted(news(script, HOOKED)[-2:], key=lambda line: "taken" in line)
    assert lost == f"{giver.name} lost {HOOKED} this node is stopping"
    assert taken.startswith(f"{heir} taken {HOOKED} ")


def test_a_vip_that_is_undefined_is_released_by_its_last_hook(
    running: Cluster, script: Path
) -> None:
    owner = owner_of(running, HOOKED)
    before = len(calls(script))
    definitions = hooked(script, revision=2)
    kept = {vip: one for vip, one in definitions.vips.items() if vip != HOOKED}
    for agent in running:
        if agent.process is not None and agent.process.poll() is None:
            agent.put(render(replace(definitions, vips=kept)))

    wait(lambda: len(calls(script)) > before, "the hook is called")

    assert calls(script)[before:] == [(owner, "release", "0")]


def test_a_node_that_the_definitions_lose_waits_for_its_hooks(
    running: Cluster, tmp_path: Path
) -> None:
    """Its last hook takes longer than all else that it does before it leaves."""
    slow, done = tmp_path / "slow", tmp_path / "done"
    slow.write_text(f"#!/bin/sh\ncase $1 in release) sleep 1; touch {done};; esac\n")
    slow.chmod(0o755)
    plain = defined(3, (HOOKED,))
    knobs = replace(plain.knobs, hook_timeout=10.0)
    three = replace(plain, knobs=knobs, vips={HOOKED: Vip(HOOKED, hook=str(slow))})
    at_work = [one for one in running if one.process is not None and one.process.poll() is None]
    at_work[0].put(render(three))
    wait(lambda: owner_of(running, HOOKED), "it has an owner")
    lost = running[owner_of(running, HOOKED)]
    nodes = {name: node for name, node in three.nodes.items() if name != lost.name}

    at_work[0].put(render(replace(three, revision=4, nodes=nodes)))

    assert lost.process is not None
    assert lost.process.wait(15) == Exit.REFUSED
    assert done.exists()

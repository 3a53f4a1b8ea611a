"""Waiting until the lab is at rest: what must be so some seconds after everything was healed.

Every agent ready and acting on the newest definitions, one agreed view of all nodes, one owner of
each VIP, in every agent's picture and in the kernels; every broker speaks. Balance is not waited
for: its moves may fall into the next round.
"""

import json
import time
from collections.abc import Mapping
from typing import Any

from workers.failover.core.definitions import Definitions
from workers.lab.health import Health, look
from workers.lab.lab import Lab

LOOK_SECONDS = 0.25


def wait_for_rest(lab: Lab, definitions: Definitions, seconds: float) -> tuple[float, list[str]]:
    """Seconds waited, and what is still not so after `seconds`."""
    started = time.monotonic()
    while True:
        wanting = unrest(lab, definitions)
        waited = time.monotonic() - started
        if not wanting or waited > seconds:
            return waited, wanting
        time.sleep(LOOK_SECONDS)


def wait_for_brokers(lab: Lab, seconds: float) -> list[str]:
    """Brokers that do not speak, or nodes without one, after so long."""
    deadline = time.monotonic() + seconds
    while True:
        health = look(lab.record)
        wanting = [f"{name} does not speak AMQP" for name, up in health.brokers.items() if not up]
        for node, agent in health.agents.items():
            if lab.brokers and not (agent or {}).get("rings", {}).get("a"):
                wanting.append(f"{node} has no connection to a broker")
        if not wanting or time.monotonic() > deadline:
            return wanting
        time.sleep(LOOK_SECONDS)


def unrest(lab: Lab, definitions: Definitions) -> list[str]:
    """What is not at rest, in sentences."""
    health = look(lab.record)
    found = []
    for node, agent in health.agents.items():
        found += _of_agent(node, agent, definitions)
    for vip in definitions.vips:
        found += _of_vip(vip, health)
    return found or _of_kernels(lab, definitions, health)


def _of_agent(node: str, agent: Mapping[str, Any] | None, definitions: Definitions) -> list[str]:
    if agent is None:
        return [f"the agent of {node} does not answer"]
    found = []
    if agent.get("state") != "ready":
        found.append(f"{node} is {agent.get('state')}")
    if agent.get("revision") != definitions.revision:
        found.append(f"{node} acts on r{agent.get('revision')}, newest is r{definitions.revision}")
    view = agent.get("view", {})
    if len(view.get("members", ())) != len(definitions.nodes) or not view.get("agreed"):
        found.append(f"{node} sees {' '.join(view.get('members', ())) or 'nobody'}, not agreed")
    return found


def _of_vip(vip: str, health: Health) -> list[str]:
    holders = [holding.node for holding in health.holders(vip)]
    if len(holders) != 1:
        return [f"{vip} is held by {' and '.join(holders) or 'nobody'}"]
    believed = {
        node: (agent or {}).get("vips", {}).get(vip, {}).get("owner")
        for node, agent in health.agents.items()
    }
    return [
        f"{node} thinks {vip} is {owner or 'nobody'}'s, {holders[0]} has it"
        for node, owner in believed.items()
        if owner != holders[0]
    ]


def _of_kernels(lab: Lab, definitions: Definitions, health: Health) -> list[str]:
    """Kernels against what the agents say; a VIP on its way meanwhile is looked at again."""
    kernels = {node: _addresses(lab, node) for node in lab.nodes}
    found = []
    for vip in definitions.vips:
        said = [holding.node for holding in health.holders(vip)]
        held = [node for node, addresses in kernels.items() if vip in addresses]
        if held != said:
            found.append(f"{vip}: kernels of {' and '.join(held) or 'nobody'}, agents say {said}")
    return found


def _addresses(lab: Lab, node: str) -> set[str]:
    links = json.loads(lab.exec(node, ["ip", "-j", "-4", "address"]).stdout or "[]")
    return {a["local"] for link in links for a in link.get("addr_info", ()) if "local" in a}

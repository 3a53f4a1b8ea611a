"""Assignment: which node each VIP belongs to, one pure function for nodes, manager and preview.

Invariants: the same answer whatever the order of the input; every VIP with an eligible node has
exactly one owner; followers sit with whom they follow; the first eligible preference wins; a death
moves only the dead node's VIPs. Numbers per node come from the D'Hondt divisor method (weights as
votes): it never takes from a survivor when another node goes.
"""

import heapq
from collections.abc import Collection, Mapping
from hashlib import blake2b

from workers.failover.core.definitions import AdminState, Node, Vip


def heirs(ready: Mapping[str, bool], nodes: Mapping[str, Node]) -> dict[str, int]:
    """Nodes that may get VIPs, with their weights: ready and enabled; a late one if no other is.

    `ready`: name of a ready node -> whether its loop is chronically late.
    """
    enabled = {
        name: late
        for name, late in ready.items()
        if name in nodes and nodes[name].admin_state is AdminState.ENABLED
    }
    prompt = [name for name, late in enabled.items() if not late] or list(enabled)
    return {name: nodes[name].weight for name in prompt}


def assign(
    weights: Mapping[str, int],
    vips: Mapping[str, Vip],
    owners: Mapping[str, str],
    barred: Mapping[str, Collection[str]] | None = None,
) -> dict[str, str]:
    """VIP -> node, for every VIP that some node may hold.

    `weights`: eligible nodes; `owners`: current owner by highest epoch; `barred`: VIP -> nodes that
    cannot hold it although they are eligible.
    """
    if not weights:
        return {}
    barred = barred or {}
    result: dict[str, str] = {}
    free: list[str] = []
    for vip in sorted(vips):
        if vips[vip].follow:
            continue
        candidates = weights.keys() - set(barred.get(vip, ()))
        if not candidates:
            continue
        preferred = next((node for node in vips[vip].prefer if node in candidates), None)
        if preferred is not None:
            result[vip] = preferred
        elif len(candidates) < len(weights):
            result[vip] = _keep_or_pick(vip, candidates, owners)
        else:
            free.append(vip)
    result.update(_spread(free, weights, owners))
    for vip in sorted(vips):
        first = leader(vip, vips)
        if first != vip and first in result and result[first] not in barred.get(vip, ()):
            result[vip] = result[first]
    return result


def leader(vip: str, vips: Mapping[str, Vip]) -> str:
    """The VIP that `vip` sits with in the end: itself, or whom it follows."""
    for _ in range(len(vips)):
        follow = vips[vip].follow
        if not follow or follow not in vips:
            return vip
        vip = follow
    return vip


def _score(node: str, vip: str) -> bytes:
    return blake2b(f"{node} {vip}".encode(), digest_size=8).digest()


def _keep_or_pick(vip: str, candidates: Collection[str], owners: Mapping[str, str]) -> str:
    owner = owners.get(vip)
    if owner is not None and owner in candidates:
        return owner
    return min(candidates, key=lambda node: (_score(node, vip), node))


def _spread(
    free: list[str], weights: Mapping[str, int], owners: Mapping[str, str]
) -> dict[str, str]:
    held: dict[str, list[str]] = {node: [] for node in weights}
    for vip in free:
        owner = owners.get(vip)
        if owner in held:
            held[owner].append(vip)
    quota = shares(len(free), weights, {node: len(own) for node, own in held.items()})
    result: dict[str, str] = {}
    for node, own in held.items():
        result.update(dict.fromkeys(own[: quota[node]], node))
    places = {node: quota[node] - len(own[: quota[node]]) for node, own in held.items()}
    result.update(_settle([vip for vip in free if vip not in result], places))
    return result


def _settle(homeless: list[str], places: dict[str, int]) -> dict[str, str]:
    """Give each VIP a place: best pairs first, so that what is taken as planned changes no plan."""
    open_nodes = [node for node in sorted(places) if places[node]]
    pairs = sorted((_score(node, vip), vip, node) for vip in homeless for node in open_nodes)
    result: dict[str, str] = {}
    for _, vip, node in pairs:
        if vip not in result and places[node]:
            result[vip] = node
            places[node] -= 1
    return result


def shares(total: int, weights: Mapping[str, int], held: Mapping[str, int]) -> dict[str, int]:
    """How many of `total` VIPs each node gets: D'Hondt, ties to who has filled that place already.

    Filling a place that was given only strengthens it: plans are stable while they are carried out.
    """
    quota = dict.fromkeys(weights, 0)
    heap = [_place(node, 1, weights, held) for node in weights]
    heapq.heapify(heap)
    for _ in range(total):
        node = heap[0][2]
        quota[node] += 1
        heapq.heapreplace(heap, _place(node, quota[node] + 1, weights, held))
    return quota


def _place(
    node: str, number: int, weights: Mapping[str, int], held: Mapping[str, int]
) -> tuple[float, bool, str]:
    return number / weights[node], held.get(node, 0) < number, node

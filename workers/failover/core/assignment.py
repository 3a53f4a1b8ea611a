"""Assignment: which node each VIP belongs to, one pure function for nodes, manager and preview.

Invariants: the same answer whatever the order of the input; every VIP with an eligible node has
exactly one owner; followers sit with whom they follow; the first eligible preference wins; a death
moves only the dead node's VIPs. Numbers per node come from the D'Hondt divisor method (weights as
votes): it never takes from a survivor when another node goes.
"""

import heapq
from collections.abc import Collection, Mapping, Sequence

from workers.failover.core.claims import weight_of
from workers.failover.core.definitions import AdminState, Node, Vip


def heirs(ready: Mapping[str, bool], nodes: Mapping[str, Node]) -> dict[str, int]:
    """Nodes that may get VIPs, with their weights.

    The enabled ones; if there is none, draining ones; if there is none either, those in
    maintenance: any service goes before none. Of these the late ones only if no other is.
    `ready`: name of a ready (or draining) node -> whether its loop is chronically late.
    """
    for state in (AdminState.ENABLED, AdminState.DRAINING, AdminState.MAINTENANCE):
        found = [name for name in ready if name in nodes and nodes[name].admin_state is state]
        if found:
            prompt = [name for name in found if not ready[name]] or found
            return {name: nodes[name].weight for name in prompt}
    return {}


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
    names = sorted(weights)
    result: dict[str, str] = {}
    free: list[str] = []
    followers: list[str] = []
    firsts: dict[tuple[str, ...], str] = {(): ""}
    for vip in sorted(vips):
        one = vips[vip]
        if one.follow:
            followers.append(vip)
        elif vip in barred:
            _place_barred(one, names, barred[vip], owners, result, free)
        else:
            prefer = one.prefer
            if prefer not in firsts:
                firsts[prefer] = next((name for name in prefer if name in weights), "")
            if first := firsts[prefer]:
                result[vip] = first
            else:
                free.append(vip)
    result.update(_spread(free, weights, owners))
    for vip in followers:
        first = leader(vip, vips)
        if first == vip or first not in result:
            continue
        if result[first] not in barred.get(vip, ()):
            result[vip] = result[first]
    return result


def _place_barred(
    one: Vip,
    names: Sequence[str],
    barred: Collection[str],
    owners: Mapping[str, str],
    result: dict[str, str],
    free: list[str],
) -> None:
    """Place a VIP that some nodes cannot hold; if none of these is eligible, it may be `free`."""
    candidates = {name for name in names if name not in barred}
    if not candidates:
        return
    preferred = next((node for node in one.prefer if node in candidates), None)
    if preferred is not None:
        result[one.address] = preferred
    elif len(candidates) == len(names):
        free.append(one.address)
    elif (owner := owners.get(one.address)) in candidates:
        result[one.address] = owner
    else:
        result[one.address] = next(n for n in _around(one.address, names) if n in candidates)


def leader(vip: str, vips: Mapping[str, Vip]) -> str:
    """The VIP that `vip` sits with in the end: itself, or whom it follows."""
    for _ in range(len(vips)):
        follow = vips[vip].follow
        if not follow or follow not in vips:
            return vip
        vip = follow
    return vip


def _around(vip: str, names: Sequence[str]) -> list[str]:
    """All nodes, from the one that a VIP's hash points at."""
    first = weight_of(vip) % len(names)
    return [*names[first:], *names[:first]]


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
    if len(result) < len(free):
        places = {node: quota[node] - len(own[: quota[node]]) for node, own in held.items()}
        _settle([vip for vip in free if vip not in result], places, result)
    return result


def _settle(homeless: list[str], places: dict[str, int], result: dict[str, str]) -> None:
    """Give each VIP the first free place from where its hash points.

    They choose in a fixed order. So one that is where it was planned, and its place, can be left
    out without a change for any other: what is carried out changes no plan.
    """
    names = sorted(places)
    for vip in homeless:
        at = weight_of(vip) % len(names)
        while not places[names[at]]:
            at = (at + 1) % len(names)
        result[vip] = names[at]
        places[names[at]] -= 1


def shares(total: int, weights: Mapping[str, int], held: Mapping[str, int]) -> dict[str, int]:
    """How many of `total` VIPs each node gets: D'Hondt, ties to who has filled that place already.

    Filling a place that was given only strengthens it: plans are stable while they are carried out.
    Nobody gets less than the whole part of its proportional share, so counting begins there.
    """
    every = sum(weights.values())
    quota = {node: total * weight // every for node, weight in weights.items()}
    heap = [_place(node, quota[node] + 1, weights, held) for node in weights]
    heapq.heapify(heap)
    for _ in range(total - sum(quota.values())):
        node = heap[0][2]
        quota[node] += 1
        heapq.heapreplace(heap, _place(node, quota[node] + 1, weights, held))
    return quota


def _place(
    node: str, number: int, weights: Mapping[str, int], held: Mapping[str, int]
) -> tuple[float, bool, str]:
    return number / weights[node], held.get(node, 0) < number, node

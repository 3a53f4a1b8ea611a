"""Bringing a lab up and taking it down.

Invariant: a bring-up that fails, is interrupted or is refused leaves nothing; one that is killed
leaves a record whose keeper is dead, and the next bring-up of that name clears it first. Only what
is recorded or lives in the lab's own namespaces is ever touched.
"""

import contextlib
import dataclasses
import time
from collections.abc import Callable
from dataclasses import dataclass

from workers.failover.core.definitions_text import DefinitionsError, render
from workers.lab import keepalived, network, processes, state
from workers.lab.commands import check_system, tool
from workers.lab.core.hosts import (
    MOST_COLLECTORS,
    MOST_NODES,
    MOST_VIPS,
    POOL,
    Role,
    Software,
    free_subnet,
    hosts_of,
    prefix_for,
    vips_of,
)
from workers.lab.endings import undisturbed
from workers.lab.errors import LabError, LabRefused
from workers.lab.health import look, missing
from workers.lab.host_files import AGENT, definitions_of, host_directory, write_files
from workers.lab.injection import start_hosts
from workers.lab.lab import DEFAULT_NAME, Lab
from workers.lab.manager_files import WEB
from workers.lab.queues import missing_workers
from workers.lab.surroundings import choose_port, refuse_broker_url

GREEN_SECONDS = 120.0
LOOK_SECONDS = 0.2
LAST_LINES = 2
Teller = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Wish:
    """The lab somebody wants."""

    name: str = DEFAULT_NAME
    nodes: int = 3
    vips: int = 6
    brokers: int = 1
    mail: bool = True
    heartbeat_interval: float = 0.2
    manager: bool = False
    port: int | None = None
    """Of the dashboard on the machine's loopback; None: the first free one."""
    collectors: int = 0
    """How many take the nodes' logs, each all of them."""
    limits: bool = False
    """Whether the nodes count and limit mail together."""
    broker_url: str = ""
    """An existing broker that somebody wants the lab to use; refused."""
    software: Software = Software.MUSTER
    """With keepalived: no broker, mail or manager, and `heartbeat_interval` is its `advert_int`."""


def bring_up(wish: Wish, tell: Teller, keep: bool = False) -> Lab:
    """Make a lab and wait until all is green; with `keep` it is gone when this process is."""
    _check(wish)
    record = _reserve(wish, tell)
    try:
        started = time.monotonic()
        network.build(record.name, record.hosts, record.subnet)
        write_files(record)
        start_hosts(record, _start_order(record))
        tell(f"{len(record.hosts)} hosts on {record.subnet} start")
        wait_until_green(record, tell)
        tell(f"all green after {time.monotonic() - started:.1f} s")
        keeper = record.keeper if keep else None
        record = dataclasses.replace(record, phase=state.Phase.UP, keeper=keeper)
        state.save(record)
    except BaseException:
        with undisturbed(), state.exclusively():
            clear(record.name)
        raise
    return Lab(record)


def take_down(name: str) -> bool:
    """Remove a lab, or what is left of one; False when there was nothing."""
    check_system()
    state.check_name(name)
    with state.exclusively():
        record = _record_or_damaged(name)
        if record is None and not network.namespaces(name) and name not in state.recorded_names():
            return False
        clear(name)
    return True


def take_down_own(name: str) -> None:
    """Remove the lab of that name if this process is its keeper."""
    record = _record_or_damaged(name)
    if record is not None and record.keeper == state.this_process():
        take_down(name)


def clear(name: str) -> None:
    """Kill and delete everything in the lab's namespaces, and forget it."""
    spaces = network.namespaces(name)
    processes.kill_all(spaces)
    network.remove_hosts(name, [space.removeprefix(f"muster-{name}-") for space in spaces])
    state.forget(name)


def _record_or_damaged(name: str) -> state.Record | None:
    try:
        return state.load(name)
    except LabError:
        return None


def _check(wish: Wish) -> None:
    check_system()
    state.check_name(wish.name)
    if not 1 <= wish.nodes <= MOST_NODES:
        raise LabRefused(f"--nodes is {wish.nodes}; a lab has 1 to {MOST_NODES} nodes")
    if not 1 <= wish.vips <= MOST_VIPS:
        raise LabRefused(f"--vips is {wish.vips}; a lab has 1 to {MOST_VIPS} VIPs")
    if wish.brokers not in (0, 1, 3):
        raise LabRefused(f"--brokers is {wish.brokers}; a lab has 1 or 3 (or 0: ring B alone)")
    _check_parts(wish)
    if wish.software is Software.KEEPALIVED:
        _check_keepalived(wish)
    refuse_broker_url(wish.broker_url)
    ships = bool(wish.collectors or (wish.limits and wish.mail))
    for name in ("tc", *["postfix"] * wish.mail, *["unshare"] * ships):
        tool(name)
    if wish.brokers:
        tool("/usr/lib/rabbitmq/bin/rabbitmq-server")


def _check_parts(wish: Wish) -> None:
    if wish.manager and not wish.brokers:
        raise LabRefused("a manager needs a broker: --brokers 1 or 3, or --no-manager")
    if not 0 <= wish.collectors <= MOST_COLLECTORS:
        most = f"a lab has 0 to {MOST_COLLECTORS} collectors"
        raise LabRefused(f"--collectors is {wish.collectors}; {most}")
    if wish.collectors and not wish.manager:
        raise LabRefused("collectors need a manager: leave --no-manager out, or --collectors 0")
    if wish.limits and not wish.brokers:
        raise LabRefused("limits need a broker: --brokers 1 or 3, or --no-limits")


def _check_keepalived(wish: Wish) -> None:
    if wish.brokers or wish.mail or wish.manager:
        raise LabRefused("a lab of keepalived has no broker, mail or manager")
    if wish.vips > keepalived.MOST_VIPS:
        raise LabRefused(f"--vips is {wish.vips}; keepalived has {keepalived.MOST_VIPS} at most")
    tool(keepalived.DAEMON)


def _reserve(wish: Wish, tell: Teller) -> state.Record:
    """Record a new lab with a subnet of its own, once what is left of an old one is gone."""
    with state.exclusively():
        old = state.load(wish.name)
        if old is not None and not old.abandoned:
            raise LabRefused(_taken(old))
        if old is not None or network.namespaces(wish.name):
            tell(f"clearing what is left of an earlier lab {wish.name!r}")
            clear(wish.name)
        record = _plan(wish)
        _check_definitions(record)
        state.save(record)
    return record


def _check_definitions(record: state.Record) -> None:
    """Refuse what no node could act on, before anything is made."""
    try:
        render(definitions_of(record))
    except DefinitionsError as error:
        raise LabRefused(error.sentence) from error


def _taken(old: state.Record) -> str:
    name = old.name
    if old.keeper is None:
        return (
            f"lab {name!r} is up already: muster lab status --name {name} shows it, "
            f"muster lab down --name {name} ends it, --name OTHER starts another"
        )
    return (
        f"lab {name!r} is run by process {old.keeper.pid}: end that one with Ctrl-C, "
        "or choose --name OTHER"
    )


def _plan(wish: Wish) -> state.Record:
    others = [record for name in state.recorded_names() if (record := _record_or_damaged(name))]
    taken = [other.subnet for other in others] + network.subnets_in_use()
    subnet = free_subnet(taken, wish.vips)
    if subnet is None:
        raise LabRefused(
            f"no /{prefix_for(wish.vips)} of {POOL} is free: take other labs down "
            f"({', '.join(other.name for other in others) or 'none here'}) or remove such routes"
        )
    ports = [other.port for other in others]
    return state.Record(
        name=wish.name,
        subnet=subnet,
        hosts=hosts_of(subnet, wish.nodes, wish.brokers, int(wish.manager), wish.collectors),
        vips=vips_of(subnet, wish.vips),
        heartbeat_interval=wish.heartbeat_interval,
        mail=wish.mail,
        created_at=time.time(),
        keeper=state.this_process(),
        port=choose_port(wish.port, ports) if wish.manager else 0,
        software=wish.software,
        collectors=wish.collectors,
        limits=wish.limits,
    )


def _start_order(record: state.Record) -> tuple[str, ...]:
    """Brokers and managers first: they take longest."""
    first = (Role.BROKER, Role.MANAGER, Role.COLLECTOR)
    last = (Role.NODE, Role.SINK, Role.CLIENT, Role.GATEWAY)
    return tuple(name for role in (*first, *last) for name in record.names(role))


def wait_until_green(record: state.Record, tell: Teller) -> None:
    """Return when nothing is missing; `LabError` says what is after `GREEN_SECONDS`."""
    deadline = time.monotonic() + GREEN_SECONDS
    said: list[str] = []
    while wanting := _missing(record):
        if time.monotonic() > deadline:
            raise LabError(
                f"lab {record.name!r} is not green after {GREEN_SECONDS:.0f} s: "
                f"{'; '.join(wanting)}{_last_words(record)}"
            )
        if wanting != said:
            tell("waiting: " + "; ".join(wanting))
            said = wanting
        time.sleep(LOOK_SECONDS)


def _missing(record: state.Record) -> list[str]:
    if record.software is Software.KEEPALIVED:
        return keepalived.misplaced(record, keepalived.held(record))
    return missing(record, look(record)) or missing_workers(record)


def _last_words(record: state.Record) -> str:
    """How the logs of the first agent and of the web server end: they go with the lab."""
    logs = [(record.names(Role.NODE)[0], AGENT)]
    logs += [(host, WEB) for host in record.names(Role.MANAGER)]
    found = []
    for host, role in logs:
        log = host_directory(record, host) / f"{role}.log"
        with contextlib.suppress(OSError):
            lines = log.read_text(errors="replace").splitlines()[-LAST_LINES:]
            found.append(f"; {host}'s {log.name} ends: {' | '.join(lines)}")
    return "".join(found)

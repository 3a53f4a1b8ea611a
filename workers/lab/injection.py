"""What faults do to processes and interfaces; what the switch drops is `core.faults.frame_rules`'.

`strike` is called when the switch already drops what the fault says, `undo` while it still does:
so a host that loses power says no goodbye, and one that boots is heard only with its new kernel.
"""

import signal

from workers.lab import network, processes
from workers.lab.clocks import set_clock
from workers.lab.core.faults import Fault, FaultKind
from workers.lab.core.hosts import Host, Role, Software, namespace
from workers.lab.errors import LabError
from workers.lab.host_files import AGENT, clock_file, host_directory
from workers.lab.state import Record
from workers.lab.supervision import SUPERVISOR, start_supervisor

_FREEZING = (FaultKind.FREEZE, FaultKind.BROKER_FREEZE)
_ENDING = {
    FaultKind.KILL_AGENT_FOR_GOOD: signal.SIGKILL,
    FaultKind.CLEAN_STOP: signal.SIGTERM,
}


def strike(record: Record, fault: Fault) -> None:
    """Do to the targets what the fault does to more than frames."""
    spaces = [namespace(record.name, name) for name in fault.targets]
    if fault.kind in (FaultKind.POWER_LOSS, FaultKind.BROKER_KILL):
        processes.kill_all(spaces)
        for host in _hosts(record, fault):
            if host.role is Role.NODE and record.software is Software.MUSTER:
                network.stop_lease(record.name, host)
    elif fault.kind in _FREEZING:
        processes.freeze_all(spaces)
    elif fault.kind is FaultKind.KILL_AGENT:
        processes.send(_agents(spaces), signal.SIGKILL)
    elif fault.kind is FaultKind.STOP_AGENT:
        processes.stop(_agents(spaces))
    elif fault.kind in _ENDING:
        _end_agents(spaces, _ENDING[fault.kind])
    else:
        _set_links_and_clocks(record, fault, healed=False)


def undo(record: Record, fault: Fault) -> None:
    """Put the targets right again, frames apart."""
    spaces = [namespace(record.name, name) for name in fault.targets]
    if fault.kind is FaultKind.POWER_LOSS:
        for host in _hosts(record, fault):
            network.rebuild_host(record.name, host, record.subnet)
    elif fault.kind in _FREEZING:
        processes.send(processes.processes_in(spaces), signal.SIGCONT)
    elif fault.kind is FaultKind.STOP_AGENT:
        processes.send(_agents(spaces), signal.SIGCONT)
    elif fault.kind in _ENDING:
        processes.send(_of_role(spaces, SUPERVISOR), signal.SIGCONT)
    else:
        _set_links_and_clocks(record, fault, healed=True)


def _end_agents(spaces: list[str], number: signal.Signals) -> None:
    """A supervisor that stands still starts nothing; what else runs on the host goes on."""
    agents = _agents(spaces)  # without one nothing is done at all
    processes.stop(_of_role(spaces, SUPERVISOR))
    if number is signal.SIGKILL:
        processes.stop(agents)  # else one of several could say goodbye when another is gone
    processes.send(agents, number)


def _set_links_and_clocks(record: Record, fault: Fault, *, healed: bool) -> None:
    for host in _hosts(record, fault):
        if fault.kind is FaultKind.CABLE:
            network.set_port(record.name, host, up=healed)
        elif fault.kind is FaultKind.LINK_DOWN:
            network.set_link(record.name, host, record.subnet, up=healed)
        elif fault.kind is FaultKind.CLOCK_STEP:
            set_clock(clock_file(record, host.name), 0 if healed else fault.seconds)


def start_hosts(record: Record, names: tuple[str, ...]) -> None:
    """Start the supervisor of each host, and with it all that runs there."""
    for name in names:
        configuration = host_directory(record, name) / "supervisord.conf"
        start_supervisor(namespace(record.name, name), configuration)


def _agents(spaces: list[str]) -> list[processes.Process]:
    found = _of_role(spaces, AGENT)
    if not found:
        raise LabError(f"no agent runs in {', '.join(spaces)}: see muster lab ps")
    return found


def _of_role(spaces: list[str], role: str) -> list[processes.Process]:
    return [p for p in processes.processes_in(spaces) if p.role == role and p.state != "Z"]


def _hosts(record: Record, fault: Fault) -> list[Host]:
    return [host for host in record.hosts if host.name in fault.targets]

"""A lab that is up, as a program sees it; `muster lab` and the bench use this and nothing below it.

    Lab.load(name="demo") -> Lab                      LabRefused when there is none
    lab.name, lab.subnet, lab.nodes, lab.brokers      str, CIDR, tuple of host names
    lab.hosts: dict[str, Host]                        Host(name, role, address, mac)
    lab.managers, lab.vips: tuple[str, ...]
    lab.manager_url, .manager_token, .manager_password: str   of the account admin; URL empty: none
    lab.faults: tuple[Fault, ...]                     in force now
    lab.namespace(host) -> str                        for `ip netns exec`
    lab.directory: Path; lab.host_directory(host) -> Path
    lab.command(host, argv) -> list[str]              argv that runs `argv` on the host
    lab.environment(host) -> dict[str, str]           and its environment
    lab.exec(host, argv, timeout_seconds=60) -> CompletedProcess[str]   output captured, no check
    lab.inject(kind, targets=()) -> Injection         (fault, struck_at); kind: FaultKind or name
    lab.heal(*words) -> list[Fault]                   words: kinds, hosts or "all"; none means all
    lab.processes() -> list[HostProcess]              (host, role, pid, namespace, state, command)

Bringing up and taking down are `workers.lab.bringup`'s, looking at health `workers.lab.health`'s.
"""

import contextlib
import dataclasses
import os
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from workers.lab import host_files, injection, manager_files, network, processes, state
from workers.lab.clocks import clock_environment
from workers.lab.commands import check_system, tool
from workers.lab.core.faults import Fault, FaultError, FaultKind, FrameRule, frame_rules
from workers.lab.core.hosts import Host, Role, namespace
from workers.lab.core.targets import fault_on, healed_by, kind_named
from workers.lab.errors import LabRefused

DEFAULT_NAME = "demo"
EXEC_SECONDS = 60.0
_DEAD_KINDS = (FaultKind.POWER_LOSS, FaultKind.BROKER_KILL)
_MOMENTARY = FaultKind.KILL_AGENT
_PAIRWISE = (FaultKind.CUT, FaultKind.ONE_WAY, FaultKind.PARTITION)


@dataclass(frozen=True, slots=True)
class Injection:
    """A fault done: `struck_at` is the monotonic second just before its first effect."""

    fault: Fault
    struck_at: float


@dataclass(frozen=True, slots=True)
class HostProcess:
    """A process of the lab; `role` is empty for what somebody runs by `exec`."""

    host: str
    role: str
    pid: int
    namespace: str
    state: str
    command: str


class Lab:
    """A lab by its record; the record is read anew whenever it is about to change."""

    def __init__(self, record: state.Record) -> None:
        self.record = record

    @classmethod
    def load(cls, name: str = DEFAULT_NAME) -> "Lab":
        """Return the lab of that name; LabRefused when there is none that is up."""
        check_system()
        record = state.load(name)
        if record is None:
            others = ", ".join(state.recorded_names())
            there = f"the labs here are: {others}" if others else "muster lab up starts one"
            raise LabRefused(f"there is no lab {name!r}; {there}")
        if record.abandoned:
            raise LabRefused(
                f"whoever ran lab {name!r} is dead; muster lab down --name {name} clears the rest"
            )
        return cls(record)

    @property
    def name(self) -> str:
        """The lab's name, also its cluster's."""
        return self.record.name

    @property
    def subnet(self) -> str:
        """The lab's addresses, as a CIDR."""
        return self.record.subnet

    @property
    def hosts(self) -> dict[str, Host]:
        """Every host by name."""
        return {host.name: host for host in self.record.hosts}

    @property
    def nodes(self) -> tuple[str, ...]:
        """Names of the nodes."""
        return self.record.names(Role.NODE)

    @property
    def brokers(self) -> tuple[str, ...]:
        """Names of the broker hosts."""
        return self.record.names(Role.BROKER)

    @property
    def managers(self) -> tuple[str, ...]:
        """Names of the managers' hosts."""
        return self.record.names(Role.MANAGER)

    @property
    def manager_url(self) -> str:
        """Where the machine's own browser finds the dashboard, no slash behind; empty: nowhere."""
        return manager_files.address_of(self.record)

    @property
    def manager_token(self) -> str:
        """A token for the API; empty until the manager has made one."""
        return manager_files.token_of(self.record)

    @property
    def manager_password(self) -> str:
        """The password of the account `admin`."""
        return manager_files.password_of(self.record)

    @property
    def vips(self) -> tuple[str, ...]:
        """The virtual addresses."""
        return self.record.vips

    @property
    def faults(self) -> tuple[Fault, ...]:
        """Faults in force."""
        return self.record.faults

    @property
    def directory(self) -> Path:
        """Where everything of the lab is kept."""
        return state.directory(self.name)

    def host_directory(self, host: str) -> Path:
        """Where the files of a host are."""
        return host_files.host_directory(self.record, self.host(host).name)

    def host(self, name: str) -> Host:
        """The host of that name; LabRefused when there is none."""
        try:
            return self.hosts[name]
        except KeyError:
            known = ", ".join(self.hosts)
            raise LabRefused(f"lab {self.name!r} has no host {name!r}; it has: {known}") from None

    def namespace(self, host: str) -> str:
        """The network namespace of a host."""
        return namespace(self.name, self.host(host).name)

    def command(self, host: str, argv: Sequence[str]) -> list[str]:
        """A command line that runs `argv` on a host."""
        return [tool("ip"), "netns", "exec", self.namespace(host), *argv]

    def environment(self, host: str) -> dict[str, str]:
        """The environment of what runs on a host: a node's has its clock and its NODE.toml.

        A manager's has what its programs have, so that `manage.py` works there.
        """
        extra: dict[str, str] = {}
        if self.host(host).role is Role.NODE:
            # Preloading breaks Python's time.sleep, so only a stepped clock is worth it.
            if any(host in f.targets for f in self.faults if f.kind is FaultKind.CLOCK_STEP):
                extra = clock_environment(host_files.clock_file(self.record, host))
            extra["MUSTER_NODE_CONFIG"] = str(host_files.node_file(self.record, host))
        if self.host(host).role is Role.MANAGER:
            extra = manager_files.environment_of(self.record, host)
        return {**os.environ, **extra}

    def exec(
        self, host: str, argv: Sequence[str], timeout_seconds: float = EXEC_SECONDS
    ) -> subprocess.CompletedProcess[str]:
        """Run a command on a host to its end."""
        return subprocess.run(
            self.command(host, argv),
            env=self.environment(host),
            capture_output=True,
            text=True,
            timeout=timeout_seconds,
            check=False,
        )

    def processes(self) -> list[HostProcess]:
        """Every process of every host."""
        hosts = {namespace(self.name, name): name for name in self.hosts}
        return [
            HostProcess(hosts[p.namespace], p.role, p.pid, p.namespace, p.state, p.command)
            for p in processes.processes_in(hosts)
        ]

    def inject(self, kind: FaultKind | str, targets: Sequence[str] = ()) -> Injection:
        """Do a fault; recorded before it strikes, so that heal knows it whatever happens."""
        with state.exclusively():
            self._reload()
            fault = self._fault(kind, targets)
            before = self.record.faults
            after = before if fault.kind is _MOMENTARY else (*before, fault)
            self._record(after)
            struck_at = time.monotonic()
            try:
                self._drop(self._rules(before), after)
                injection.strike(self.record, fault)
            except BaseException:
                self._drop(self._rules(after), before)
                self._record(before)
                raise
        return Injection(fault, struck_at)

    def heal(self, *words: str) -> list[Fault]:
        """End faults: those of the kinds and on the hosts named, or all."""
        with state.exclusively():
            self._reload()
            try:
                healed = healed_by(words, self.record.faults, self.record.hosts)
            except FaultError as error:
                raise LabRefused(str(error)) from error
            before = self.record.faults
            after = tuple(fault for fault in before if fault not in healed)
            for fault in healed:
                injection.undo(self.record, fault)
            reborn = _names(healed, FaultKind.POWER_LOSS)
            # A port that was made anew has lost what it dropped, for whatever fault that was.
            self._drop({rule for rule in self._rules(before) if rule.port not in reborn}, after)
            self._record(after)
            self._start_again(healed)
        return healed

    def _start_again(self, healed: Sequence[Fault]) -> None:
        """Start hosts that are dead no longer; other faults on them strike what has started."""
        alive = _names(healed, *_DEAD_KINDS) - _names(self.record.faults, *_DEAD_KINDS)
        injection.start_hosts(self.record, tuple(name for name in self.hosts if name in alive))
        touched = {name for fault in healed for name in fault.targets}
        for fault in self.record.faults:
            if touched & set(fault.targets):
                with contextlib.suppress(Exception):
                    injection.strike(self.record, fault)

    def _fault(self, kind: FaultKind | str, targets: Sequence[str]) -> Fault:
        try:
            chosen = kind if isinstance(kind, FaultKind) else kind_named(kind)
            fault = fault_on(chosen, targets, self.record.hosts)
        except FaultError as error:
            raise LabRefused(str(error)) from error
        for other in self.record.faults:
            same = other == fault if fault.kind in _PAIRWISE else other.kind is fault.kind
            if same and set(other.targets) & set(fault.targets):
                raise LabRefused(f"{other} is in force already: muster lab heal {other.kind.value}")
        return fault

    def _rules(self, faults: Sequence[Fault]) -> set[FrameRule]:
        return set(frame_rules(faults, self.record.hosts))

    def _drop(self, before: set[FrameRule], faults: Sequence[Fault]) -> None:
        network.drop_frames(self.name, before, self._rules(faults))

    def _record(self, faults: tuple[Fault, ...]) -> None:
        self.record = dataclasses.replace(self.record, faults=faults)
        state.save(self.record)

    def _reload(self) -> None:
        self.record = Lab.load(self.name).record


def _names(faults: Sequence[Fault], *kinds: FaultKind) -> set[str]:
    return {name for fault in faults if fault.kind in kinds for name in fault.targets}

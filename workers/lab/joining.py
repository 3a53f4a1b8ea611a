"""A host that joins a lab that is up, by the commands that an operator would type.

Invariant: the record knows the host before anything of it is made; a join that fails leaves nothing
of the host but its definition at the manager, with which the next try goes on. The commands are
real: `muster node add` and `token` against the manager, `muster node join` on the host.
"""

import dataclasses
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from workers.lab import manager_files, network, processes, state
from workers.lab.bringup import Teller, wait_until_green
from workers.lab.broker_files import SUBCLUSTER
from workers.lab.core.hosts import MOST_NODES, Host, Role, namespace, next_node
from workers.lab.endings import undisturbed
from workers.lab.errors import LabError, LabRefused
from workers.lab.host_files import host_directory, write_joined
from workers.lab.injection import start_hosts
from workers.lab.lab import Lab

COMMAND_SECONDS = 60.0
MUSTER = Path(sys.executable).with_name("muster")


def join(name: str, tell: Teller) -> Host:
    """Add a node to the lab of that name and wait until all is green; the node."""
    lab, host = _reserve(name)
    try:
        token = new_token(lab, host)
        tell(f"{host.name} is defined, and a token made")
        network.rebuild_host(name, host, lab.subnet)
        host_directory(lab.record, host.name).mkdir(mode=0o755)
        _done("muster node join", redeem(lab, host, token))
        write_joined(lab.record, host)
        start_hosts(lab.record, (host.name,))
        tell(f"{host.name} has joined and starts")
    except BaseException:
        with undisturbed():
            _take_back(lab, host)
        raise
    wait_until_green(lab.record, tell)
    return host


def new_token(lab: Lab, host: Host, life: str = "1h") -> str:
    """Define the node at the manager unless it is, and make a token for it."""
    if muster(lab, "node", "show", host.name, "-o", "json").returncode:
        place = ("--subcluster", SUBCLUSTER, "--address", host.address)
        added = muster(lab, "node", "add", host.name, *place, "--no-wait")
        _done("muster node add", added)
    made = muster(lab, "node", "token", host.name, "--expires", life, "-o", "json")
    told: dict[str, Any] = json.loads(_done("muster node token", made))
    return str(told["token"])


def redeem(lab: Lab, host: Host, token: str) -> "subprocess.CompletedProcess[str]":
    """Run `muster node join` on the host, as its operator would but for the places of its files."""
    home = host_directory(lab.record, host.name)
    words = [
        *(str(MUSTER), "node", "join", manager_files.address_for_hosts(lab.record)),
        *("--token", token, "--directory", str(home), "--state", str(home / "state")),
        *("--socket", str(home / "muster.sock"), "--no-start", "-o", "json"),
    ]
    return _run(lab.command(host.name, words), os.environ)


def muster(lab: Lab, *words: str) -> "subprocess.CompletedProcess[str]":
    """A command of the operator's, against the lab's manager."""
    told = {"MUSTER_URL": lab.manager_url, "MUSTER_TOKEN": lab.manager_token}
    return _run((str(MUSTER), *words), {**os.environ, **told})


def _reserve(name: str) -> tuple[Lab, Host]:
    """The lab, with the new node in its record."""
    with state.exclusively():
        record = Lab.load(name).record
        if not record.names(Role.MANAGER):
            raise LabRefused(f"lab {name!r} has no manager, which would give tokens")
        host = next_node(record.subnet, record.hosts)
        if host is None:
            raise LabRefused(f"lab {name!r} has its most nodes, {MOST_NODES}")
        nodes = [one for one in record.hosts if one.role is Role.NODE]
        others = [one for one in record.hosts if one.role is not Role.NODE]
        record = dataclasses.replace(record, hosts=(*nodes, host, *others))
        state.save(record)
    return Lab(record), host


def _take_back(lab: Lab, host: Host) -> None:
    """Let nothing of the host be left, and forget it."""
    processes.kill_all([namespace(lab.name, host.name)])
    network.remove_hosts(lab.name, [host.name])
    shutil.rmtree(host_directory(lab.record, host.name), ignore_errors=True)
    with state.exclusively():
        record = Lab.load(lab.name).record
        hosts = tuple(one for one in record.hosts if one.name != host.name)
        state.save(dataclasses.replace(record, hosts=hosts))


def _run(
    words: Sequence[str], environment: Mapping[str, str]
) -> "subprocess.CompletedProcess[str]":
    try:
        return subprocess.run(
            words,
            env=environment,
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise LabError(f"a command of a join takes longer than {COMMAND_SECONDS:.0f} s") from None


def _done(what: str, ended: "subprocess.CompletedProcess[str]") -> str:
    """What a command printed; raises `LabError` with its complaint if it failed."""
    if ended.returncode:
        raise LabError(f"{what}: {' '.join(ended.stderr.split())[-400:]}")
    return ended.stdout

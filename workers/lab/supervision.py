"""One supervisor per host: its configuration, and starting it inside the host's namespace.

A child that dies is started again at once; one that dies in its first second is retried with a
growing delay. There is no stopping here: a lab ends by its processes being killed.
"""

import os
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from workers.lab.commands import tool
from workers.lab.processes import ROLE_VARIABLE

SUPERVISOR = "supervisor"
LOG_BYTES = 1_000_000
MACHINE_VARIABLE = "MUSTER_LAB_MACHINE"
"""Names the descriptor with which a supervisor holds the machine's network namespace open."""
_PASSED_ON = ("PATH", "LANG", "LC_ALL", "VIRTUAL_ENV", "PYTHONPATH")
_PROJECT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Program:
    """A process that must run on a host; `role` is what `muster lab ps` shows."""

    role: str
    arguments: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)


def python_program(role: str, module: str, *arguments: str, **environment: str) -> Program:
    """A module of ours as a program, in this interpreter."""
    return Program(role, (sys.executable, "-m", module, *arguments), environment)


def write_configuration(directory: Path, programs: Iterable[Program]) -> Path:
    """Write supervisord.conf for a host; programs start in the order given."""
    lines = [
        "[supervisord]",
        "nodaemon=true",
        "user=root",
        f"logfile={directory}/supervisor.log",
        f"logfile_maxbytes={LOG_BYTES}",
        "logfile_backups=0",
        f"pidfile={directory}/supervisor.pid",
        f"childlogdir={directory}",
        "[unix_http_server]",
        f"file={directory}/supervisor.sock",
        "chmod=0700",
        "[rpcinterface:supervisor]",
        "supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface",
        "[supervisorctl]",
        f"serverurl=unix://{directory}/supervisor.sock",
    ]
    for place, program in enumerate(programs):
        lines += [*_program_section(directory, program), f"priority={place}"]
    path = directory / "supervisord.conf"
    path.write_text("\n".join(lines) + "\n")
    path.chmod(0o600)
    return path


def start_supervisor(namespace: str, configuration: Path) -> None:
    """Start the supervisor of a host; it lives on when this process ends."""
    environment = {key: os.environ[key] for key in _PASSED_ON if key in os.environ}
    environment[ROLE_VARIABLE] = SUPERVISOR
    with (
        (configuration.parent / "supervisor.out").open("ab") as output,
        Path("/proc/self/ns/net").open("rb") as machine,
    ):
        environment[MACHINE_VARIABLE] = str(machine.fileno())
        subprocess.Popen(
            [
                *(tool("ip"), "netns", "exec", namespace),
                *(sys.executable, "-m", "workers.lab.prompt_supervisor"),
                *("-n", "-c", str(configuration)),
            ],
            cwd=_PROJECT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            pass_fds=(machine.fileno(),),
        )


def _program_section(directory: Path, program: Program) -> list[str]:
    environment = {ROLE_VARIABLE: program.role, "PYTHONUNBUFFERED": "1", **program.environment}
    return [
        f"[program:{program.role}]",
        f"command={' '.join(_quoted(argument) for argument in program.arguments)}",
        "environment=" + ",".join(f"{key}={_quoted(v)}" for key, v in environment.items()),
        f"directory={_PROJECT}",
        "autostart=true",
        "autorestart=true",
        "startsecs=1",
        "startretries=1000000",
        "stopasgroup=true",
        "killasgroup=true",
        "redirect_stderr=true",
        f"stdout_logfile={directory}/{program.role}.log",
        f"stdout_logfile_maxbytes={LOG_BYTES}",
        "stdout_logfile_backups=1",
    ]


def _quoted(text: str) -> str:
    """A word for supervisor's configuration: quoted, its own expansions undone."""
    escaped = text.replace("%", "%%").replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'

"""Somebody who types commands at a fake manager: words in, exit code and both outputs out."""

import json
import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import typer.main
from typer.testing import CliRunner

from cluster_admin.cli.main import build, named_group
from cluster_admin.cli.profiles import Target
from cluster_admin.cli.surroundings import Surroundings
from tests.unit.cli.manager import TOKEN, URL, Manager


@dataclass(frozen=True, slots=True)
class Done:
    """What a command left behind."""

    exit_code: int
    stdout: str
    stderr: str


@cache
def _muster(group: str | None) -> Any:
    """The command tree, made once: that takes longer than most commands."""
    return typer.main.get_command(build(group))


class Clock:
    """Seconds that pass only while somebody sleeps; Ctrl-C after `patience_seconds`."""

    def __init__(self, patience_seconds: float = 1000.0) -> None:
        self.now = 0.0
        self.patience_seconds = patience_seconds

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        if self.now >= self.patience_seconds:
            raise KeyboardInterrupt


class Operator:
    """Types commands; `around` holds what differs from a pipe without anybody there."""

    def __init__(self, manager: Manager, home: Path, **around: Any) -> None:
        self.manager = manager
        self.clock = Clock()
        self.transport: httpx.BaseTransport = manager.transport
        self.environment = {
            "MUSTER_URL": URL,
            "MUSTER_TOKEN": TOKEN,
            "MUSTER_CONFIG": str(home / "profiles.toml"),
        }
        self.around: dict[str, Any] = {"asks": False, "shows": False, "reports": False, **around}

    def surroundings(self) -> Surroundings:
        return Surroundings(
            environment=self.environment,
            transport=self.transport,
            fetch=self.fetch,
            clock=self.clock,
            sleep=self.clock.sleep,
            hidden=lambda _question: "right",
            **self.around,
        )

    def fetch(self, target: Target, where: str, query: Mapping[str, str | int]) -> Any:
        headers = {"Authorization": f"Bearer {target.token}"}
        request = httpx.Request(
            "GET", f"{target.url}/api/v1/{where}", params=query, headers=headers
        )
        try:
            answer = self.manager.answer(request)
        except httpx.HTTPError as error:
            raise OSError(str(error)) from error
        if answer.status_code != 200:
            raise OSError(answer.status_code)
        return json.loads(answer.content)

    def types(self, command: str, stdin: str | None = None) -> Done:
        words = shlex.split(command.removeprefix("muster "))
        muster = _muster(named_group(words, {}))
        with CliRunner().isolation(stdin) as (stdout, stderr, _):
            try:
                muster.main(words, prog_name="muster", obj=self.surroundings())
            except SystemExit as end:
                exit_code = int(end.code or 0)
            sys.stdout.flush()
            sys.stderr.flush()
            return Done(exit_code, stdout.getvalue().decode(), stderr.getvalue().decode())

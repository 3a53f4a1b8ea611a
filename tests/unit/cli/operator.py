"""Somebody who types commands at a fake manager: words in, exit code and both outputs out."""

import shlex
from pathlib import Path
from typing import Any

from typer.testing import CliRunner, Result

from cluster_admin.cli.main import build, named_group
from cluster_admin.cli.surroundings import Surroundings
from tests.unit.cli.manager import TOKEN, URL, Manager


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
        self.environment = {
            "MUSTER_URL": URL,
            "MUSTER_TOKEN": TOKEN,
            "MUSTER_CONFIG": str(home / "profiles.toml"),
        }
        self.around: dict[str, Any] = {"asks": False, "shows": False, "reports": False, **around}

    def surroundings(self) -> Surroundings:
        return Surroundings(
            environment=self.environment,
            transport=self.manager.transport,
            clock=self.clock,
            sleep=self.clock.sleep,
            hidden=lambda _question: "right",
            **self.around,
        )

    def types(self, command: str, stdin: str | None = None) -> Result:
        words = shlex.split(command.removeprefix("muster "))
        app = build(named_group(words, {}))
        return CliRunner().invoke(app, words, input=stdin, obj=self.surroundings())

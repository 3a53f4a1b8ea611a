"""A lab that lives as long as this process: up, a live table until Ctrl-C, then down.

SIGTERM and SIGHUP end it as Ctrl-C does; a second Ctrl-C does not stop the taking down. Killed, it
leaves a record that names it as the dead keeper, which the next run clears.
"""

import os
import shutil
import sys
import time
from pathlib import Path

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from workers.lab import bringup
from workers.lab.endings import end_like_interrupt, undisturbed
from workers.lab.errors import LabRefused
from workers.lab.health import Health, look
from workers.lab.lab import Lab
from workers.lab.progress import progress
from workers.lab.table import login_lines, picture, render, suggestions

REFRESH_SECONDS = 0.5


def run(wish: bringup.Wish) -> None:
    """Bring the lab up, show it until told to end, take it down."""
    end_like_interrupt()
    up = False
    try:
        with progress() as tell:
            lab = bringup.bring_up(wish, tell, keep=True)
        up = True
        _show(lab)
    except KeyboardInterrupt:
        if not up:
            raise
    finally:
        with undisturbed():
            bringup.take_down_own(wish.name)
    print(f"lab {wish.name} is gone; nothing is left", file=sys.stderr)


def _show(lab: Lab) -> None:
    console = Console()
    if console.is_terminal:
        _show_live(lab.name, console)
    else:
        _show_lines(lab.name)


def _show_live(name: str, console: Console) -> None:
    with Live(console=console, auto_refresh=False, vertical_overflow="visible") as live:
        while lab := _loaded(name):
            hints = Text("\n".join(_hints(lab)), style="cyan")
            live.update(Group(render(lab.record, look(lab.record)), hints), refresh=True)
            time.sleep(REFRESH_SECONDS)


def _show_lines(name: str) -> None:
    """Without a terminal: one line whenever an owner, a state or a fault changes."""
    said = ""
    lab = _loaded(name)
    if lab is not None:
        print("\n".join(_hints(lab)), flush=True)
    while lab := _loaded(name):
        line = _line(lab, look(lab.record))
        if line != said:
            print(line, flush=True)
            said = line
        time.sleep(REFRESH_SECONDS)


def _hints(lab: Lab) -> list[str]:
    return [*login_lines(lab.record, _command()), *suggestions(lab.record, _command())]


def _line(lab: Lab, health: Health) -> str:
    seen = picture(lab.record, health)
    nodes = [f"{n['node']}={n.get('state', 'no answer')}" for n in seen["nodes"]]
    vips = [f"{v['vip']}={'+'.join(h['node'] for h in v['holders'])}" for v in seen["vips"][:24]]
    faults = [f"[{fault['fault']}]" for fault in seen["faults"]]
    return " ".join(nodes + vips + faults)


def _command() -> str:
    """How to call `muster` from another terminal in this directory."""
    sudo = "sudo " if "SUDO_USER" in os.environ else ""
    beside = Path(sys.executable).with_name("muster")
    if (not sudo and shutil.which("muster")) or not beside.exists():
        return f"{sudo}muster"
    here = Path.cwd()
    return f"{sudo}{beside.relative_to(here) if beside.is_relative_to(here) else beside}"


def _loaded(name: str) -> Lab | None:
    """The lab, or None when somebody took it down from outside."""
    try:
        return Lab.load(name)
    except LabRefused:
        return None

"""What has to be there before any program of a manager starts: tables, definitions, an account.

`python -m workers.lab.preparation DIRECTORY COMMAND...` sees to it that the steps written there are
done, then becomes COMMAND. All programs start at once: the first one does the steps, the others
wait for it. Invariant: once done they are never done again; a run that was cut short begins anew,
so every step must bear being repeated.
"""

import fcntl
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

PAUSE_SECONDS = 1.0
"""After a failure, so that repeating it does not eat the machine."""


def write_steps(directory: Path, steps: Sequence[Sequence[str]]) -> None:
    """Leave the command lines to be done, in their order."""
    _steps(directory).write_text(json.dumps(steps))


def prepare(directory: Path) -> None:
    """Return when every step is done; CalledProcessError when one fails."""
    done = directory / "prepared"
    with (directory / "prepared.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            for step in json.loads(_steps(directory).read_text()):
                subprocess.run(step, check=True)
            done.touch()


def main(directory: Path, command: list[str]) -> None:
    """Prepare, then become the command."""
    try:
        prepare(directory)
    except subprocess.CalledProcessError as error:
        print(f"preparing the manager failed: {error}", file=sys.stderr)
        time.sleep(PAUSE_SECONDS)
        sys.exit(1)
    os.execv(command[0], command)  # noqa: S606 -- a command line of the lab's own


def _steps(directory: Path) -> Path:
    return directory / "steps.json"


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])

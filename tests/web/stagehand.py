"""Plays the listener on a database of its own: fills it, then does what is asked on stdin.

    python -m tests.web.stagehand

Every line is JSON, `[name of a function of seeding or config_seeding, arguments, keywords]` or
`["quiet"]`; each is answered by one line, `done`. Once a second it says that the bus is heard,
unless it is quiet.
"""

import json
import select
import sys
from typing import Any

import django

BEAT_SECONDS = 1.0


def main() -> None:
    """Set the stage, and work until stdin ends."""
    django.setup()
    from django.core.management import call_command

    from tests.web import config_seeding, seeding

    call_command("migrate", verbosity=0)
    seeding.stage()
    print("done", flush=True)
    quiet = False
    while True:
        ready, _, _ = select.select([sys.stdin], [], [], BEAT_SECONDS)
        line = sys.stdin.readline() if ready else ""
        if ready and not line:
            return
        if line:
            name, *rest = json.loads(line)
            quiet = name == "quiet"
            if not quiet:
                place = seeding if hasattr(seeding, name) else config_seeding
                _call(getattr(place, name), *rest)
            print("done", flush=True)
        if not quiet:
            seeding.beat()


def _call(function: Any, positional: list[Any], named: dict[str, Any]) -> None:
    function(*positional, **named)


if __name__ == "__main__":
    main()

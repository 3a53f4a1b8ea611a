"""A wall clock per node, stepped by libfaketime; monotonic clocks and the machine's are untouched.

The agent of every node runs with the library loaded and a clock file of its own that says "+0";
a step rewrites the file, and the library reads it again within a second. Trap: libfaketime 0.9.10
refuses absolute sleeps on a monotonic clock that it must leave alone, so Python's `time.sleep`
fails in such a process; poll, select, condition variables and asyncio are right.
"""

from pathlib import Path

from workers.lab.errors import LabRefused

_LIBRARIES = "*/faketime/libfaketimeMT.so.1"


def library() -> str | None:
    """Path of libfaketime, or None when it is not installed."""
    found = sorted(Path("/usr/lib").glob(_LIBRARIES))
    return str(found[0]) if found else None


def clock_environment(clock: Path) -> dict[str, str]:
    """Environment of a process whose wall clock follows the file `clock`."""
    preload = library()
    if preload is None:
        return {}
    return {
        "LD_PRELOAD": preload,
        "FAKETIME_TIMESTAMP_FILE": str(clock),
        "FAKETIME_CACHE_DURATION": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "DONT_FAKE_MONOTONIC": "1",
        "NO_FAKE_STAT": "1",
    }


def set_clock(clock: Path, seconds: int) -> None:
    """Let the clock stand `seconds` off the machine's."""
    if seconds and library() is None:
        raise LabRefused("clock-step needs libfaketime: script/setup or apt-get install faketime")
    draft = clock.with_suffix(".new")
    draft.write_text(f"{seconds:+d}\n")
    draft.replace(clock)

"""What finding costs in a log that was collected: index, trace and search, timed.

`python -m bench.logs_reading TEMPLATE KEY`: of files that are there, with an index made anew.
"""

import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from workers.logs import reading
from workers.logs.index import Index

WITH_TEXT = r"status=deferred \(host mx said: 450"
WITHOUT_TEXT = r"\b[4-5]\d\d\d\d\d\b"


def measure(template: str, key: str) -> dict[str, float]:
    """Seconds of a trace and of two searches, and what the index costs; by the rows' names."""
    found = reading.files(template)
    size = sum(Path(one.path).stat().st_size for one in found)
    with TemporaryDirectory(prefix="muster-bench-") as place:
        before = time.process_time()
        Index(Path(place)).catch_up(one.path for one in found)
        spent = time.process_time() - before
        sidecars = sum(one.stat().st_size for one in Path(place).rglob("*.index"))
        before = time.perf_counter()
        reading.trace(found, key, index=Path(place))
        traced = time.perf_counter() - before
    return {
        "bytes": float(size),
        "index.cpu_per_gb": spent / size * 1e9,
        "index.percent_of_log_size": 100 * sidecars / size,
        "trace.seconds": traced,
        "search-text.seconds": _searched(found, WITH_TEXT),
        "search-no-text.seconds": _searched(found, WITHOUT_TEXT),
    }


def _searched(found: list[reading.LogFile], pattern: str) -> float:
    before = time.perf_counter()
    for _line in reading.search(found, pattern, limit=1_000_000_000):
        pass
    return time.perf_counter() - before


if __name__ == "__main__":
    for name, value in measure(*sys.argv[1:3]).items():
        print(f"{name:28} {value:.2f}")

"""A process that holds VIPs as the consumer does: `python holder.py SECONDS VIP...`.

Takes them, writes what it got as one line of JSON, and renews every 0.1 s until its input ends.
"""

import json
import select
import sys
import time

from tests.integration.segment import define
from workers.failover.core.actions import Renew, Take
from workers.failover.plumber import Plumber

RENEW_SECONDS = 0.1


def main() -> None:
    seconds, *vips = sys.argv[1:]
    plumber = Plumber("one", define(*vips, lease_ttl=int(seconds)))
    started = plumber.open()
    taken = plumber.take(Take(tuple(vips), time.monotonic()))
    said = {
        "adoptable": started.adoptable,
        "added": taken.added,
        "failed": taken.failed,
        "warnings": plumber.warnings(),
    }
    print(json.dumps(said), flush=True)
    while not select.select([sys.stdin], [], [], RENEW_SECONDS)[0]:
        plumber.renew(Renew(tuple(vips), time.monotonic()))
        plumber.read()


if __name__ == "__main__":
    main()

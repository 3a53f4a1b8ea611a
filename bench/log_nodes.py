"""The shippers of many nodes in one process, each with its own log, connection and checkpoints.

    python -m bench.log_nodes NODE.toml ...

It is what `workers.shipper` runs, without fifty Celery workers around it on one machine.
"""

import logging
import os
import sys
import threading
from pathlib import Path

from workers.exit_codes import Exit
from workers.failover.settings import read_settings
from workers.logs.carrying import Carriers, Node
from workers.shipper import DefinedLogs

log = logging.getLogger("bench.log_nodes")


def _carry(config: Path) -> None:
    """Ship one node's logs; when that ends, so does everything."""
    try:
        settings = read_settings(config)
        node = Node(
            settings.cluster,
            settings.subcluster,
            settings.node,
            settings.brokers,
            settings.key_file,
            settings.state_directory,
        )
        Carriers(node, DefinedLogs(settings)).run()
    except Exception:
        log.exception("%s ships no more", config)
        logging.shutdown()
    os._exit(Exit.FAILED)


def main() -> None:
    """Ship until killed."""
    for config in map(Path, sys.argv[1:]):
        threading.Thread(target=_carry, args=(config,), name=str(config)).start()


if __name__ == "__main__":
    main()

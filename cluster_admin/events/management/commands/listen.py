"""`manage.py listen`: hear the bus and keep the database; runs until it is told to stop."""

import asyncio
import os
import signal
import sys
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import Error, connection

from cluster_admin.events import broker_addresses, companions
from cluster_admin.events.listener import Listener
from cluster_admin.events.models import Cursor
from workers.bus.errors import BusError
from workers.bus.keys import load_keys
from workers.exit_codes import Exit


class Command(BaseCommand):
    """Hears every subcluster of the database, new ones too."""

    help = "Hear the nodes on the bus and keep the database; one line for each change of state."

    def handle(self, *_: Any, **__: Any) -> None:
        """Check what can be checked, then listen."""
        try:
            broker_addresses.check(settings.MUSTER_BROKERS)
            if not settings.MUSTER_KEY_FILE:
                raise BusError("MUSTER_KEY_FILE is not set; name the file of the cluster's keys")
            keys = load_keys(settings.MUSTER_KEY_FILE)
        except BusError as error:
            raise CommandError(str(error), returncode=Exit.USAGE) from error
        try:
            Cursor.objects.exists()
        except Error as error:
            way = "check DATABASE_URL and run `manage.py migrate`"
            raise CommandError(f"database: {error}; {way}", returncode=Exit.USAGE) from error
        finally:
            connection.close()
        asyncio.run(_listen(keys))
        sys.stderr.flush()
        os._exit(Exit.OK)  # a thread that waits for the database or a broker is not waited for


async def _listen(keys: tuple[bytes, ...]) -> None:
    place = (settings.MUSTER_CLUSTER, settings.MUSTER_BROKERS, keys, _say)
    everybody = [Listener(*place), *(make(*place) for make in companions.makers)]

    def stop() -> None:
        for one in everybody:
            one.stop()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    await asyncio.gather(*(one.run() for one in everybody))


def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)

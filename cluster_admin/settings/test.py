"""Settings for tests: no debug pages, fast passwords, nothing sent anywhere."""

import os
import tempfile
from pathlib import Path

from cluster_admin.settings import environment
from cluster_admin.settings.base import *  # noqa: F403

DEBUG = False
SECRET_KEY = "only for tests, where nothing is secret, and long enough for the checks"  # noqa: S105
ALLOWED_HOSTS = ["testserver", "localhost", "127.0.0.1", "[::1]"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
MUSTER_CLUSTER = "demo"
MUSTER_BROKERS = ()
MUSTER_BROKER_MANAGEMENT = ()
MUSTER_NODE_BROKERS = ()
MUSTER_KEY_FILE = ""
MUSTER_METRICS_OPEN = False
if not environment.text("MUSTER_DATA_DIRECTORY"):
    MUSTER_REPOSITORY_DIRECTORY = Path(tempfile.gettempdir(), f"muster-{os.getpid()}.git")
    """Nothing is kept in the project; tests with a database have one of their own each."""

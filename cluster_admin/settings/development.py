"""Settings for a developer's machine: debug pages, a key that is new at every start."""

from django.core.management.utils import get_random_secret_key

from cluster_admin.settings import environment
from cluster_admin.settings.base import *  # noqa: F403

DEBUG = True
SECRET_KEY = environment.text("MUSTER_SECRET_KEY") or get_random_secret_key()
ALLOWED_HOSTS = ["localhost", "127.0.0.1", "[::1]"]

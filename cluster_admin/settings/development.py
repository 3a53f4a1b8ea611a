"""Settings for a developer's machine: debug pages, a key that is new at every start."""

from django.core.management.utils import get_random_secret_key

from cluster_admin.settings.base import *  # noqa: F403

DEBUG = True
SECRET_KEY = get_random_secret_key()
ALLOWED_HOSTS = ["localhost", "127.0.0.1", "[::1]"]

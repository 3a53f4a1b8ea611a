"""The web process: `uvicorn cluster_admin.asgi:application`."""

import os
from typing import Any

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cluster_admin.settings.development")
_django: Any = get_asgi_application()

from cluster_admin.api.limits import BodyLimit  # noqa: E402
from cluster_admin.rest.bodies import limit_of  # noqa: E402

application = BodyLimit(_django, limit_of)

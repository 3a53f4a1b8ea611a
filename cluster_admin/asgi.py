"""The web process: `uvicorn cluster_admin.asgi:application`."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cluster_admin.settings.development")

application = get_asgi_application()

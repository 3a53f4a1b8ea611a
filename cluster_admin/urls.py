"""The manager's addresses: pages at /, the admin at /admin/, the API at /api/v1/."""

from importlib.util import find_spec

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path

urlpatterns: list[URLPattern | URLResolver] = [path("admin/", admin.site.urls)]
for prefix, module in (
    ("", "cluster_admin.api.urls"),
    ("", "cluster_admin.dashboard.urls"),
):
    if find_spec(module.rpartition(".")[0]) and find_spec(module):
        urlpatterns.append(path(prefix, include(module)))

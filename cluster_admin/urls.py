"""The manager's addresses: pages at /, the admin at /admin/, the API at /api/v1/."""

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path

from cluster_admin.dashboard.views.session import Login

urlpatterns: list[URLPattern | URLResolver] = [
    path("admin/login/", Login.as_view()),
    path("admin/", admin.site.urls),
    path("", include("cluster_admin.api.urls")),
    path("", include("cluster_admin.dashboard.urls")),
]
handler400 = "cluster_admin.api.errors.bad_request"
handler403 = "cluster_admin.api.errors.denied"
handler404 = "cluster_admin.api.errors.not_found"
handler500 = "cluster_admin.api.errors.failed"

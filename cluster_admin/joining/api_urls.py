"""The addresses of joining under /api/v1/; tokens are made at their nodes."""

from django.urls import path

from cluster_admin.joining.api_views import Join

urlpatterns = [path("join/", Join.as_view(), name="join")]

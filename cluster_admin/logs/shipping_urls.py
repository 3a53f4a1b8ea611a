"""The addresses of shipping under /api/v1/logs/."""

from django.urls import path

from cluster_admin.logs.api_shipping import AllShipping

urlpatterns = [
    path("logs/shipping/", AllShipping.as_view({"get": "list"}), name="log-shipping"),
]

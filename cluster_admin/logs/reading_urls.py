"""The addresses of collected logs under /api/v1/logs/."""

from django.urls import path

from cluster_admin.logs.api_reading import Counts, Lines, Tails, Traces

urlpatterns = [
    path("logs/lines/", Lines.as_view(), name="log-lines"),
    path("logs/histogram/", Counts.as_view(), name="log-histogram"),
    path("logs/trace/", Traces.as_view(), name="log-trace"),
    path("logs/tail/", Tails.as_view(), name="log-tail"),
]

"""The manager's addresses. No page exists yet: every address answers 404."""

from django.urls import URLPattern, URLResolver

urlpatterns: list[URLPattern | URLResolver] = []

"""The front page of the API, and its OpenAPI document, made once per process."""

from functools import cache

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiJsonRenderer, OpenApiYamlRenderer
from drf_spectacular.settings import spectacular_settings

LISTS = (
    *("status", "subclusters", "segments", "topologies", "nodes", "vips", "events", "audit"),
    *("tokens", "users", "grants", "whoami", "schema"),
    *("config/revisions", "config/replicas", "config/deployments"),
    *("logs/sources", "logs/subscribers", "logs/shipping"),
    *("logs/lines", "mail/counts"),
    *("limits", "limits/exemptions", "shared/tables"),
)


@require_safe
def root(request: HttpRequest) -> HttpResponse:
    """Where everything is."""
    here = request.build_absolute_uri("/api/v1/")
    return JsonResponse({name: f"{here}{name}/" for name in LISTS})


@require_safe
def schema(request: HttpRequest) -> HttpResponse:
    """OpenAPI 3: YAML for whoever asks for it, JSON otherwise. No login: it has no secrets."""
    if "yaml" in request.headers.get("Accept", ""):
        return HttpResponse(_document(yaml=True), content_type="application/yaml")
    return HttpResponse(_document(yaml=False), content_type="application/json")


@cache
def _document(*, yaml: bool) -> bytes:
    generator = SchemaGenerator(api_version=spectacular_settings.VERSION)
    renderer = OpenApiYamlRenderer() if yaml else OpenApiJsonRenderer()
    found: bytes = renderer.render(generator.get_schema(request=None, public=True), None, {})
    return found

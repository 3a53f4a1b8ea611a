"""Errors that no view of the API answers: unknown addresses, bad requests, bugs.

Under /api/ they are problems like all others; elsewhere Django's own pages.
"""

import logging
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views import defaults
from django.views.decorators.csrf import csrf_exempt

from cluster_admin.rest.problems import Code, Problem, answer, cut

log = logging.getLogger("muster.api")


@csrf_exempt
def unknown(request: HttpRequest, *_: Any) -> HttpResponse:
    """404 for an address of the API that is none."""
    way = "" if request.path.endswith("/") else "; addresses end with a slash"
    sentence = f"there is nothing at {cut(request.path, 100)}{way}; begin at /api/v1/"
    return answer(Problem(Code.NOT_FOUND, sentence))


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """400: a host that is not ours, or a malformed request."""
    if not _of_api(request):
        return defaults.bad_request(request, exception)
    return answer(Problem(Code.INVALID, "the request is malformed, or for another host"))


def denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    """403."""
    if not _of_api(request):
        return defaults.permission_denied(request, exception)
    return answer(Problem(Code.FORBIDDEN, "you may not do this"))


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """404."""
    return unknown(request) if _of_api(request) else defaults.page_not_found(request, exception)


def failed(request: HttpRequest) -> HttpResponse:
    """500: a bug; Django has logged it."""
    if not _of_api(request):
        return defaults.server_error(request)
    return answer(Problem(Code.FAILED, "this is a bug of the manager; its log has the details"))


def _of_api(request: HttpRequest) -> bool:
    return request.path.startswith("/api/")

"""What browsers may load and do on the manager's pages: nothing from elsewhere, nothing inline.

Every answer gets the same policy, the admin's pages and the API's too.
"""

from collections.abc import Awaitable, Callable

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.http import HttpRequest, HttpResponseBase

PARTS = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' data:",
    "font-src": "'self'",
    "connect-src": "'self'",
    "form-action": "'self'",
    "base-uri": "'none'",
    "frame-ancestors": "'none'",
}
POLICY = "; ".join(f"{name} {value}" for name, value in PARTS.items())
HEADER = "Content-Security-Policy"
Answer = HttpResponseBase | Awaitable[HttpResponseBase]


class ContentPolicy:
    """Middleware that adds the policy, to sync and async views alike."""

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Answer]) -> None:
        self._get_response = get_response
        if iscoroutinefunction(get_response):
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> Answer:
        """Answer with the policy."""
        answer = self._get_response(request)
        if isinstance(answer, HttpResponseBase):
            return _add(answer)
        return self._later(answer)

    @staticmethod
    async def _later(answer: Awaitable[HttpResponseBase]) -> HttpResponseBase:
        return _add(await answer)


def _add(answer: HttpResponseBase) -> HttpResponseBase:
    answer.headers.setdefault(HEADER, POLICY)
    return answer

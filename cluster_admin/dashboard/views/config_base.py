"""What the pages of the configuration share: its tabs, its troubles, who may see what."""

from collections.abc import Callable
from typing import Any, ClassVar

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase

from cluster_admin.configs import scope
from cluster_admin.configs.store import repository
from cluster_admin.dashboard.views.base import Page, answer, common
from workers.repository.errors import RepositoryError, UnknownPathError, UnknownRevisionError

PLACE = "config"


class ConfigPage(Page):
    """A page about the configuration; what the repository cannot do is said on it."""

    template = "dashboard/config/page.html"
    place: ClassVar[str] = PLACE

    def dispatch(self, request: HttpRequest, *args: Any, **named: Any) -> HttpResponseBase:
        """Answer, or say what is wrong with the repository."""
        try:
            return super().dispatch(request, *args, **named)
        except UnknownRevisionError as error:
            raise Http404(str(error)) from error
        except UnknownPathError as error:
            return missing(request, str(error), named.get("path", ""))
        except RepositoryError as error:
            return trouble(request, str(error))

    def show(
        self, request: HttpRequest, part: str, context: dict[str, Any], status: int = 200
    ) -> HttpResponse:
        """Another page than the usual, in answer to a form."""
        shown = common(request) | {"place": PLACE, "part": f"dashboard/config/parts/{part}"}
        return answer(request, "dashboard/config/page.html", shown | context, status)


def trouble(request: HttpRequest, sentence: str) -> HttpResponse:
    """The page that says that the repository does not work."""
    context = common(request) | {"place": PLACE, "sentence": sentence}
    return answer(request, "dashboard/config/trouble.html", context, 503)


def missing(request: HttpRequest, sentence: str, path: str) -> HttpResponse:
    """The page for a file that is not in a revision: perhaps it was, in others."""
    shown = {"place": PLACE, "sentence": sentence.partition(";")[0], "path": path.strip("/")}
    return answer(request, "dashboard/config/missing.html", common(request) | shown, 404)


def newest_number() -> int:
    """The newest revision; 0 when there is none."""
    head = repository().head()
    return 0 if head is None else head.number


def sight(request: HttpRequest) -> Callable[[str], bool]:
    """Says of a path whether the reader may see it."""
    return scope.reader(request.user)


def plain_path(path: str, request: HttpRequest) -> str:
    """A path of a URL; 404 for one that the reader may not see, as if it were not there."""
    found = path.strip("/")
    if "\0" in found or (found and not sight(request)(found)):
        raise Http404
    return found

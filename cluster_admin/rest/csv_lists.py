"""Lists of the API as CSV, for whoever asks with `?format=csv` or `Accept: text/csv`.

Whole and newest first: pages and orders are of JSON alone, and refused beside CSV.
"""

from typing import Any

from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

from cluster_admin.rest.bodies import Renderer
from cluster_admin.rest.problems import cut, invalid
from cluster_admin.rest.spreadsheets import MEDIA_TYPE

FORMATS = ("json", "csv")
OF_JSON = ("page", "page_size", "ordering")


class CsvRenderer(BaseRenderer):
    """Only lets clients ask for it; what is sent is made by `spreadsheets`."""

    media_type = MEDIA_TYPE
    format = "csv"
    charset = "utf-8"

    def render(self, data: Any, *_: Any, **__: Any) -> bytes:
        """Never asked: the response streams."""
        return b""


RENDERERS = (Renderer, CsvRenderer)


def wanted(request: Request) -> bool:
    """Whether the client wants CSV; raises the problem of what does not go with it."""
    told = request.query_params.get("format")
    if told not in (None, *FORMATS):
        raise invalid(format=f"is {cut(told, 20)!r}; write csv or json")
    accepted = isinstance(request.accepted_renderer, CsvRenderer)
    if not (told == "csv" or (told is None and accepted)):
        return False
    for name in OF_JSON:
        if name in request.query_params:
            raise invalid(**{name: "is of JSON: CSV is whole, newest first; leave it out"})
    return True

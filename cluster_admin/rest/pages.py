"""Lists: pages, order and search.

What a client asks for and cannot have is refused by name, never ignored.
"""

from datetime import UTC, datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator
from django.db.models import QuerySet
from django_filters.rest_framework import DjangoFilterBackend, IsoDateTimeFilter
from rest_framework.filters import OrderingFilter, SearchFilter
from rest_framework.pagination import PageNumberPagination
from rest_framework.request import Request
from rest_framework.views import APIView

from cluster_admin.rest.problems import Code, Problem, cut, invalid

SEARCH_LENGTH = 200
SEARCH_WORDS = 10
NUMBER_LENGTH = 9
EARLIEST, LAST_YEAR = datetime(1970, 1, 1, tzinfo=UTC), 9000


class Pages(PageNumberPagination):
    """`?page=` and `?page_size=`: 50 rows unless told otherwise, 1,000 at most."""

    page_size = 50
    max_page_size = 1000
    page_size_query_param = "page_size"

    def get_page_size(self, request: Request) -> int:
        """Strictly a number in bounds."""
        told = request.query_params.get("page_size")
        if told is None:
            return self.page_size
        size = _number(told)
        if not 1 <= size <= self.max_page_size:
            raise invalid(page_size=f"is {cut(told, 20)!r}; write 1 to {self.max_page_size}")
        return size

    def paginate_queryset(
        self, queryset: Any, request: Request, view: APIView | None = None
    ) -> list[Any]:
        """The rows of the page."""
        told = request.query_params.get("page", "1")
        number = _number(told)
        if number < 1:
            raise invalid(page=f"is {cut(told, 20)!r}; write a number from 1 up")
        self.request = request
        paginator = self.django_paginator_class(queryset, self.get_page_size(request))
        if number > max(1, paginator.num_pages):
            raise Problem(Code.NOT_FOUND, f"there is no page {number} of {paginator.num_pages}")
        self.page = paginator.page(number)
        return list(self.page)


class Order(OrderingFilter):
    """`?ordering=name,-weight`; rows of equal rank in the order of their ids."""

    def get_ordering(self, request: Request, queryset: Any, view: APIView) -> Any:
        """Refuse names that are not known; public names may stand for lookups."""
        known = fields_of(view)
        told = request.query_params.get(self.ordering_param, "")
        if not told:
            return (*queryset.query.order_by, *queryset.model._meta.ordering, "pk")
        terms: list[str] = []
        for term in told.split(","):
            name = term.strip().removeprefix("-")
            if name not in known or len(terms) > len(known):
                names = ", ".join(known)
                raise invalid(ordering=f"{cut(name, 40)!r} is not known; there are {names}")
            terms.append(("-" if term.strip().startswith("-") else "") + known[name])
        return (*terms, "pk")

    def get_schema_operation_parameters(self, view: APIView) -> list[dict[str, Any]]:
        """For the OpenAPI document."""
        names = ", ".join(fields_of(view))
        return [
            {
                "name": self.ordering_param,
                "required": False,
                "in": "query",
                "description": f"Fields to sort by, commas between, - for descending: {names}.",
                "schema": {"type": "string"},
            }
        ]


class Search(SearchFilter):
    """`?search=`: rows in which every word is found."""

    def get_search_terms(self, request: Request) -> list[str]:
        """The words; bounded, since each is looked for in every row."""
        told = request.query_params.get(self.search_param, "")
        words = told.split()
        if len(told) > SEARCH_LENGTH or len(words) > SEARCH_WORDS:
            most = f"write {SEARCH_WORDS} words and {SEARCH_LENGTH} characters at most"
            raise invalid(search=f"is too long; {most}")
        return words

    def filter_queryset(self, request: Request, queryset: QuerySet, view: APIView) -> QuerySet:
        """Only where a view says what is searched."""
        if not getattr(view, "search_fields", None):
            return queryset
        return super().filter_queryset(request, queryset, view)


class Moment(IsoDateTimeFilter):
    """A time as ISO 8601 has it, of years in which something can have happened."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options, validators=[MinValueValidator(EARLIEST), _before_the_end])


def _before_the_end(moment: datetime) -> None:
    if moment.year > LAST_YEAR:
        raise ValidationError(f"is beyond the year {LAST_YEAR}; write an earlier time")


class Filters(DjangoFilterBackend):
    """django-filter without its HTML forms."""

    def to_html(self, request: Any, queryset: Any, view: Any) -> str:
        """Nothing."""
        return ""


def fields_of(view: APIView) -> dict[str, str]:
    """Name in the URL -> lookup, of what a list may be sorted by."""
    known = getattr(view, "ordering_fields", ())
    return known if isinstance(known, dict) else {name: name for name in known}


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= NUMBER_LENGTH else -1

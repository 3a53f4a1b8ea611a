"""A list of the admin as CSV: the same columns, rows as they come from the database.

Cells that a spreadsheet would take for a formula get an apostrophe in front. Bounded: whoever wants
more than `MOST_ROWS` narrows the list first.
"""

import csv
from typing import Any

from django.contrib import messages
from django.contrib.admin.utils import label_for_field, lookup_field
from django.db import models
from django.http import HttpRequest, HttpResponse
from django.utils.html import strip_tags

from cluster_admin.rest.spreadsheets import MEDIA_TYPE, safe

MOST_ROWS = 100_000


def csv_of(
    model_admin: Any, request: HttpRequest, rows: models.QuerySet[Any]
) -> HttpResponse | None:
    """The list's columns of `rows` as a file; None, with a message, when they are too many."""
    if rows.count() > MOST_ROWS:
        told = f"more than {MOST_ROWS} rows are too many for one file; narrow the list first"
        model_admin.message_user(request, told, messages.ERROR)
        return None
    names = [name for name in model_admin.get_list_display(request) if name != "action_checkbox"]
    response = HttpResponse(content_type=f"{MEDIA_TYPE}; charset=utf-8")
    name = f"{model_admin.opts.model_name}.csv"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    writer = csv.writer(response)
    writer.writerow([label_for_field(one, model_admin.model, model_admin) for one in names])
    for row in rows.iterator(chunk_size=500):
        writer.writerow([_cell(model_admin, one, row) for one in names])
    return response


def _cell(model_admin: Any, name: str, row: models.Model) -> object:
    _, _, value = lookup_field(name, row, model_admin)
    if hasattr(value, "isoformat"):
        return value.isoformat()
    return safe("" if value is None else strip_tags(str(value)))

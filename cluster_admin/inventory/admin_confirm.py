"""One page that asks before something is done: to which rows, with which difference, and why.

The page shows a dry run of exactly what its button does. Refused: the sentence, and nothing done;
where force overrides the refusal, a box to tick and the difference it would make.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db import models, transaction
from django.http import HttpRequest, HttpResponse

from cluster_admin.audit.actor import Actor
from cluster_admin.inventory import services
from cluster_admin.inventory.admin_diff import differences
from cluster_admin.inventory.admin_fields import ReasonField
from cluster_admin.inventory.models import Subcluster
from cluster_admin.inventory.services import Change, Overridable, Refused

NAMES_SHOWN = 50
CONFIRMED, FORCE = "confirmed", "force"


@dataclass(frozen=True, slots=True)
class Plan:
    """What is asked, and what is done then."""

    action: str
    """One word for the audit trail."""
    question: str
    button: str
    perform: Callable[[str, bool], list[Change]]
    """Called with the reason, and whether it is a dry run; raises `Refused`."""
    form: type["ConfirmForm"] | None = None
    """Asks more than why; without it there is a difference to show before anything is chosen."""
    forced: Callable[[str, bool], list[Change]] | None = None
    """As `perform`, in spite of what is `Overridable`."""


class ConfirmForm(forms.Form):
    """Why."""

    reason = ReasonField()


def confirm(
    model_admin: Any, request: HttpRequest, plan: Plan, names: Sequence[str]
) -> HttpResponse | None:
    """The page that asks, or None once it is done and told."""
    confirmed = CONFIRMED in request.POST
    forced = plan.forced if FORCE in request.POST else None
    perform = forced or plan.perform
    form = (plan.form or ConfirmForm)(request.POST if confirmed else None)
    context: dict[str, Any] = {"force": FORCE, "forced": True} if forced else {}
    try:
        if confirmed and form.is_valid():
            model_admin.tell(request, perform(form.cleaned_data["reason"], False))
            return None
        if plan.form is None:
            context["diff"] = differences(perform("", True))
    except Refused as refused:
        context = _refusal(plan, refused)
        if confirmed:
            thing = names[0] if len(names) == 1 else f"{len(names)} rows"
            told = {"outcome": "refused", "reason": refused.sentence}
            model_admin.audit(request, plan.action, thing, **told)
    context |= {"form": form, "plan": plan, **_names(names), "hidden": _hidden(request)}
    page: HttpResponse = model_admin.own_page(
        request, "confirm", plan.question, confirmed=CONFIRMED, **context
    )
    return page


def change_each(
    rows: models.QuerySet[Any],
    actor: Actor,
    reason: str,
    dry_run: bool,
    work: Callable[[Change, list[Any]], None],
) -> list[Change]:
    """Do `work` to the rows of each subcluster in one change; all of them, or none.

    Rows are read when nobody else can change them: `work` sees them as they are.
    """
    homes = Subcluster.objects.filter(pk__in=rows.order_by().values("subcluster")).order_by("pk")
    done = []
    with transaction.atomic():
        for home in homes:
            with services.change(home, actor, reason, dry_run) as change:
                work(change, list(rows.filter(subcluster=home)))
            done.append(change)
    return done


def delete_rows(done: Change, rows: list[Any]) -> None:
    """Delete rows within a change; what stands in the way raises `ProtectedError`."""
    if not rows:
        return
    model: Any = type(rows[0])
    for row in rows:
        done.note("delete", row, services.values_of(row))
    keys = [row.pk for row in rows]
    own: list[models.Field[Any, Any]] = [
        one for one in model._meta.fields if one.is_relation and one.related_model is model
    ]
    for start in range(0, len(keys), 500):
        for one in own:  # what is deleted holds on to nothing, in whatever order it goes
            model.objects.filter(pk__in=keys[start : start + 500]).update(**{one.name: None})
    for start in range(0, len(keys), 500):
        model.objects.filter(pk__in=keys[start : start + 500]).delete()


def _refusal(plan: Plan, refused: Refused) -> dict[str, Any]:
    """The sentence; and what force would do, unless that is refused too."""
    if plan.forced is None or not isinstance(refused, Overridable):
        return {"refusal": refused.sentence}
    try:
        diff = differences(plan.forced("", True))
    except Refused as more:
        return {"refusal": f"{refused.sentence}\n{more.sentence}"}
    return {"refusal": refused.sentence, "force": FORCE, "diff": diff}


def _names(names: Sequence[str]) -> dict[str, Any]:
    return {"names": names[:NAMES_SHOWN], "more": max(0, len(names) - NAMES_SHOWN)}


def _hidden(request: HttpRequest) -> list[tuple[str, str]]:
    """What makes the list's action come again; nothing on a page of its own."""
    if "action" not in request.POST:
        return []
    across = request.POST.get("select_across", "0")
    chosen = request.POST.getlist(ACTION_CHECKBOX_NAME)
    fields = [("action", request.POST["action"]), ("select_across", across)]
    return [*fields, *((ACTION_CHECKBOX_NAME, one) for one in chosen)]

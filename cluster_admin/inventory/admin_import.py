"""The page that takes a definitions file in: uploaded or pasted, checked first, then imported.

Which subcluster it is for stands in the file. One that is not here yet is made along with it, by
whoever administers the cluster.
"""

from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from cluster_admin.accounts.roles import Role
from cluster_admin.accounts.services import actor_of, allowed, allowed_anywhere
from cluster_admin.inventory import definitions, services
from cluster_admin.inventory.admin_diff import differences
from cluster_admin.inventory.admin_fields import ReasonField
from cluster_admin.inventory.models import Subcluster
from cluster_admin.inventory.services import Change, Refused
from workers.failover.core.definitions_text import LIMIT_BYTES, DefinitionsError

IMPORT = "_import"
"""Name of the button that does not only check."""


class ImportForm(forms.Form):
    """A file or a text, and why."""

    file = forms.FileField(required=False, label="Definitions file")
    text = forms.CharField(
        required=False,
        strip=False,
        max_length=LIMIT_BYTES,
        label="or its text",
        widget=forms.Textarea({"rows": 24, "cols": 100, "spellcheck": "false"}),
    )
    reason = ReasonField()

    def clean(self) -> dict[str, Any]:
        """A chosen file goes before what stands in the text area."""
        found = super().clean() or {}
        file = found.get("file")
        if file and not self.errors:
            found["text"] = self._read(file)
        if not found.get("text", "").strip() and not self.errors:
            raise forms.ValidationError("choose a file, or paste its text")
        return found

    def _read(self, file: Any) -> str:
        if file.size > LIMIT_BYTES:
            raise forms.ValidationError(
                f"{file.size} bytes are too many; at most {LIMIT_BYTES}: divide the subcluster"
            )
        try:
            return str(file.read(), "utf-8")
        except UnicodeDecodeError:
            raise forms.ValidationError("the file is not text in UTF-8") from None


def import_page(model_admin: Any, request: HttpRequest) -> HttpResponse:
    """Show the form, what it would change, or do it."""
    if not allowed_anywhere(request.user, Role.ADMIN):
        raise PermissionDenied
    sent = request.method == "POST"
    form = ImportForm(request.POST if sent else None, request.FILES if sent else None)
    context: dict[str, Any] = {}
    if sent and form.is_valid():
        wanted = IMPORT in request.POST
        try:
            done = _import(request, form.cleaned_data, dry_run=not wanted)
        except Refused as refused:
            model_admin.audit(request, "import", "", outcome="refused", reason=refused.sentence)
            context["refusal"] = refused.sentence
        else:
            if wanted:
                model_admin.tell(request, [done])
                model_admin.message_user(request, "Imported.", messages.SUCCESS)
                address = reverse("admin:inventory_subcluster_change", args=(done.subcluster.pk,))
                return HttpResponseRedirect(address)
            context |= {"diff": differences([done]), "checked": True}
        form = ImportForm({**form.cleaned_data, "file": None})
    elif sent:
        told = "; ".join(str(one) for errors in form.errors.values() for one in errors)
        model_admin.audit(request, "import", "", outcome="refused", reason=told)
    page: HttpResponse = model_admin.own_page(
        request, "import", "Import a definitions file", do=IMPORT, form=form, **context
    )
    return page


def _import(request: HttpRequest, told: dict[str, Any], dry_run: bool) -> Change:
    """Make the subcluster of the file what it says; raises `Refused`, `PermissionDenied`."""
    try:
        name = definitions.read(told["text"], "definitions").subcluster
    except DefinitionsError as error:
        raise Refused(str(error)) from error
    if not allowed(request.user, Role.ADMIN, name):
        raise PermissionDenied
    with transaction.atomic():
        row = Subcluster.objects.filter(name=name).first()
        if row is None:
            if not allowed(request.user, Role.ADMIN):
                raise PermissionDenied
            row = Subcluster.objects.create(name=name)
        done = services.import_text(
            row,
            told["text"],
            actor_of(request),
            told["reason"],
            dry_run,
            add_segments=allowed(request.user, Role.ADMIN),
        )
        transaction.set_rollback(dry_run)
    return done

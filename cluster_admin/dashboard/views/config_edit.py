"""Changing files from pages: edit, new, delete, rename. Each ends in a review, none commits."""

from collections.abc import Sequence
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect

from cluster_admin.configs.diff_lines import visible
from cluster_admin.configs.store import repository
from cluster_admin.dashboard.config_proposals import Proposal, from_form, message_of, new_key
from cluster_admin.dashboard.config_scope import denial
from cluster_admin.dashboard.config_texts import CRLF, LF, ends_of, objection, sent
from cluster_admin.dashboard.views.config_base import newest_number, plain_path, sight
from cluster_admin.dashboard.views.config_review import Reviewing, base_of, denied
from workers.repository.core.changes import Entry
from workers.repository.core.paths import PATH_BYTES, path_refusal
from workers.repository.errors import UnknownPathError


class Editor(Reviewing):
    """The form with a file's text: of one that is there (`path`), or of a new one."""

    http_method_names: Sequence[str] = ("get", "post")

    def get(self, request: HttpRequest, **named: str) -> HttpResponseBase:
        """The form."""
        path = plain_path(named.get("path", ""), request)
        base = newest_number()
        if not path:
            under = request.GET.get("under", "").strip("/")[:PATH_BYTES]
            return self.form(request, base=base, name=f"{under}/" if under else "")
        entry = entry_at(base, path)
        if why := denial(request.user, [path]):
            return denied(request, Proposal(f"Edit {path}", base, {path: entry}), why)
        if sentence := objection(entry.content):
            messages.error(request, f"{path} cannot be edited in a page: {sentence}")
            return redirect("dashboard:config-file", path)
        return self.form(request, base=base, path=path, name=path, entry=entry)

    def answer_to(self, request: HttpRequest, **named: Any) -> HttpResponseBase:
        """The review of what was written; the form again when it makes no sense."""
        path = plain_path(named.get("path", ""), request)
        base = base_of(request)
        name = request.POST.get("name", "").strip()
        ends = CRLF if request.POST.get("ends") == CRLF else LF
        text = request.POST.get("text", "")
        entry = Entry(sent(text, ends), request.POST.get("executable") == "1")
        told: dict[str, Any] = {"base": base, "path": path, "name": name, "entry": entry}
        told["message"] = message_of(request.POST)
        if not name:
            return self.form(request, sentence="Write the path of the file.", **told)
        if refusal := path_refusal(name):
            told["name"] = name.replace("\0", "")
            return self.form(request, sentence=f"{visible(name)} {refusal.value}.", **told)
        if name != path and sight(request)(name) and name in repository().tree(base):
            sentence = f"{name} is there already: edit that file, or choose another path."
            return self.form(request, sentence=sentence, **told)
        if sentence := objection(entry.content):
            return self.form(request, sentence=f"Not taken: {sentence}.", **told)
        changes: dict[str, Entry | None] = {name: entry}
        title = f"Edit {path}" if path else f"New file {name}"
        if path and name != path:
            changes[path] = None
            title = f"Edit {path} as {name}"
        return self.review(request, Proposal(title, base, changes, told["message"], new_key()))

    def form(
        self,
        request: HttpRequest,
        *,
        base: int,
        path: str = "",
        name: str = "",
        entry: Entry | None = None,
        message: str = "",
        sentence: str = "",
    ) -> HttpResponse:
        """The form, filled."""
        entry = entry or Entry(b"")
        context = {
            "title": f"Edit {path}" if path else "New file",
            "base": base,
            "path": path,
            "name": name,
            "text": entry.content.decode().replace("\r\n", "\n"),
            "ends": ends_of(entry.content),
            "executable": entry.executable,
            "message": message,
            "sentence": sentence,
            "example": "default/default/postfix/main.cf.j2",
        }
        return self.show(request, "edit.html", context, 422 if sentence else 200)


class EditFurther(Editor):
    """Back from a review to the form."""

    http_method_names: Sequence[str] = ("post",)

    def answer_to(self, request: HttpRequest, **named: Any) -> HttpResponseBase:
        """The form with what was proposed."""
        proposal = from_form(request.POST)
        name = proposal.text_path
        entry = proposal.changes.get(name)
        if entry is None:
            raise Http404
        gone = [path for path, one in proposal.changes.items() if one is None]
        path = gone[0] if gone else name
        there = path in repository().tree(proposal.base)
        message = proposal.message
        return self.form(
            request,
            base=proposal.base,
            path=path if there else "",
            name=name,
            entry=entry,
            message=message,
        )


class Delete(Reviewing):
    """Deleting a file."""

    def answer_to(self, request: HttpRequest, **named: Any) -> HttpResponseBase:
        """The review."""
        path = plain_path(named["path"], request)
        base = base_of(request)
        entry_at(base, path)
        return self.review(request, Proposal(f"Delete {path}", base, {path: None}, key=new_key()))


class Rename(Reviewing):
    """Moving a file to another path."""

    def answer_to(self, request: HttpRequest, **named: Any) -> HttpResponseBase:
        """The review."""
        path = plain_path(named["path"], request)
        base = base_of(request)
        name = request.POST.get("name", "").strip()
        entry = entry_at(base, path)
        refusal = path_refusal(name)
        if refusal or (sight(request)(name) and name in repository().tree(base)):
            why = f"{visible(name)} {refusal.value if refusal else 'is there already'}"
            messages.error(request, f"Not renamed: {why}" if name else "Not renamed: write a path")
            return redirect("dashboard:config-file", path)
        title = f"Rename {path} to {name}"
        changes: dict[str, Entry | None] = {path: None, name: entry}
        return self.review(request, Proposal(title, base, changes, key=new_key()))


def entry_at(number: int, path: str) -> Entry:
    """A file of a revision; `UnknownPathError`, which is answered by 404."""
    store = repository()
    file = store.tree(number).get(path)
    if file is None:
        raise UnknownPathError(f"{path}: no such file in r{number}")
    return Entry(store.content(file.blob), file.executable)

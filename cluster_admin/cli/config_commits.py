"""A commit: what was changed here becomes the manager's next revision, and the base of this copy.

Whatever is wrong is refused before anything is sent. Nothing here is changed until the manager has
the revision; a repeated commit of the same changes carries the same key, and is made once.
"""

import base64
import hashlib
import json
import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from cluster_admin.cli import config_files, config_plans
from cluster_admin.cli.columns import printable
from cluster_admin.cli.config_copies import WorkingCopy
from cluster_admin.cli.config_files import Found
from cluster_admin.cli.config_plans import Outgoing, What
from cluster_admin.cli.config_progress import progress
from cluster_admin.cli.config_pulls import Base, Puller
from cluster_admin.cli.config_remote import Point, Remote
from cluster_admin.cli.errors import Complaint, Refused
from cluster_admin.cli.problems import NOT_REPLICATED
from cluster_admin.cli.shapes import tell
from cluster_admin.cli.surroundings import Surroundings
from cluster_admin.cli.waiting import few
from workers.repository.core.changes import FILE_BYTES, ChangeRefusal, Entry, problems
from workers.repository.core.merge import Version

HERE = "look with: muster config status"
Entries = dict[str, Entry | None]


@dataclass(frozen=True, slots=True)
class Asked:
    """What the operator wants committed."""

    message: str
    named: Collection[str] = ()
    """Files and directories, by their paths in the repository; none: everything."""
    add_all: bool = False
    delete_all: bool = False
    emergency: str = ""
    """Why it is committed past the four-eyes rule."""
    propose: bool = False
    """Whether another person shall approve it, though no rule asks."""


@dataclass(frozen=True, slots=True)
class Committer:
    """Commits from one working copy, whose lock is held."""

    copy: WorkingCopy
    remote: Remote
    around: Surroundings

    def gather(self, asked: Asked) -> Entries:
        """What is to be sent; raises `Refused` with everything that is wrong with it."""
        state = self.copy.state
        Puller(self.copy, self.remote, self.around).check_open()
        if state.pulling:
            raise Refused("a pull was interrupted; end it first with: muster config pull")
        found = config_files.scan(self.copy.root)
        local = config_plans.changes(state.files, found.files, found.others.keys(), ())
        sent = config_plans.outgoing(
            local, found.files, asked.named, add_all=asked.add_all, delete_all=asked.delete_all
        )
        self._refuse(asked, found, sent)
        entries = {path: self._entry(path, found) for path in sent.changes}
        sizes = {path: 0 for path in state.files}
        wrong = [problem.sentence() for problem in problems(entries, sizes)]
        if wrong:
            raise Refused("\n".join(wrong))
        if sent.left_out:
            _tell_left_out(sent)
        return entries

    def send(self, asked: Asked, entries: Entries, *, dry_run: bool = False) -> dict[str, Any]:
        """Commit; the manager's answer. Then this copy has the new revision, if it can.

        A proposal leaves this copy as it is: what was edited is pulled once it is approved.
        """
        state = self.copy.state
        self.remote.check(Point(state.revision, state.commit))
        rows = [_row(path, entry) for path, entry in entries.items()]
        body = {
            **{"base": state.revision, "message": asked.message, "changes": rows},
            **{"key": _key(state.key, state.commit, asked.message, rows), "dry_run": dry_run},
        }
        if asked.emergency:
            body["emergency"] = asked.emergency
        size = sum(len(entry.content) for entry in entries.values() if entry)
        with progress(self.around, "commit", size) as advance:
            try:
                answer: dict[str, Any] = self.remote.commit(body, advance, propose=asked.propose)
            except Complaint as error:
                if error.code == NOT_REPLICATED:
                    self._follow(self.remote.point(int(error.told["revision"])), entries)
                raise
        if "state" in answer:
            self.copy.save(msgspec.structs.replace(state, key=new_key()))
        elif not dry_run:
            self._follow(Point(answer["revision"], answer["commit"]), entries)
        return answer

    def _refuse(self, asked: Asked, found: Found, sent: Outgoing) -> None:
        """Raise `Refused` for what cannot be committed, whatever is in it."""
        files = self.copy.state.files
        wrong = [
            f"{path} {found.others.get(path, 'is behind something that is no directory')}; "
            "put a plain file there"
            for path, what in sent.left_out.items()
            if what is What.OTHER and (asked.add_all or path in files or path in asked.named)
        ]
        for path in sent.changes:
            if not self.copy.state.has(path):
                wrong.append(f"{path} is outside of what this working copy has; put it elsewhere")
            elif found.stamps.get(path, (0, 0, 0))[1] > FILE_BYTES:
                wrong.append(f"{path} {ChangeRefusal.FILE_TOO_LARGE.value}")
        if wrong:
            raise Refused("\n".join(map(printable, wrong)))
        if not sent.changes:
            if sent.left_out:
                _tell_left_out(sent)
            raise Refused(f"nothing to commit; {HERE}")

    def _entry(self, path: str, found: Found) -> Entry | None:
        version = found.files.get(path)
        if version is None:
            return None
        content = config_files.read(self.copy.root, path)
        if config_files.blob_of(content) != version.blob:
            raise Complaint(f"{path} is being written; commit again when it is done")
        return Entry(content, version.executable)

    def _follow(self, made: Point, entries: Entries) -> None:
        """Have the new revision as the base; what was edited meanwhile stays."""
        state = self.copy.state
        self.copy.save(msgspec.structs.replace(state, key=new_key()))
        base = {path: version for path, version in state.files.items() if path not in entries}
        for path, entry in entries.items():
            if entry:
                blob = config_files.blob_of(entry.content)
                base[path] = Version(blob, entry.executable)

        def content(path: str) -> bytes:
            sent = entries.get(path)
            if sent:
                return sent.content
            return self.remote.content(state.revision, path, state.files[path].blob)

        try:
            Puller(self.copy, self.remote, self.around).pull_to(made, None, Base(base, content))
        except Complaint as error:
            tell(f"r{made.number} is made; this working copy stays at r{state.revision}: {error}")


def new_key() -> str:
    """Part of the keys of the commits to come."""
    return secrets.token_hex(8)


def _key(*parts: Any) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _row(path: str, entry: Entry | None) -> Mapping[str, Any]:
    if entry is None:
        return {"path": path, "delete": True}
    content = base64.b64encode(entry.content).decode()
    return {"path": path, "base64": content, "executable": entry.executable}


def _tell_left_out(sent: Outgoing) -> None:
    ways = {
        What.NEW: "name them, or say --add-all",
        What.GONE: "name them, or say --delete-all",
        What.OTHER: "they are no plain files",
    }
    for what, way in ways.items():
        names = [path for path, why in sent.left_out.items() if why is what]
        if names:
            tell(printable(f"left out, {what.value}: {few(names)}; {way}"))

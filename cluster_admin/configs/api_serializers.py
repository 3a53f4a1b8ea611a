"""What may be sent to the configuration's addresses, and what their answers are made of."""

import base64
import binascii
from typing import Any

from rest_framework import serializers

from cluster_admin.configs.api_base import NUMBER_MAX
from cluster_admin.configs.models import Deployment
from cluster_admin.rest.fields import Choice, Flag, Strict, Text, Whole
from workers.repository.core.changes import FILE_BYTES
from workers.repository.core.messages import KEY_BYTES, MESSAGE_BYTES
from workers.repository.core.paths import PATH_BYTES
from workers.repository.differences import Kind

CHANGES_MAX = 20_000


class ChangeSerializer(Strict):
    """What one file shall be: `text`, or `base64` for what is none, or `delete`."""

    path = Text(max_length=PATH_BYTES)
    text = Text(max_length=FILE_BYTES, allow_blank=True, required=False)
    base64 = Text(max_length=2 * FILE_BYTES, allow_blank=True, required=False)
    delete = Flag(default=False)
    executable = Flag(
        allow_null=True, default=None, help_text="Null: as it is in `base`; of a new file: no."
    )

    def validate(self, attrs: Any) -> Any:
        """Exactly one of the three; `content` is None for what is deleted."""
        ways = ("text" in attrs) + ("base64" in attrs) + attrs["delete"]
        if ways != 1:
            raise serializers.ValidationError({"path": ["write one of text, base64 and delete"]})
        attrs["content"] = attrs["text"].encode() if "text" in attrs else None
        if "base64" in attrs:
            try:
                attrs["content"] = base64.b64decode(attrs["base64"], validate=True)
            except (binascii.Error, ValueError) as error:
                sentence = f"is not base64: {error}"
                raise serializers.ValidationError({"base64": [sentence]}) from error
        return super().validate(attrs)


class Saying(Strict):
    """What is said of a new revision."""

    message = Text(max_length=MESSAGE_BYTES, help_text="What the change is for.")
    key = Text(
        max_length=KEY_BYTES,
        allow_blank=True,
        default="",
        help_text="Makes it idempotent: the same key again gives the revision that it made.",
    )
    dry_run = Flag(default=False, help_text="As ?dry_run=1.")
    emergency = Text(
        allow_blank=True,
        default="",
        help_text="Why it is committed past the four-eyes rule, by an admin of every subcluster.",
    )


class CommitBody(Saying):
    """A change of the configuration."""

    base = Whole(min_value=0, max_value=NUMBER_MAX, help_text="The revision it was made to.")
    changes = serializers.ListField(child=ChangeSerializer(), max_length=CHANGES_MAX)


class RevertBody(Saying):
    """Which revision to take back."""

    revision = Whole(min_value=1, max_value=NUMBER_MAX)
    message = Text(max_length=MESSAGE_BYTES, allow_blank=True, default="")


class CopyBody(Saying):
    """Which directory to copy where."""

    to = Text(max_length=PATH_BYTES)
    merge = Flag(default=False, help_text="Keep what only `to` has; otherwise it becomes the same.")
    message = Text(max_length=MESSAGE_BYTES, allow_blank=True, default="")

    def get_fields(self) -> dict[str, Any]:
        """`from` is a word of Python."""
        return {"from": Text(max_length=PATH_BYTES), **super().get_fields()}


class PutBody(Saying):
    """Which edits of a node to commit."""

    message = Text(max_length=MESSAGE_BYTES, allow_blank=True, default="")
    paths = serializers.ListField(
        child=Text(max_length=PATH_BYTES),
        max_length=CHANGES_MAX,
        required=False,
        help_text="In the node's tree; left out: all of them.",
    )


class ApplyBody(Strict):
    """What is to be live on one node."""

    revision = Whole(
        min_value=0,
        max_value=NUMBER_MAX,
        default=0,
        help_text="0: what shall be live there anyway. Another one only where deployed by hand.",
    )
    over_edits = Flag(default=False, help_text="Replace files edited on the node; they are saved.")


class ApplyAnswer(serializers.Serializer):
    """What a node was told."""

    node = serializers.CharField()
    revision = serializers.IntegerField()
    over_edits = serializers.BooleanField()


class DeploymentSerializer(Strict):
    """Which revision shall be live on the nodes of a subcluster."""

    subcluster = serializers.CharField(read_only=True)
    mode = Choice(
        choices=Deployment.Mode.values, help_text="follow: each commit at once; manual: `revision`"
    )
    revision = Whole(
        min_value=0, max_value=NUMBER_MAX, help_text="In the mode manual; 0: what is live stays."
    )


class RevisionAnswer(serializers.Serializer):
    """One revision of the whole tree."""

    number = serializers.IntegerField()
    commit = serializers.CharField(help_text="Of git: 40 hexadecimal digits.")
    author = serializers.CharField()
    email = serializers.CharField()
    at = serializers.DateTimeField()
    message = serializers.CharField()


class RevisionListedAnswer(RevisionAnswer):
    """One of a list."""

    path = serializers.CharField(
        required=False, help_text="Where the file or directory asked for was then."
    )


class RevisionsAnswer(serializers.Serializer):
    """Revisions, newest first."""

    next = serializers.CharField(allow_null=True, help_text="Where older ones are.")
    results = RevisionListedAnswer(many=True)


class DifferenceAnswer(serializers.Serializer):
    """What became of a file."""

    path = serializers.CharField()
    kind = serializers.ChoiceField(choices=[one.value for one in Kind])
    old_mode = serializers.CharField(help_text="100644, 100755 (executable); empty: not there.")
    new_mode = serializers.CharField()
    binary = serializers.BooleanField()
    added = serializers.IntegerField(help_text="Lines.")
    removed = serializers.IntegerField(help_text="Lines.")
    note = serializers.CharField(help_text="What is to be known of what is shown.")


class RevisionWholeAnswer(RevisionAnswer):
    """A revision with what it changed, of what the user may read."""

    files = DifferenceAnswer(many=True)
    more = serializers.IntegerField(help_text="Files that it changed too and are not named.")


class FileAnswer(serializers.Serializer):
    """A file of a revision."""

    path = serializers.CharField()
    size = serializers.IntegerField()
    executable = serializers.BooleanField()
    blob = serializers.CharField(help_text="Names the content: the same for the same bytes.")


class TreeAnswer(serializers.Serializer):
    """Every file of a revision that the user may read."""

    revision = serializers.IntegerField()
    files = FileAnswer(many=True)


class ContentAnswer(FileAnswer):
    """A file with its content."""

    revision = serializers.IntegerField()
    text = serializers.CharField(required=False, help_text="Of UTF-8 text without NUL.")
    base64 = serializers.CharField(required=False, help_text="Of anything else.")


class LineAnswer(serializers.Serializer):
    """A line; what does not show, or steers a terminal, stands as a sign."""

    mark = serializers.CharField(help_text="A blank, - or +.")
    text = serializers.CharField()
    old = serializers.IntegerField(allow_null=True, help_text="Its number on that side.")
    new = serializers.IntegerField(allow_null=True)
    newline = serializers.BooleanField(help_text="False: no new line follows at the file's end.")
    more = serializers.IntegerField(help_text="Characters that are left out at its end.")


class HunkAnswer(serializers.Serializer):
    """Lines that follow one another."""

    old = serializers.IntegerField()
    old_count = serializers.IntegerField()
    new = serializers.IntegerField()
    new_count = serializers.IntegerField()
    lines = LineAnswer(many=True)


class FileDiffAnswer(DifferenceAnswer):
    """What became of a file, line by line."""

    hunks = HunkAnswer(many=True)


class DiffBody(serializers.Serializer):
    """Differences, running -> proposed."""

    files = FileDiffAnswer(many=True)
    more = serializers.IntegerField(help_text="Files that differ too and are not named.")
    note = serializers.CharField()
    text = serializers.CharField(help_text="All of it as a unified diff for people.")


class DiffAnswer(DiffBody):
    """What differs between two revisions, or what a node gets of them."""

    node = serializers.CharField(allow_null=True)
    to = serializers.IntegerField()

    def get_fields(self) -> dict[str, Any]:
        """`from` is a word of Python."""
        return {"from": serializers.IntegerField(), **super().get_fields()}


class RenderedFileAnswer(serializers.Serializer):
    """A file as its node gets it, with `<secret NAME>` for each secret."""

    path = serializers.CharField()
    source = serializers.CharField(  # type: ignore[assignment]
        help_text="The file in the repository that it comes from."
    )
    executable = serializers.BooleanField()
    secret = serializers.BooleanField(help_text="Whether it holds a secret.")
    size = serializers.IntegerField()
    text = serializers.CharField(required=False)
    base64 = serializers.CharField(
        required=False, help_text="Neither: the tree is too large to be sent whole; ask by path."
    )


class RenderAnswer(serializers.Serializer):
    """What a node gets of a revision."""

    node = serializers.CharField()
    revision = serializers.IntegerField()
    files = RenderedFileAnswer(many=True)


class CommittedAnswer(serializers.Serializer):
    """A new revision, and the nodes that are known to have it."""

    revision = serializers.IntegerField()
    commit = serializers.CharField()
    author = serializers.CharField()
    at = serializers.DateTimeField()
    message = serializers.CharField()
    replicas = serializers.ListField(
        child=serializers.CharField(),
        help_text="Empty: no node is up (if any is, one has it or the answer is not_replicated).",
    )


class TriedAnswer(serializers.Serializer):
    """What a commit would do (a dry run)."""

    dry_run = serializers.BooleanField()
    head = serializers.IntegerField(help_text="The newest revision now.")
    nodes = serializers.DictField(child=DiffBody(), help_text="Of each node that would change.")


class ReplicaAnswer(serializers.Serializer):
    """How a node stands, as it told last."""

    node = serializers.CharField()
    subcluster = serializers.CharField()
    number = serializers.IntegerField(help_text="Newest revision of its replica; 0: empty.")
    commit = serializers.CharField()
    heard_at = serializers.DateTimeField(allow_null=True)
    live = serializers.IntegerField(help_text="The revision that is live; 0: none.")
    live_hash = serializers.CharField()
    target = serializers.IntegerField(help_text="Of the newest order that it knows of.")
    busy = serializers.BooleanField(help_text="Whether it is applying.")
    drift_count = serializers.IntegerField(help_text="Files edited on the node.")
    autoupdate = serializers.CharField()
    trouble = serializers.CharField(
        help_text="Why its replica or its live tree cannot be used; empty: nothing is wrong."
    )
    wanted = serializers.IntegerField(help_text="Asked of this node alone; 0: nothing.")
    ordered_at = serializers.DateTimeField(allow_null=True)
    refused = serializers.IntegerField(help_text="Tasks that were not signed for it.")
    history = serializers.ChoiceField(
        ["ours", "foreign", "given_up", "unknown"],
        help_text="Whose history its replica is on: the manager's; another (a conflict); one that "
        "it is to give up; unknown while the manager's repository cannot be read.",
    )
    repaired = serializers.CharField(
        help_text="Why it put a damaged replica aside, and fetched one anew; empty: it did not."
    )


class EditAnswer(serializers.Serializer):
    """A file that was edited on its node."""

    path = serializers.CharField(help_text="In the node's tree.")
    deleted = serializers.BooleanField()
    size = serializers.IntegerField()
    executable = serializers.BooleanField()
    live = serializers.IntegerField(help_text="The revision that was live under the edit.")
    at = serializers.DateTimeField()


class ApplicationAnswer(serializers.Serializer):
    """One application of a tree."""

    at = serializers.DateTimeField()
    revision = serializers.IntegerField()
    outcome = serializers.CharField()
    step = serializers.CharField(help_text="The first that failed; empty: none did.")
    sentence = serializers.CharField()
    output = serializers.CharField()
    seconds = serializers.DictField(child=serializers.FloatField())
    live = serializers.IntegerField(help_text="Live afterwards.")
    resumed = serializers.BooleanField()


class DriftAnswer(serializers.Serializer):
    """A path of the live tree that differs from what was applied."""

    path = serializers.CharField()
    kind = serializers.CharField(help_text="added, changed, removed or mode")


class NodeAnswer(serializers.Serializer):
    """A node's standing, its drift with the differences that are known, its applications."""

    node = serializers.CharField()
    subcluster = serializers.CharField()
    standing = ReplicaAnswer(allow_null=True)
    drift = DriftAnswer(many=True)
    edits = EditAnswer(many=True)
    diff = DiffBody(help_text="What is committed and live -> what the node runs.")
    problem = serializers.CharField(help_text="Why there is no difference to show; empty: none.")
    applications = ApplicationAnswer(many=True)

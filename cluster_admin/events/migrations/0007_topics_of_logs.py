"""People can be told that logs pile up or were given up; who is told all is told that."""

from typing import Any

from django.db import migrations, models

BEFORE = {"moved", "unsafe", "conflict", "stuck", "foreign", "dead", "histories"}


def tell_of_it(apps: Any, _schema: Any) -> None:
    """Add the topics to every target that is told of all others."""
    for row in apps.get_model("events", "NotificationTarget").objects.all():
        if set(row.kinds) >= BEFORE:
            row.kinds = [*row.kinds, "backlog", "dropped"]
            row.save(update_fields=["kinds"])


class Migration(migrations.Migration):
    dependencies = [
        ("events", "0006_histories"),
    ]

    operations = [
        migrations.AlterField(
            model_name="notification",
            name="topic",
            field=models.CharField(
                choices=[
                    ("moved", "a VIP moved to another node"),
                    ("unsafe", "two living nodes have a VIP, or some node could not take it"),
                    ("conflict", "two nodes claimed a VIP; the lower claim lets go"),
                    ("stuck", "a silent node still answers for a VIP"),
                    ("foreign", "a stranger answers for a VIP"),
                    ("dead", "a node is dead"),
                    (
                        "histories",
                        "a node has revisions of the configuration that the manager lacks",
                    ),
                    ("backlog", "logs pile up on a node, since a subscriber does not get them"),
                    ("dropped", "a node gave up logs, since the backlog of a subscriber was full"),
                ],
                max_length=10,
            ),
        ),
        migrations.RunPython(tell_of_it, migrations.RunPython.noop),
    ]

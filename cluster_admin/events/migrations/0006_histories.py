"""People can be told that histories of the configuration differ; who is told all is told that."""

from typing import Any

from django.db import migrations, models

BEFORE = {"moved", "unsafe", "conflict", "stuck", "foreign", "dead"}


def tell_of_it(apps: Any, _schema: Any) -> None:
    """Add the topic to every target that is told of all others."""
    for row in apps.get_model("events", "NotificationTarget").objects.all():
        if set(row.kinds) >= BEFORE:
            row.kinds = [*row.kinds, "histories"]
            row.save(update_fields=["kinds"])


class Migration(migrations.Migration):
    dependencies = [
        ("events", "0005_topics"),
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
                ],
                max_length=10,
            ),
        ),
        migrations.RunPython(tell_of_it, migrations.RunPython.noop),
    ]

"""What is told of a node is found by an index, as what it tells is."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("events", "0002_notifications"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="event",
            index=models.Index(fields=["peer", "-id"], name="event_peer"),
        ),
    ]

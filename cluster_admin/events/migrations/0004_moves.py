"""Who moved a VIP, what its new owner saw, and for how long nobody served it; old rows say nothing."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("events", "0003_peer_index"),
    ]

    operations = [
        migrations.AddField(
            model_name="event",
            name="actor",
            field=models.CharField(blank=True, default="", max_length=16),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="event",
            name="gap_ms",
            field=models.FloatField(null=True),
        ),
        migrations.AddField(
            model_name="event",
            name="view",
            field=models.CharField(blank=True, default="", max_length=64),
            preserve_default=False,
        ),
        migrations.AddIndex(
            model_name="event",
            index=models.Index(fields=["actor", "-id"], name="event_actor"),
        ),
    ]

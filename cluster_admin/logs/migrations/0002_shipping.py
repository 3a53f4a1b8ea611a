"""How far nodes are with shipping their logs."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("logs", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="Shipping",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("subcluster", models.CharField(max_length=63)),
                ("node", models.CharField(max_length=63)),
                ("subscriber", models.CharField(max_length=63)),
                ("connected", models.BooleanField(default=False)),
                ("on_disk_bytes", models.PositiveBigIntegerField(default=0)),
                ("backlog_bytes", models.PositiveBigIntegerField(default=0)),
                ("backlog_seconds", models.FloatField(default=0)),
                ("in_flight_bytes", models.PositiveBigIntegerField(default=0)),
                ("dropped_bytes", models.PositiveBigIntegerField(default=0)),
                ("lost_bytes", models.PositiveBigIntegerField(default=0)),
                ("duplicates", models.PositiveBigIntegerField(default=0)),
                ("files", models.JSONField(default=list)),
                ("more_files", models.PositiveBigIntegerField(default=0)),
                ("alarm", models.CharField(blank=True, max_length=300)),
                ("drop_told_bytes", models.PositiveBigIntegerField(default=0)),
                ("drop_told_at", models.DateTimeField(null=True)),
                ("heard_at", models.DateTimeField()),
            ],
            options={
                "verbose_name_plural": "shipping",
                "ordering": ("node", "subscriber"),
                "constraints": [
                    models.UniqueConstraint(fields=("node", "subscriber"), name="shipping_once")
                ],
            },
        ),
    ]

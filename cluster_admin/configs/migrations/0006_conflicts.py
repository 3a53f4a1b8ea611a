"""Histories that stand against the manager's, and messages that were not taken."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("configs", "0005_proposals"),
    ]

    operations = [
        migrations.CreateModel(
            name="Conflict",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("node", models.CharField(max_length=63, unique=True)),
                ("subcluster", models.CharField(max_length=63)),
                ("number", models.PositiveBigIntegerField()),
                ("commit", models.CharField(max_length=40)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("open", "open"),
                            ("overridden", "overridden"),
                            ("passed", "passed"),
                        ],
                        default="open",
                        max_length=12,
                    ),
                ),
                ("seen_at", models.DateTimeField()),
                ("trouble", models.CharField(blank=True, max_length=1000)),
            ],
            options={
                "ordering": ("node",),
            },
        ),
        migrations.CreateModel(
            name="RefusedMessages",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("sender", models.CharField(max_length=63, unique=True)),
                ("count", models.PositiveBigIntegerField(default=0)),
                ("newest_at", models.DateTimeField()),
            ],
            options={
                "ordering": ("sender",),
            },
        ),
        migrations.AddField(
            model_name="replica",
            name="histories",
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name="replica",
            name="repaired",
            field=models.CharField(blank=True, max_length=1000),
        ),
    ]

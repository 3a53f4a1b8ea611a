"""The first tables of the audit trail."""

import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="AuditRecord",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("at", models.DateTimeField(db_index=True, default=django.utils.timezone.now)),
                ("actor", models.CharField(db_index=True, max_length=150)),
                ("source", models.CharField(blank=True, max_length=45)),
                ("token", models.CharField(blank=True, max_length=100)),
                (
                    "via",
                    models.CharField(
                        choices=[("admin", "admin"), ("api", "API"), ("system", "system")],
                        max_length=10,
                    ),
                ),
                ("action", models.CharField(max_length=40)),
                ("kind", models.CharField(max_length=40)),
                ("object", models.CharField(blank=True, max_length=255)),
                ("subcluster", models.CharField(blank=True, db_index=True, max_length=63)),
                (
                    "outcome",
                    models.CharField(
                        choices=[("done", "done"), ("denied", "denied"), ("refused", "refused")],
                        default="done",
                        max_length=10,
                    ),
                ),
                ("reason", models.CharField(blank=True, max_length=1000)),
                ("before", models.JSONField(blank=True, null=True)),
                ("after", models.JSONField(blank=True, null=True)),
                ("count", models.PositiveIntegerField(default=1)),
            ],
            options={
                "ordering": ("-id",),
                "indexes": [
                    models.Index(fields=["kind", "object"], name="audit_object"),
                    models.Index(fields=["outcome", "at"], name="audit_outcome"),
                ],
            },
        ),
    ]

"""Revisions of the configuration, deployments, and how nodes stand to them."""

import django.db.models.deletion
from django.db import migrations, models

ID = models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")


class Migration(migrations.Migration):
    initial = True

    dependencies = [("inventory", "0003_what_fails_on_a_node")]

    operations = [
        migrations.CreateModel(
            name="Revision",
            fields=[
                ("id", ID.clone()),
                ("number", models.PositiveBigIntegerField(unique=True)),
                ("commit", models.CharField(max_length=40, unique=True)),
                ("author", models.CharField(max_length=256)),
                ("email", models.CharField(max_length=256)),
                ("message", models.TextField()),
                ("at", models.DateTimeField()),
                ("key", models.CharField(blank=True, db_index=True, max_length=128)),
            ],
            options={"ordering": ("-number",)},
        ),
        migrations.CreateModel(
            name="Deployment",
            fields=[
                ("id", ID.clone()),
                ("revision", models.PositiveBigIntegerField(default=0)),
                (
                    "mode",
                    models.CharField(
                        choices=[("follow", "Follow"), ("manual", "Manual")],
                        default="follow",
                        max_length=6,
                    ),
                ),
                (
                    "subcluster",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="deployment",
                        to="inventory.subcluster",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Replica",
            fields=[
                ("id", ID.clone()),
                ("node", models.CharField(max_length=63, unique=True)),
                ("subcluster", models.CharField(db_index=True, max_length=63)),
                ("started_at", models.CharField(blank=True, max_length=40)),
                ("sequence", models.PositiveBigIntegerField(default=0)),
                ("number", models.PositiveBigIntegerField(default=0)),
                ("commit", models.CharField(blank=True, max_length=40)),
                ("heard_at", models.DateTimeField(null=True)),
                ("live", models.PositiveBigIntegerField(default=0)),
                ("live_hash", models.CharField(blank=True, max_length=64)),
                ("target", models.PositiveBigIntegerField(default=0)),
                ("busy", models.BooleanField(default=False)),
                ("drift", models.JSONField(default=list)),
                ("drift_count", models.PositiveIntegerField(default=0)),
                ("autoupdate", models.CharField(blank=True, max_length=16)),
                ("wanted", models.PositiveBigIntegerField(default=0)),
                ("ordered_at", models.DateTimeField(null=True)),
            ],
            options={"ordering": ("node",)},
        ),
        migrations.CreateModel(
            name="Application",
            fields=[
                ("id", ID.clone()),
                ("node", models.CharField(max_length=63)),
                ("subcluster", models.CharField(max_length=63)),
                ("at", models.DateTimeField()),
                ("revision", models.PositiveBigIntegerField()),
                ("outcome", models.CharField(max_length=16)),
                ("step", models.CharField(blank=True, max_length=16)),
                ("sentence", models.CharField(blank=True, max_length=1000)),
                ("output", models.TextField(blank=True)),
                ("seconds", models.JSONField(default=dict)),
                ("live", models.PositiveBigIntegerField(default=0)),
                ("resumed", models.BooleanField(default=False)),
            ],
            options={
                "ordering": ("-id",),
                "indexes": [models.Index(fields=["node", "-id"], name="application_node")],
            },
        ),
        migrations.CreateModel(
            name="Edit",
            fields=[
                ("id", ID.clone()),
                ("node", models.CharField(max_length=63)),
                ("subcluster", models.CharField(max_length=63)),
                ("path", models.CharField(max_length=1024)),
                ("content", models.BinaryField(null=True)),
                ("live", models.PositiveBigIntegerField()),
                ("at", models.DateTimeField()),
                ("executable", models.BooleanField(default=False)),
            ],
            options={
                "ordering": ("node", "path"),
                "constraints": [models.UniqueConstraint(fields=("node", "path"), name="edit_once")],
            },
        ),
    ]

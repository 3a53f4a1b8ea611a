"""History: events, cursors of nodes, and how listeners are."""

from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="ListenerStatus",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=255, unique=True)),
                ("started_at", models.DateTimeField()),
                ("alive_at", models.DateTimeField()),
                ("heard_at", models.DateTimeField(null=True)),
                ("connected", models.BooleanField(default=False)),
                ("broker", models.CharField(blank=True, max_length=1000)),
                ("refused", models.PositiveBigIntegerField(default=0)),
            ],
            options={
                "verbose_name_plural": "listener states",
                "ordering": (
                    models.OrderBy(models.F("heard_at"), descending=True, nulls_last=True),
                ),
            },
        ),
        migrations.CreateModel(
            name="Cursor",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("subcluster", models.CharField(max_length=63)),
                ("node", models.CharField(max_length=63)),
                ("incarnation", models.PositiveBigIntegerField()),
                ("through", models.PositiveBigIntegerField(default=0)),
                ("moved_at", models.DateTimeField()),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("subcluster", "node", "incarnation"), name="cursor_once"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Event",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("subcluster", models.CharField(max_length=63)),
                ("node", models.CharField(max_length=63)),
                ("incarnation", models.PositiveBigIntegerField()),
                ("number", models.PositiveBigIntegerField()),
                ("time", models.DateTimeField(db_index=True)),
                ("kind", models.CharField(max_length=32)),
                ("vip", models.CharField(blank=True, max_length=45)),
                ("peer", models.CharField(blank=True, max_length=63)),
                ("reason", models.CharField(blank=True, max_length=1000)),
                ("epoch", models.PositiveBigIntegerField(default=0)),
                ("detail", models.CharField(blank=True, max_length=1000)),
                ("received_at", models.DateTimeField()),
            ],
            options={
                "ordering": ("-id",),
                "indexes": [
                    models.Index(fields=["vip", "-id"], name="event_vip"),
                    models.Index(fields=["node", "-id"], name="event_node"),
                    models.Index(fields=["kind", "-id"], name="event_kind"),
                    models.Index(fields=["subcluster", "-id"], name="event_subcluster"),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("subcluster", "node", "incarnation", "number"), name="event_once"
                    )
                ],
            },
        ),
    ]

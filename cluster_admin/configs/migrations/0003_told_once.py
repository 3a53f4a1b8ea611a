"""What nodes told is kept once; why a replica cannot be used."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("configs", "0002_rollouts"),
    ]

    operations = [
        migrations.AddField(
            model_name="replica",
            name="trouble",
            field=models.CharField(blank=True, max_length=1000),
        ),
        migrations.AddField(
            model_name="application",
            name="started_at",
            field=models.CharField(blank=True, max_length=40),
        ),
        migrations.AddField(
            model_name="application",
            name="sequence",
            field=models.PositiveBigIntegerField(default=0),
        ),
        migrations.AddConstraint(
            model_name="application",
            constraint=models.UniqueConstraint(
                condition=models.Q(("sequence__gt", 0)),
                fields=("node", "started_at", "sequence"),
                name="application_once",
            ),
        ),
    ]

"""What operators asked of nodes is kept until it is answered; reports that are told again."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("configs", "0003_told_once"),
    ]

    operations = [
        migrations.AddField(
            model_name="replica",
            name="wish",
            field=models.PositiveBigIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="replica",
            name="wish_revision",
            field=models.PositiveBigIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="replica",
            name="wish_over_edits",
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name="replica",
            name="known_wish",
            field=models.PositiveBigIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="replica",
            name="refused",
            field=models.PositiveIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="application",
            name="key",
            field=models.CharField(blank=True, max_length=32),
        ),
        migrations.AddConstraint(
            model_name="application",
            constraint=models.UniqueConstraint(
                condition=models.Q(("key", ""), _negated=True),
                fields=("node", "key", "outcome"),
                name="application_told_once",
            ),
        ),
    ]

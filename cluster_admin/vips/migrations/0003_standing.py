"""How a VIP stands has a cause and a sentence; the listener fills them in."""

from django.db import migrations, models

STATES = ("owned", "unowned", "UNSAFE", "BROKEN", "conflict", "stuck", "foreign", "unknown")
CAUSES = [
    ("", "none"),
    ("two-owners", "two owners"),
    ("not-everywhere", "some node could not take it"),
    ("hook", "its hook is not fenced"),
    ("no-heir", "no other node could take it"),
]


class Migration(migrations.Migration):
    dependencies = [
        ("vips", "0002_hook"),
    ]

    operations = [
        migrations.AddField(
            model_name="vipstatus",
            name="cause",
            field=models.CharField(blank=True, choices=CAUSES, default="", max_length=16),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="vipstatus",
            name="note",
            field=models.CharField(blank=True, default="", max_length=300),
            preserve_default=False,
        ),
        migrations.AlterField(
            model_name="vipstatus",
            name="state",
            field=models.CharField(
                choices=[(state, state) for state in STATES], default="unknown", max_length=10
            ),
        ),
    ]

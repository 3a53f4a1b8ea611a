"""UNSAFE has more than one cause: what people read of the topic says so."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("events", "0004_moves"),
    ]

    operations = [
        migrations.AlterField(
            model_name="notification",
            name="topic",
            field=models.CharField(
                choices=[
                    ("moved", "a VIP moved to another node"),
                    ("unsafe", "two living nodes have a VIP, or some node could not take it"),
                    ("conflict", "two nodes claimed a VIP; the lower claim lets go"),
                    ("stuck", "a silent node still answers for a VIP"),
                    ("foreign", "a stranger answers for a VIP"),
                    ("dead", "a node is dead"),
                ],
                max_length=10,
            ),
        ),
    ]

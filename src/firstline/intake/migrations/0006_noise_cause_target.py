"""A column of a table that is still empty gets a name that is no word of SQL."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("intake", "0005_correlation_backfill"),
    ]

    operations = [
        migrations.RemoveIndex(
            model_name="noisecause",
            name="noise_cause_value",
        ),
        migrations.RemoveField(
            model_name="noisecause",
            name="both",
        ),
        migrations.AddField(
            model_name="noisecause",
            name="is_target",
            field=models.BooleanField(default=False, help_text="of the rule as well"),
        ),
        migrations.AddIndex(
            model_name="noisecause",
            index=models.Index(fields=["rule_id", "value", "is_target", "span_id"], name="noise_cause_value"),
        ),
    ]

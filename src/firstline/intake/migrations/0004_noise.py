"""Rules that mute, heartbeats with cron schedules, and what correlation remembers; the large table's indexes are built
beside running work."""

import django.contrib.postgres.fields
import django.contrib.postgres.indexes
import django.db.models.deletion
from django.conf import settings
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("accounts", "0001_initial"),
        ("catalog", "0001_initial"),
        ("incidents", "0001_initial"),
        ("intake", "0003_mail_identity"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="AlertMove",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                (
                    "span_ids",
                    django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), size=None),
                ),
                ("opened", models.BooleanField(default=False)),
                ("moved_at", models.DateTimeField()),
                ("undone_at", models.DateTimeField(null=True)),
            ],
            options={
                "db_table": "alert_move",
            },
        ),
        migrations.CreateModel(
            name="HeartbeatPing",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("at", models.DateTimeField()),
                ("kind", models.CharField(max_length=8)),
                ("exit_status", models.SmallIntegerField(null=True)),
                ("run", models.CharField(default="", help_text="run id that the job gave", max_length=36)),
                ("seconds", models.FloatField(help_text="since the start of its run", null=True)),
                ("body", models.TextField(default="")),
            ],
            options={
                "db_table": "heartbeat_ping",
            },
        ),
        migrations.CreateModel(
            name="IncidentAlerts",
            fields=[
                (
                    "incident",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="+",
                        serialize=False,
                        to="incidents.incident",
                    ),
                ),
                ("size", models.IntegerField(default=0)),
                ("soak_minutes", models.IntegerField(null=True)),
                ("proposes", models.BooleanField(default=False)),
            ],
            options={
                "db_table": "incident_alerts",
            },
        ),
        migrations.CreateModel(
            name="IncidentKey",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("ground", models.CharField(max_length=12)),
                ("value", models.CharField(max_length=300)),
                ("detail", models.TextField(default="")),
                ("role", models.CharField(default="", max_length=12)),
                ("first_at", models.DateTimeField()),
                ("last_at", models.DateTimeField()),
                ("count", models.IntegerField(default=1)),
            ],
            options={
                "db_table": "incident_key",
            },
        ),
        migrations.CreateModel(
            name="NoiseCause",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("rule_id", models.BigIntegerField()),
                ("value", models.CharField(max_length=512)),
                ("span_id", models.BigIntegerField()),
                ("both", models.BooleanField(default=False, help_text="it is a target of the rule as well")),
            ],
            options={
                "db_table": "noise_cause",
            },
        ),
        migrations.CreateModel(
            name="NoiseRule",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("kind", models.CharField(max_length=12)),
                ("name", models.CharField(max_length=120)),
                ("created_at", models.DateTimeField()),
                ("deleted_at", models.DateTimeField(null=True)),
            ],
            options={
                "db_table": "noise_rule",
            },
        ),
        migrations.CreateModel(
            name="NoiseVersion",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("number", models.IntegerField(default=1)),
                ("definition", models.JSONField()),
                ("valid_from", models.DateTimeField()),
                ("valid_to", models.DateTimeField(null=True)),
            ],
            options={
                "db_table": "noise_rule_version",
            },
        ),
        migrations.CreateModel(
            name="Subscribed",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("told_at", models.DateTimeField()),
                ("end_told_at", models.DateTimeField(null=True)),
            ],
            options={
                "db_table": "subscribed",
            },
        ),
        migrations.CreateModel(
            name="Subscription",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("name", models.CharField(max_length=120)),
                ("match", models.JSONField(default=dict)),
                ("active", models.BooleanField(default=True)),
                ("created_at", models.DateTimeField()),
            ],
            options={
                "db_table": "subscription",
            },
        ),
        migrations.AddField(
            model_name="edge",
            name="apart_from",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.BigIntegerField(),
                db_default=[],
                default=list,
                help_text="incidents that a person took this span out of: it never joins them by itself",
                size=None,
            ),
        ),
        migrations.AddField(
            model_name="heartbeat",
            name="cron",
            field=models.CharField(
                blank=True, db_default="", default="", help_text="empty: by the period", max_length=120
            ),
        ),
        migrations.AddField(
            model_name="heartbeat",
            name="expected_at",
            field=models.DateTimeField(help_text="the next beat, without the grace", null=True),
        ),
        migrations.AddField(
            model_name="heartbeat",
            name="last_kind",
            field=models.CharField(db_default="", default="", max_length=8),
        ),
        migrations.AddField(
            model_name="heartbeat",
            name="max_run_seconds",
            field=models.IntegerField(help_text="from start to end; null: no limit", null=True),
        ),
        migrations.AddField(
            model_name="heartbeat",
            name="runs",
            field=models.JSONField(
                db_default={}, default=dict, help_text="run id → when it started, of runs under way"
            ),
        ),
        migrations.AddField(
            model_name="heartbeat",
            name="zone",
            field=models.CharField(db_default="UTC", default="UTC", max_length=64),
        ),
        AddIndexConcurrently(
            model_name="alertspan",
            index=django.contrib.postgres.indexes.GinIndex(
                django.contrib.postgres.indexes.OpClass("reasons", name="jsonb_path_ops"),
                condition=models.Q(("state", "suppressed")),
                name="span_muted_by",
            ),
        ),
        AddIndexConcurrently(
            model_name="alertspan",
            index=models.Index(
                condition=models.Q(("ended_at", None), ("incident__isnull", False)),
                fields=["incident"],
                name="span_open_of_incident",
            ),
        ),
        migrations.AddField(
            model_name="alertmove",
            name="moved_by",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="alertmove",
            name="origin",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="+", to="incidents.incident"
            ),
        ),
        migrations.AddField(
            model_name="alertmove",
            name="target",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="+", to="incidents.incident"
            ),
        ),
        migrations.AddField(
            model_name="heartbeatping",
            name="source",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="+", to="intake.source"
            ),
        ),
        migrations.AddField(
            model_name="incidentkey",
            name="incident",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="+", to="incidents.incident"
            ),
        ),
        migrations.AddIndex(
            model_name="noisecause",
            index=models.Index(fields=["rule_id", "value"], name="noise_cause_value"),
        ),
        migrations.AddConstraint(
            model_name="noisecause",
            constraint=models.UniqueConstraint(
                fields=("span_id", "rule_id", "value"), name="noise_cause_once"
            ),
        ),
        migrations.AddIndex(
            model_name="noiserule",
            index=models.Index(
                condition=models.Q(("deleted_at", None)), fields=["kind", "id"], name="noise_rule_kept"
            ),
        ),
        migrations.AddField(
            model_name="noiseversion",
            name="created_by",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="noiseversion",
            name="rule",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="versions", to="intake.noiserule"
            ),
        ),
        migrations.AddField(
            model_name="subscribed",
            name="incident",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="+", to="incidents.incident"
            ),
        ),
        migrations.AddField(
            model_name="subscription",
            name="group",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="+", to="accounts.supportgroup"
            ),
        ),
        migrations.AddField(
            model_name="subscribed",
            name="subscription",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="+", to="intake.subscription"
            ),
        ),
        migrations.AddIndex(
            model_name="heartbeatping",
            index=models.Index(fields=["source", "-id"], name="heartbeat_ping_last"),
        ),
        migrations.AddIndex(
            model_name="incidentkey",
            index=models.Index(fields=["ground", "value", "-last_at"], name="incident_key_recent"),
        ),
        migrations.AddConstraint(
            model_name="incidentkey",
            constraint=models.UniqueConstraint(
                fields=("ground", "value", "incident"), name="incident_key_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="noiseversion",
            constraint=models.UniqueConstraint(
                condition=models.Q(("valid_to", None)), fields=("rule",), name="one_noise_version"
            ),
        ),
        migrations.AddConstraint(
            model_name="subscribed",
            constraint=models.UniqueConstraint(fields=("incident", "subscription"), name="subscribed_once"),
        ),
    ]

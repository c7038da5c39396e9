import django.contrib.postgres.fields
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("accounts", "0001_initial"),
        ("catalog", "0001_initial"),
        ("incidents", "0001_initial"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Inbox",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "received_at", "id", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("id", models.BigIntegerField()),
                ("received_at", models.DateTimeField()),
                ("source_id", models.BigIntegerField()),
                ("kind", models.CharField(default="alert", max_length=12)),
                ("content_type", models.CharField(default="", max_length=127)),
                ("headers", models.JSONField(default=dict)),
                ("body", models.BinaryField()),
                ("dedup_key", models.TextField(null=True)),
                ("state", models.CharField(default="new", max_length=8)),
                ("error", models.TextField(default="")),
                ("attempts", models.IntegerField(default=0)),
                ("next_at", models.DateTimeField(null=True)),
                ("signals", models.IntegerField(null=True)),
            ],
            options={
                "db_table": "inbox",
                "managed": False,
            },
        ),
        migrations.CreateModel(
            name="Alert",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("dedup_key", models.CharField(max_length=512)),
                ("first_seen_at", models.DateTimeField()),
                ("last_seen_at", models.DateTimeField()),
                ("spans_count", models.IntegerField(default=0)),
            ],
            options={
                "db_table": "alert",
            },
        ),
        migrations.CreateModel(
            name="CorrelationRule",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("name", models.CharField(max_length=120)),
                ("position", models.IntegerField(default=100)),
                ("definition", models.JSONField(default=dict)),
                ("active", models.BooleanField(default=True)),
            ],
            options={
                "db_table": "correlation_rule",
                "ordering": ["position", "id"],
            },
        ),
        migrations.CreateModel(
            name="Source",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("name", models.CharField(max_length=80, unique=True)),
                ("kind", models.CharField(max_length=24)),
                ("token_hash", models.CharField(max_length=64, unique=True)),
                ("token_hint", models.CharField(default="", max_length=8)),
                ("previous_token_hash", models.CharField(max_length=64, null=True)),
                ("previous_until", models.DateTimeField(null=True)),
                ("enabled", models.BooleanField(default=True)),
                ("security", models.BooleanField(default=False)),
                ("severity_floor", models.CharField(default="info", max_length=8)),
                (
                    "allowed_networks",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=43), blank=True, default=list, size=None
                    ),
                ),
                (
                    "address",
                    models.CharField(
                        blank=True, default="", help_text="mail sources: who it is sent to", max_length=254
                    ),
                ),
                ("settings", models.JSONField(default=dict)),
                ("secret", models.TextField(default="", help_text="encrypted: IMAP password, HMAC key")),
                ("mapping", models.JSONField(default=dict, help_text="generic sources: paths and templates")),
                ("synthetic", models.BooleanField(default=False)),
                ("created_at", models.DateTimeField()),
                ("last_signal_at", models.DateTimeField(null=True)),
                (
                    "group",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="accounts.supportgroup",
                    ),
                ),
                (
                    "owner",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "service",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="catalog.service",
                    ),
                ),
            ],
            options={
                "db_table": "intake_source",
            },
        ),
        migrations.CreateModel(
            name="AlertSpan",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("state", models.CharField(max_length=12)),
                ("title", models.TextField()),
                ("description", models.TextField(default="")),
                ("severity", models.CharField(max_length=8)),
                ("security", models.BooleanField(default=False)),
                ("grouping_key", models.CharField(default="", max_length=512)),
                ("labels", models.JSONField(default=dict)),
                ("entities", models.JSONField(default=list)),
                ("tactics", models.JSONField(default=list)),
                ("techniques", models.JSONField(default=list)),
                ("links", models.JSONField(default=list)),
                ("first_seen_at", models.DateTimeField()),
                ("last_seen_at", models.DateTimeField()),
                ("started_at", models.DateTimeField()),
                ("ends_at", models.DateTimeField(help_text="expires then unless pushed again", null=True)),
                ("ended_at", models.DateTimeField(null=True)),
                ("count", models.IntegerField(default=1)),
                ("inbox_id", models.BigIntegerField(null=True)),
                ("inbox_received_at", models.DateTimeField(null=True)),
                ("reasons", models.JSONField(default=list, help_text="why it is muted, each")),
                (
                    "clock_ahead",
                    models.FloatField(default=0, help_text="seconds by which the monitor's clock was ahead"),
                ),
                (
                    "alert",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="spans", to="intake.alert"
                    ),
                ),
                (
                    "ci",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="catalog.configurationitem",
                    ),
                ),
                (
                    "incident",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="incidents.incident",
                    ),
                ),
                (
                    "service",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="catalog.service",
                    ),
                ),
                (
                    "source",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="intake.source"
                    ),
                ),
            ],
            options={
                "db_table": "alert_span",
            },
        ),
        migrations.AddField(
            model_name="alert",
            name="source",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="+", to="intake.source"
            ),
        ),
        migrations.CreateModel(
            name="MailMessage",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("message_id", models.CharField(max_length=512)),
                ("received_at", models.DateTimeField()),
                ("from_address", models.CharField(default="", max_length=254)),
                ("subject", models.TextField(default="")),
                ("raw_blob_id", models.BigIntegerField(null=True)),
                ("automatic", models.BooleanField(default=False)),
                ("bounce", models.BooleanField(default=False)),
                ("verdict", models.CharField(max_length=24)),
                ("why", models.JSONField(default=dict)),
                (
                    "filed_at",
                    models.DateTimeField(help_text="replies on closed: when a person decided", null=True),
                ),
                (
                    "comment",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="incidents.comment",
                    ),
                ),
                (
                    "incident",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="incidents.incident",
                    ),
                ),
                (
                    "source",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="intake.source"
                    ),
                ),
            ],
            options={
                "db_table": "mail_message",
            },
        ),
        migrations.CreateModel(
            name="UnverifiedReport",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("email", models.CharField(max_length=254)),
                ("name", models.CharField(default="", max_length=120)),
                (
                    "answers",
                    models.JSONField(help_text="what the form said; `intake.reports.Answers` as JSON"),
                ),
                (
                    "blob_ids",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.BigIntegerField(), default=list, size=None
                    ),
                ),
                ("language", models.CharField(default="en", max_length=12)),
                ("created_at", models.DateTimeField()),
                ("expires_at", models.DateTimeField()),
                (
                    "incident",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="incidents.incident",
                    ),
                ),
            ],
            options={
                "db_table": "unverified_report",
            },
        ),
        migrations.CreateModel(
            name="Edge",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("rule", models.CharField(max_length=40)),
                ("why", models.JSONField(default=dict)),
                ("joined_at", models.DateTimeField()),
                (
                    "incident",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="incidents.incident"
                    ),
                ),
                (
                    "span",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="edge",
                        to="intake.alertspan",
                    ),
                ),
            ],
            options={
                "db_table": "alert_edge",
                "indexes": [models.Index(fields=["incident", "id"], name="edge_of_incident")],
            },
        ),
        migrations.CreateModel(
            name="Heartbeat",
            fields=[
                (
                    "source",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="heartbeat",
                        serialize=False,
                        to="intake.source",
                    ),
                ),
                ("period_seconds", models.IntegerField(default=300)),
                ("grace_seconds", models.IntegerField(default=60)),
                ("last_beat_at", models.DateTimeField(null=True)),
                ("next_at", models.DateTimeField(null=True)),
                ("missing_since", models.DateTimeField(null=True)),
            ],
            options={
                "db_table": "heartbeat",
                "indexes": [
                    models.Index(
                        condition=models.Q(("next_at__isnull", False)),
                        fields=["next_at"],
                        name="heartbeat_next",
                    )
                ],
            },
        ),
        migrations.AddIndex(
            model_name="alertspan",
            index=models.Index(
                condition=models.Q(("ended_at", None)), fields=["ends_at"], name="span_expiry"
            ),
        ),
        migrations.AddIndex(
            model_name="alertspan",
            index=models.Index(fields=["incident", "id"], name="span_of_incident"),
        ),
        migrations.AddIndex(
            model_name="alertspan",
            index=models.Index(fields=["-last_seen_at", "-id"], name="span_recent"),
        ),
        migrations.AddIndex(
            model_name="alertspan",
            index=models.Index(
                condition=models.Q(
                    ("incident__isnull", False), models.Q(("grouping_key", ""), _negated=True)
                ),
                fields=["source", "grouping_key"],
                name="span_group",
            ),
        ),
        migrations.AddConstraint(
            model_name="alertspan",
            constraint=models.UniqueConstraint(
                condition=models.Q(("ended_at", None)), fields=("alert",), name="one_open_span"
            ),
        ),
        migrations.AddConstraint(
            model_name="alert",
            constraint=models.UniqueConstraint(fields=("source", "dedup_key"), name="alert_once"),
        ),
        migrations.AddConstraint(
            model_name="mailmessage",
            constraint=models.UniqueConstraint(fields=("source", "message_id"), name="mail_once"),
        ),
        migrations.AddIndex(
            model_name="unverifiedreport",
            index=models.Index(fields=["expires_at"], name="unverified_report_expiry"),
        ),
    ]

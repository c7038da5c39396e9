"""Sources, the raw inbox, alerts with their spans, edges to incidents, heartbeats, mail."""

from datetime import timedelta

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex, OpClass
from django.db import models
from django.db.models import Q, Value

from firstline.accounts.models import Person, SupportGroup
from firstline.catalog.models import ConfigurationItem, Service
from firstline.incidents.models import Comment, Incident


class Source(models.Model):
    """Where signals come from. The token is stored as SHA-256; the previous one is good until its overlap ends."""

    id = models.BigAutoField(primary_key=True)
    name = models.CharField(max_length=80, unique=True)
    kind = models.CharField(max_length=24)
    token_hash = models.CharField(max_length=64, unique=True)
    token_hint = models.CharField(max_length=8, default="")
    previous_token_hash = models.CharField(max_length=64, null=True)
    previous_until = models.DateTimeField(null=True)
    enabled = models.BooleanField(default=True)
    service = models.ForeignKey(Service, models.SET_NULL, null=True, blank=True, related_name="+")
    group = models.ForeignKey(SupportGroup, models.SET_NULL, null=True, blank=True, related_name="+")
    owner = models.ForeignKey(Person, models.SET_NULL, null=True, blank=True, related_name="+")
    security = models.BooleanField(default=False)
    severity_floor = models.CharField(max_length=8, default="info")
    allowed_networks = ArrayField(models.CharField(max_length=43), default=list, blank=True)
    address = models.CharField(
        max_length=254, default="", blank=True, help_text="mail sources: who it is sent to"
    )
    settings = models.JSONField(default=dict)
    secret = models.TextField(default="", help_text="encrypted: IMAP password, HMAC key")
    mailbox = models.JSONField(
        default=dict,
        db_default=Value({}, models.JSONField()),
        help_text="mail sources: how fetching goes (`intake.mailboxes.Health`), written by whoever fetches",
    )
    mapping = models.JSONField(default=dict, help_text="generic sources: paths and templates")
    synthetic = models.BooleanField(default=False)
    created_at = models.DateTimeField()
    last_signal_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "intake_source"

    def __str__(self) -> str:
        return self.name


class Inbox(models.Model):
    """One raw request, committed before it is answered. Partitioned by day of `received_at`; no foreign keys."""

    pk = models.CompositePrimaryKey("received_at", "id")
    id = models.BigIntegerField()
    received_at = models.DateTimeField()
    source_id = models.BigIntegerField()
    kind = models.CharField(max_length=12, default="alert")  # alert, change, beat, mail
    content_type = models.CharField(max_length=127, default="")
    headers = models.JSONField(default=dict)
    body = models.BinaryField()
    dedup_key = models.TextField(null=True)
    state = models.CharField(max_length=8, default="new")  # new, done, failed
    error = models.TextField(default="")
    attempts = models.IntegerField(default=0)
    next_at = models.DateTimeField(null=True)
    signals = models.IntegerField(null=True)

    class Meta:
        db_table = "inbox"
        managed = False


class Alert(models.Model):
    """One (source, dedup key), for ever. Its stretches of firing are its spans."""

    id = models.BigAutoField(primary_key=True)
    source = models.ForeignKey(Source, models.CASCADE, related_name="+", db_index=False)
    dedup_key = models.CharField(max_length=512)
    first_seen_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()
    spans_count = models.IntegerField(default=0)

    class Meta:
        db_table = "alert"
        constraints = [models.UniqueConstraint(fields=["source", "dedup_key"], name="alert_once")]


class AlertSpan(models.Model):
    """From the trigger to the resolve or expiry: counts trigger signals, keeps the latest text and payload.

    No column that a repeated trigger changes is in an index, so that PostgreSQL updates within the page (HOT).
    """

    id = models.BigAutoField(primary_key=True)
    alert = models.ForeignKey(Alert, models.CASCADE, related_name="spans", db_index=False)
    source = models.ForeignKey(Source, models.CASCADE, related_name="+")
    state = models.CharField(max_length=12)  # firing, acknowledged, resolved, expired, suppressed
    title = models.TextField()
    description = models.TextField(default="")
    severity = models.CharField(max_length=8)
    security = models.BooleanField(default=False)
    service = models.ForeignKey(Service, models.SET_NULL, null=True, related_name="+")
    ci = models.ForeignKey(ConfigurationItem, models.SET_NULL, null=True, related_name="+")
    grouping_key = models.CharField(max_length=512, default="")
    labels = models.JSONField(default=dict)
    entities = models.JSONField(default=list)
    tactics = models.JSONField(default=list)
    techniques = models.JSONField(default=list)
    links = models.JSONField(default=list)
    first_seen_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()
    started_at = models.DateTimeField()
    ends_at = models.DateTimeField(null=True, help_text="expires then unless pushed again")
    expiry_look_at = models.DateTimeField(
        null=True, help_text="not after ends_at; moved only when it is due, since it is indexed"
    )
    ended_at = models.DateTimeField(null=True)
    count = models.IntegerField(default=1)
    inbox_id = models.BigIntegerField(null=True)
    inbox_received_at = models.DateTimeField(null=True)
    incident = models.ForeignKey(Incident, models.SET_NULL, null=True, related_name="+", db_index=False)
    reasons = models.JSONField(default=list, help_text="why it is muted, each")
    clock_ahead = models.FloatField(default=0, help_text="seconds by which the monitor's clock was ahead")

    class Meta:
        db_table = "alert_span"
        constraints = [
            models.UniqueConstraint(fields=["alert"], condition=Q(ended_at=None), name="one_open_span")
        ]
        indexes = [
            models.Index(fields=["expiry_look_at"], condition=Q(ended_at=None), name="span_expiry_look"),
            models.Index(fields=["incident", "id"], name="span_of_incident"),
            # the latest of each alert: in this order, or a planner without statistics walks all spans backwards
            models.Index(fields=["alert", "id"], name="span_of_alert"),
            GinIndex(
                OpClass("reasons", name="jsonb_path_ops"),
                condition=Q(state="suppressed"),
                name="span_muted_by",
            ),
            models.Index(
                fields=["source", "grouping_key"],
                condition=Q(incident__isnull=False) & ~Q(grouping_key=""),
                name="span_group",
            ),
            models.Index(
                fields=["incident"],
                condition=Q(incident__isnull=False, ended_at=None),
                name="span_open_of_incident",
            ),
        ]


class CorrelationRule(models.Model):
    """Ordered; `definition` is `intake.correlation.Rule` as JSON."""

    id = models.BigAutoField(primary_key=True)
    name = models.CharField(max_length=120)
    position = models.IntegerField(default=100)
    definition = models.JSONField(default=dict)
    active = models.BooleanField(default=True)

    class Meta:
        db_table = "correlation_rule"
        ordering = ["position", "id"]


class Edge(models.Model):
    """Why an alert span is part of an incident."""

    id = models.BigAutoField(primary_key=True)
    span = models.OneToOneField(AlertSpan, models.CASCADE, related_name="edge")
    incident = models.ForeignKey(Incident, models.CASCADE, related_name="+")
    rule = models.CharField(max_length=40)
    why = models.JSONField(default=dict)
    joined_at = models.DateTimeField()
    apart_from = ArrayField(
        models.BigIntegerField(),
        default=list,
        db_default=[],
        help_text="incidents that a person took this span out of: it never joins them by itself",
    )

    class Meta:
        db_table = "alert_edge"
        indexes = [models.Index(fields=["incident", "id"], name="edge_of_incident")]


class IncidentAlerts(models.Model):
    """What the alerts of an incident come to, kept by joining: one more costs the same however many there are.

    `soak_minutes` and `proposes` come from the rules by which they joined: the longest soak, and whether any of them
    wants resolution only proposed.
    """

    incident = models.OneToOneField(Incident, models.CASCADE, primary_key=True, related_name="+")
    size = models.IntegerField(default=0)
    soak_minutes = models.IntegerField(null=True)
    proposes = models.BooleanField(default=False)

    class Meta:
        db_table = "incident_alerts"


class IncidentKey(models.Model):
    """What the alerts of an incident have in common with others: a group, a place, an entity, a text template.

    Kept after the incident is closed: entities relate it to later ones. `count` is of alert spans; `detail` is a
    template's present text.
    """

    id = models.BigAutoField(primary_key=True)
    incident = models.ForeignKey(Incident, models.CASCADE, related_name="+")
    ground = models.CharField(max_length=12)
    value = models.CharField(max_length=300)
    detail = models.TextField(default="")
    role = models.CharField(max_length=12, default="")
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()
    count = models.IntegerField(default=1)

    class Meta:
        db_table = "incident_key"
        constraints = [
            models.UniqueConstraint(fields=["ground", "value", "incident"], name="incident_key_once")
        ]
        indexes = [models.Index(fields=["ground", "value", "-last_at"], name="incident_key_recent")]


class AlertMove(models.Model):
    """Alert spans that a person moved from one incident to another; `opened`: the other was made for them."""

    id = models.BigAutoField(primary_key=True)
    origin = models.ForeignKey(Incident, models.CASCADE, related_name="+")
    target = models.ForeignKey(Incident, models.CASCADE, related_name="+")
    span_ids = ArrayField(models.BigIntegerField())
    opened = models.BooleanField(default=False)
    moved_at = models.DateTimeField()
    moved_by = models.ForeignKey(Person, models.SET_NULL, null=True, related_name="+")
    undone_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "alert_move"


class Heartbeat(models.Model):
    """A source that must be heard of each `period` + `grace`. `next_at` is when it is missing."""

    source = models.OneToOneField(Source, models.CASCADE, primary_key=True, related_name="heartbeat")
    period_seconds = models.IntegerField(default=300)
    grace_seconds = models.IntegerField(default=60)
    cron = models.CharField(
        max_length=120, default="", db_default="", blank=True, help_text="empty: by the period"
    )
    zone = models.CharField(max_length=64, default="UTC", db_default="UTC")
    max_run_seconds = models.IntegerField(null=True, help_text="from start to end; null: no limit")
    runs = models.JSONField(
        default=dict, db_default={}, help_text="run id → when it started, of runs under way"
    )
    last_kind = models.CharField(max_length=8, default="", db_default="")
    last_beat_at = models.DateTimeField(null=True)
    expected_at = models.DateTimeField(null=True, help_text="the next beat, without the grace")
    next_at = models.DateTimeField(null=True)
    missing_since = models.DateTimeField(null=True)

    class Meta:
        db_table = "heartbeat"
        indexes = [
            models.Index(fields=["next_at"], condition=Q(next_at__isnull=False), name="heartbeat_next")
        ]


class MailMessage(models.Model):
    """A mail that came in and what became of it. The raw message is a blob.

    One message is one Message-ID with one `fingerprint` (sender, subject, text, files): anybody can write somebody
    else's Message-ID, and must not silence them by it.
    """

    id = models.BigAutoField(primary_key=True)
    source = models.ForeignKey(Source, models.CASCADE, related_name="+")
    message_id = models.CharField(max_length=512)
    fingerprint = models.CharField(max_length=64, default="", db_default="")
    received_at = models.DateTimeField()
    from_address = models.CharField(max_length=254, default="")
    subject = models.TextField(default="")
    raw_blob_id = models.BigIntegerField(null=True)
    automatic = models.BooleanField(default=False)
    bounce = models.BooleanField(default=False)
    verdict = models.CharField(
        max_length=24
    )  # opened, comment, duplicate, loop, rate_limited, unknown_sender …
    why = models.JSONField(default=dict)
    incident = models.ForeignKey(Incident, models.SET_NULL, null=True, related_name="+")
    comment = models.ForeignKey(Comment, models.SET_NULL, null=True, related_name="+")
    filed_at = models.DateTimeField(null=True, help_text="replies on closed: when a person decided")

    class Meta:
        db_table = "mail_message"
        indexes = [
            models.Index(fields=["message_id"], name="mail_by_message_id"),
            models.Index(fields=["from_address", "received_at"], name="mail_by_sender"),
            models.Index(fields=["source", "-id"], name="mail_of_source"),
        ]


class UnverifiedReport(models.Model):
    """A report without an account, kept until its mail address is proven by the link that was sent to it."""

    id = models.BigAutoField(primary_key=True)
    email = models.CharField(max_length=254)
    name = models.CharField(max_length=120, default="")
    answers = models.JSONField(help_text="what the form said; `intake.reports.Answers` as JSON")
    blob_ids = ArrayField(models.BigIntegerField(), default=list)
    language = models.CharField(max_length=12, default="en")
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    incident = models.ForeignKey(Incident, models.SET_NULL, null=True, related_name="+")

    class Meta:
        db_table = "unverified_report"
        indexes = [models.Index(fields=["expires_at"], name="unverified_report_expiry")]


class NoiseRule(models.Model):
    """What mutes alerts, of one kind. What it says is in its versions, so that the past keeps its answer."""

    id = models.BigAutoField(primary_key=True)
    kind = models.CharField(max_length=12)  # the keys of intake.suppression.KINDS
    name = models.CharField(max_length=120)
    created_at = models.DateTimeField()
    deleted_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "noise_rule"
        indexes = [models.Index(fields=["kind", "id"], condition=Q(deleted_at=None), name="noise_rule_kept")]

    def __str__(self) -> str:
        return self.name


class NoiseVersion(models.Model):
    """`definition` is the kind's Struct of `intake.suppression` as JSON, in force from `valid_from` to `valid_to`."""

    id = models.BigAutoField(primary_key=True)
    rule = models.ForeignKey(NoiseRule, models.CASCADE, related_name="versions")
    number = models.IntegerField(default=1)
    definition = models.JSONField()
    valid_from = models.DateTimeField()
    valid_to = models.DateTimeField(null=True)
    created_by = models.ForeignKey(Person, models.SET_NULL, null=True, related_name="+")

    class Meta:
        db_table = "noise_rule_version"
        constraints = [
            models.UniqueConstraint(fields=["rule"], condition=Q(valid_to=None), name="one_noise_version")
        ]


class NoiseCause(models.Model):
    """An open span that mutes others by a rule: those with `value` in common. No foreign keys: it is written before
    the span is, and a row whose span has ended says nothing."""

    id = models.BigAutoField(primary_key=True)
    rule_id = models.BigIntegerField()
    value = models.CharField(max_length=512)
    span_id = models.BigIntegerField()
    is_target = models.BooleanField(default=False, help_text="of the rule as well")

    class Meta:
        db_table = "noise_cause"
        constraints = [
            models.UniqueConstraint(fields=["span_id", "rule_id", "value"], name="noise_cause_once")
        ]
        indexes = [
            models.Index(fields=["rule_id", "value", "is_target", "span_id"], name="noise_cause_value")
        ]


class HeartbeatPing(models.Model):
    """One call of a heartbeat's address: what it said, and how long the run took that it ended."""

    id = models.BigAutoField(primary_key=True)
    source = models.ForeignKey(Source, models.CASCADE, related_name="+")
    at = models.DateTimeField()
    kind = models.CharField(max_length=8)  # success, start, fail, log
    exit_status = models.SmallIntegerField(null=True)
    run = models.CharField(max_length=36, default="", help_text="run id that the job gave")
    seconds = models.FloatField(null=True, help_text="since the start of its run")
    body = models.TextField(default="")

    class Meta:
        db_table = "heartbeat_ping"
        indexes = [models.Index(fields=["source", "-id"], name="heartbeat_ping_last")]

    @property
    def took(self) -> timedelta | None:
        return None if self.seconds is None else timedelta(seconds=self.seconds)


class Subscription(models.Model):
    """A team that is told of incidents which it does not own. `match` is `intake.matching.Match` as JSON."""

    id = models.BigAutoField(primary_key=True)
    name = models.CharField(max_length=120)
    group = models.ForeignKey(SupportGroup, models.CASCADE, related_name="+")
    match = models.JSONField(default=dict)
    active = models.BooleanField(default=True)
    created_at = models.DateTimeField()

    class Meta:
        db_table = "subscription"

    def __str__(self) -> str:
        return self.name


class Subscribed(models.Model):
    """A subscription's team was told of an incident."""

    id = models.BigAutoField(primary_key=True)
    subscription = models.ForeignKey(Subscription, models.CASCADE, related_name="+")
    incident = models.ForeignKey(Incident, models.CASCADE, related_name="+")
    told_at = models.DateTimeField()
    end_told_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "subscribed"
        constraints = [models.UniqueConstraint(fields=["incident", "subscription"], name="subscribed_once")]

"""The incident itself: what is true of it now. How it came to be so is in the event log."""

from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVector, SearchVectorField
from django.db import models
from django.db.models import Q

from firstline.accounts.models import Person, SupportGroup
from firstline.catalog.models import Category, ConfigurationItem, ResolutionCode, Service

OPEN = ("new", "assigned", "in_progress", "on_hold")


class Incident(models.Model):
    """Its number is its id: `INC-000123`. `version` counts writes; each write carries the one it saw."""

    id = models.BigAutoField(primary_key=True)
    kind = models.CharField(max_length=8, default="incident")  # incident, request
    title = models.CharField(max_length=255)
    description = models.TextField(default="", blank=True)
    channel = models.CharField(max_length=12)
    state = models.CharField(max_length=12, default="new")
    hold_reason = models.CharField(max_length=12, default="")
    look_again_at = models.DateTimeField(null=True)
    detected_at = models.DateTimeField()
    received_at = models.DateTimeField()
    registered_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    caller = models.ForeignKey(Person, models.SET_NULL, null=True, related_name="+")
    caller_phone = models.CharField(max_length=40, default="", blank=True)
    caller_place = models.CharField(max_length=120, default="", blank=True)
    preferred_channel = models.CharField(max_length=16, default="e-mail", blank=True)
    reporter = models.ForeignKey(Person, models.SET_NULL, null=True, related_name="+")
    source_id = models.BigIntegerField(null=True)

    service = models.ForeignKey(Service, models.SET_NULL, null=True, related_name="+")
    ci = models.ForeignKey(ConfigurationItem, models.SET_NULL, null=True, related_name="+")
    category = models.ForeignKey(Category, models.SET_NULL, null=True, related_name="+")
    degradation = models.CharField(max_length=8, default="degraded")  # down, degraded
    extent = models.CharField(max_length=8, default="one")  # one, several, site, all
    can_work = models.CharField(max_length=12, default="difficulty")  # yes, difficulty, no
    deadline = models.DateTimeField(null=True)
    severity = models.CharField(max_length=8, default="")
    affected_users = models.IntegerField(default=1)
    impact = models.SmallIntegerField(null=True)
    urgency = models.SmallIntegerField(null=True)
    priority = models.SmallIntegerField(null=True)
    priority_fixed = models.BooleanField(default=False)
    proposed_priority = models.SmallIntegerField(null=True)
    security = models.BooleanField(default=False)
    verdict = models.CharField(max_length=14, default="")
    tlp = models.CharField(max_length=12, default="")
    personal_data = models.BooleanField(default=False)

    group = models.ForeignKey(SupportGroup, models.SET_NULL, null=True, related_name="+")
    assignee = models.ForeignKey(Person, models.SET_NULL, null=True, related_name="+")
    reassignments = models.IntegerField(default=0)
    reopenings = models.IntegerField(default=0)
    alert_reopenings = models.IntegerField(default=0)

    resolution_code = models.ForeignKey(ResolutionCode, models.SET_NULL, null=True, related_name="+")
    resolution_notes = models.TextField(default="", blank=True)
    cause = models.TextField(default="", blank=True)
    resolved_at = models.DateTimeField(null=True)
    resolved_by = models.ForeignKey(Person, models.SET_NULL, null=True, related_name="+")
    closed_at = models.DateTimeField(null=True)
    closed_how = models.CharField(max_length=12, default="")  # caller, on_behalf, no_answer, no_caller
    cancel_reason = models.CharField(max_length=16, default="")
    first_response_at = models.DateTimeField(null=True)
    acknowledged_at = models.DateTimeField(null=True)

    parent = models.ForeignKey("self", models.SET_NULL, null=True, related_name="children")
    merged_into = models.ForeignKey("self", models.SET_NULL, null=True, related_name="merged")
    problem_id = models.BigIntegerField(null=True)
    major = models.CharField(max_length=10, default="")  # proposed, declared, withdrawn, over
    caller_replied_at = models.DateTimeField(null=True)
    stop_auto_close = models.BooleanField(default=False)
    public_title = models.CharField(max_length=255, default="", blank=True)
    public_status = models.TextField(default="", blank=True)
    published_at = models.DateTimeField(null=True)
    work_next_at = models.DateTimeField(null=True)
    synthetic = models.BooleanField(default=False)
    imported_from = models.CharField(max_length=64, null=True)
    version = models.IntegerField(default=1)
    search = models.GeneratedField(
        expression=SearchVector("title", weight="A", config="simple")
        + SearchVector("description", weight="B", config="simple")
        + SearchVector("resolution_notes", weight="C", config="simple"),
        output_field=SearchVectorField(),
        db_persist=True,
    )

    class Meta:
        db_table = "incident"
        constraints = [
            models.UniqueConstraint(fields=["imported_from"], name="incident_imported_once"),
            models.CheckConstraint(
                condition=Q(detected_at__lte=models.F("registered_at")), name="detected_before_registered"
            ),
        ]
        indexes = [
            models.Index(
                fields=["work_next_at", "id"], condition=Q(state__in=OPEN), name="incident_work_next"
            ),
            models.Index(
                fields=["group", "work_next_at", "id"], condition=Q(state__in=OPEN), name="incident_of_group"
            ),
            models.Index(
                fields=["assignee", "work_next_at", "id"],
                condition=Q(state__in=OPEN),
                name="incident_of_person",
            ),
            models.Index(fields=["service", "-registered_at"], name="incident_of_service"),
            models.Index(fields=["caller", "-registered_at"], name="incident_of_caller"),
            models.Index(fields=["-updated_at", "-id"], name="incident_updated"),
            models.Index(fields=["-registered_at", "-id"], name="incident_registered"),
            models.Index(
                fields=["resolved_at", "id"], condition=Q(state="resolved"), name="incident_to_confirm"
            ),
            models.Index(fields=["look_again_at"], condition=Q(state="on_hold"), name="incident_look_again"),
            models.Index(fields=["parent"], condition=Q(parent__isnull=False), name="incident_children"),
            models.Index(
                fields=["published_at"], condition=Q(published_at__isnull=False), name="incident_published"
            ),
            GinIndex(fields=["search"], name="incident_search"),
        ]

    @property
    def number(self) -> str:
        return f"INC-{self.id:06d}"

    @property
    def is_open(self) -> bool:
        return self.state in OPEN

    def __str__(self) -> str:
        return f"{self.number} {self.title}"

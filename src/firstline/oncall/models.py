"""Who is on call, what escalates how, and the ledger of every page."""

from django.db import models
from django.db.models import Q

from firstline.accounts.models import Person, SupportGroup
from firstline.catalog.models import Service
from firstline.core.models import Version
from firstline.incidents.models import Incident


class Schedule(models.Model):
    id = models.BigAutoField(primary_key=True)
    name = models.CharField(max_length=80, unique=True)
    slug = models.SlugField(max_length=80, unique=True)
    group = models.ForeignKey(SupportGroup, models.SET_NULL, null=True, blank=True, related_name="+")
    zone = models.CharField(max_length=64, default="UTC")
    synthetic = models.BooleanField(default=False)

    class Meta:
        db_table = "schedule"

    def __str__(self) -> str:
        return self.name


class ScheduleVersion(Version):
    """`definition`: `oncall.schedule.Schedule` without overrides and swaps (those are rows)."""

    schedule = models.ForeignKey(Schedule, models.CASCADE, related_name="versions")

    class Meta:
        db_table = "schedule_version"
        constraints = [
            models.UniqueConstraint(
                fields=["schedule"], condition=Q(valid_to=None), name="schedule_one_in_force"
            )
        ]


class Override(models.Model):
    """Replace (`person` → `by`, person null = everyone), add (`by`) or remove (`person`) for a stretch of
    time.
    """

    id = models.BigAutoField(primary_key=True)
    schedule = models.ForeignKey(Schedule, models.CASCADE, related_name="overrides")
    kind = models.CharField(max_length=8)  # replace, add, remove
    person = models.ForeignKey(Person, models.CASCADE, null=True, related_name="+")
    by = models.ForeignKey(Person, models.CASCADE, null=True, related_name="+")
    start = models.DateTimeField()
    end = models.DateTimeField()
    rank = models.IntegerField(default=0)
    created_at = models.DateTimeField()
    created_by = models.ForeignKey(Person, models.SET_NULL, null=True, related_name="+")
    cancelled_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "schedule_override"
        constraints = [
            models.CheckConstraint(condition=Q(end__gt=models.F("start")), name="override_ends_after_start")
        ]


class SwapRequest(models.Model):
    """`giver` asks that somebody takes their shifts of a stretch of time; untaken it changes nothing."""

    id = models.BigAutoField(primary_key=True)
    schedule = models.ForeignKey(Schedule, models.CASCADE, related_name="swaps")
    giver = models.ForeignKey(Person, models.CASCADE, related_name="+")
    taker = models.ForeignKey(Person, models.CASCADE, null=True, related_name="+")
    start = models.DateTimeField()
    end = models.DateTimeField()
    created_at = models.DateTimeField()
    taken_at = models.DateTimeField(null=True)
    cancelled_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "schedule_swap"
        constraints = [
            models.CheckConstraint(condition=Q(end__gt=models.F("start")), name="swap_ends_after_start")
        ]


class Policy(models.Model):
    """An escalation policy; its steps are in its versions."""

    id = models.BigAutoField(primary_key=True)
    name = models.CharField(max_length=80, unique=True)
    owner = models.ForeignKey(Person, models.SET_NULL, null=True, blank=True, related_name="+")
    synthetic = models.BooleanField(default=False)
    turns = models.JSONField(default=dict, help_text="how often each round-robin step has paged")

    class Meta:
        db_table = "policy"
        verbose_name_plural = "policies"

    def __str__(self) -> str:
        return self.name


class PolicyVersion(Version):
    """`definition`: `oncall.policy.Policy`."""

    policy = models.ForeignKey(Policy, models.CASCADE, related_name="versions")

    class Meta:
        db_table = "policy_version"
        constraints = [
            models.UniqueConstraint(fields=["policy"], condition=Q(valid_to=None), name="policy_one_in_force")
        ]


class PolicyAssignment(models.Model):
    """Which policy pages for (service, priority). Service null: the installation's default."""

    id = models.BigAutoField(primary_key=True)
    service = models.ForeignKey(Service, models.CASCADE, null=True, blank=True, related_name="+")
    priority = models.SmallIntegerField(null=True, blank=True, help_text="null: any priority")
    policy = models.ForeignKey(Policy, models.CASCADE, null=True, related_name="+")
    hours = models.CharField(
        max_length=8, default="any", choices=[("any", "any hour"), ("group", "group's hours")]
    )

    class Meta:
        db_table = "policy_assignment"
        constraints = [
            models.UniqueConstraint(
                fields=["service", "priority"], name="policy_assignment_once", nulls_distinct=False
            )
        ]


class Escalation(models.Model):
    """A running policy. The snapshot is what runs; `cursor` is the pure machine's state between steps."""

    id = models.BigAutoField(primary_key=True)
    incident = models.ForeignKey(Incident, models.CASCADE, related_name="escalations")
    policy = models.ForeignKey(Policy, models.SET_NULL, null=True, related_name="+")
    snapshot = models.JSONField()
    priority = models.SmallIntegerField()
    group_id = models.BigIntegerField(null=True, help_text="the group that owned the incident at the start")
    state = models.CharField(
        max_length=12, default="running"
    )  # running, acknowledged, snoozed, exhausted, ended
    cursor = models.JSONField(default=dict)
    started_at = models.DateTimeField()
    next_at = models.DateTimeField(null=True)
    acknowledged_at = models.DateTimeField(null=True)
    acknowledged_by = models.ForeignKey(Person, models.SET_NULL, null=True, related_name="+")
    ended_at = models.DateTimeField(null=True)
    ended_why = models.CharField(max_length=24, default="")
    error = models.TextField(default="")

    class Meta:
        db_table = "escalation"
        constraints = [
            models.UniqueConstraint(
                fields=["incident"], condition=Q(ended_at=None), name="one_escalation_at_a_time"
            )
        ]
        indexes = [
            models.Index(fields=["next_at", "id"], condition=Q(next_at__isnull=False), name="escalation_next")
        ]


class Page(models.Model):
    """One page to one person (or sink), and why. Deliveries point back to it by `page_id`."""

    id = models.BigAutoField(primary_key=True)
    escalation = models.ForeignKey(Escalation, models.CASCADE, null=True, related_name="pages")
    incident = models.ForeignKey(Incident, models.CASCADE, related_name="pages")
    step = models.IntegerField(default=0)
    cycle = models.IntegerField(default=0)
    person = models.ForeignKey(Person, models.CASCADE, null=True, related_name="+")
    sink = models.CharField(max_length=500, default="", help_text="webhook or channel, when not a person")
    because = models.JSONField(default=dict)
    due_at = models.DateTimeField()
    created_at = models.DateTimeField()
    attempted_at = models.DateTimeField(null=True)
    delivered_at = models.DateTimeField(null=True)
    acknowledged_at = models.DateTimeField(null=True)
    acknowledged_via = models.CharField(max_length=16, default="")
    answer = models.CharField(max_length=16, default="")  # acknowledged, declined
    key = models.CharField(max_length=120, unique=True)
    ended_at = models.DateTimeField(null=True, help_text="answered, or no answer is wanted any more")

    class Meta:
        db_table = "page"
        indexes = [models.Index(fields=["incident", "id"], name="page_of_incident")]

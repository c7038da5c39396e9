"""Agreements and the clocks that run under them."""

from django.db import models
from django.db.models import Q

from firstline.core.models import Version
from firstline.incidents.models import Incident


class Agreement(models.Model):
    """An SLA towards callers. Ordered by `position`; the first whose conditions match an incident wins."""

    id = models.BigAutoField(primary_key=True)
    name = models.CharField(max_length=80, unique=True)
    kind = models.CharField(max_length=4, default="SLA", choices=[("SLA", "SLA"), ("OLA", "OLA")])
    position = models.IntegerField(default=100)
    active = models.BooleanField(default=True)

    class Meta:
        db_table = "agreement"
        ordering = ["position", "id"]

    def __str__(self) -> str:
        return self.name


class AgreementVersion(Version):
    """`definition`: `sla.agreement.Agreement` (conditions, targets by priority, calendar, pauses, warn
    points).
    """

    agreement = models.ForeignKey(Agreement, models.CASCADE, related_name="versions")

    class Meta:
        db_table = "agreement_version"
        constraints = [
            models.UniqueConstraint(
                fields=["agreement"], condition=Q(valid_to=None), name="agreement_one_in_force"
            )
        ]


class Clock(models.Model):
    """The cached fold of an incident's events for one target. Recomputable; never the truth itself."""

    id = models.BigAutoField(primary_key=True)
    incident = models.ForeignKey(Incident, models.CASCADE, related_name="clocks")
    target = models.CharField(max_length=12)  # response, resolution, next_update
    agreement_version = models.ForeignKey(AgreementVersion, models.PROTECT, related_name="+")
    calendar_version_id = models.BigIntegerField(null=True)
    state = models.CharField(max_length=10)  # running, paused, met, missed, cancelled
    started_at = models.DateTimeField()
    target_seconds = models.BigIntegerField()
    elapsed_seconds = models.FloatField(default=0)
    changed_at = models.DateTimeField()
    due_at = models.DateTimeField(null=True)
    stopped_at = models.DateTimeField(null=True)
    breached_at = models.DateTimeField(null=True)
    warned = models.JSONField(default=list, help_text="shares already warned of")
    next_at = models.DateTimeField(null=True, help_text="the next warn or breach instant while running")
    flags = models.JSONField(default=dict)

    class Meta:
        db_table = "clock"
        constraints = [models.UniqueConstraint(fields=["incident", "target"], name="clock_once")]
        indexes = [
            models.Index(fields=["next_at", "id"], condition=Q(next_at__isnull=False), name="clock_next")
        ]

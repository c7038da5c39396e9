"""Evidence laid beside an incident, and the checks that an administrator registered."""

from django.db import models

from firstline.catalog.models import ConfigurationItem, Service
from firstline.incidents.models import Incident


class Evidence(models.Model):
    """One item: what it is, where it comes from, when it was seen, why it is shown."""

    id = models.BigAutoField(primary_key=True)
    incident = models.ForeignKey(Incident, models.CASCADE, related_name="evidence")
    kind = models.CharField(
        max_length=16
    )  # similar, known_error, runbook, change, upstream, downstream, check
    key = models.CharField(max_length=80)
    data = models.JSONField(default=dict)
    why = models.JSONField(default=dict)
    score = models.FloatField(default=0)
    seen_at = models.DateTimeField()

    class Meta:
        db_table = "evidence"
        constraints = [models.UniqueConstraint(fields=["incident", "kind", "key"], name="evidence_once")]


class Check(models.Model):
    """A target that may be probed when an incident of its service opens."""

    id = models.BigAutoField(primary_key=True)
    name = models.CharField(max_length=120, unique=True)
    kind = models.CharField(max_length=8, choices=[("http", "HTTP"), ("tcp", "TCP")])
    target = models.CharField(max_length=500, help_text="URL, or host:port")
    expect = models.CharField(max_length=120, default="", blank=True)
    timeout_seconds = models.IntegerField(default=5)
    service = models.ForeignKey(Service, models.CASCADE, null=True, blank=True, related_name="+")
    ci = models.ForeignKey(ConfigurationItem, models.CASCADE, null=True, blank=True, related_name="+")
    active = models.BooleanField(default=True)

    class Meta:
        db_table = "check_target"


class CheckRun(models.Model):
    id = models.BigAutoField(primary_key=True)
    target = models.ForeignKey(Check, models.CASCADE, related_name="runs")
    incident = models.ForeignKey(Incident, models.CASCADE, null=True, related_name="+")
    at = models.DateTimeField()
    ok = models.BooleanField()
    milliseconds = models.IntegerField()
    answer = models.CharField(max_length=500, default="")

    class Meta:
        db_table = "check_run"
        indexes = [models.Index(fields=["target", "-at"], name="check_run_last")]

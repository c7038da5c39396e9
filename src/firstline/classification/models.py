"""Ordered rules that categorise and route."""

from django.db import models

from firstline.accounts.models import SupportGroup
from firstline.catalog.models import Category, Service


class Rule(models.Model):
    """`condition`: `classification.rules.Condition` as JSON. The first matching rule of the list decides."""

    id = models.BigAutoField(primary_key=True)
    name = models.CharField(max_length=120)
    position = models.IntegerField(default=100)
    condition = models.JSONField(default=dict)
    category = models.ForeignKey(Category, models.SET_NULL, null=True, blank=True, related_name="+")
    group = models.ForeignKey(SupportGroup, models.SET_NULL, null=True, blank=True, related_name="+")
    service = models.ForeignKey(Service, models.SET_NULL, null=True, blank=True, related_name="+")
    security = models.BooleanField(default=False)
    active = models.BooleanField(default=True)

    class Meta:
        db_table = "classification_rule"
        ordering = ["position", "id"]

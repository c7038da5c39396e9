"""What the organisation runs: services, configuration items, categories, calendars, changes."""

from django.contrib.postgres.fields import ArrayField
from django.db import models

from firstline.accounts.models import Person, SupportGroup
from firstline.core.models import Version


class BusinessCalendar(models.Model):
    """A named calendar; what it says is in its versions (`catalog.calendar.Calendar`)."""

    id = models.BigAutoField(primary_key=True)
    name = models.CharField(max_length=80, unique=True)

    class Meta:
        db_table = "calendar"

    def __str__(self) -> str:
        return self.name


class CalendarVersion(Version):
    calendar = models.ForeignKey(BusinessCalendar, models.CASCADE, related_name="versions")

    class Meta:
        db_table = "calendar_version"
        constraints = [
            models.UniqueConstraint(
                fields=["calendar"], condition=models.Q(valid_to=None), name="calendar_one_in_force"
            )
        ]


class GroupHours(models.Model):
    """When a support group works."""

    group = models.OneToOneField(SupportGroup, models.CASCADE, primary_key=True, related_name="+")
    calendar = models.ForeignKey(BusinessCalendar, models.PROTECT, related_name="+")

    class Meta:
        db_table = "group_hours"


class Service(models.Model):
    """What people use. Criticality limits impact; it never raises it by itself."""

    id = models.BigAutoField(primary_key=True)
    name = models.CharField(max_length=120, unique=True)
    slug = models.SlugField(max_length=120, unique=True)
    description = models.TextField(default="", blank=True)
    criticality = models.CharField(
        max_length=8,
        default="medium",
        choices=[("low", "low"), ("medium", "medium"), ("high", "high"), ("critical", "critical")],
    )
    owner = models.ForeignKey(Person, models.SET_NULL, null=True, blank=True, related_name="+")
    group = models.ForeignKey(SupportGroup, models.SET_NULL, null=True, blank=True, related_name="+")
    calendar = models.ForeignKey(BusinessCalendar, models.SET_NULL, null=True, blank=True, related_name="+")
    users = models.IntegerField(default=0, help_text="how many people use it; 0 = not known")
    several_from = models.IntegerField(default=2)
    site_from = models.IntegerField(default=10)
    all_from = models.IntegerField(default=50)
    cost_per_hour = models.DecimalField(max_digits=12, decimal_places=2, default=0)
    public_facing = models.BooleanField(default=False)
    questions = models.JSONField(default=list, blank=True)
    in_portal = models.BooleanField(default=True)
    synthetic = models.BooleanField(default=False)
    active = models.BooleanField(default=True)
    depends_on = models.ManyToManyField(
        "self", symmetrical=False, through="ServiceDependency", related_name="dependents"
    )

    class Meta:
        db_table = "service"

    def __str__(self) -> str:
        return self.name


class ServiceDependency(models.Model):
    """`service` needs `upstream`: upstream down is a likely cause of service down."""

    id = models.BigAutoField(primary_key=True)
    service = models.ForeignKey(Service, models.CASCADE, related_name="needs")
    upstream = models.ForeignKey(Service, models.CASCADE, related_name="needed_by")

    class Meta:
        db_table = "service_dependency"
        constraints = [
            models.UniqueConstraint(fields=["service", "upstream"], name="dependency_once"),
            models.CheckConstraint(
                condition=~models.Q(service=models.F("upstream")), name="dependency_not_on_itself"
            ),
        ]


class ConfigurationItem(models.Model):
    id = models.BigAutoField(primary_key=True)
    name = models.CharField(max_length=160, unique=True)
    kind = models.CharField(max_length=40, default="host")
    service = models.ForeignKey(Service, models.SET_NULL, null=True, blank=True, related_name="+")
    aliases = ArrayField(models.CharField(max_length=160), default=list, blank=True)

    class Meta:
        db_table = "configuration_item"

    def __str__(self) -> str:
        return self.name


class Category(models.Model):
    """A node of the category tree, for all services or for one."""

    id = models.BigAutoField(primary_key=True)
    parent = models.ForeignKey("self", models.PROTECT, null=True, blank=True, related_name="children")
    name = models.CharField(max_length=80)
    path = models.CharField(max_length=255, unique=True, help_text="names from the root, joined by ' › '")
    service = models.ForeignKey(Service, models.SET_NULL, null=True, blank=True, related_name="+")
    group = models.ForeignKey(SupportGroup, models.SET_NULL, null=True, blank=True, related_name="+")
    cause_required = models.BooleanField(default=False)
    runbook = models.TextField(default="", blank=True)
    active = models.BooleanField(default=True)

    class Meta:
        db_table = "category"
        verbose_name_plural = "categories"

    def __str__(self) -> str:
        return self.path


class ResolutionCode(models.Model):
    id = models.BigAutoField(primary_key=True)
    code = models.SlugField(max_length=40, unique=True)
    name = models.CharField(max_length=80)
    active = models.BooleanField(default=True)

    class Meta:
        db_table = "resolution_code"

    def __str__(self) -> str:
        return self.name


class Change(models.Model):
    """A change to a service: planned by a person or reported by a tool (a deployment)."""

    id = models.BigAutoField(primary_key=True)
    reference = models.CharField(max_length=64, default="", blank=True)
    title = models.CharField(max_length=255)
    service = models.ForeignKey(Service, models.CASCADE, null=True, blank=True, related_name="+")
    ci = models.ForeignKey(ConfigurationItem, models.SET_NULL, null=True, blank=True, related_name="+")
    state = models.CharField(
        max_length=14,
        default="implemented",
        choices=[
            ("planned", "planned"),
            ("implementing", "implementing"),
            ("implemented", "implemented"),
            ("cancelled", "cancelled"),
        ],
    )
    planned_start = models.DateTimeField(null=True, blank=True)
    planned_end = models.DateTimeField(null=True, blank=True)
    happened_at = models.DateTimeField(null=True, blank=True)
    source_id = models.BigIntegerField(null=True)
    source_key = models.CharField(max_length=255, null=True)
    links = models.JSONField(default=list)

    class Meta:
        db_table = "change"
        indexes = [
            models.Index(fields=["service", "-happened_at"], name="change_of_service"),
            models.Index(
                fields=["planned_end"], condition=models.Q(state="implementing"), name="change_under_way"
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["source_id", "source_key"],
                condition=models.Q(source_key__isnull=False),
                name="change_once_per_source",
            )
        ]

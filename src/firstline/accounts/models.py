"""People, support groups, roles, tokens."""

from typing import Any, ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Lower


class OrganisationUnit(models.Model):
    """A department, customer or site of the organisation. `shared`: its members see each other's incidents."""

    id = models.BigAutoField(primary_key=True)
    name = models.CharField(max_length=120, unique=True)
    shared = models.BooleanField(default=False)

    class Meta:
        db_table = "organisation_unit"

    def __str__(self) -> str:
        return self.name


class PersonManager(BaseUserManager["Person"]):
    def get_by_natural_key(self, username: str | None) -> "Person":
        return self.get(email__iexact=username)

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "Person":
        """Used by sign-in libraries; the rest of the code uses `accounts.actions`."""
        person = self.model(email=email, **fields)
        person.set_password(password)
        person.save(using=self._db)
        return person


class Person(AbstractBaseUser):
    """Anybody: a caller who reports twice a year and an administrator alike. Roles say which."""

    id = models.BigAutoField(primary_key=True)
    email = models.EmailField(max_length=254, unique=True)
    email_verified_at = models.DateTimeField(null=True)
    email_bounced_at = models.DateTimeField(null=True)
    name = models.CharField(max_length=120)
    phone = models.CharField(max_length=40, default="", blank=True)
    place = models.CharField(max_length=120, default="", blank=True)
    preferred_channel = models.CharField(max_length=16, default="e-mail", blank=True)
    unit = models.ForeignKey(OrganisationUnit, models.SET_NULL, null=True, blank=True, related_name="members")
    vip = models.BooleanField(default=False)
    roles = ArrayField(models.CharField(max_length=24), default=list, blank=True)
    language = models.CharField(max_length=12, default="en", blank=True)
    zone = models.CharField(max_length=64, default="UTC")
    shortcuts = models.BooleanField(default=True)
    is_active = models.BooleanField(default=True)
    synthetic = models.BooleanField(default=False)
    created_at = models.DateTimeField()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["name"]
    objects: ClassVar[PersonManager] = PersonManager()

    class Meta:
        db_table = "person"
        constraints = [models.UniqueConstraint(Lower("email"), name="person_email_once")]
        indexes = [models.Index(fields=["name"], name="person_name")]

    def __str__(self) -> str:
        return self.name or self.email

    def get_full_name(self) -> str:
        return self.name


class SupportGroup(models.Model):
    """A team that owns incidents. `escalates_to` is the next support line. One group is the catch-all."""

    id = models.BigAutoField(primary_key=True)
    name = models.CharField(max_length=80, unique=True)
    slug = models.SlugField(max_length=80, unique=True)
    line = models.SmallIntegerField(default=1)
    email = models.EmailField(max_length=254, default="", blank=True)
    escalates_to = models.ForeignKey("self", models.SET_NULL, null=True, blank=True, related_name="+")
    manager = models.ForeignKey(Person, models.SET_NULL, null=True, blank=True, related_name="+")
    security = models.BooleanField(default=False)
    catch_all = models.BooleanField(default=False)
    assignment = models.CharField(
        max_length=12,
        default="by_hand",
        choices=[("by_hand", "by hand"), ("round_robin", "round robin"), ("by_load", "by load")],
    )
    synthetic = models.BooleanField(default=False)
    active = models.BooleanField(default=True)

    class Meta:
        db_table = "support_group"
        constraints = [
            models.UniqueConstraint(
                fields=["catch_all"], condition=models.Q(catch_all=True), name="one_catch_all_group"
            )
        ]

    def __str__(self) -> str:
        return self.name


class Membership(models.Model):
    id = models.BigAutoField(primary_key=True)
    group = models.ForeignKey(SupportGroup, models.CASCADE, related_name="memberships")
    person = models.ForeignKey(Person, models.CASCADE, related_name="memberships")
    lead = models.BooleanField(default=False)

    class Meta:
        db_table = "membership"
        constraints = [models.UniqueConstraint(fields=["group", "person"], name="membership_once")]


class Token(models.Model):
    """A machine's key to the API: shown once, stored as SHA-256. Acts with `scopes` and as a member of `groups`."""

    id = models.BigAutoField(primary_key=True)
    name = models.CharField(max_length=80)
    token_hash = models.CharField(max_length=64, unique=True)
    scopes = ArrayField(models.CharField(max_length=32), default=list)
    groups = models.ManyToManyField(SupportGroup, related_name="+", blank=True)
    owner = models.ForeignKey(Person, models.CASCADE, null=True, related_name="tokens")
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True)
    last_used_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "api_token"


class SetupLink(models.Model):
    """The one-time link that creates the first administrator."""

    id = models.BigAutoField(primary_key=True)
    token_hash = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "setup_link"


class BreakGlass(models.Model):
    """An administrator's or auditor's recorded entry to security incidents, for a stated reason and a short time."""

    id = models.BigAutoField(primary_key=True)
    person = models.ForeignKey(Person, models.CASCADE, related_name="+")
    reason = models.TextField()
    started_at = models.DateTimeField()
    ends_at = models.DateTimeField()

    class Meta:
        db_table = "break_glass"

"""Every write to people, groups and tokens."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import available_timezones

from django.contrib.auth.hashers import make_password
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.utils.text import slugify

from firstline.accounts.models import (
    BreakGlass,
    Membership,
    OrganisationUnit,
    Person,
    SetupLink,
    SupportGroup,
    Token,
)
from firstline.accounts.permissions import CALENDAR, GRANTABLE, SCOPES, Role
from firstline.accounts.viewer import viewer_for
from firstline.core import config_log
from firstline.core.actor import Actor
from firstline.core.errors import Invalid, NotAllowed, NotFound
from firstline.core.secrets import hash_token, new_token

SETUP_VALID = timedelta(hours=24)
_PERSON = ("name", "email", "phone", "place", "unit_id", "vip", "roles", "language", "zone", "is_active")
_OWN = ("name", "phone", "place", "preferred_channel", "language", "zone", "shortcuts")
_GROUP = (
    "name",
    "slug",
    "line",
    "email",
    "escalates_to_id",
    "manager_id",
    "security",
    "assignment",
    "active",
)


@transaction.atomic
def create_person(
    *, email: str, name: str = "", actor: Actor, now: datetime, password: str | None = None, **fields: Any
) -> Person:
    """Add a person. `Invalid` names the field: a broken or taken address, an unknown role, a weak password."""
    viewer = viewer_for(actor)
    if actor.is_human:
        viewer.require("people.edit")
    person = Person(
        email=_address(email), name=name.strip() or email.split("@", maxsplit=1)[0], created_at=now
    )
    _apply(person, fields, {*_PERSON, "synthetic", "preferred_channel", "email_verified_at"})
    if Person.objects.filter(email__iexact=person.email).exists():
        raise Invalid("There is already a person with this address.", {"email": "already taken"})
    _set_password(person, password)
    person.save()
    config_log.changed("person", person.id, actor=actor, now=now, before=None, after=_values(person, _PERSON))
    return person


@transaction.atomic
def edit_person(person_id: int, *, actor: Actor, now: datetime, **fields: Any) -> Person:
    """Change a person. People change their own name, phone, place, language and zone; administrators everything."""
    person = _person(person_id)
    own = actor.is_human and actor.id == person_id and set(fields) <= set(_OWN)
    if actor.is_human and not own:
        viewer_for(actor).require("people.edit")
    before = _values(person, _PERSON)
    if "email" in fields:
        fields["email"] = _address(fields["email"])
        if Person.objects.filter(email__iexact=fields["email"]).exclude(id=person_id).exists():
            raise Invalid("There is already a person with this address.", {"email": "already taken"})
    _apply(person, fields, {*_PERSON, *_OWN, "email_verified_at", "email_bounced_at"})
    person.save()
    config_log.changed(
        "person", person.id, actor=actor, now=now, before=before, after=_values(person, _PERSON)
    )
    return person


@transaction.atomic
def ensure_caller(email: str, *, name: str = "", now: datetime) -> Person:
    """The person of this address, made as a caller if there is none. Two at once make one."""
    address = _address(email)
    person, _made = Person.objects.get_or_create(
        email=address, defaults={"name": name.strip()[:120] or address.split("@")[0], "created_at": now}
    )
    return person


@transaction.atomic
def ensure_callers(names: Mapping[str, str], *, now: datetime) -> dict[str, int]:
    """The ids of the people of these addresses {address: name}, made as callers where there is none."""
    wanted = {_address(address): name.strip()[:120] for address, name in names.items()}
    known = set(Person.objects.filter(email__in=wanted).values_list("email", flat=True))
    Person.objects.bulk_create(
        [
            Person(email=address, name=name, created_at=now, password=make_password(None))
            for address, name in wanted.items()
            if address not in known
        ],
        ignore_conflicts=True,
        batch_size=1000,
    )
    return dict(Person.objects.filter(email__in=wanted).values_list("email", "id"))


@transaction.atomic
def set_password(person_id: int, password: str, *, actor: Actor, now: datetime) -> None:
    person = _person(person_id)
    if actor.is_human and actor.id != person_id:
        viewer_for(actor).require("people.edit")
    _set_password(person, password)
    person.save()
    config_log.changed(
        "person",
        person.id,
        actor=actor,
        now=now,
        before={"password": ""},
        after={"password": config_log.SECRET},
    )


@transaction.atomic
def create_group(*, name: str, actor: Actor, now: datetime, **fields: Any) -> SupportGroup:
    _administrator(actor)
    from_name = fields.pop("slug", "") or slug_of(name)
    group = SupportGroup(name=name.strip(), slug=from_name)
    _apply(group, fields, {*_GROUP, "synthetic", "catch_all"})
    if SupportGroup.objects.filter(name__iexact=group.name).exists():
        raise Invalid("There is already a group of this name.", {"name": "already taken"})
    group.save()
    config_log.changed("group", group.id, actor=actor, now=now, before=None, after=_values(group, _GROUP))
    return group


@transaction.atomic
def edit_group(group_id: int, *, actor: Actor, now: datetime, **fields: Any) -> SupportGroup:
    _administrator(actor)
    group = SupportGroup.objects.select_for_update().filter(id=group_id).first()
    if group is None:
        raise NotFound("There is no such group.")
    before = _values(group, _GROUP)
    _apply(group, fields, set(_GROUP))
    if group.catch_all and not group.active:
        raise Invalid("The catch-all group can't be switched off: every incident needs an owner.")
    group.save()
    config_log.changed("group", group.id, actor=actor, now=now, before=before, after=_values(group, _GROUP))
    return group


@transaction.atomic
def set_members(group_id: int, members: Mapping[int, bool], *, actor: Actor, now: datetime) -> None:
    """Make these the members of a group: {person id: is lead}. Leads may change the group that they lead."""
    viewer = viewer_for(actor)
    if actor.is_human and group_id not in viewer.leads:
        viewer.require("people.edit")
    before = dict(Membership.objects.filter(group_id=group_id).values_list("person_id", "lead"))
    Membership.objects.filter(group_id=group_id).exclude(person_id__in=members).delete()
    for person_id, lead in members.items():
        Membership.objects.update_or_create(group_id=group_id, person_id=person_id, defaults={"lead": lead})
    config_log.changed(
        "group",
        group_id,
        actor=actor,
        now=now,
        before={f"member {p}": "lead" if lead else "member" for p, lead in before.items()},
        after={f"member {p}": "lead" if lead else "member" for p, lead in members.items()},
    )


@transaction.atomic
def create_token(
    *,
    name: str,
    scopes: list[str],
    group_ids: list[int],
    actor: Actor,
    now: datetime,
    expires_at: datetime | None = None,
) -> tuple[Token, str]:
    """Make an API token; its text is returned once and stored only as SHA-256."""
    _administrator(actor)
    if unknown := set(scopes) - set(SCOPES):
        raise Invalid(f"Unknown scope: {', '.join(sorted(unknown))}.", {"scopes": "unknown"})
    text = new_token()
    token = Token.objects.create(
        name=name.strip(),
        token_hash=hash_token(text),
        scopes=sorted(scopes),
        owner_id=actor.id if actor.is_human else None,
        created_at=now,
        expires_at=expires_at,
    )
    token.groups.set(group_ids)
    config_log.changed(
        "token", token.id, actor=actor, now=now, before=None, after={"name": name, "scopes": sorted(scopes)}
    )
    return token, text


@transaction.atomic
def revoke_token(token_id: int, *, actor: Actor, now: datetime) -> None:
    _administrator(actor)
    if not Token.objects.filter(id=token_id, revoked_at=None).update(revoked_at=now):
        raise NotFound("There is no such token in force.")
    config_log.changed("token", token_id, actor=actor, now=now, before={"revoked": 0}, after={"revoked": 1})


def token_of(text: str, *, now: datetime) -> Token | None:
    """The token in force with this text. Its last use is noted once a minute at most."""
    token = Token.objects.filter(token_hash=hash_token(text), revoked_at=None).first()
    if token is None or (token.expires_at and token.expires_at <= now):
        return None
    if token.last_used_at is None or now - token.last_used_at > timedelta(minutes=1):
        Token.objects.filter(id=token.id).update(last_used_at=now)
    return token


@transaction.atomic
def renew_calendar_token(*, actor: Actor, now: datetime) -> str:
    """The text of a new token for one's own calendar feeds; the one before no longer opens anything.

    It reads duties and does nothing else, since calendar programs keep an address in the clear.
    """
    viewer_for(actor).require("oncall.read")
    if not actor.is_human or actor.id is None:
        raise NotAllowed("Calendar feeds belong to people.")
    drop_calendar_token(actor=actor, now=now)
    text = new_token()
    token = Token.objects.create(
        name="Calendar", token_hash=hash_token(text), scopes=[CALENDAR], owner_id=actor.id, created_at=now
    )
    config_log.changed("token", token.id, actor=actor, now=now, before=None, after={"scopes": [CALENDAR]})
    return text


@transaction.atomic
def drop_calendar_token(*, actor: Actor, now: datetime) -> int:
    """Close one's own feeds. Returns how many were open."""
    own = Token.objects.filter(owner_id=actor.id, scopes=[CALENDAR], revoked_at=None)
    return own.update(revoked_at=now) if actor.is_human else 0


def calendar_owner(text: str, *, now: datetime) -> int:
    """Whose feeds a token opens. `NotFound` for one that is not in force, or of somebody who has left."""
    token = token_of(text, now=now)
    if token is None or token.scopes != [CALENDAR] or token.owner is None or not token.owner.is_active:
        raise NotFound("There is no such calendar.")
    return token.owner.pk


@transaction.atomic
def break_glass(*, reason: str, hours: int, actor: Actor, now: datetime) -> BreakGlass:
    """Enter security incidents for a stated reason, for 1 to 8 hours. The entry is a configuration event, and each
    incident read under it is one too (`incidents.actions.note_read`)."""
    viewer_for(actor).require("security.break_glass")
    assert actor.id is not None
    if not reason.strip():
        raise Invalid("Say why: breaking the glass is recorded with its reason.", {"reason": "needed"})
    if not 1 <= hours <= 8:
        raise Invalid("From 1 to 8 hours.", {"hours": "1 to 8"})
    row = BreakGlass.objects.create(
        person_id=actor.id, reason=reason.strip(), started_at=now, ends_at=now + timedelta(hours=hours)
    )
    config_log.changed(
        "break glass",
        actor.id,
        actor=actor,
        now=now,
        before=None,
        after={"reason": row.reason, "until": row.ends_at},
    )
    return row


@transaction.atomic
def create_setup_link(*, now: datetime) -> str:
    """A fresh one-time token for `/setup/<token>/`; earlier unused ones end. Only while nobody administers."""
    if administrators_exist():
        raise Invalid("There is an administrator already; use `firstline createadmin` to add another.")
    SetupLink.objects.filter(used_at=None).delete()
    text = new_token()
    SetupLink.objects.create(token_hash=hash_token(text), created_at=now, expires_at=now + SETUP_VALID)
    return text


def setup_link_valid(token: str, *, now: datetime) -> bool:
    """Whether the link still makes the first administrator: not once there is one, however they were made."""
    return (
        not administrators_exist()
        and SetupLink.objects.filter(token_hash=hash_token(token), used_at=None, expires_at__gt=now).exists()
    )


@transaction.atomic
def use_setup_link(token: str, *, email: str, name: str, password: str, zone: str, now: datetime) -> Person:
    """Create the first administrator. The link works once; `NotFound` when it is used, expired or not ours."""
    link = (
        SetupLink.objects.select_for_update()
        .filter(token_hash=hash_token(token), used_at=None, expires_at__gt=now)
        .first()
    )
    if link is None or administrators_exist():
        raise NotFound("This set-up link is used or has expired. Start Firstline again to get a new one.")
    person = create_administrator(email=email, name=name, password=password, zone=zone, now=now)
    link.used_at = now
    link.save()
    return person


def create_administrator(*, email: str, name: str, password: str, zone: str = "UTC", now: datetime) -> Person:
    """An administrator who is also an agent, so that one person alone can begin."""
    person = create_person(
        email=email,
        name=name,
        password=password,
        zone=zone,
        roles=[Role.ADMINISTRATOR.value, Role.AGENT.value],
        email_verified_at=now,
        actor=Actor.system("setup"),
        now=now,
    )
    for group in SupportGroup.objects.filter(catch_all=True):
        Membership.objects.get_or_create(group=group, person=person, defaults={"lead": True})
    return person


def administrators_exist() -> bool:
    return Person.objects.filter(roles__contains=[Role.ADMINISTRATOR.value], is_active=True).exists()


def ensure_unit(name: str) -> OrganisationUnit:
    return OrganisationUnit.objects.get_or_create(name=name.strip())[0]


def slug_of(name: str) -> str:
    """A slug in any script: ASCII where there is some, else the letters themselves."""
    from_ascii = slugify(name)
    return (from_ascii or slugify(name, allow_unicode=True) or "group")[:80]


def _administrator(actor: Actor) -> None:
    if actor.is_human:
        viewer_for(actor).require("people.edit")


def _person(person_id: int) -> Person:
    person = Person.objects.select_for_update().filter(id=person_id).first()
    if person is None:
        raise NotFound("There is no such person.")
    return person


def _address(email: str) -> str:
    address = email.strip().lower()
    try:
        validate_email(address)
    except ValidationError as error:
        raise Invalid("This is not a mail address.", {"email": "not a mail address"}) from error
    return address


def _set_password(person: Person, password: str | None) -> None:
    if password is None:
        if not person.password:
            person.set_unusable_password()
        return
    try:
        validate_password(password, person)
    except ValidationError as error:
        raise Invalid(" ".join(error.messages), {"password": " ".join(error.messages)}) from error
    person.set_password(password)


def _apply(row: Any, fields: Mapping[str, Any], allowed: set[str]) -> None:
    for name, value in fields.items():
        if name not in allowed:
            raise Invalid(f"There is no field {name} to change.", {name: "unknown"})
        if name == "roles" and (unknown := set(value) - {role.value for role in GRANTABLE}):
            raise Invalid(f"Unknown role: {', '.join(sorted(unknown))}.", {"roles": "unknown"})
        if name == "zone" and value not in available_timezones():
            raise Invalid(f"{value} is not a time zone such as Europe/Kyiv.", {"zone": "unknown time zone"})
        setattr(row, name, value)


def _values(row: Any, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: getattr(row, name) for name in names}

"""Every write to sources: create, edit, rotate, switch, map, try out, replay."""

import json
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from ipaddress import ip_network
from typing import Any

from django.db import connection, transaction
from django.utils.translation import gettext as _

from firstline.catalog.editing import apply, authorise, check_seen, found, unique, values
from firstline.core import config_log, due, event_log, live
from firstline.core.actor import Actor
from firstline.core.errors import Invalid
from firstline.core.secrets import hash_token, new_token
from firstline.intake import beats, heartbeats, mailboxes
from firstline.intake.events import RowsReplayed
from firstline.intake.helping import TITLES, samples
from firstline.intake.models import Heartbeat, Source
from firstline.intake.noise import FLOOR_MOVED
from firstline.intake.signal import SEVERITY_ORDER
from firstline.intake.sources.generic.mapping import mapping_from
from firstline.intake.sources.mail.templates import templates_from
from firstline.intake.sources.parsing import ParseError
from firstline.intake.sources.registry import SECURITY_KINDS

SOURCE = (
    "name",
    "enabled",
    "service_id",
    "group_id",
    "owner_id",
    "security",
    "severity_floor",
    "allowed_networks",
    "address",
    "settings",
    "mapping",
)
HEARTBEAT = ("period_seconds", "grace_seconds", "cron", "zone", "max_run_seconds")
OVERLAP = timedelta(hours=24)
MOST_AGAIN = 10_000  # requests that one push of a button reads again
FLOORS = dict.fromkeys(SECURITY_KINDS, "warning") | {"syslog": "error"}
ROW_KINDS = {"heartbeat": "beat", "mail": "mail"}


@transaction.atomic
def create_source(
    *,
    name: str,
    kind: str,
    actor: Actor,
    now: datetime,
    synthetic: bool = False,
    secret: str | Mapping[str, str] = "",
    **fields: Any,
) -> tuple[Source, str]:
    """Add a source. Returns it with its token, which is shown this once and stored as a hash.

    `Invalid` names the field. For a heartbeat, `period_seconds` and `grace_seconds` are fields as well. `secret` is a
    mailbox's password, or what OAuth 2 needs (client_secret, refresh_token).
    """
    authorise(actor, "source.edit")
    if kind not in TITLES:
        raise Invalid(_("There is no such kind of source."), {"kind": _("Choose one of the list.")})
    token = new_token()
    source = Source(
        name=name.strip(),
        kind=kind,
        token_hash=hash_token(token),
        token_hint=token[:4],
        security=kind in SECURITY_KINDS,
        severity_floor=FLOORS.get(kind, "info"),
        synthetic=synthetic,
        created_at=now,
    )
    beat = {each: fields.pop(each) for each in HEARTBEAT if each in fields}
    apply(source, fields, set(SOURCE))
    mailboxes.seal(source, secret)
    _check(source)
    source.save()
    if kind == "heartbeat":
        _set_heartbeat(source, beat, actor, now)
    config_log.changed("source", source.id, actor=actor, now=now, before=None, after=values(source, SOURCE))
    return source, token


@transaction.atomic
def edit_source(
    source_id: int,
    *,
    actor: Actor,
    now: datetime,
    seen: str = "",
    secret: str | Mapping[str, str] | None = None,
    **fields: Any,
) -> Source:
    """Change a source; its kind stays. `secret` None leaves the password as it is, and so does what is empty of the
    secrets of OAuth 2. Another way to sign in needs its own.
    """
    authorise(actor, "source.edit")
    source = found(Source, source_id, "source")
    before = values(source, SOURCE)
    check_seen(before, seen)
    beat = {each: fields.pop(each) for each in HEARTBEAT if each in fields}
    apply(source, fields, set(SOURCE))
    mailboxes.seal(source, secret, before=before["settings"])
    _check(source)
    source.save(update_fields=[*SOURCE, "secret"])
    if beat and source.kind == "heartbeat":
        _set_heartbeat(source, beat, actor, now)
    if source.severity_floor != before["severity_floor"]:
        due.schedule(FLOOR_MOVED, [(source.id, now)])
    config_log.changed("source", source.id, actor=actor, now=now, before=before, after=values(source, SOURCE))
    return source


def set_enabled(source_id: int, enabled: bool, *, actor: Actor, now: datetime, seen: str = "") -> Source:
    """Switch a source on or off. While it is off, the gateway refuses its requests."""
    return edit_source(source_id, actor=actor, now=now, seen=seen, enabled=enabled)


@transaction.atomic
def rotate_token(
    source_id: int, *, actor: Actor, now: datetime, overlap: timedelta = OVERLAP
) -> tuple[Source, str]:
    """A new token; the present one stays good for `overlap`, so that senders can be changed one by one."""
    authorise(actor, "source.edit")
    if overlap < timedelta(0):
        raise Invalid(_("The overlap can't be negative."), {"overlap": _("Zero or more.")})
    source = found(Source, source_id, "source")
    token = new_token()
    source.previous_token_hash = source.token_hash
    source.previous_until = now + overlap
    source.token_hash, source.token_hint = hash_token(token), token[:4]
    source.save(update_fields=["previous_token_hash", "previous_until", "token_hash", "token_hint"])
    config_log.changed(
        "source",
        source.id,
        actor=actor,
        now=now,
        before={"token": "", "previous_until": None},
        after={"token": config_log.SECRET, "previous_until": source.previous_until},
    )
    return source, token


def save_mapping(
    source_id: int, mapping: Mapping[str, Any], *, actor: Actor, now: datetime, seen: str = ""
) -> Source:
    """Read this source's JSON through `mapping` from now on (empty: by its format, or guessed)."""
    return edit_source(source_id, actor=actor, now=now, seen=seen, mapping=dict(mapping))


@transaction.atomic
def send_test(source_id: int, *, actor: Actor, now: datetime, sample: str = "") -> int:
    """Put a sample of the source's kind into its inbox, as if it had been sent; returns the row's id."""
    authorise(actor, "source.edit")
    source = found(Source, source_id, "source")
    chosen = next((each for each in samples(source.kind) if sample in ("", each.name)), None)
    if chosen is None and source.kind != "heartbeat":
        raise Invalid(_("There is no such sample."), {"sample": _("Choose one of the list.")})
    body, content_type = (chosen.body, chosen.content_type) if chosen else ("", "")
    if source.kind == "mail":
        body = body.replace("<firstline-test@", f"<firstline-test-{now.timestamp()}@")
    kind = "change" if chosen and chosen.name == "change" else ROW_KINDS.get(source.kind, "alert")
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO inbox (received_at, source_id, kind, content_type, headers, body) "
            "VALUES (%s, %s, %s, %s, %s, %s) RETURNING id",
            [now, source.id, kind, content_type, json.dumps({"test": "1"}), body.encode()],
        )
        (row,) = cursor.fetchone()
    live.wake_engine()
    return int(row)


@transaction.atomic
def replay_failed(source_id: int, *, actor: Actor, now: datetime) -> int:
    """Read again what could not be read, the oldest `MOST_AGAIN`, in its order; returns how many requests."""
    return _replay(source_id, None, actor=actor, now=now)


@transaction.atomic
def replay(source_id: int, row_ids: Iterable[int], *, actor: Actor, now: datetime) -> int:
    """Read these requests again, as far as they could not be read. What was read once is never counted twice."""
    return _replay(source_id, list(row_ids), actor=actor, now=now)


AGAIN = """
UPDATE inbox SET state = 'new', error = '', attempts = 0
FROM (SELECT received_at, id FROM inbox WHERE source_id = %s AND state = 'failed'
        AND (%s::bigint[] IS NULL OR id = ANY(%s::bigint[])) ORDER BY id LIMIT %s FOR UPDATE) AS t
WHERE inbox.received_at = t.received_at AND inbox.id = t.id
"""


def _replay(source_id: int, row_ids: list[int] | None, *, actor: Actor, now: datetime) -> int:
    authorise(actor, "source.edit")
    source = found(Source, source_id, "source")
    with connection.cursor() as cursor:
        cursor.execute(AGAIN, [source.id, row_ids, row_ids, MOST_AGAIN])
        count = int(cursor.rowcount)
    if count:
        event_log.record(
            [RowsReplayed(subject_id=source.id, actor=actor, occurred_at=now, count=count)], now=now
        )
        live.wake_engine()
    return count


def _set_heartbeat(source: Source, fields: Mapping[str, Any], actor: Actor, now: datetime) -> None:
    held = Heartbeat.objects.filter(source=source).first()
    row = held or Heartbeat(source=source)
    before = values(row, HEARTBEAT) if held else None
    apply(row, fields, set(HEARTBEAT))
    if not 1 <= row.period_seconds <= 366 * 86400 or not 0 <= row.grace_seconds <= 31 * 86400:
        message = _("Between a second and a year, with a grace of at most a month.")
        raise Invalid(message, {"period_seconds": message})
    if row.max_run_seconds is not None and not 1 <= row.max_run_seconds <= 31 * 86400:
        message = _("Between a second and 31 days, or empty.")
        raise Invalid(message, {"max_run_seconds": message})
    row.cron, row.zone = " ".join(row.cron.split()), row.zone.strip() or "UTC"
    schedule, state = heartbeats.schedule_of(row), heartbeats.state_of(row)
    try:
        beats.check(schedule)
    except beats.BadSchedule as error:
        raise Invalid(str(error), {"cron" if row.cron else "zone": str(error)}) from None
    state.expected_at = beats.expected_after(schedule, row.last_beat_at or now)
    heartbeats.keep_state(row, state, schedule)
    row.save()
    after = values(row, HEARTBEAT)
    config_log.changed("heartbeat", source.id, actor=actor, now=now, before=before, after=after)


def _check(source: Source) -> None:
    unique(Source, source, "name", "source")
    if source.severity_floor not in SEVERITY_ORDER:
        raise Invalid(_("Unknown severity."), {"severity_floor": _("critical, error, warning or info")})
    _check_networks(source.allowed_networks)
    if source.mapping:
        try:
            templates_from(source.mapping) if source.kind == "mail" else mapping_from(source.mapping)
        except ParseError as error:
            raise Invalid(str(error), {"mapping": str(error)}) from None
    if source.kind == "mail":
        source.address = source.address.strip().lower()
        mailboxes.account_of(source)
    elif source.kind in SECURITY_KINDS:
        source.security = True


def _check_networks(networks: Iterable[str]) -> None:
    for network in networks:
        try:
            ip_network(network, strict=False)
        except ValueError:
            message = _("%(network)s is no network.") % {"network": network}
            raise Invalid(message, {"allowed_networks": message}) from None

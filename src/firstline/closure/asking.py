"""What the engine does by the clock: ask, remind, close by silence. Each takes what is due, all of it at once."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from django.db import transaction

from firstline.accounts.models import Person
from firstline.catalog import queries as catalog
from firstline.catalog.calendar import Calendar, NeverOpens
from firstline.closure import links, messages
from firstline.closure.confirmation import Answer, Plan, Policy, asks_rating, plan
from firstline.closure.events import CallerReminded, ConfirmationAsked
from firstline.closure.models import Confirmation
from firstline.closure.reactions import ASK, CLOSE, REMIND
from firstline.closure.telling import tell_person
from firstline.core import due, event_log, installation
from firstline.core.actor import Actor
from firstline.core.due import DueItem
from firstline.core.errors import DomainError
from firstline.incidents.actions.resolving import close
from firstline.incidents.lifecycle import ClosedHow, State
from firstline.incidents.models import AffectedUser, Incident

BATCH = 200


def ask_due(*, now: datetime, limit: int = BATCH) -> int:
    """Ask about everything that was resolved: plan the reminder and the closing, send the three links.

    One whose calendar or text fails is pushed back and stays on the *to confirm* list; the others go on.
    """
    with transaction.atomic():
        items = due.claim(ASK, now=now, limit=limit, of="incident")
        incidents = _incidents(items)
        settings = installation.get_all()
        done = []
        for item in items:
            incident = incidents.get(item.subject_id)
            try:
                with transaction.atomic():
                    if incident is not None and incident.state == State.RESOLVED:
                        _ask(incident, settings, now)
                done.append(item)
            except (DomainError, NeverOpens, ValueError) as error:
                due.push_back(item, str(error), now=now)
        due.finish(done)
        return len(items)


def remind_due(*, now: datetime, limit: int = BATCH) -> int:
    """Remind callers who have not answered, once."""
    with transaction.atomic():
        items = due.claim(REMIND, now=now, limit=limit, of="incident")
        incidents = _incidents(items)
        waiting = _waiting(incidents)
        events = []
        for incident_id, row in waiting.items():
            incident = incidents[incident_id]
            if incident.state != State.RESOLVED or incident.stop_auto_close or row.reminded_at is not None:
                continue
            _tell(incident, row, {row.person.id: row.person} if row.person else {}, now, reminder=True)
            row.reminded_at = now
            events.append(
                CallerReminded(
                    subject_id=incident_id,
                    actor=Actor.clock("closure"),
                    occurred_at=now,
                    confirmation_id=row.id,
                )
            )
        Confirmation.objects.bulk_update(waiting.values(), ["reminded_at"])
        event_log.record(events, now=now)
        due.finish(items)
        return len(items)


def close_due(*, now: datetime, limit: int = BATCH) -> int:
    """Close by silence whatever has waited long enough. Whether it still may is decided now, not when it was asked."""
    with transaction.atomic():
        items = due.claim(CLOSE, now=now, limit=limit, of="incident")
        incidents = _incidents(items)
        waiting = _waiting(incidents)
        silent = [i for i in waiting if waiting[i].person_id is not None]
        alone = [i for i in waiting if waiting[i].person_id is None]
        for row in waiting.values():
            row.answer, row.answered_at = Answer.NONE.value, now
        for how, ids in ((ClosedHow.NO_ANSWER, silent), (ClosedHow.NO_CALLER, alone)):
            ended = {row.id for row in _closable(ids, incidents)}
            answered = [waiting[i] for i in sorted(ended)]
            Confirmation.objects.bulk_update(answered, ["answer", "answered_at"])
            close(sorted(ended), how=how, actor=Actor.clock("closure"), now=now, why={"window": "over"})
        due.finish(items)
        return len(items)


def _closable(ids: Iterable[int], incidents: Mapping[int, Incident]) -> list[Incident]:
    rows = [incidents[i] for i in ids]
    return [
        row
        for row in rows
        if row.state == State.RESOLVED
        and not (row.security or row.stop_auto_close or row.major in ("proposed", "declared"))
    ]


def _incidents(items: Sequence[DueItem]) -> dict[int, Incident]:
    """The incidents of these items, locked in the order of their ids."""
    rows = Incident.objects.select_for_update(of=("self",)).defer("search", "description")
    return {row.id: row for row in rows.filter(id__in=[i.subject_id for i in items]).order_by("id")}


def _waiting(incidents: Mapping[int, Incident]) -> dict[int, Confirmation]:
    rows = Confirmation.objects.select_for_update(of=("self",)).select_related("person")
    return {row.incident_id: row for row in rows.filter(incident_id__in=list(incidents), answered_at=None)}


def policy_in_force(settings: Mapping[str, object]) -> Policy:
    """The installation's policy from its settings."""
    from_settings = {"window": settings["confirm_window_days"], "remind": settings["remind_after_days"]}
    days, remind, soak = from_settings["window"], from_settings["remind"], settings["soak_hours"]
    assert isinstance(days, list) and isinstance(remind, int) and isinstance(soak, int)
    return Policy.from_numbers(days=days, remind_after_days=remind, soak_hours=soak)


def calendar_for(incident: Incident, now: datetime) -> Calendar:
    """Whose working days count: the service's calendar, else the group's hours, else every day."""
    service = incident.service
    if service is not None and service.calendar_id is not None:
        return catalog.calendar_at(service.calendar_id, now)
    return (
        catalog.calendar_at(catalog.group_calendar_id(incident.group_id), now)
        if incident.group_id
        else (catalog.calendar_at(None, now))
    )


def _ask(incident: Incident, settings: Mapping[str, object], now: datetime) -> None:
    planned = plan(
        asked_at=now,
        priority=incident.priority,
        has_caller=incident.caller_id is not None,
        security=incident.security,
        major=incident.major in ("proposed", "declared"),
        stopped=incident.stop_auto_close,
        calendar=calendar_for(incident, now),
        policy=policy_in_force(settings),
    )
    row = _confirmation(incident, planned, settings, now)
    _schedule(incident.id, planned)
    asked = _asked(incident)
    _tell(incident, row, asked, now, reminder=False)
    event = ConfirmationAsked(
        subject_id=incident.id,
        actor=Actor.clock("closure"),
        occurred_at=now,
        why={"plan": planned.why, "remind_at": planned.remind_at},
        confirmation_id=row.id,
        close_at=planned.close_at,
        asked=len(asked),
    )
    event_log.record([event], now=now)


def _confirmation(
    incident: Incident, planned: Plan, settings: Mapping[str, object], now: datetime
) -> Confirmation:
    number = 1 + incident.reopenings + incident.alert_reopenings
    row, _made = Confirmation.objects.update_or_create(
        incident=incident,
        resolution_number=number,
        defaults={
            "person_id": incident.caller_id,
            "asked_at": now,
            "close_at": planned.close_at,
            "answered_at": None,
            "answer": "",
        },
    )
    share = settings["rating_share_percent"]
    assert isinstance(share, int)
    row.ask_rating = incident.caller_id is not None and asks_rating(row.id, share)
    row.save(update_fields=["ask_rating"])
    return row


def _schedule(incident_id: int, planned: Plan) -> None:
    for kind, at in ((REMIND, planned.remind_at), (CLOSE, planned.close_at)):
        if at is None:
            due.unschedule(kind, [incident_id])
        else:
            due.schedule(kind, [(incident_id, at)])


def _asked(incident: Incident) -> dict[int, Person]:
    """The caller and everybody who is affected too. A security incident asks its caller only."""
    found: dict[int, Person] = {}
    if incident.caller_id is not None and incident.caller is not None:
        found[incident.caller_id] = incident.caller
    if not incident.security:
        rows = AffectedUser.objects.filter(incident=incident, person__is_active=True).select_related("person")
        found |= {row.person_id: row.person for row in rows}
    return found


def _tell(
    incident: Incident, row: Confirmation, people: Mapping[int, Person], now: datetime, *, reminder: bool
) -> None:
    for person_id, person in people.items():
        addresses = links.urls(confirmation_id=row.id, person_id=person_id, now=now)
        text = messages.resolved(
            incident, person, addresses, closes=row.close_at is not None, reminder=reminder
        )
        kind = "reminder" if reminder else "resolved"
        tell_person(incident, text, person=person, kind=kind, key=f"{kind}:{row.id}:{person_id}", now=now)

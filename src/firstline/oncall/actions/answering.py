"""What people do about a page: acknowledge, decline, snooze, ask somebody else to help."""

from datetime import datetime

import msgspec
from django.db import transaction
from django.db.models import QuerySet

from firstline.accounts.models import Person
from firstline.core import event_log
from firstline.core.actor import Actor
from firstline.core.errors import Invalid, NotAllowed, NotFound
from firstline.incidents.actions.writing import change, commit, locked, one
from firstline.incidents.events import Acknowledged
from firstline.incidents.lifecycle import OPEN
from firstline.incidents.models import Incident
from firstline.notifications import actions as notifications
from firstline.oncall.actions.looking import acknowledged
from firstline.oncall.actions.stepping import send_pages
from firstline.oncall.directory import Directory
from firstline.oncall.events import EscalationResumed, EscalationSnoozed, PageAnswered, ResponderAdded
from firstline.oncall.models import Escalation, Page
from firstline.oncall.policy import Cursor, Policy, all_acknowledged

LONGEST_SNOOZE_HOURS = 24


@transaction.atomic
def acknowledge_page(page_id: int, *, actor: Actor, now: datetime) -> bool:
    """The person who was paged acknowledges, by link, reply, console or API. False: they had before (recorded
    too).

    `NotFound` when there is no such page, `NotAllowed` for somebody else's.
    """
    page = Page.objects.filter(id=page_id).first()
    if page is None:
        raise NotFound("There is no such page.")
    if not actor.is_human or page.person_id != actor.id:
        raise NotAllowed("Only who was paged can answer a page.")
    incident = locked([page.incident_id])[0]
    page = Page.objects.select_for_update().get(id=page_id)
    again = page.acknowledged_at is not None
    if not again:
        page.acknowledged_at, page.acknowledged_via, page.answer = now, actor.via, "acknowledged"
        page.ended_at = page.ended_at or now
        page.save(update_fields=["acknowledged_at", "acknowledged_via", "answer", "ended_at"])
    _answered(page, incident, actor, "acknowledged", again, now)
    if not again:
        notifications.drop(page_ids=[page.id], reason="acknowledged")
        _see_whether_it_ends(page, incident, actor, now)
        _mark_incident(incident, actor, now)
    return not again


@transaction.atomic
def acknowledge_incident(incident_id: int, *, actor: Actor, now: datetime) -> bool:
    """Acknowledge from the console or API: one's own pages, or as somebody who takes care without having been
    paged.

    Idempotent: False when there was nothing left to acknowledge.
    """
    incident = one(incident_id, actor=actor, verb="incident.acknowledge")
    if incident.state not in OPEN:
        raise Invalid(f"{incident.number} is {incident.state}.")
    done = False
    if actor.is_human and actor.id is not None:
        mine = Page.objects.filter(incident=incident, person_id=actor.id, acknowledged_at=None, ended_at=None)
        for page_id in list(mine.values_list("id", flat=True)):
            done = acknowledge_page(page_id, actor=actor, now=now) or done
            incident = locked([incident_id])[0]
    running = Escalation.objects.select_for_update().filter(incident=incident, ended_at=None).first()
    if not done and running is not None and running.state != "acknowledged":
        acknowledged(running, incident, actor.id if actor.is_human else None, now=now)
        done = True
    return _mark_incident(incident, actor, now) or done


def _answered(page: Page, incident: Incident, actor: Actor, answer: str, again: bool, now: datetime) -> None:
    assert page.person_id is not None
    event = PageAnswered(
        subject_id=incident.id,
        actor=actor,
        occurred_at=now,
        page_id=page.id,
        person_id=page.person_id,
        answer=answer,
        again=again,
    )
    event_log.record([event], now=now)


def _see_whether_it_ends(page: Page, incident: Incident, actor: Actor, now: datetime) -> None:
    """One answer ends the escalation; where all must answer, the last one does."""
    running = Escalation.objects.select_for_update().filter(ended_at=None)
    row = running.filter(id=page.escalation_id).first() if page.escalation_id is not None else None
    if row is None or row.state == "acknowledged":
        return
    policy = msgspec.convert(row.snapshot, Policy)
    step = policy.steps[page.step] if page.step < len(policy.steps) else policy.steps[-1]
    paged = list(same_step(page).filter(person__isnull=False))
    owed = [one.person_id for one in paged if one.person_id is not None]
    said = [one.person_id for one in paged if one.person_id is not None and one.acknowledged_at is not None]
    if all_acknowledged(step, owed, said):
        acknowledged(row, incident, actor.id, now=now)


def _mark_incident(incident: Incident, actor: Actor, now: datetime) -> bool:
    """The incident's own acknowledgement, said once. Who was paged may, whatever groups they belong to."""
    if incident.acknowledged_at is not None or incident.state not in OPEN:
        return False
    changes = change(incident, now, acknowledged_at=now)
    event = Acknowledged(
        subject_id=incident.id,
        actor=actor,
        occurred_at=now,
        changes=changes,
        version=incident.version + 1,
    )
    commit(incident, changes, [event], now=now)
    return True


@transaction.atomic
def decline_page(page_id: int, *, actor: Actor, now: datetime) -> None:
    """ "I can't." Nothing more goes to this person; once all who were paged declined, the next step comes at
    once.
    """
    page = Page.objects.filter(id=page_id).first()
    if page is None:
        raise NotFound("There is no such page.")
    if not actor.is_human or page.person_id != actor.id:
        raise NotAllowed("Only who was paged can answer a page.")
    incident = locked([page.incident_id])[0]
    page = Page.objects.select_for_update().get(id=page_id)
    if page.answer:
        return
    page.answer, page.ended_at = "declined", now
    page.save(update_fields=["answer", "ended_at"])
    notifications.drop(page_ids=[page.id], reason="declined")
    _answered(page, incident, actor, "declined", False, now)
    if not same_step(page).exclude(answer="declined").exists():
        hurry(page, now)


def same_step(page: Page) -> QuerySet[Page]:
    """All pages of the step that this one belongs to."""
    if page.escalation_id is None:
        return Page.objects.filter(id=page.id)
    return Page.objects.filter(escalation_id=page.escalation_id, step=page.step, cycle=page.cycle)


def hurry(page: Page, now: datetime) -> None:
    """The step that this page belongs to reached nobody after all: the next one comes at once."""
    if page.escalation_id is not None:
        running = Escalation.objects.filter(id=page.escalation_id, state="running", next_at__gt=now)
        running.filter(cursor__step=page.step + 1).update(next_at=now)


@transaction.atomic
def snooze(incident_id: int, *, until: datetime, actor: Actor, now: datetime) -> None:
    """Nobody is paged until then; after it the step last paged is paged again. At most a day."""
    incident = one(incident_id, actor=actor, verb="incident.acknowledge")
    if not now < until or (until - now).total_seconds() > LONGEST_SNOOZE_HOURS * 3600:
        raise Invalid("A snooze lasts at most a day.", {"until": "within a day"})
    row = Escalation.objects.select_for_update().filter(incident=incident, ended_at=None).first()
    if row is None:
        raise Invalid("Nobody is being paged.")
    pages = list(Page.objects.filter(escalation=row).values_list("id", flat=True))
    notifications.drop(page_ids=pages, reason="snoozed")
    row.state, row.next_at = "snoozed", until
    row.save(update_fields=["state", "next_at"])
    event = EscalationSnoozed(
        subject_id=incident.id, actor=actor, occurred_at=now, escalation_id=row.id, until=until
    )
    event_log.record([event], now=now)


@transaction.atomic
def add_responder(incident_id: int, person_id: int, *, actor: Actor, now: datetime) -> Page:
    """Ask somebody to help: they are paged at once, whatever the policy says. Twice is once."""
    incident = one(incident_id, actor=actor, verb="incident.work")
    person = Person.objects.filter(id=person_id, is_active=True).first()
    if person is None:
        raise NotFound("There is no such person.")
    directory = Directory()
    known = directory.reachability(person_id)
    if incident.security and person_id not in {who for who, _ in directory.members(incident.group_id or 0)}:
        raise Invalid(
            "This person may not see security incidents of this group.", {"person": "may not see it"}
        )
    if known is None or not known.ways:
        raise Invalid(f"{person.name} has no verified way to be reached.", {"person": "can't be reached"})
    row = Escalation.objects.filter(incident=incident, ended_at=None).first()
    page, made = Page.objects.get_or_create(
        key=f"responder:{incident.id}:{person_id}:{incident.reopenings}",
        defaults={
            "escalation": row, "incident": incident, "person": person, "due_at": now, "created_at": now,
            "because": {"kind": "responder", "by": actor.id, "via": actor.via},
        },
    )  # fmt: skip
    if made:
        event = ResponderAdded(
            subject_id=incident.id, actor=actor, occurred_at=now, person_id=person_id, page_id=page.id
        )
        event_log.record([event], now=now)
        send_pages([(page, incident)], directory, now=now)
    return page


@transaction.atomic
def page_again(incident_id: int, *, why: str, actor: Actor, now: datetime) -> None:
    """An alert of another kind or severity joined what was acknowledged: that acknowledgement covered less.

    The escalation starts over; an incident on hold is resumed by whoever calls this.
    """
    row = Escalation.objects.select_for_update().filter(incident_id=incident_id, ended_at=None).first()
    if row is None or row.state not in ("acknowledged", "exhausted"):
        return
    cursor = msgspec.convert(row.cursor, Cursor)
    row.cursor = msgspec.to_builtins(Cursor(resumes=cursor.resumes + 1))
    row.state, row.next_at, row.acknowledged_at, row.acknowledged_by = "running", now, None, None
    row.save(update_fields=["cursor", "state", "next_at", "acknowledged_at", "acknowledged_by"])
    event_log.record(
        [
            EscalationResumed(
                subject_id=incident_id, actor=actor, occurred_at=now, why={"because": why}, escalation_id=row.id,
                reason="changed",
            )
        ],
        now=now,
    )  # fmt: skip

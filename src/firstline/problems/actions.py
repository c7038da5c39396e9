"""Every write to problems. A problem is known by its cause; its workaround, once published, is a known error."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from django.db import transaction

from firstline.accounts.viewer import viewer_for
from firstline.core import event_log
from firstline.core.actor import Actor, ActorKind
from firstline.core.content import save_text
from firstline.core.errors import Conflict, Invalid, InvalidTransition, NotFound
from firstline.incidents.actions.writing import change as change_incident
from firstline.incidents.actions.writing import commit as commit_incident
from firstline.incidents.actions.writing import one
from firstline.incidents.models import Incident
from firstline.problems import events
from firstline.problems.models import PreventiveAction, Problem, ProblemIncident
from firstline.problems.queries import visible

TEXTS = frozenset({"title", "description", "root_cause", "workaround", "match_words"})
EDITABLE = frozenset({*TEXTS, "service_id", "category_id", "group_id", "owner_id"})
Changes = dict[str, tuple[Any, Any]]


@transaction.atomic
def open_problem(
    *, title: str, incident_ids: Sequence[int] = (), actor: Actor, now: datetime, **fields: Any
) -> Problem:
    """Open a problem, usually from incidents that have a cause in common.

    Service, category and group default to what all of these incidents share.
    """
    _authorise(actor)
    incidents = [one(id, actor=actor, verb="incident.read") for id in dict.fromkeys(incident_ids)]
    security = _security_of(incidents)
    defaults = {name: _shared(incidents, name) for name in ("service_id", "category_id", "group_id")}
    owner = {"owner_id": actor.id} if actor.is_human else {}
    problem = Problem(security=security, opened_at=now, synthetic=any(i.synthetic for i in incidents))
    _apply(problem, {**defaults, **owner, **fields, "title": title}, now)
    if security and problem.group_id is None:
        problem.group_id = incidents[0].group_id
    problem.save()
    event = events.ProblemOpened(
        subject_id=problem.id,
        actor=actor,
        occurred_at=now,
        incident_ids=[incident.id for incident in incidents],
        version=problem.version,
    )
    event_log.record([event], now=now)
    _link(problem, incidents, actor, now)
    return problem


@transaction.atomic
def edit_problem(
    problem_id: int, values: Mapping[str, Any], *, actor: Actor, now: datetime, version: int | None = None
) -> Problem:
    """Change title, description, root cause, workaround, words, service, category, group or owner."""
    problem = _locked(problem_id, actor, version)
    if unknown := set(values) - EDITABLE:
        raise Invalid(f"Can't be changed: {', '.join(sorted(unknown))}.", dict.fromkeys(unknown, "unknown"))
    changes = _apply(problem, values, now)
    if problem.state == "known_error" and not problem.workaround:
        message = "A published known error needs its workaround; withdraw it first."
        raise Invalid(message, {"workaround": message})
    if changes:
        _commit(problem, events.ProblemEdited, actor, now, changes=changes)
    return problem


@transaction.atomic
def link_incidents(problem_id: int, incident_ids: Sequence[int], *, actor: Actor, now: datetime) -> Problem:
    """Say that these incidents have this cause. An incident has one problem: an earlier link is replaced."""
    problem = _locked(problem_id, actor)
    incidents = [one(id, actor=actor, verb="incident.read") for id in dict.fromkeys(incident_ids)]
    if any(incident.security != problem.security for incident in incidents):
        raise Invalid("Security incidents and ordinary ones don't share a problem.", {"incidents": "mixed"})
    fresh = [incident for incident in incidents if incident.problem_id != problem.id]
    if fresh:
        ids = [incident.id for incident in fresh]
        _commit(problem, events.IncidentsLinked, actor, now, incident_ids=ids)
        _link(problem, fresh, actor, now)
    return problem


@transaction.atomic
def unlink_incident(problem_id: int, incident_id: int, *, actor: Actor, now: datetime) -> Problem:
    problem = _locked(problem_id, actor)
    incident = one(incident_id, actor=actor, verb="incident.read")
    if not ProblemIncident.objects.filter(problem=problem, incident=incident).delete()[0]:
        raise NotFound("This incident is not linked to the problem.")
    _commit(problem, events.IncidentUnlinked, actor, now, incident_id=incident_id)
    _set_problem(incident, None, actor, now)
    return problem


@transaction.atomic
def publish_known_error(
    problem_id: int,
    *,
    actor: Actor,
    now: datetime,
    public: bool = False,
    workaround: str | None = None,
    version: int | None = None,
) -> Problem:
    """Offer the workaround beside every incident that it probably explains; `public`: to callers as well."""
    problem = _locked(problem_id, actor, version)
    if problem.state in ("solved", "closed"):
        raise InvalidTransition(f"{problem.number} is {problem.state}; open it again first.")
    if public and problem.security:
        raise Invalid("A security problem is never published to callers.", {"public": "security"})
    changes = _apply(problem, {"workaround": workaround} if workaround is not None else {}, now)
    if not problem.workaround.strip():
        message = "Write the workaround first: it is what a known error is for."
        raise Invalid(message, {"workaround": message})
    changes |= _set(problem, state="known_error", public=public, known_error_at=problem.known_error_at or now)
    if changes:
        _commit(problem, events.KnownErrorPublished, actor, now, changes=changes, public=public)
    return problem


@transaction.atomic
def withdraw_known_error(problem_id: int, *, actor: Actor, now: datetime) -> Problem:
    problem = _locked(problem_id, actor)
    if problem.state != "known_error":
        raise InvalidTransition(f"{problem.number} is not published.")
    changes = _set(problem, state="open", public=False, known_error_at=None)
    return _commit(problem, events.KnownErrorWithdrawn, actor, now, changes=changes)


@transaction.atomic
def solve(problem_id: int, *, actor: Actor, now: datetime, root_cause: str | None = None) -> Problem:
    """The cause is known and gone. Its workaround is no longer offered."""
    problem = _locked(problem_id, actor)
    if problem.state not in ("open", "known_error"):
        raise InvalidTransition(f"{problem.number} is {problem.state} already.")
    changes = _apply(problem, {"root_cause": root_cause} if root_cause is not None else {}, now)
    if not problem.root_cause.strip():
        message = "Name the root cause first."
        raise Invalid(message, {"root_cause": message})
    changes |= _set(problem, state="solved", public=False)
    return _commit(problem, events.ProblemSolved, actor, now, changes=changes)


@transaction.atomic
def close(problem_id: int, *, actor: Actor, now: datetime, reason: str = "") -> Problem:
    """Nothing more will be done. With open preventive actions, or unsolved, only with a reason."""
    problem = _locked(problem_id, actor)
    if problem.state == "closed":
        raise InvalidTransition(f"{problem.number} is closed already.")
    undone = PreventiveAction.objects.filter(problem=problem, done_at=None).count()
    if not reason.strip() and (undone or problem.state != "solved"):
        message = f"{undone} preventive actions are open." if undone else "It is not solved."
        raise Invalid(f"{message} Say why it is closed all the same.", {"reason": f"{message} Say why."})
    changes = _set(problem, state="closed", public=False, closed_at=now)
    text = save_text(reason, now=now) if reason.strip() else None
    return _commit(problem, events.ProblemClosed, actor, now, changes=changes, content_id=text)


@transaction.atomic
def reopen(problem_id: int, *, actor: Actor, now: datetime, reason: str = "") -> Problem:
    problem = _locked(problem_id, actor)
    if problem.state not in ("solved", "closed"):
        raise InvalidTransition(f"{problem.number} is open.")
    changes = _set(problem, state="open", closed_at=None, known_error_at=None)
    text = save_text(reason, now=now) if reason.strip() else None
    return _commit(problem, events.ProblemReopened, actor, now, changes=changes, content_id=text)


@transaction.atomic
def add_action(
    problem_id: int, *, title: str, owner_id: int | None, due_on: date | None, actor: Actor, now: datetime
) -> PreventiveAction:
    """Something that keeps it from happening again, with who does it until when."""
    problem = _locked(problem_id, actor)
    missing = {}
    if not title.strip():
        missing["title"] = "Say what is to be done."
    if owner_id is None:
        missing["owner"] = "Choose who does it: an action without an owner is a wish."
    if due_on is None:
        missing["due_on"] = "Say until when."
    if missing:
        raise Invalid(" ".join(missing.values()), missing)
    action = PreventiveAction.objects.create(
        problem=problem, title=title.strip()[:255], owner_id=owner_id, due_on=due_on, created_at=now
    )
    _commit(problem, events.ActionAdded, actor, now, action_id=action.id)
    return action


@transaction.atomic
def finish_action(
    problem_id: int, action_id: int, *, actor: Actor, now: datetime, done: bool = True
) -> PreventiveAction:
    problem = _locked(problem_id, actor)
    action = PreventiveAction.objects.filter(id=action_id, problem=problem).first()
    if action is None:
        raise NotFound("There is no such preventive action.")
    if done == (action.done_at is not None):
        return action
    action.done_at = now if done else None
    action.save(update_fields=["done_at"])
    _commit(problem, events.ActionFinished, actor, now, action_id=action.id, done=done)
    return action


def _authorise(actor: Actor) -> None:
    if actor.kind in (ActorKind.PERSON, ActorKind.MACHINE):
        viewer_for(actor).require("problem.work")


def _locked(problem_id: int, actor: Actor, version: int | None = None) -> Problem:
    _authorise(actor)
    if actor.is_human and not visible(viewer_for(actor)).filter(id=problem_id).exists():
        raise NotFound("There is no such problem.")
    problem = Problem.objects.select_for_update().filter(id=problem_id).first()
    if problem is None:
        raise NotFound("There is no such problem.")
    if version is not None and version != problem.version:
        raise Conflict(
            "Somebody changed this problem meanwhile. Nothing was saved; below is what you typed. "
            "Reload the page to see theirs, then change what you still want changed."
        )
    return problem


def _apply(problem: Problem, values: Mapping[str, Any], now: datetime) -> Changes:
    """Set fields; texts become references to `content` in the answer."""
    clean = {name: value.strip() if isinstance(value, str) else value for name, value in values.items()}
    if "title" in clean and not clean["title"]:
        raise Invalid("A problem needs a title.", {"title": "Say in a line what goes wrong."})
    changes = _set(problem, **clean)
    return {
        name: (None, {"text": save_text(new, now=now)} if new else None) if name in TEXTS else (old, new)
        for name, (old, new) in changes.items()
    }


def _set(problem: Problem, **values: Any) -> Changes:
    changes: Changes = {}
    for name, value in values.items():
        before = getattr(problem, name)
        if before != value:
            setattr(problem, name, value)
            changes[name] = (before, value)
    return changes


def _commit(
    problem: Problem,
    event: type[events.ProblemEvent],
    actor: Actor,
    now: datetime,
    **fields: Any,
) -> Problem:
    problem.version += 1
    problem.save()
    happened = event(subject_id=problem.id, actor=actor, occurred_at=now, version=problem.version, **fields)
    event_log.record([happened], now=now)
    return problem


def _link(problem: Problem, incidents: Iterable[Incident], actor: Actor, now: datetime) -> None:
    for incident in incidents:
        ProblemIncident.objects.filter(incident=incident).exclude(problem=problem).delete()
        ProblemIncident.objects.get_or_create(problem=problem, incident=incident, defaults={"linked_at": now})
        _set_problem(incident, problem.id, actor, now)


def _set_problem(incident: Incident, problem_id: int | None, actor: Actor, now: datetime) -> None:
    changes = change_incident(incident, now, problem_id=problem_id)
    if changes:
        event = events.ProblemSet(
            subject_id=incident.id,
            actor=actor,
            occurred_at=now,
            changes=changes,
            problem_id=problem_id,
            version=incident.version + 1,
        )
        commit_incident(incident, changes, [event], now=now)


def _security_of(incidents: Sequence[Incident]) -> bool:
    flags = {incident.security for incident in incidents}
    if len(flags) > 1:
        raise Invalid("Security incidents and ordinary ones don't share a problem.", {"incidents": "mixed"})
    return True in flags


def _shared(incidents: Sequence[Incident], name: str) -> Any:
    values = {getattr(incident, name) for incident in incidents}
    return values.pop() if len(values) == 1 else None

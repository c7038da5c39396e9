"""Which role may do what. Pure; one table. Which *objects* a viewer reaches is decided in the queries."""

from collections.abc import Iterable
from enum import StrEnum

from firstline.core.errors import NotAllowed


class Role(StrEnum):
    CALLER = "caller"  # everybody who is signed in
    AGENT = "agent"
    LEAD = "lead"  # of at least one support group
    MAJOR_MANAGER = "major_manager"
    SERVICE_OWNER = "service_owner"
    ADMINISTRATOR = "administrator"
    AUDITOR = "auditor"
    MACHINE = "machine"


GRANTABLE = (Role.AGENT, Role.MAJOR_MANAGER, Role.SERVICE_OWNER, Role.ADMINISTRATOR, Role.AUDITOR)

_STAFF = {Role.AGENT, Role.LEAD, Role.MAJOR_MANAGER, Role.SERVICE_OWNER, Role.ADMINISTRATOR}
_READERS = _STAFF | {Role.AUDITOR}
_WORKERS = {Role.AGENT, Role.LEAD, Role.MAJOR_MANAGER, Role.MACHINE}

# verb → roles that may. A machine also needs the scope of the same name's part before the dot.
TABLE: dict[str, frozenset[Role]] = {
    "report.create": frozenset(Role),
    "incident.own": frozenset(Role),  # read, comment on, confirm, rate what one reported
    "incident.read": frozenset(_READERS | {Role.MACHINE}),
    "incident.create": frozenset(_WORKERS),  # on behalf of a caller
    "incident.comment": frozenset(_WORKERS | {Role.SERVICE_OWNER}),
    "incident.work": frozenset(_WORKERS),  # assign, hold, resolve, reopen, cancel, link, merge, tasks …
    "incident.priority": frozenset(_WORKERS),
    "incident.publish": frozenset({Role.AGENT, Role.LEAD, Role.MAJOR_MANAGER, Role.SERVICE_OWNER}),
    "incident.major.declare": frozenset(_WORKERS - {Role.MACHINE}),
    "incident.major.withdraw": frozenset({Role.LEAD, Role.MAJOR_MANAGER}),
    "incident.acknowledge": frozenset(_WORKERS),
    "security.break_glass": frozenset({Role.ADMINISTRATOR, Role.AUDITOR}),
    "alert.read": frozenset(_READERS | {Role.MACHINE}),
    "alert.work": frozenset(_WORKERS),
    "noise.read": frozenset(_READERS | {Role.MACHINE}),  # what mutes alerts
    "noise.edit": frozenset(
        _WORKERS | {Role.ADMINISTRATOR}
    ),  # beyond a week, and of security: configuration.edit
    "service.read": frozenset(_READERS | {Role.MACHINE}),
    "service.edit": frozenset({Role.ADMINISTRATOR, Role.SERVICE_OWNER}),
    "oncall.read": frozenset(_READERS),
    "oncall.override": frozenset({Role.AGENT, Role.LEAD, Role.ADMINISTRATOR}),
    "oncall.edit": frozenset({Role.LEAD, Role.ADMINISTRATOR}),
    "problem.read": frozenset(_READERS),
    "problem.work": frozenset(_WORKERS - {Role.MACHINE} | {Role.SERVICE_OWNER}),
    "report.read": frozenset(_READERS),
    "people.read": frozenset(_READERS),
    "people.edit": frozenset({Role.ADMINISTRATOR}),
    "source.read": frozenset({Role.ADMINISTRATOR, Role.AUDITOR, Role.LEAD, Role.MACHINE}),
    "source.edit": frozenset({Role.ADMINISTRATOR, Role.MACHINE}),
    "correlation.read": frozenset({Role.ADMINISTRATOR, Role.AUDITOR, Role.LEAD, Role.MACHINE}),
    "correlation.edit": frozenset({Role.ADMINISTRATOR, Role.MACHINE}),
    "configuration.read": frozenset({Role.ADMINISTRATOR, Role.AUDITOR, Role.LEAD}),
    "configuration.edit": frozenset({Role.ADMINISTRATOR}),
    "audit.read": frozenset({Role.ADMINISTRATOR, Role.AUDITOR}),
    "console.use": frozenset(_READERS),
}

SCOPES = (
    "incident:read",
    "incident:write",
    "alert:read",
    "noise:read",
    "noise:write",
    "correlation:read",
    "correlation:write",
    "service:read",
    "source:read",
    "source:write",
)

CALENDAR = "oncall:calendar"
"""The one scope of a calendar feed's token: its owner's duties, and those of schedules that they may read."""


def scope_of(verb: str) -> str:
    """The scope that a token needs for a verb: `incident.read` → `incident:read`, all else → `…:write`."""
    noun, _dot, rest = verb.partition(".")
    return f"{noun if noun != 'report' else 'incident'}:{'read' if rest == 'read' else 'write'}"


def allows(roles: Iterable[Role], verb: str, scopes: Iterable[str] | None = None) -> bool:
    """Whether these roles may do `verb`. `KeyError` for a verb that is not in the table."""
    permitted = TABLE[verb]
    held = set(roles)
    if not held & permitted:
        return False
    return scopes is None or scope_of(verb) in set(scopes)


def refuse(verb: str) -> NotAllowed:
    who = ", ".join(sorted(role.value.replace("_", " ") for role in TABLE[verb] if role is not Role.MACHINE))
    return NotAllowed(f"This needs one of the roles: {who}.")

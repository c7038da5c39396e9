"""The permission matrix: every address and every API operation, asked by every role.

What a role may is in `accounts.permissions`; the tables below say which verb each address needs. An address that is in
no table fails the test: whoever adds one says here who may.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.contrib.auth.hashers import make_password
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from firstline.accounts.actions import create_person
from firstline.accounts.models import Person
from firstline.accounts.permissions import TABLE, Role, allows
from firstline.accounts.viewer import viewer_of
from firstline.api.main import api
from firstline.catalog.models import BusinessCalendar, Category, ResolutionCode
from firstline.core.models import Event
from firstline.incidents.models import Incident
from firstline.intake.actions import create_source
from firstline.problems.models import Problem
from tests.organisation import MAKER, Organisation, organisation


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


# the last line: asked with the token of a source, see tests/unit/api/test_compat_*.py
PUBLIC = _names(
    """
    portal:home portal:report portal:suggestions portal:questions portal:sent portal:verify
    portal:answer portal:knowledge portal:article portal:setup page account_login
    account_request_login_code account_confirm_login_code mfa_authenticate account_inactive
    account_signup account_logout account_reset_password account_reset_password_done
    account_reset_password_from_key account_reset_password_from_key_done openid_connect_login
    openid_connect_callback socialaccount_login_cancelled socialaccount_login_error
    socialaccount_signup console:theme alive engine ready figures
    hook_sms hook_voice feed_mine feed_schedule
    opsgenie_alerts opsgenie_alert opsgenie_alerts_below opsgenie_alert_below alertmanager_below
    """
)
SIGNED_IN = _names(
    """
    portal:me_too portal:mine portal:incident portal:reply portal:fixed portal:still_broken
    portal:rate portal:file portal:account account_change_password account_set_password
    account_reauthenticate mfa_index mfa_reauthenticate mfa_activate_totp mfa_deactivate_totp
    mfa_view_recovery_codes mfa_generate_recovery_codes mfa_download_recovery_codes
    socialaccount_connections console:live_ticket console:styleguide
    """
)
# verb → console addresses whose page it opens
READ: dict[str, str] = {
    "console.use": "view_save view_delete me reach reach_method reach_rules reach_quiet",
    "incident.read": "queue queue_rows queue_new incident incident_part viewers why_due attachment watch "
    "to_confirm mail",
    "incident.create": "incident_new callers known",
    "incident.comment": "say",
    "incident.work": "queue_act finish_task unlink mail_file verb",
    "alert.read": "alerts alert",
    "noise.read": "noise noise_rule",
    "noise.edit": "noise_new noise_end noise_delete",
    "service.read": "services service items item_new item changes change_new change calendars calendar_new calendar",
    "service.edit": "service_new service_edit",
    "correlation.read": "correlation correlation_new correlation_rule",
    "configuration.read": "subscriptions subscription_new subscription "
    "checks check_new check rules rule_new rule dry_run categories category_new category "
    "codes code_new code channels channel settings agreements agreement_new agreement matrix",
    "correlation.edit": "correlation_move correlation_delete",
    "configuration.edit": "subscription_delete check_try rule_move rule_delete agreement_move",
    "people.read": "people person_new person groups group_new group",
    "people.edit": "people_import",
    "oncall.read": "oncall schedule oncall_load me_calendar swap_ask swap_take swap_cancel policies policy_new policy "
    "paging",
    "oncall.override": "override_new override_cancel",
    "oncall.edit": "schedule_new schedule_edit shifts_import paging_withdraw",
    "problem.read": "problems preventive problem",
    "problem.work": "problem_new problem_edit action_new problem_act",
    "report.read": "reports report_csv",
    "source.read": "sources source source_edit source_mapping source_inbox source_inbox_row source_mail "
    "source_mail_to "
    "mail_template mail_template_new",
    "source.edit": "source_new source_act source_inbox_again source_mail_again mailbox_check mail_builtin",
    "audit.read": "audit oncall_pages",
    "security.break_glass": "break_glass",
}
# verb → console addresses where a POST needs more than the page itself does
WRITE: dict[str, str] = {
    "service.edit": "item_new item change_new change",
    "correlation.edit": "correlation_new correlation_rule",
    "noise.edit": "noise_rule",
    "configuration.edit": "subscription_new subscription "
    "check_new check rule_new rule categories category_new category codes code_new code "
    "channel settings agreement_new agreement matrix calendar_new calendar",
    "people.edit": "person_new person group_new group",
    "oncall.edit": "policy_new policy paging",
    "source.edit": "source_edit source_mapping mail_template mail_template_new",
    "incident.work": "source_mail_to",
    "incident.comment": "watch",
    "problem.work": "preventive",
}
OPERATIONS: dict[str, str] = {
    "incident.read": "list_incidents get_incident list_comments",
    "incident.work": "patch_incident assign_incident start_incident hold_incident resume_incident resolve_incident "
    "reopen_incident cancel_incident escalate_incident merge_incident split_incident undo_split_incident",
    "incident.acknowledge": "acknowledge_incident",
    "incident.priority": "set_priority",
    "incident.comment": "create_comment",
    "report.create": "create_incident",
    "alert.read": "list_alerts get_alert",
    "noise.read": "list_suppression_rules get_suppression_rule list_maintenance_windows get_maintenance_window",
    "noise.edit": "create_suppression_rule put_suppression_rule delete_suppression_rule create_maintenance_window "
    "put_maintenance_window delete_maintenance_window",
    "service.read": "list_services get_service",
    "source.read": "list_sources get_source",
    "source.edit": "create_source rotate_source",
    "correlation.read": "list_correlation_rules get_correlation_rule try_correlation_rules",
    "correlation.edit": "create_correlation_rule replace_correlation_rule delete_correlation_rule "
    "order_correlation_rules",
}


def _turned(table: dict[str, str], prefix: str) -> dict[str, str]:
    return {f"{prefix}{name}": verb for verb, names in table.items() for name in names.split()}


READ_VERB, WRITE_VERB = _turned(READ, "console:"), _turned(WRITE, "console:")
OPERATION_VERB = _turned(OPERATIONS, "")


# a lead changes the members of the group they lead, so the page decides by the group
SHOW_THEIR_FORM = frozenset({"console:group", "console:group_new"})


@dataclass(frozen=True)
class Address:
    """One URL pattern: its name and the arguments that it takes."""

    name: str
    arguments: tuple[str, ...]
    pattern: str


def addresses(patterns: Any = None, prefix: str = "", namespace: str = "") -> Iterator[Address]:
    """Every address of the installation but the API's."""
    for found in get_resolver().url_patterns if patterns is None else patterns:
        whole = prefix + str(found.pattern)
        if isinstance(found, URLResolver):
            inner = f"{namespace}{found.namespace}:" if found.namespace else namespace
            if not whole.startswith("api/"):
                yield from addresses(found.url_patterns, whole, inner)
        elif isinstance(found, URLPattern):
            name = (
                f"{namespace}{found.name}" if found.name else str(getattr(found.callback, "__name__", whole))
            )
            yield Address(name, tuple(found.pattern.regex.groupindex), whole)


ADDRESSES = tuple({found.name: found for found in addresses()}.values())


@dataclass
class World:
    """An organisation with a person of every role and one of everything that addresses name."""

    org: Organisation
    people: dict[str, Person | None]
    ids: dict[str, Any] = field(default_factory=dict)

    def path(self, address: Address) -> str:
        if address.name in ("alive", "ready", "engine", "figures"):
            return f"/{address.pattern}"
        named = {name: self.ids.get(name, 999999) for name in address.arguments}
        return reverse(address.name, kwargs=named)

    def client(self, role: str) -> Client:
        client, person = Client(raise_request_exception=True), self.people[role]
        if person is not None:
            client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
        return client

    def allowed(self, role: str, verb: str) -> bool:
        person = self.people[role]
        return person is not None and allows(viewer_of(person.id).roles, verb)


ROLES = ("visitor", "caller", "agent", "lead", "major_manager", "service_owner", "administrator", "auditor")


@pytest.fixture
def world(db: None) -> World:
    org = organisation()
    people: dict[str, Person | None] = {
        "visitor": None,
        "caller": org.caller,
        "lead": org.agent,
        "agent": org.outsider,
    }
    for role in ("major_manager", "service_owner", "administrator", "auditor"):
        people[role] = create_person(
            email=f"{role}@example.org", name=role, roles=[role], actor=MAKER, now=org.now
        )
    source, _token = create_source(name="Robot", kind="generic", actor=MAKER, now=org.now)
    incident = org.incident()
    Person.objects.update(password=make_password("a sentence that nobody types"))
    for person in people.values():
        if person is not None:
            person.refresh_from_db()
    problem = Problem.objects.create(title="Known", opened_at=org.now, state="known_error", public=True)
    ids = {
        "incident_id": incident.id,
        "service_id": org.mail.id,
        "group_id": org.other.id,
        "person_id": org.colleague.id,
        "source_id": source.id,
        "row_id": 1,
        "problem_id": problem.id,
        "category_id": Category.objects.order_by("id")[0].id,
        "code_id": ResolutionCode.objects.order_by("id")[0].id,
        "calendar_id": BusinessCalendar.objects.order_by("id")[0].id,
        "token": "nothing",
        "uidb36": "x",
        "provider_id": "oidc",
        "key": "assign",
        "name": "talk",
        "verb": "test",
        "target": "resolution",
    }
    return World(org, people, ids)


def turned_away(answer: Any) -> bool:
    """Sent to the sign-in, from the console to the portal, or told that it is not for them."""
    where = answer.headers.get("Location", "")
    return answer.status_code in (401, 403) or (
        answer.status_code == 302 and (where == "/" or "/sign-in/" in where)
    )


def test_every_address_says_who_may() -> None:
    known = {*PUBLIC, *SIGNED_IN, *READ_VERB}
    assert {found.name for found in ADDRESSES} == known, "keep the tables above complete"
    assert set(READ) | set(WRITE) | set(OPERATIONS) <= set(TABLE)


@pytest.mark.parametrize("role", ROLES)
def test_looking(world: World, role: str) -> None:
    """A GET shows what the role may see, and nothing happens by it."""
    client, before, wrong = world.client(role), Event.objects.count(), []
    for address in ADDRESSES:
        answer = client.get(world.path(address))
        expected = _may_open(world, role, address.name)
        if answer.status_code >= 500 and address.name not in ("engine", "ready"):
            wrong.append((address.name, answer.status_code))
        if address.name in PUBLIC or answer.status_code == 405 or _asks_again(answer):
            continue
        if turned_away(answer) is expected:
            wrong.append((address.name, answer.status_code, answer.headers.get("Location", "")))
    assert not wrong, "\n".join(map(str, wrong))
    assert Event.objects.count() == before, "looking changed something"


def _asks_again(answer: Any) -> bool:
    """Signed in, but asked for the password once more before a second factor is touched."""
    return "/account/confirm-access/" in answer.headers.get("Location", "")


def _may_open(world: World, role: str, name: str) -> bool:
    if name in SIGNED_IN:
        return role != "visitor"
    return world.allowed(role, READ_VERB[name]) if name in READ_VERB else True


@pytest.mark.parametrize("role", ROLES)
def test_doing(world: World, role: str) -> None:
    """A POST by a role that may not is refused and changes nothing; one that may gets at least to the form."""
    client, wrong = world.client(role), []
    for address in ADDRESSES:
        name = address.name
        if name in PUBLIC or name in SIGNED_IN:
            continue
        verb = WRITE_VERB.get(name, READ_VERB[name])
        allowed = world.allowed(role, verb) and world.allowed(role, READ_VERB[name])
        before = Event.objects.count()
        answer = client.post(world.path(address))
        if answer.status_code >= 500:
            wrong.append((name, answer.status_code, "failed"))
        if allowed and turned_away(answer):
            wrong.append((name, answer.status_code, "refused although allowed"))
        if not allowed and Event.objects.count() != before:
            wrong.append((name, answer.status_code, "changed something"))
        if name in SHOW_THEIR_FORM and answer.status_code == 200:
            continue
        if not allowed and not turned_away(answer) and answer.status_code not in (404, 405, 409, 422):
            wrong.append((name, answer.status_code, "not refused"))
    assert not wrong, "\n".join(map(str, wrong))


@pytest.mark.parametrize("role", ROLES)
def test_the_api(world: World, role: str) -> None:
    """Every operation by every role, with the example of its description."""
    description = api.get_openapi_schema()
    client, wrong, seen = world.client(role), [], set()
    for path, methods in description["paths"].items():
        for method, operation in methods.items():
            name = operation["operationId"]
            seen.add(name)
            answer = client.generic(
                method.upper(),
                path.format(**{**world.ids, "alert_id": 999999, "rule_id": 999999}),
                json.dumps(_example(description, operation)),
                content_type="application/json",
            )
            allowed = world.allowed(role, OPERATION_VERB[name])
            refused = answer.status_code in (401, 403)
            if answer.status_code >= 500 or refused is allowed:
                wrong.append((name, answer.status_code, answer.content[:200]))
            if role == "visitor" and answer.status_code != 401:
                wrong.append((name, answer.status_code, b"without knowing who asks"))
    assert seen == set(OPERATION_VERB)
    assert not wrong, "\n".join(map(str, wrong))


def _example(description: dict[str, Any], operation: dict[str, Any]) -> Any:
    if "requestBody" not in operation:
        return None
    name = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].rsplit("/", 1)[1]
    kept = ("group_id", "service_id", "into_id")  # ids of the example that name nothing here
    return {
        k: v
        for k, v in description["components"]["schemas"][name]["examples"][0].items()
        if k not in kept[:2]
    }


@pytest.mark.parametrize("role", ROLES)
def test_a_security_incident_is_on_no_page_of_anybody_else(world: World, role: str) -> None:
    """Not in lists, search, counts' pages, neighbours, exports, the portal or the API: its words are nowhere."""
    org = world.org
    hidden = org.incident(
        title="Zanzibar exfiltration",
        description="Zanzibar",
        security=True,
        group_id=org.security.id,
        caller_id=org.colleague.id,
    )
    world.ids["incident_id"] = hidden.id
    client, leaks = world.client(role), []
    for address in ADDRESSES:
        answer = client.get(world.path(address))
        body = b"".join(answer.streaming_content) if answer.streaming else answer.content
        if b"Zanzibar" in body or (hidden.number.encode() in body and "incident_id" in address.arguments):
            leaks.append(address.name)
    for path in (
        "/console/?q=zanzibar",
        "/console/?q=is:any",
        f"/console/?q={hidden.number}",
        "/report/suggestions/?title=zanzibar",
    ):
        answer = client.get(path)
        if b"exfiltration" in answer.content:
            leaks.append(path)
    for path in (
        "/incidents?q=zanzibar",
        "/incidents?q=is:any",
        f"/incidents/{hidden.id}",
        f"/incidents/{hidden.id}/comments",
    ):
        if b"Zanzibar" in client.get(f"/api/v1{path}").content:
            leaks.append(path)
    assert not leaks
    assert Incident.objects.get(id=hidden.id).version == hidden.version


def test_its_group_sees_it(world: World) -> None:
    org = world.org
    hidden = org.incident(title="Zanzibar", security=True, group_id=org.security.id)
    client = Client()
    org.guard.refresh_from_db()
    client.force_login(org.guard, backend="django.contrib.auth.backends.ModelBackend")
    assert b"Zanzibar" in client.get(reverse("console:incident", args=[hidden.id])).content
    assert client.get(f"/api/v1/incidents/{hidden.id}").json()["title"] == "Zanzibar"


def test_the_table_of_verbs_is_for_known_roles() -> None:
    assert all(roles <= set(Role) and roles for roles in TABLE.values())

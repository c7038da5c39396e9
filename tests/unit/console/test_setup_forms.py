"""The set-up pages as an administrator without JavaScript uses them: fill in, save, look again, be refused."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from firstline.accounts.actions import create_group, create_person, set_members
from firstline.accounts.models import Membership, Person
from firstline.accounts.viewer import SYSTEM
from firstline.catalog import actions as catalog
from firstline.catalog import queries
from firstline.catalog.calendar import Calendar, Region, is_open, same_hours
from firstline.catalog.calendars import create_calendar
from firstline.classification import queries as classification
from firstline.classification.actions import create_rule
from firstline.classification.rules import Condition
from firstline.core import clock, installation
from firstline.core.actor import Actor
from firstline.incidents import actions as incidents
from firstline.incidents.actions.triage import matrix_in_force
from firstline.incidents.models import Incident
from firstline.oncall import configure
from firstline.oncall import queries as oncall
from firstline.oncall.directory import schedule_from
from firstline.problems import queries as problems
from firstline.sla.configure import create_agreement, document_from
from firstline.sla.configured import agreements
from firstline.workflow.seed import ensure_defaults
from tests.unit.console.forms_helper import Form, forms, main_form, read

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
SETUP = Actor.system("test")


@pytest.fixture(autouse=True)
def still() -> None:
    clock.move_to(NOW)
    ensure_defaults(now=NOW)


def person(name: str, *roles: str) -> Person:
    return create_person(
        email=f"{name.lower()}@example.org",
        name=name,
        roles=list(roles),
        zone="Europe/Kyiv",
        actor=SETUP,
        now=NOW,
    )


def signed_in(who: Person) -> Client:
    client = Client()
    client.force_login(who, backend="django.contrib.auth.backends.ModelBackend")
    return client


@pytest.fixture
def admin() -> Client:
    return signed_in(person("Olena", "administrator", "agent"))


def send(client: Client, form: Form, **more: str) -> Any:
    return client.post(form.action, form.data(**more))


def page(name: str, *arguments: int) -> str:
    return reverse(f"console:{name}", args=arguments)


def test_a_service_with_what_it_needs(admin: Client) -> None:
    database = catalog.create_service(name="Database", actor=SETUP, now=NOW)
    form = main_form(admin, page("service_new")).set("name", "Shop").set("upstream_ids", database.id)
    form.set("questions", "Which order?\nWhich browser?").choose("group_id", "First line")
    assert send(admin, form).status_code == 302

    shop = queries.services(SYSTEM).get(name="Shop")
    assert queries.upstream(shop.id) == {database.id: 1}
    assert shop.questions == ["Which order?", "Which browser?"]
    assert shop.group is not None and shop.group.name == "First line"


def test_saving_a_page_as_it_is_changes_nothing(admin: Client) -> None:
    shop = catalog.create_service(name="Shop", cost_per_hour=120, users=9, actor=SETUP, now=NOW)
    before = {n: getattr(queries.service(SYSTEM, shop.id), n) for n in catalog.SERVICE}
    assert send(admin, main_form(admin, page("service_edit", shop.id))).status_code == 302
    assert {n: getattr(queries.service(SYSTEM, shop.id), n) for n in catalog.SERVICE} == before


def test_a_refusal_stands_at_its_field_and_what_was_typed_stays(admin: Client) -> None:
    catalog.create_service(name="Shop", actor=SETUP, now=NOW)
    form = main_form(admin, page("service_new")).set("name", "Shop").set("description", "Typed at length")
    answer = send(admin, form)
    html = answer.content.decode()
    assert answer.status_code == 422
    assert 'aria-invalid="true"' in html and "There is already a service of this name" in html
    assert "Typed at length" in html


def test_two_administrators_at_once(admin: Client) -> None:
    shop = catalog.create_service(name="Shop", actor=SETUP, now=NOW)
    form = main_form(admin, page("service_edit", shop.id)).set("name", "Web shop")
    catalog.edit_service(shop.id, users=7, actor=SETUP, now=NOW)
    answer = send(admin, form)
    assert answer.status_code == 409
    assert "Somebody changed this meanwhile" in answer.content.decode()
    assert queries.service(SYSTEM, shop.id).name == "Shop"


def test_a_rule_is_tried_before_it_is_saved(admin: Client) -> None:
    incidents.register_one(
        incidents.Report(title="VPN drops", channel="monitoring", received_at=NOW), actor=SETUP, now=NOW
    )
    form = main_form(admin, page("rule_new")).set("name", "VPN").set("contains", "vpn")
    form.choose("category_id", "Network › VPN")
    tried = send(admin, form, **{"try": "1"})
    assert b"1 of the last 1 matches" in tried.content
    assert classification.active_rules() == []

    assert send(admin, form).status_code == 302
    (rule,) = classification.active_rules()
    assert rule.condition.contains == ("vpn",)
    again = main_form(admin, page("rule", rule.id)).set("pattern", "(")
    answer = send(admin, again)
    assert answer.status_code == 422 and b"not a regular expression" in answer.content
    answer = admin.get(page("dry_run"))
    assert b"1 matched, 0 would be filed elsewhere" in answer.content


def test_a_calendar_as_people_write_it(admin: Client) -> None:
    form = main_form(admin, page("calendar_new")).set("name", "Kyiv").set("zone", "Europe/Kyiv")
    form.set("mon", "9:00-12:00, 13:00 – 17:00").set("closed", "2026-11-24").set("country", "UA")
    assert send(admin, form).status_code == 302
    made = queries.calendars(SYSTEM).get(name="Kyiv")
    hours = queries.calendar_at(made.id, NOW)
    monday = datetime(2026, 11, 23, 11, 30, tzinfo=UTC)  # 13:30 in Kyiv
    assert (is_open(hours, monday), is_open(hours, monday - timedelta(hours=1))) == (True, False)
    assert not is_open(hours, monday + timedelta(days=1))

    wrong = main_form(admin, page("calendar", made.id)).set("tue", "nine to five")
    answer = send(admin, wrong)
    assert answer.status_code == 422 and "is not like 09:00-17:00" in answer.content.decode()


def test_people_from_a_file_are_shown_first(admin: Client) -> None:
    create_group(name="Network", actor=SETUP, now=NOW)
    content = (
        "Email;Name;Roles;Groups\nnew@example.org;New;agent;Network\nolena@example.org;;;\n"
        "broken;X;;\nx@example.org;X;king;\nnew@example.org;Twice;;\n"
    )
    form = main_form(admin, page("people_import")).set("content", content)
    preview = send(admin, form)
    html = preview.content.decode()
    assert "2 of 5 rows can be taken" in html
    assert "not a mail address" in html and "unknown: king" in html and "stands in the file twice" in html
    assert not Person.objects.filter(email="new@example.org").exists()

    confirm = next(f for f in read(html, form.action) if "content" in f.fields)
    assert send(admin, confirm, write="1").status_code == 302
    made = Person.objects.get(email="new@example.org")
    assert (made.name, made.roles) == ("New", ["agent"])
    assert Membership.objects.filter(person=made, group__name="Network").exists()
    assert Person.objects.get(email="olena@example.org").name == "Olena"


def test_a_file_without_addresses_is_refused_with_what_to_do(admin: Client) -> None:
    form = main_form(admin, page("people_import")).set("content", "name,phone\nX,1\n")
    answer = send(admin, form)
    assert answer.status_code == 422 and "“email” is missing" in answer.content.decode()


def test_a_group_with_members_and_hours(admin: Client) -> None:
    andrii = person("Andrii", "agent")
    form = main_form(admin, page("group_new")).set("name", "Network").set("line", 2)
    form.choose("calendar_id", "Office hours").set("member-0-person", andrii.id).set("member-0-part", "lead")
    assert send(admin, form).status_code == 302
    member = Membership.objects.get(person=andrii)
    assert (member.group.name, member.lead) == ("Network", True)
    assert queries.group_calendar_id(member.group_id) is not None

    again = main_form(admin, page("group", member.group_id)).set("member-0-part", "out")
    assert send(admin, again).status_code == 302
    assert not Membership.objects.filter(group=member.group).exists()


def test_a_lead_changes_the_members_of_the_own_group_and_nothing_else() -> None:
    lead, other = person("Lena", "agent"), person("Taras", "agent")
    group = create_group(name="Network", actor=SETUP, now=NOW)
    set_members(group.id, {lead.id: True}, actor=SETUP, now=NOW)
    client = signed_in(lead)
    form = main_form(client, page("group", group.id))
    assert "name" not in form.fields  # shown, but not to be changed
    form.set("member-1-person", other.id).set("member-1-part", "member")
    assert client.post(form.action, {**form.data(), "name": "Mine now"}).status_code == 302
    group.refresh_from_db()
    assert group.name == "Network"
    assert Membership.objects.filter(group=group).count() == 2


def test_an_agreement_with_targets_and_conditions(admin: Client) -> None:
    form = main_form(admin, page("agreement_new")).set("name", "VIP").set("vip", "on")
    form.set("resolution_1", 2).set("resolution_1_unit", "hours").set("resolution_4", 2).set(
        "resolution_4_unit", "days"
    )
    assert send(admin, form).status_code == 302
    row, document = next(pair for pair in agreements(SYSTEM) if pair[0].name == "VIP")
    assert document.conditions.vip is True
    assert document.promise(1).resolution is not None and document.promise(1).resolution.minutes == 120
    assert document.promise(4).resolution is not None and document.promise(4).resolution.days == 2
    version = row.versions.get().number
    assert send(admin, main_form(admin, page("agreement", row.pk))).status_code == 302
    assert row.versions.count() == 1 and version == 1  # saved as it was: no new version

    assert [pair[0].name for pair in agreements(SYSTEM)] == ["VIP", "Standard"]  # else it could never win

    down = next(f for f in forms(admin, page("agreements")) if f.action == page("agreement_move", row.pk))
    assert send(admin, down, way="down").status_code == 302
    assert [pair[0].name for pair in agreements(SYSTEM)] == ["Standard", "VIP"]


def test_a_matrix_that_rises_is_marked_at_the_cell(admin: Client) -> None:
    form = main_form(admin, page("matrix")).set("cell-2-2", 1)
    answer = send(admin, form)
    assert answer.status_code == 422 and b'id="cell-2-2-error"' in answer.content
    assert matrix_in_force().cells[2][2] == 5
    assert send(admin, form.set("cell-2-2", 4)).status_code == 302
    assert matrix_in_force().cells[2][2] == 4


def test_settings_of_every_kind(admin: Client) -> None:
    form = main_form(admin, page("settings")).set("name", "Help desk").set("patience_hours", "1, 2, 3, 4, 5")
    form.fields["agents_read_all"] = []
    assert send(admin, form).status_code == 302
    now = installation.get_all()
    assert (now["name"], now["patience_hours"], now["agents_read_all"]) == (
        "Help desk",
        [1, 2, 3, 4, 5],
        False,
    )
    wrong = main_form(admin, page("settings")).set("patience_hours", "1, 2")
    assert send(admin, wrong).status_code == 422


def test_a_schedule_its_grid_and_an_override(admin: Client) -> None:
    lena, taras = person("Lena", "agent"), person("Taras", "agent")
    form = main_form(admin, page("schedule_new")).set("name", "Network").set("zone", "Europe/Kyiv")
    layer = next(name for name in form.fields if name.endswith("-name")).removesuffix("-name")
    form.set(f"{layer}-name", "Weekly").set(f"{layer}-start", "2026-11-16T09:00")
    form.set(f"{layer}-turn_0", lena.id).set(f"{layer}-turn_1", taras.id)
    answer = send(admin, form)
    assert answer.status_code == 302, answer.content.decode()
    (row,) = oncall.schedules(SYSTEM)

    grid = admin.get(page("schedule", row.id)).content.decode()
    # it is in force from today, in Taras's week; Lena's are from 30 November to 7 and from 14 December on
    assert (grid.count("<b>Lena</b>"), grid.count("<b>Taras</b>")) == (8 + 7, 8 + 8)
    at = NOW + timedelta(days=1)
    add = next(f for f in forms(admin, page("schedule", row.id)) if "by" in f.fields)
    add.set("kind", "replace").set("by", lena.id).set("start", "2026-11-24T00:00").set(
        "end", "2026-11-25T00:00"
    )
    assert send(admin, add).status_code == 302
    assert [duty.person for duty in oncall.who(SYSTEM, row.id, at, at + timedelta(hours=1))] == [lena.id]

    edit = main_form(admin, page("schedule_edit", row.id))
    assert send(admin, edit).status_code == 302
    assert row.versions.count() == 1  # saved as it was: no new version


def test_a_policy_step_by_step(admin: Client) -> None:
    lena = person("Lena", "agent")
    form = main_form(admin, page("policy_new")).set("name", "Shop")
    form.set("step0-target_0", f"person:{lena.id}").set("step0-delay", 5).set("step0-priorities", "P1, P2")
    form.set("step1-target_0", "lead:").set("step1-target_1", "")
    assert send(admin, form).status_code == 302
    row = oncall.policies(SYSTEM).get(name="Shop")
    document = oncall.policy_in_force(SYSTEM, row.id)[1]
    assert [(step.targets[0].kind, step.targets[0].id) for step in document.steps] == [
        ("person", lena.id),
        ("lead", None),
    ]
    assert (document.steps[0].delay, document.steps[0].priorities) == (5, (1, 2))

    pages = main_form(admin, page("paging")).set("priority", 1).choose("policy_id", "Shop")
    assert send(admin, pages).status_code == 302
    assert [a.policy.name for a in oncall.assignments(SYSTEM) if a.policy] == ["Shop"]


def test_a_problem_from_incidents_to_its_end(admin: Client) -> None:
    numbers = [
        incidents.register_one(
            incidents.Report(title="VPN drops", channel="monitoring", received_at=NOW), actor=SETUP, now=NOW
        ).id
        for _ in range(2)
    ]
    address = f"{page('problem_new')}?incident={numbers[0]}&incident={numbers[1]}"
    form = main_form(admin, address).set("workaround", "Connect **again**.").set("match_words", "vpn drops")
    assert form.fields["title"] == ["VPN drops"]
    assert send(admin, form).status_code == 302
    (row,) = problems.problems(SYSTEM)
    assert set(Incident.objects.values_list("problem_id", flat=True)) == {row.pk}

    def button(verb: str) -> Form:
        return next(f for f in forms(admin, page("problem", row.pk)) if f.action.endswith(f"/{verb}"))

    assert b"<strong>again</strong>" in admin.get(page("problem", row.pk)).content
    send(admin, button("publish"), public="1")
    assert [p.pk for p in problems.public_known_errors()] == [row.pk]
    missing = send(admin, button("actions").set("title", "Longer lease"))
    assert missing.status_code == 422 and "Say until when" in missing.content.decode()
    owner = Person.objects.get(email="olena@example.org")
    set_members(
        Membership.objects.get(person=owner).group_id
        if Membership.objects.filter(person=owner)
        else create_group(name="G", actor=SETUP, now=NOW).id,
        {owner.id: False},
        actor=SETUP,
        now=NOW,
    )
    added = button("actions").set("title", "Longer lease").set("owner", owner.id).set("due_on", "2026-12-01")
    assert send(admin, added).status_code == 302
    assert admin.get(page("preventive")).content.count(b"Longer lease") == 1
    send(admin, button("solve"))
    assert problems.problem(SYSTEM, row.pk).state == "known_error"  # without a root cause it is refused
    send(admin, main_form(admin, page("problem_edit", row.pk)).set("root_cause", "Lease of an hour"))
    send(admin, button("solve"))
    assert problems.problem(SYSTEM, row.pk).state == "solved"


def test_the_audit_shows_who_changed_what_from_what_to_what(admin: Client) -> None:
    shop = catalog.create_service(name="Shop", actor=SETUP, now=NOW)
    send(admin, main_form(admin, page("service_edit", shop.id)).set("criticality", "critical"))
    html = admin.get(f"{page('audit')}?thing=service").content.decode()
    assert "<b>Olena</b> changed service" in html and "<b>system</b> created service “Shop”" in html
    assert "<del>medium</del> → <ins>critical</ins>" in html
    assert "nobody" not in admin.get(f"{page('audit')}?until=2020-01-01").content.decode()


def test_the_report_exports_what_it_counts(admin: Client) -> None:
    incidents.register_one(
        incidents.Report(title="=1+1", channel="monitoring", received_at=NOW), actor=SETUP, now=NOW
    )
    html = admin.get(page("reports")).content.decode()
    assert "vendor/echarts" in html and '<script id="chart-flow" type="application/json">' in html
    answer = admin.get(f"{page('report_csv')}?figure=opened")
    assert answer["Content-Type"].startswith("text/csv")
    assert "'=1+1" in b"".join(answer.streaming_content).decode()  # type: ignore[attr-defined]
    assert admin.get(f"{page('reports')}?since=2026-12-01&until=2026-01-01").status_code == 422


def test_what_a_policy_form_has_no_room_for_survives_a_save(admin: Client) -> None:
    lena, group = person("Lena", "agent"), create_group(name="Network", actor=SETUP, now=NOW)
    definition = configure.policy_from(
        {
            "steps": [
                {
                    "targets": [
                        {"kind": "lead", "id": group.id},
                        {"kind": "person", "id": 987654},
                        {"kind": "group"},
                        {"kind": "person", "id": lena.id},
                        {"kind": "webhook", "address": "https://a.example/"},
                        {"kind": "webhook", "address": "https://b.example/"},
                    ],
                    "hours": {"zone": "Europe/Kyiv", "window": {"start": "09:00", "end": "17:00"}},
                    "round_robin": True,
                }
            ],
            "repeat": 3,
        }
    )
    row = configure.create_policy(name="Odd", definition=definition, actor=SETUP, now=NOW)
    form = main_form(admin, page("policy", row.id)).set("repeat", 4)
    assert send(admin, form).status_code == 302
    after = oncall.policy_in_force(SYSTEM, row.id)[1]
    assert after.repeat == 4
    assert sorted(map(str, after.steps[0].targets)) == sorted(map(str, definition.steps[0].targets))
    assert (after.steps[0].hours, after.steps[0].round_robin) == (definition.steps[0].hours, True)


def test_what_a_schedule_form_does_not_show_survives_a_save(admin: Client) -> None:
    lena = person("Lena", "agent")
    definition = schedule_from(
        {
            "zone": "Europe/Kyiv",
            "layers": [
                {
                    "name": "Fixed",
                    "shifts": [
                        {"person": lena.id, "start": "2026-11-23T00:00:00", "end": "2026-11-30T00:00:00"}
                    ],
                },
                {
                    "name": "Office",
                    "rotation": {
                        "every": 1,
                        "unit": "day",
                        "start": "2026-11-16T09:00:00",
                        "participants": [lena.id],
                        "days": ["mon", "tue"],
                    },
                    "windows": [{"start": "09:00", "end": "12:00"}, {"start": "13:00", "end": "17:00"}],
                },
            ],
        }
    )
    row = configure.create_schedule(name="Odd", definition=definition, actor=SETUP, now=NOW)
    form = main_form(admin, page("schedule_edit", row.id)).set("name", "Less odd")
    assert send(admin, form).status_code == 302
    assert oncall.schedule_in_force(SYSTEM, row.id)[1] == definition
    assert oncall.schedule(SYSTEM, row.id).name == "Less odd"


def test_a_policy_without_any_step_is_refused(admin: Client) -> None:
    form = main_form(admin, page("policy_new")).set("name", "Empty")
    form.set("step0-target_0", "").set("step1-target_0", "")
    answer = send(admin, form)
    assert answer.status_code == 422 and b"A policy needs a step with a target" in answer.content


def test_what_is_out_of_use_stays_chosen(admin: Client) -> None:
    old = catalog.create_service(name="Old", actor=SETUP, now=NOW)
    rule = create_rule(
        name="R",
        condition=Condition(services=(old.id,), contains=("x",)),
        security=True,
        actor=SETUP,
        now=NOW,
    )
    kept = document_from(
        {
            "promises": {"1": {"resolution": {"minutes": 90}, "group": {"minutes": 30}}},
            "conditions": {"services": [old.id], "kinds": ["request"], "vip": False},
            "on_change": "from_now",
        }
    )
    agreement = create_agreement(name="A", definition=kept, actor=SETUP, now=NOW)
    hours = Calendar(
        zone="UTC", week=same_hours("mon", "09:00", "17:00"), regions=(Region("DE"), Region("FR"))
    )
    calendar = create_calendar(name="Two countries", definition=hours, actor=SETUP, now=NOW)
    catalog.edit_service(old.id, active=False, actor=SETUP, now=NOW)

    for name, id in (("rule", rule.id), ("agreement", agreement.id), ("calendar", calendar.id)):
        assert send(admin, main_form(admin, page(name, id))).status_code == 302
    assert [r.condition.services for r in classification.active_rules()] == [(old.id,)]
    assert agreement.versions.count() == 1
    assert queries.calendar_at(calendar.id, NOW) == hours

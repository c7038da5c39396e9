"""The list of rules in the database, decisions by it, and the dry-run."""

from datetime import UTC, datetime, timedelta

import pytest
from pytest_django import DjangoAssertNumQueries

from firstline.accounts.actions import create_group, create_person
from firstline.accounts.viewer import SYSTEM
from firstline.catalog.actions import create_category
from firstline.classification import actions, models, queries
from firstline.classification.rules import Condition, Subject
from firstline.core import event_log
from firstline.core.actor import Actor
from firstline.core.errors import Conflict, Invalid, NotAllowed
from firstline.incidents.actions.editing import categorise
from firstline.incidents.actions.register import Report, register_one
from firstline.incidents.models import Incident

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
SETUP = Actor.system("test")


def category(name: str, **fields: object) -> int:
    return create_category(name=name, actor=SETUP, now=NOW, **fields).id


def incident(title: str) -> int:
    report = Report(title=title, channel="monitoring", received_at=NOW)
    return register_one(report, actor=SETUP, now=NOW).id


def test_rules_are_tried_in_their_order_and_the_order_can_change() -> None:
    printers, paper = category("Printers"), category("Paper")
    first = actions.create_rule(
        name="printer", condition=Condition(contains=("printer",)), category_id=printers, actor=SETUP, now=NOW
    )
    second = actions.create_rule(
        name="paper", condition=Condition(contains=("paper",)), category_id=paper, actor=SETUP, now=NOW
    )
    number = incident("Printer out of paper")
    assert queries.decisions([number])[number].category_id == printers

    actions.reorder([second.id, first.id], actor=SETUP, now=NOW)
    decision = queries.decisions([number])[number]
    assert (decision.category_id, decision.rule_id) == (paper, second.id)

    actions.move(first.id, up=True, actor=SETUP, now=NOW)
    assert [rule.id for rule in queries.rules(SYSTEM)] == [first.id, second.id]
    with pytest.raises(Conflict):
        actions.reorder([first.id], actor=SETUP, now=NOW)


def test_categorising_a_batch_says_in_the_log_what_decided() -> None:
    printers, chosen = category("Printers"), category("Chosen")
    rule = actions.create_rule(
        name="printer", condition=Condition(contains=("printer",)), category_id=printers, actor=SETUP, now=NOW
    )
    by_rule, by_person, by_nothing = incident("Printer"), incident("Another printer"), incident("Mail")
    categorise(by_person, chosen, actor=SETUP, now=NOW)
    rows = list(Incident.objects.order_by("id"))

    actions.categorise_new(rows, now=NOW)

    saved = dict(Incident.objects.values_list("id", "category_id"))
    assert saved == {by_rule: printers, by_person: chosen, by_nothing: None}
    log = {number: list(event_log.read("incident", number))[-1] for number in saved}
    assert [log[n].verb for n in saved] == ["categorised"] * 3
    assert log[by_rule].actor == Actor.rule(rule.id)
    assert (log[by_rule].why["by"], log[by_rule].why["rule"]) == ("rule", rule.id)
    assert log[by_person].why["by"] == "given"
    assert log[by_nothing].why["by"] == "none"
    assert {row.version for row in Incident.objects.filter(id__in=[by_rule, by_nothing])} == {2}


def test_a_group_is_inherited_down_the_tree() -> None:
    group = create_group(name="Network", actor=SETUP, now=NOW)
    top = category("Network", group_id=group.id)
    below = category("VPN", parent_id=top)
    actions.create_rule(
        name="vpn", condition=Condition(contains=("vpn",)), category_id=below, actor=SETUP, now=NOW
    )
    number = incident("VPN is slow")
    assert queries.decisions([number])[number].group_id == group.id


def test_labels_and_kind_of_the_source_come_from_the_caller() -> None:
    target = category("Cluster")
    actions.create_rule(
        name="k8s",
        condition=Condition(source_kinds=("alertmanager",), labels={"namespace": "*"}),
        category_id=target,
        actor=SETUP,
        now=NOW,
    )
    number = incident("Pod restarts")
    origin = queries.Origin(source_kind="alertmanager", labels={"namespace": "shop"})
    assert queries.decisions([number])[number].category_id is None
    assert queries.decisions([number], {number: origin})[number].category_id == target


def test_a_rule_that_can_not_be_read_prevents_nothing() -> None:
    models.Rule.objects.create(name="broken", position=1, condition={"pattern": "("}, security=True)
    number = incident("Anything")
    assert queries.decisions([number])[number].rule_id is None


def test_deciding_costs_the_same_for_one_and_for_fifty(
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    numbers = [incident(f"Report {n}") for n in range(50)]
    with django_assert_max_num_queries(5):
        assert len(queries.decisions(numbers)) == 50


@pytest.mark.parametrize("fields", [{}, {"security": False}])
def test_a_rule_that_sets_nothing_is_refused(fields: dict[str, bool]) -> None:
    with pytest.raises(Invalid) as refused:
        actions.create_rule(name="idle", condition=Condition(), actor=SETUP, now=NOW, **fields)
    assert list(refused.value.fields) == ["category"]


def test_every_edit_is_recorded_and_agents_make_none() -> None:
    rule = actions.create_rule(name="x", condition=Condition(), security=True, actor=SETUP, now=NOW)
    actions.edit_rule(rule.id, condition=Condition(contains=("virus",)), actor=SETUP, now=NOW)
    actions.delete_rule(rule.id, actor=SETUP, now=NOW)
    verbs = [event.verb for event in event_log.read("configuration", rule.id)]
    assert verbs[-3:] == ["configuration_created", "configuration_changed", "configuration_deleted"]

    agent = create_person(email="a@example.org", roles=["agent"], actor=SETUP, now=NOW)
    with pytest.raises(NotAllowed):
        actions.create_rule(
            name="y", condition=Condition(), security=True, actor=Actor.person(agent.id), now=NOW
        )


def test_the_dry_run_shows_incidents_and_signals_and_changes_nothing() -> None:
    printers, other = category("Printers"), category("Other")
    number = incident("Printer jammed")
    filed = incident("Printer again")
    categorise(filed, other, actor=SETUP, now=NOW)
    rule = actions.create_rule(
        name="printer", condition=Condition(contains=("printer",)), category_id=printers, actor=SETUP, now=NOW
    )
    signal = (Subject(title="disk full", labels={"host": "db1"}), NOW + timedelta(minutes=1))

    tried = queries.dry_run(SYSTEM, [queries.as_value(rule)], signals=[signal])

    assert [line.subject.title for line in tried] == ["disk full", "Printer again", "Printer jammed"]
    assert [line.rule is not None for line in tried] == [False, True, True]
    assert [line.differs for line in tried] == [False, True, False]
    assert queries.decisions([number])[number].category_id == printers

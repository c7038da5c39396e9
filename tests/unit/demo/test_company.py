"""The demo company: made by the ordinary actions, with work of every kind, the same each time it is drawn."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from firstline.closure.models import Confirmation
from firstline.core import clock
from firstline.core.models import Event
from firstline.demo import company, history, lives, main, setup
from firstline.incidents.lifecycle import State
from firstline.incidents.models import Incident
from firstline.problems.models import Problem
from firstline.sla.models import Clock
from tests.database import Clone

START = datetime(2026, 3, 1, tzinfo=UTC)


def drawn(seed: int) -> list[lives.Life]:
    return list(lives.draw(Random(seed), START, START + timedelta(days=20)))


def test_the_same_seed_draws_the_same_lives() -> None:
    assert drawn(company.SEED) == drawn(company.SEED)
    assert drawn(company.SEED) != drawn(company.SEED + 1)


def test_each_life_goes_forward_from_its_report() -> None:
    for life in drawn(7):
        instants = [step.at for step in life.steps]
        assert life.steps[0].do == "register"
        assert instants == sorted(instants)


def test_a_resolved_life_without_an_answer_is_over_only_after_the_silence() -> None:
    life = next(each for each in drawn(7) if each.steps[-1].do == "resolve")
    last = life.steps[-1].at
    assert not history.is_over(life, last + timedelta(days=1))
    assert history.is_over(life, last + timedelta(days=10))


def test_every_service_and_category_of_a_story_exists() -> None:
    services = {service.key for service in company.SERVICES}
    categories = {f"{root} › {name}" for root, children in company.CATEGORIES for name, _ in children}
    groups = {group.key for group in company.GROUPS}
    from firstline.demo.open_work import ALL

    assert {story.service for story in ALL} <= services
    assert {story.category for story in ALL} <= categories
    assert {group for _, children in company.CATEGORIES for _, group in children} <= groups
    assert {key for service in company.SERVICES for key in service.needs} <= services


@pytest.mark.scenario
def test_the_company_moves_in_with_work_of_every_kind(
    cloned_database: Clone, monkeypatch: pytest.MonkeyPatch
) -> None:
    from firstline.workflow.seed import ensure_defaults

    monkeypatch.setattr(main, "_keep", lambda _kept: None)
    ensure_defaults(now=clock.now())
    world, kept = main.make()
    states = Counter(Incident.objects.values_list("state", flat=True))
    assert sum(states.values()) > 500
    assert set(states) == {state.value for state in State}
    assert set(Incident.objects.exclude(hold_reason="").values_list("hold_reason", flat=True)) == {
        *("caller", "vendor", "change", "problem", "scheduled")
    }
    assert set(Incident.objects.exclude(closed_how="").values_list("closed_how", flat=True)) == {
        *("caller", "on_behalf", "no_answer", "no_caller")
    }
    assert Incident.objects.filter(major="declared").count() == 1
    assert set(Problem.objects.values_list("state", flat=True)) == {"known_error", "solved"}
    assert set(Confirmation.objects.values_list("rating", flat=True)) == {None, 1, 2, 3, 4, 5}
    assert Clock.objects.filter(target="resolution", breached_at__isnull=False).exists()
    assert not Event.objects.filter(verb="state_imported").exists()
    assert not Event.objects.filter(occurred_at__gt=clock.now()).exists()
    found = setup.find()
    assert found is not None
    assert (found.people, found.groups) == (world.people, world.groups)
    assert len(kept.password) >= 12

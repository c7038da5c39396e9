"""The caller's word, the silence, the agent on behalf, and everybody else who is affected."""

from datetime import timedelta

import pytest

from firstline.accounts.viewer import viewer_of
from firstline.closure import actions, queries
from firstline.closure.asking import ask_due, close_due, remind_due
from firstline.closure.models import Confirmation
from firstline.core import installation
from firstline.core.errors import Conflict, DomainError, Invalid, NotAllowed, NotFound
from firstline.core.models import Due, Event
from firstline.incidents import actions as incidents
from firstline.incidents.lifecycle import ClosedHow
from firstline.incidents.models import Incident
from firstline.notifications.models import Delivery
from tests.organisation import MAKER, Organisation, organisation

pytestmark = pytest.mark.django_db


@pytest.fixture
def org() -> Organisation:
    return organisation()


def told(kind: str) -> list[str]:
    """Who was told by messages of this kind."""
    return sorted(Delivery.objects.filter(message__kind=kind).values_list("address", flat=True))


def verbs(incident: Incident) -> list[str]:
    rows = Event.objects.filter(subject_type="incident", subject_id=incident.id).order_by("id")
    return list(rows.values_list("verb", flat=True))


def asked(org: Organisation, **fields: object) -> Incident:
    row = org.resolved(**fields)
    ask_due(now=org.now)
    return row


def fresh(row: Incident) -> Incident:
    return Incident.objects.get(id=row.id)


def test_resolving_asks_the_caller_with_three_links(org: Organisation) -> None:
    row = asked(org)
    found = Confirmation.objects.get(incident=row)
    assert (found.person_id, found.answer, found.rating) == (org.caller.id, "", None)
    assert told("resolved") == ["rosa@example.org"]
    body = Delivery.objects.get(message__kind="resolved").message.body
    assert body.count("/answer/") == 3 and "The mail server was restarted." in body
    assert "confirmation_asked" in verbs(row)
    assert ask_due(now=org.advance(hours=1)) == 0, "asked twice"


def test_the_reaction_only_inserts_a_due_row(org: Organisation) -> None:
    row = org.resolved()
    assert Due.objects.filter(kind="closure.ask", subject_id=row.id).exists()
    assert (
        not Confirmation.objects.exists() and not Delivery.objects.filter(message__kind="resolved").exists()
    )


def test_fixed_closes_and_again_changes_nothing(org: Organisation) -> None:
    row = asked(org)
    link = org.by(org.caller, "link")
    assert actions.confirm(row.id, actor=link, now=org.advance(hours=1)).closed_how == "caller"
    version = fresh(row).version
    assert actions.confirm(row.id, actor=link, now=org.advance(hours=1)).state == "closed"
    assert fresh(row).version == version
    assert not Due.objects.filter(kind__startswith="closure.", subject_id=row.id).exists()
    assert Confirmation.objects.get(incident=row).answer == "fixed"


def test_still_broken_reopens_with_the_words(org: Organisation) -> None:
    row = asked(org)
    actions.still_broken(row.id, "It hangs again", actor=org.by(org.caller, "link"), now=org.advance(hours=1))
    now_open = fresh(row)
    assert (now_open.state, now_open.reopenings) == ("assigned", 1)
    assert now_open.comments.get().content.body == "It hangs again"
    assert Confirmation.objects.get(incident=row).answer == "still_broken"
    org.advance(days=30)
    assert close_due(now=org.now) == 0 and fresh(row).state == "assigned"


def test_a_link_of_an_earlier_resolution_says_so(org: Organisation) -> None:
    row = asked(org)
    first = Confirmation.objects.get(incident=row)
    link = org.by(org.caller, "link")
    actions.still_broken(row.id, "", actor=link, now=org.advance(hours=1), confirmation_id=first.id)
    with pytest.raises(Conflict, match="worked on"):
        actions.confirm(row.id, actor=link, now=org.now, confirmation_id=first.id)
    incidents.resolve(row.id, code="fixed", notes="Again.", actor=MAKER, now=org.advance(hours=1))
    ask_due(now=org.now)
    with pytest.raises(Conflict, match="earlier"):
        actions.confirm(row.id, actor=link, now=org.now, confirmation_id=first.id)
    second = queries.latest(row.id)
    assert second is not None and second.resolution_number == 2
    assert actions.confirm(row.id, actor=link, now=org.now, confirmation_id=second.id).state == "closed"


def test_silence_reminds_once_and_then_closes(org: Organisation) -> None:
    row = asked(org)
    remind_due(now=org.advance(days=1))
    remind_due(now=org.advance(days=1))
    assert told("reminder") == ["rosa@example.org"]
    close_due(now=org.now)
    assert fresh(row).state == "resolved"
    org.advance(days=1)
    assert close_due(now=org.now) == 1
    closed = fresh(row)
    assert (closed.state, closed.closed_how) == ("closed", "no_answer")
    found = Confirmation.objects.get(incident=row)
    assert (found.answer, found.rating) == ("none", None), "silence is no mark"
    assert verbs(row)[-1] == "closed"


def test_low_priority_is_not_reminded(org: Organisation) -> None:
    row = org.resolved()
    Incident.objects.filter(id=row.id).update(priority=4)
    ask_due(now=org.now)
    assert not Due.objects.filter(kind="closure.remind").exists()


def test_without_a_caller_it_closes_after_the_soak(org: Organisation) -> None:
    row = asked(org, caller_id=None, channel="monitoring")
    assert told("resolved") == []
    org.advance(hours=8)
    close_due(now=org.now)
    assert fresh(row).closed_how == "no_caller"


def test_a_security_incident_waits_for_a_person_for_ever(org: Organisation) -> None:
    row = asked(org, security=True, group_id=org.security.id)
    message = Delivery.objects.get(message__kind="resolved").message
    assert "Mail hangs" not in message.subject + message.body and "restarted" not in message.body
    org.advance(days=400)
    assert close_due(now=org.now) == 0 and fresh(row).state == "resolved"
    incidents.close([row.id], how=ClosedHow.NO_ANSWER, actor=MAKER, now=org.now)
    assert fresh(row).state == "resolved"


def test_a_free_reply_stops_the_clock_but_does_not_reopen(org: Organisation) -> None:
    row = asked(org)
    incidents.comment_as_caller(
        row.id, "Thanks!", actor=org.by(org.caller, "portal"), now=org.advance(hours=1)
    )
    remind_due(now=org.advance(days=10))
    close_due(now=org.now)
    assert fresh(row).state == "resolved" and told("reminder") == []
    assert list(queries.to_confirm(viewer_of(org.agent.id)).values_list("incident_id", flat=True)) == [row.id]


def test_closing_decides_anew_whether_it_may(org: Organisation) -> None:
    row = asked(org)
    Incident.objects.filter(id=row.id).update(major="declared")
    close_due(now=org.advance(days=30))
    assert fresh(row).state == "resolved"


@pytest.mark.parametrize("answer", ["fixed", "still_broken"])
def test_on_behalf_by_phone(org: Organisation, answer: str) -> None:
    row = asked(org)
    agent = org.by(org.agent)
    if answer == "fixed":
        done = actions.confirm_on_behalf(row.id, actor=agent, now=org.advance(hours=1), note="Called, works.")
        assert (done.state, done.closed_how) == ("closed", "on_behalf")
    else:
        done = actions.still_broken_on_behalf(row.id, "Hangs still", actor=agent, now=org.advance(hours=1))
        assert (done.state, done.reopenings) == ("assigned", 1)
    found = Confirmation.objects.get(incident=row)
    assert (found.answer, found.on_behalf_by_id) == (answer, org.agent.id)
    assert [comment.public for comment in done.comments.all()] == [False]
    with pytest.raises(Conflict):
        actions.confirm_on_behalf(row.id, actor=agent, now=org.now)


def test_only_those_who_work_on_it_record_on_behalf(org: Organisation) -> None:
    row = asked(org)
    for person, error in ((org.caller, NotAllowed), (org.auditor, NotAllowed)):
        with pytest.raises(error):
            actions.confirm_on_behalf(row.id, actor=org.by(person), now=org.now)
    hidden = asked(org, security=True, group_id=org.security.id)
    with pytest.raises(NotFound):
        actions.confirm_on_behalf(hidden.id, actor=org.by(org.agent), now=org.now)
    actions.confirm_on_behalf(hidden.id, actor=org.by(org.guard), now=org.now)


def test_strangers_have_no_word(org: Organisation) -> None:
    row = asked(org)
    for act in (actions.confirm, lambda *a, **k: actions.still_broken(*a, "x", **k)):
        with pytest.raises(NotFound):
            act(row.id, actor=org.by(org.colleague, "link"), now=org.now)
    with pytest.raises(NotFound):
        actions.rate(row.id, 1, actor=org.by(org.outsider), now=org.now)
    assert fresh(row).state == "resolved"


def test_somebody_else_who_is_affected_stops_the_closing_and_asks_the_owner(org: Organisation) -> None:
    row = org.resolved()
    incidents.me_too(row.id, actor=org.by(org.agent), now=org.now, person_id=org.colleague.id)
    ask_due(now=org.now)
    assert told("resolved") == ["kim@example.org", "rosa@example.org"]
    link = org.by(org.colleague, "link")
    actions.still_broken(row.id, "Not for me", actor=link, now=org.advance(hours=1))
    assert (fresh(row).state, fresh(row).stop_auto_close) == ("resolved", True)
    assert told("objection") == ["olena@example.org"]
    close_due(now=org.advance(days=30))
    assert fresh(row).state == "resolved"
    with pytest.raises(NotAllowed):
        actions.rate(row.id, 1, actor=link, now=org.now)
    assert actions.confirm(row.id, actor=org.by(org.caller, "link"), now=org.now).state == "closed"


def test_their_fixed_closes_nothing(org: Organisation) -> None:
    row = org.resolved()
    incidents.me_too(row.id, actor=org.by(org.agent), now=org.now, person_id=org.colleague.id)
    ask_due(now=org.now)
    actions.confirm(row.id, actor=org.by(org.colleague, "link"), now=org.now)
    assert fresh(row).state == "resolved" and "affected_answered" in verbs(row)


def test_a_rating_counts_once_and_confirms(org: Organisation) -> None:
    row = asked(org)
    link = org.by(org.caller, "link")
    found = actions.rate(row.id, 5, text="Quick!", actor=link, now=org.advance(hours=1))
    assert (found.rating, fresh(row).closed_how, fresh(row).state) == (5, "caller", "closed")
    with pytest.raises(Conflict):
        actions.rate(row.id, 1, actor=link, now=org.advance(hours=1))
    assert Confirmation.objects.get(id=found.id).rating == 5
    assert Event.objects.get(verb="rated").data == {"rating": 5, "version": 0}


@pytest.mark.parametrize("rating", [0, 6, -1, 100])
def test_a_rating_is_one_to_five(org: Organisation, rating: int) -> None:
    row = asked(org)
    with pytest.raises(Invalid):
        actions.rate(row.id, rating, actor=org.by(org.caller), now=org.now)
    assert fresh(row).state == "resolved"


def test_a_closed_one_can_still_be_rated_but_not_reopened(org: Organisation) -> None:
    row = asked(org)
    close_due(now=org.advance(days=3))
    link = org.by(org.caller, "link")
    with pytest.raises(Conflict, match="closed already"):
        actions.still_broken(row.id, "", actor=link, now=org.now)
    assert actions.rate(row.id, 2, actor=link, now=org.now).rating == 2


def test_one_that_fails_is_pushed_back_and_the_others_go_on(org: Organisation) -> None:
    broken, good = org.resolved(), org.resolved(service_id=None, group_id=None)
    installation.put("confirm_window_days", [3, 3, 3, 3, 3], actor=MAKER, now=org.now)
    from firstline.catalog.calendar import Calendar
    from firstline.catalog.calendars import create_calendar, set_group_hours

    never = create_calendar(name="Never", definition=Calendar(zone="UTC"), actor=MAKER, now=org.now)
    set_group_hours(org.first.id, never.id, actor=MAKER, now=org.now)
    ask_due(now=org.now)
    assert Confirmation.objects.filter(incident=good).exists()
    failing = Due.objects.get(kind="closure.ask", subject_id=broken.id)
    assert failing.attempts == 1 and "opening" in failing.error and failing.due_at > org.now


def test_to_confirm_shows_what_the_viewer_may_see_with_the_contact(org: Organisation) -> None:
    row = asked(org)
    hidden = asked(org, security=True, group_id=org.security.id)
    closed = asked(org)
    actions.confirm(closed.id, actor=org.by(org.caller), now=org.now)
    mine = list(queries.to_confirm(viewer_of(org.agent.id)))
    assert [found.incident_id for found in mine] == [row.id]
    assert mine[0].person is not None and mine[0].person.phone == "4711"
    assert [f.incident_id for f in queries.to_confirm(viewer_of(org.guard.id))] == [row.id, hidden.id]
    with pytest.raises(DomainError):
        queries.to_confirm(viewer_of(org.caller.id))


def test_an_agreed_service_calendar_counts_working_days(org: Organisation) -> None:
    from firstline.catalog.models import BusinessCalendar

    office = BusinessCalendar.objects.get(name="Office hours")
    org.mail.calendar = office
    org.mail.save()
    org.advance(days=4)  # Friday
    row = asked(org)
    found = Confirmation.objects.get(incident=row)
    assert found.close_at is not None and found.close_at - org.now >= timedelta(days=4)

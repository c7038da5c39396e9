"""What a tool remarks about an alert, as a work note of its incident."""

from datetime import timedelta

from firstline.core.content import texts
from firstline.incidents.actions.talking import MAX_TEXT
from firstline.incidents.models import Comment, Incident
from firstline.intake import ingest
from firstline.intake.models import Source
from firstline.intake.signal import Severity, Signal, SignalKind
from tests.unit.intake.inboxes import Inbox


def signals(inbox: Inbox, *notes: str, key: str = "disk", kind: SignalKind = SignalKind.NOTE) -> list[Signal]:
    return [
        Signal(
            kind=kind, key=key, title=key, description=note, severity=Severity.ERROR, occurred_at=inbox.now
        )
        for note in notes
    ]


def bodies(incident: Incident) -> list[str]:
    rows = list(Comment.objects.filter(incident=incident).order_by("id"))
    found = texts([row.content_id for row in rows])
    return [found[row.content_id] for row in rows]


def fed(inbox: Inbox, source: Source, *batch: Signal) -> None:
    ingest.ingest(source, batch, received={}, now=inbox.now)


def test_the_notes_of_a_batch_are_one_work_note_and_each_is_said_once(inbox: Inbox) -> None:
    source = inbox.source("opsgenie")
    trigger = signals(inbox, "", kind=SignalKind.TRIGGER)
    fed(inbox, source, *trigger, *signals(inbox, "first", "second", "first", ""))
    incident = Incident.objects.get()
    assert bodies(incident) == ["first\n\nsecond"]
    inbox.pass_time(minutes=1)
    fed(inbox, source, *signals(inbox, "third"))
    assert bodies(incident) == ["first\n\nsecond", "third"]
    (comment, _) = Comment.objects.order_by("id")
    assert (comment.public, comment.automatic, comment.author_id, comment.from_address) == (
        False,
        True,
        None,
        source.name,
    )


def test_a_note_stops_and_resumes_nothing(inbox: Inbox) -> None:
    source = inbox.source("opsgenie")
    fed(inbox, source, *signals(inbox, "", kind=SignalKind.TRIGGER))
    before = Incident.objects.get()
    inbox.pass_time(minutes=1)
    fed(inbox, source, *signals(inbox, "hello"))
    after = Incident.objects.get()
    assert (after.state, after.first_response_at, after.acknowledged_at) == (
        before.state,
        before.first_response_at,
        before.acknowledged_at,
    )


def test_a_note_about_what_is_over_still_finds_its_incident(inbox: Inbox) -> None:
    source = inbox.source("opsgenie")
    fed(inbox, source, *signals(inbox, "", kind=SignalKind.TRIGGER))
    inbox.now += timedelta(minutes=1)
    fed(inbox, source, *signals(inbox, "", kind=SignalKind.RESOLVE))
    fed(inbox, source, *signals(inbox, "swept the disk"))
    assert bodies(Incident.objects.get()) == ["swept the disk"]


def test_a_note_about_nothing_known_says_nothing(inbox: Inbox) -> None:
    fed(inbox, inbox.source("opsgenie"), *signals(inbox, "who?", key="other"))
    assert not Comment.objects.exists() and not Incident.objects.exists()


def test_more_than_a_note_can_hold_is_counted(inbox: Inbox) -> None:
    source = inbox.source("opsgenie")
    long = [f"{number} " + "x" * 40_000 for number in range(5)]
    fed(inbox, source, *signals(inbox, "", kind=SignalKind.TRIGGER), *signals(inbox, *long))
    (body,) = bodies(Incident.objects.get())
    assert len(body) <= MAX_TEXT and body.startswith("0 x") and "… 3 more" in body

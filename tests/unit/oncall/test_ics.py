"""Calendar files in and out: repeated events with exceptions, whole days, local times; UIDs that stay."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import icalendar
import pytest

from firstline.oncall.ics import MOST_BYTES, Duty, NotACalendar, read, uid_of, write
from firstline.oncall.schedule import Shift

KYIV = ZoneInfo("Europe/Kyiv")
PEOPLE = {"olena@example.org": 1, "olena agent": 1, "ivan@example.org": 2, "ivan": 2}
START, END = datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)


def calendar(*events: str) -> str:
    body = "".join(
        f"BEGIN:VEVENT\n{event.strip()}\nDTSTAMP:20260101T000000Z\nEND:VEVENT\n" for event in events
    )
    return f"BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//test//EN\n{body}END:VCALENDAR\n".replace("\n", "\r\n")


def shifts(*events: str) -> list[tuple[int, str, str]]:
    found = read(calendar(*events), PEOPLE, KYIV, START, END).shifts
    return [
        (one.person, f"{one.start.astimezone(KYIV):%m-%d %H:%M}", f"{one.end.astimezone(KYIV):%m-%d %H:%M}")
        for one in found
    ]


def test_attendees_name_the_people_and_two_are_both_on() -> None:
    event = """
UID:1
DTSTART:20260302T070000Z
DTEND:20260302T150000Z
SUMMARY:On call
ATTENDEE;CN=Olena:mailto:OLENA@example.org
ATTENDEE:mailto:ivan@example.org
"""
    assert shifts(event) == [(1, "03-02 09:00", "03-02 17:00"), (2, "03-02 09:00", "03-02 17:00")]


def test_without_attendees_the_summary_names_them() -> None:
    event = "UID:1\nDTSTART:20260302T070000Z\nDTEND:20260302T150000Z\nSUMMARY:Olena Agent, ivan"
    assert [person for person, _start, _end in shifts(event)] == [1, 2]


def test_a_weekly_handoff_stays_on_the_wall_clock_and_exceptions_count() -> None:
    series = """
UID:w
DTSTART;TZID=Europe/Kyiv:20260316T090000
DTEND;TZID=Europe/Kyiv:20260316T170000
RRULE:FREQ=WEEKLY;COUNT=4
EXDATE;TZID=Europe/Kyiv:20260323T090000
SUMMARY:ivan
"""
    moved = """
UID:w
RECURRENCE-ID;TZID=Europe/Kyiv:20260330T090000
DTSTART;TZID=Europe/Kyiv:20260331T120000
DTEND;TZID=Europe/Kyiv:20260331T130000
SUMMARY:olena agent
"""
    assert shifts(series, moved) == [
        (2, "03-16 09:00", "03-16 17:00"),
        (1, "03-31 12:00", "03-31 13:00"),
        (2, "04-06 09:00", "04-06 17:00"),
    ]


def test_whole_days_are_local_days_also_when_the_clocks_change() -> None:
    event = "UID:1\nDTSTART;VALUE=DATE:20260328\nDTEND;VALUE=DATE:20260330\nSUMMARY:ivan"
    assert shifts(event) == [(2, "03-28 00:00", "03-30 00:00")]
    (shift,) = read(calendar(event), PEOPLE, KYIV, START, END).shifts
    assert shift.end - shift.start == timedelta(hours=47)
    one = "UID:1\nDTSTART;VALUE=DATE:20260328\nSUMMARY:ivan"
    assert shifts(one) == [(2, "03-28 00:00", "03-29 00:00")]


def test_a_time_without_a_zone_is_of_the_schedule_s() -> None:
    event = "UID:1\nDTSTART:20260701T080000\nDURATION:PT2H\nSUMMARY:ivan"
    assert shifts(event) == [(2, "07-01 08:00", "07-01 10:00")]


def test_cancelled_ones_and_what_is_elsewhere_in_time_are_left_out() -> None:
    kept = "UID:1\nDTSTART:20260701T080000Z\nDTEND:20260701T090000Z\nSUMMARY:ivan"
    off = "UID:2\nSTATUS:CANCELLED\nDTSTART:20260702T080000Z\nDTEND:20260702T090000Z\nSUMMARY:ivan"
    old = "UID:3\nDTSTART:20250702T080000Z\nDTEND:20250702T090000Z\nSUMMARY:ivan"
    assert len(shifts(kept, off, old)) == 1


def test_who_is_not_known_is_counted_and_nobody_known_is_refused() -> None:
    known = "UID:1\nDTSTART:20260701T080000Z\nDTEND:20260701T090000Z\nSUMMARY:ivan"
    other = "UID:2\nDTSTART:20260701T080000Z\nDTEND:20260701T090000Z\nATTENDEE:mailto:x@example.com"
    assert read(calendar(known, other), PEOPLE, KYIV, START, END).unknown == {"x@example.com": 1}
    with pytest.raises(NotACalendar, match=r"x@example\.com"):
        read(calendar(other), PEOPLE, KYIV, START, END)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no calendar|can't be read"),
        ("hello", "can't be read|no calendar"),
        ("BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n", "no shift"),
        ("x" * (MOST_BYTES + 1), "larger than"),
        (
            calendar("UID:1\nDTSTART:20260101T000000Z\nDURATION:PT30M\nRRULE:FREQ=HOURLY\nSUMMARY:ivan"),
            "more than",
        ),
        (calendar("UID:1\nDTSTART:20269901T000000Z\nSUMMARY:ivan"), "can't be read|no shift"),
    ],
)
def test_what_can_not_be_used_says_why(text: str, why: str) -> None:
    with pytest.raises(NotACalendar, match=why):
        read(text, PEOPLE, KYIV, START, END)


def made(start: datetime, hours: int, person: int = 1, schedule_id: int = 5) -> Duty:
    return Duty(
        schedule_id=schedule_id, person=person, start=start, end=start + timedelta(hours=hours),
        summary="On call: Mail; „Пошта“, Größe", description="Layer day\nuntil evening", url="https://x.example/1",
    )  # fmt: skip


def test_a_feed_reads_back_and_keeps_to_the_rules_of_the_format() -> None:
    first = made(datetime(2026, 3, 29, 0, 30, tzinfo=UTC), 9)
    raw = write("Mail team", [first, made(first.end, 5)], now=START, host="firstline.example.com")
    assert raw.endswith(b"END:VCALENDAR\r\n")
    assert all(len(line) <= 75 for line in raw.split(b"\r\n"))
    feed = icalendar.Calendar.from_ical(raw)
    events = list(feed.walk("VEVENT"))
    assert [event["DTSTART"].dt for event in events] == [first.start, first.end]
    assert str(events[0]["SUMMARY"]) == first.summary
    assert str(events[0]["DESCRIPTION"]) == first.description
    for event in events:
        assert {"UID", "DTSTAMP", "DTSTART", "DTEND"} <= set(event)
    assert len({str(event["UID"]) for event in events}) == 2


def test_a_duty_keeps_its_uid_when_its_end_moves_and_no_two_share_one() -> None:
    at = datetime(2026, 5, 1, tzinfo=UTC)
    assert uid_of(made(at, 5)) == uid_of(made(at.astimezone(KYIV), 9))
    assert len({uid_of(made(at, 5, person, schedule)) for person in (1, 2) for schedule in (5, 6)}) == 4


def test_what_was_written_can_be_a_layer_again() -> None:
    duties = [made(datetime(2026, 5, day, 6, tzinfo=UTC), 12) for day in range(1, 8)]
    raw = write("Mail", [Duty(**{**_fields(one), "summary": "ivan"}) for one in duties], now=START, host="h")
    found = read(raw.decode(), PEOPLE, KYIV, START, END).shifts
    assert found == tuple(Shift(2, one.start, one.end) for one in duties)


def _fields(one: Duty) -> dict[str, object]:
    return {name: getattr(one, name) for name in ("schedule_id", "person", "start", "end", "url")}

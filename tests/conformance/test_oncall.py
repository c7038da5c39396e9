"""The shared conformance cases of rotations, layers and overrides (`oncall.yaml`)."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest

from firstline.catalog.calendar import wall_instant
from firstline.core.errors import Conflict, Invalid
from firstline.oncall.rotation import Rotation, Window, active, number_at, turns, without
from firstline.oncall.schedule import (
    Changes,
    Layer,
    OnDuty,
    Override,
    Schedule,
    Shift,
    Swap,
    VersionInForce,
    check_override,
    take,
    who,
    who_in_versions,
)
from tests.conformance.cases import Case, cases, instant

PEOPLE = {
    name: number for number, name in enumerate(["A", "B", "C", "D", "E", "F", "P0", "P1", "P2", "Z"], 1)
}
NAMES = {number: name for name, number in PEOPLE.items()}


def rotation_of(given: dict[str, Any]) -> Rotation:
    spec = dict(given["rotation"])
    spec["participants"] = [PEOPLE[name] for name in spec.get("participants", ["A", "B"])]
    spec["start"] = datetime.fromisoformat(spec["start"])
    return msgspec.convert(spec, Rotation)


def handoffs(case: Case) -> None:
    rotation, zone = rotation_of(case.given), ZoneInfo(case.given["zone"])
    if "at" in case.given:
        at = instant(case.given["at"])
        (turn,) = turns(rotation, zone, at, at + timedelta(microseconds=1))
        assert turn.end == instant(case.expect["shift_end"])
        return
    start, end = (instant(text, zone) for text in case.given["between"])
    found = list(turns(rotation, zone, start, end))
    assert [found[0].start, *(turn.end for turn in found)] == [
        instant(text) for text in case.expect["handoffs"]
    ]
    assert all((turn.person is None) == (turn.number < 0) for turn in found)


def window(case: Case) -> None:
    spec = case.given["window"]
    opening = msgspec.convert({"days": spec["days"], "start": spec["from"], "end": spec["to"]}, Window)
    for at, expected in case.expect["active"].items():
        assert active(opening, ZoneInfo(case.given["zone"]), instant(at)) is expected, at


def shown(duties: list[OnDuty]) -> list[list[Any]]:
    """Duties as [name, from, to], stretches of one person that touch made one."""
    lines: list[list[Any]] = []
    for duty in duties:
        before = next(
            (line for line in lines if line[0] == NAMES[duty.person] and line[2] == duty.start), None
        )
        if before:
            before[2] = duty.end
        else:
            lines.append([NAMES[duty.person], duty.start, duty.end])
    return lines


def override_in_the_middle(case: Case) -> None:
    given, zone = case.given, ZoneInfo(case.given["zone"])
    layers = tuple(
        Layer(
            name=str(number),
            shifts=tuple(
                Shift(PEOPLE[shift["person"]], instant(shift["from"], zone), instant(shift["to"], zone))
                for shift in layer
            ),
        )
        for number, layer in enumerate(given["layers"])
    )
    overrides = [
        Override(
            id=number, kind="replace", person=PEOPLE[row["replace"]], by=PEOPLE[row["by"]],
            start=instant(row["from"], zone), end=instant(row["to"], zone),
        )
        for number, row in enumerate(given["overrides"])
    ]  # fmt: skip
    start, end = (instant(text, zone) for text in given["between"])
    duties = who(Schedule(given["zone"], layers), start, end, Changes(overrides))
    assert shown(duties) == [
        [name, instant(low, zone), instant(high, zone)] for name, low, high in case.expect["final"]
    ]
    assert [duty.goes_on for duty in duties] == [False, False, True]


def identical_overrides(case: Case) -> None:
    two = case.given["two"]
    rows = [
        Override(
            id=number, kind="add", person=None, by=PEOPLE[two["add"]],
            start=instant(two["from"], UTC), end=instant(two["to"], UTC),
        )
        for number in (1, 2)
    ]  # fmt: skip
    check_override(rows[0], [])
    with pytest.raises(Conflict, match="override 1"):
        check_override(rows[1], rows[:1])


def removing_a_participant(case: Case) -> None:
    utc = ZoneInfo("UTC")
    names = case.given["rotation_participants"]
    before = Rotation(1, "day", datetime.fromisoformat("2024-06-03T09:00"), tuple(PEOPLE[n] for n in names))
    now = instant("2024-06-10T12:00Z")
    while (
        NAMES[who(Schedule("UTC", (Layer("L", before),)), now, now + timedelta(hours=1))[0].person]
        != (case.given["current"])
    ):
        now += timedelta(days=1)
    after = without(before, utc, PEOPLE[case.given["remove"]], now)
    versions = [
        VersionInForce(1, instant("2024-01-01T00:00Z"), Schedule("UTC", (Layer("L", before),))),
        VersionInForce(2, now, Schedule("UTC", (Layer("L", after),))),
    ]
    past = who(versions[0].document, instant("2024-06-03T09:00Z"), now)
    shift_end = now.replace(hour=9) + timedelta(days=1)
    duties = who_in_versions(versions, instant("2024-06-03T09:00Z"), shift_end)
    assert shown(duties)[:-1] == shown(past)[:-1]
    assert shown(duties)[-1] == [case.expect["current"], now.replace(hour=9), shift_end]
    assert number_at(after, utc, now) == number_at(before, utc, now)


def layers_by_priority(case: Case) -> None:
    given = case.given
    midnight = wall_instant(ZoneInfo("UTC"), datetime.fromisoformat(str(given["day"])))

    def hour(number: float) -> datetime:
        return midnight + timedelta(hours=number)

    layers = tuple(
        Layer(str(rank), shifts=tuple(Shift(PEOPLE[name], hour(a), hour(b)) for name, a, b in layer))
        for rank, layer in enumerate(given["layers_low_to_high"])
    )
    overrides = [
        Override(
            id=number, kind="replace", person=None, by=PEOPLE[row["shift"][0]], rank=row["rank"],
            start=hour(row["shift"][1]), end=hour(row["shift"][2]),
        )
        for number, row in enumerate(given["overrides_replacing_everyone_by_rank"])
    ]  # fmt: skip
    duties = shown(who(Schedule(given["zone"], layers), hour(0), hour(24), Changes(overrides)))
    expected = [[name, hour(a), hour(b)] for name, a, b in case.expect["final"] if name]
    assert sorted(duties) == sorted(expected)
    for low, high in [(hour(a), hour(b)) for name, a, b in case.expect["final"] if name is None]:
        assert not [line for line in duties if line[1] < high and line[2] > low]


def swap(case: Case) -> None:
    midnight = instant("2024-06-03T00:00Z")
    name, low, high = case.given["shift"]
    terms = case.given["swap"]

    def hour(number: float) -> datetime:
        return midnight + timedelta(hours=number)

    schedule = Schedule("UTC", (Layer("L", shifts=(Shift(PEOPLE[name], hour(low), hour(high)),)),))
    asked = Swap(id=1, giver=PEOPLE[name], start=hour(terms["from"]), end=hour(terms["to"]))
    taken = take(asked, PEOPLE[terms["taken_by"]])
    for state, expected in ((taken, case.expect["final"]), (asked, case.expect["if_untaken"])):
        duties = who(schedule, hour(0), hour(24), Changes(swaps=[state]))
        assert shown(duties) == [[who_, hour(a), hour(b)] for who_, a, b in expected]
    assert case.expect["taking_your_own"] == "refused"
    with pytest.raises(Invalid):
        take(asked, asked.giver)


def weekday_interval(case: Case) -> None:
    schedule = Schedule(case.given["zone"], (Layer("L", rotation_of(case.given)),))
    start = instant("2024-08-05T00:00Z")
    by_day = []
    for day in range(case.given["workdays"] // 5 * 7):
        noon = start + timedelta(days=day, hours=12)
        duties = who(schedule, noon, noon + timedelta(minutes=1))
        assert bool(duties) is (noon.weekday() < 5)
        by_day += [NAMES[duty.person] for duty in duties]
    assert by_day == case.expect["by_workday"]


RUN: dict[str, Callable[[Case], None]] = {
    "override-replaces-the-middle": override_in_the_middle,
    "overrides-identical-conflict": identical_overrides,
    "removing-a-participant-keeps-who-is-on": removing_a_participant,
    "layers-by-priority-with-overrides": layers_by_priority,
    "swap-splits-and-untaken-swap-changes-nothing": swap,
    "weekday-rotation-interval": weekday_interval,
    "window-": window,
    "rotation-": handoffs,
    "monthly-": handoffs,
}


@pytest.mark.parametrize("case", cases("oncall.yaml"), ids=lambda case: case.id)
def test_case(case: Case) -> None:
    next(run for prefix, run in RUN.items() if case.id.startswith(prefix))(case)

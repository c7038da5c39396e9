"""Which incident an alert belongs to, and why."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firstline.intake.correlation import (
    Arrival,
    Candidate,
    Held,
    correlate,
    keys_of,
    lock_names,
    resolution_due,
)
from firstline.intake.grounds import DEFAULT_RULES, Ground, Key, KeyKind, Rule, group_key, weight_of
from firstline.intake.signal import Entity, EntityKind
from firstline.intake.template import template_of
from tests.effort import cases

AT = datetime(2026, 3, 2, 9, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def arrival(alert: int, minute: float = 0, **fields: Any) -> Arrival:
    return Arrival(alert_id=alert, seen_at=AT + minute * MINUTE, **{"source_id": 1, "group": "", **fields})


def candidate(
    number: int,
    minute: float = 0,
    *,
    alerts: set[int] = frozenset(),  # type: ignore[assignment]
    groups: set[tuple[int, str]] = frozenset(),  # type: ignore[assignment]
    cis: set[int] = frozenset(),  # type: ignore[assignment]
    services: set[int] = frozenset(),  # type: ignore[assignment]
    like: Arrival | None = None,
    **fields: Any,
) -> Candidate:
    seen = AT + minute * MINUTE
    keys: dict[Key, Held] = {(KeyKind.ALERT, str(each)): Held(seen) for each in alerts}
    keys |= {group_key(*each): Held(seen) for each in groups}
    keys |= {(KeyKind.CI, str(each)): Held(seen) for each in cis}
    keys |= {(KeyKind.SERVICE, str(each)): Held(seen) for each in services}
    if like is not None:
        keys |= {key: Held(seen, detail) for key, detail in keys_of(like).items()}
    usual = {"security": False, "resolved": False, "opened_at": seen, "last_signal_at": seen, "size": 1}
    return Candidate(id=number, keys=keys, **{**usual, **fields})


def joined(
    one: Arrival, *candidates: Candidate, rules: tuple[Rule, ...] = DEFAULT_RULES
) -> tuple[int, str | None]:
    (decision,) = correlate([one], candidates, rules)
    return decision.incident, decision.ground.value if decision.ground else None


@pytest.mark.parametrize(
    ("one", "other", "ground"),
    [
        (arrival(1), candidate(7, alerts={1}), "same_alert"),
        (arrival(1, 99999), candidate(7, alerts={1}), "same_alert"),
        (arrival(1, group="g"), candidate(7, groups={(1, "g")}), "same_group"),
        (arrival(1, group="g", source_id=2), candidate(7, groups={(1, "g")}), None),
        (arrival(1, ci_id=3), candidate(7, cis={3}), "same_ci"),
        (arrival(1, service_id=3), candidate(7, services={3}), "same_service"),
        (arrival(1, 30, service_id=3), candidate(7, services={3}), "same_service"),
        (arrival(1, 31, service_id=3), candidate(7, services={3}), None),
        (arrival(1, service_id=4), candidate(7, services={3}), None),
        (arrival(1, service_id=3, security=True), candidate(7, services={3}), None),
        (arrival(1, service_id=3), candidate(7, services={3}, security=True), None),
        (arrival(1, service_id=3, security=True), candidate(7, services={3}, security=True), "same_service"),
        (arrival(1, service_id=3), candidate(7, services={3}, resolved=True), None),
        (arrival(1, service_id=3), candidate(7, services={3}, size=1_000_000), None),
        (arrival(1), candidate(7), None),
    ],
)
def test_table(one: Arrival, other: Candidate, ground: str | None) -> None:
    assert joined(one, other) == ((7, ground) if ground else (-1, None))


def test_an_incident_that_is_too_old_takes_no_more() -> None:
    old = candidate(7, 1439, services={3}, opened_at=AT)
    assert joined(arrival(1, 1440, service_id=3), old)[0] == 7
    assert joined(arrival(2, 1441, service_id=3), old)[0] == -1


def test_the_order_of_rules_decides_then_the_latest_signal() -> None:
    near, alike = candidate(7, 5, services={3}), candidate(8, 0, groups={(1, "g")})
    assert joined(arrival(1, 6, service_id=3, group="g"), near, alike) == (8, "same_group")
    near, alike = candidate(7, 5, services={3}), candidate(8, 0, groups={(1, "g")})
    turned = tuple(reversed(DEFAULT_RULES))
    assert joined(arrival(1, 6, service_id=3, group="g"), near, alike, rules=turned) == (7, "same_service")
    assert joined(arrival(2, 6, service_id=3), near, candidate(9, 4, services={3}))[0] == 7


def test_a_resolved_one_is_reopened_once() -> None:
    decisions = correlate(
        [arrival(1), arrival(2, group="g")], [candidate(7, alerts={1}, groups={(1, "g")}, resolved=True)]
    )
    assert [(each.incident, each.reopens) for each in decisions] == [(7, True), (7, False)]


def test_a_storm_opens_one_and_the_rest_join_it() -> None:
    decisions = correlate([arrival(n, service_id=3) for n in range(1000)], [])
    assert [each.opens for each in decisions] == [True] + [False] * 999
    assert {each.incident for each in decisions} == {-1}


def test_a_limit_opens_the_next() -> None:
    rule = Rule(ground=Ground.SERVICE, limit=2)
    decisions = correlate([arrival(n, service_id=3) for n in range(5)], [], [rule])
    assert [each.incident for each in decisions] == [-1, -1, -2, -2, -3]


def test_the_reason_tells_what_is_common_and_since_when() -> None:
    (decision,) = correlate([arrival(1, 10, service_id=3)], [candidate(7, services={3})])
    assert decision.why == {
        "ground": "same_service", "rule": 0, "service": 3, "window": 30, "quiet_seconds": 600,
    }  # fmt: skip


arrivals = st.builds(
    lambda alert, minute, group, service, ci, security: arrival(
        alert, minute, group=group, service_id=service, ci_id=ci, security=security
    ),
    st.integers(1, 6), st.integers(0, 90), st.sampled_from(["", "g", "h"]),
    st.sampled_from([None, 1, 2]), st.sampled_from([None, 1, 2]), st.booleans(),
)  # fmt: skip


@given(st.lists(arrivals, max_size=25))
def test_as_the_slow_version(some: list[Arrival]) -> None:
    """Looking at every candidate for every arrival gives the same; and security never mixes."""
    fast = correlate(some, [])
    members: dict[int, list[Arrival]] = {}
    for one, decision in zip(some, fast, strict=True):
        expected = slow(one, members)
        assert decision.incident == (expected if expected is not None else -len(members) - 1)
        members.setdefault(decision.incident, []).append(one)
    for group in members.values():
        assert len({one.security for one in group}) == 1


def slow(one: Arrival, members: dict[int, list[Arrival]]) -> int | None:
    for rule in DEFAULT_RULES:
        fitting = []
        for incident, there in members.items():
            last, opened = max(each.seen_at for each in there), there[0].seen_at
            common = {
                Ground.ALERT: any(each.alert_id == one.alert_id for each in there),
                Ground.GROUP: bool(one.group) and any(each.group == one.group for each in there),
                Ground.CI: one.ci_id is not None and any(each.ci_id == one.ci_id for each in there),
                Ground.SERVICE: one.service_id is not None
                and any(each.service_id == one.service_id for each in there),
            }.get(rule.ground, False)
            recent = rule.window == 0 or one.seen_at - last <= rule.window * MINUTE
            young = rule.age == 0 or one.seen_at - opened <= rule.age * MINUTE
            if common and recent and young and there[0].security == one.security:
                fitting.append((last, incident))
        if fitting:
            return max(fitting)[1]
    return None


def test_locks_are_taken_in_one_order_by_everybody() -> None:
    one = lock_names([arrival(1, service_id=2, ci_id=9), arrival(2, service_id=1)])
    other = lock_names([arrival(2, service_id=1), arrival(1, service_id=2, ci_id=9)])
    assert one == other == sorted(one) and len(one) == 3


def test_two_sources_lock_what_both_could_open_an_incident_for() -> None:
    """The same entity in two spellings, and the database below the shop."""
    web = Entity(EntityKind.HOST, "web1.example.org", "target")
    short = Entity(EntityKind.HOST, "web1", "target")
    one = set(lock_names([arrival(1, security=True, entities=(web,))]))
    assert one & set(lock_names([arrival(2, source_id=2, security=True, entities=(short,))]))
    shop = set(lock_names([arrival(1, service_id=1, near={2: 1})]))
    assert shop & set(lock_names([arrival(2, source_id=2, service_id=2, near={1: -1})]))


def test_locks_are_bounded_however_many_entities_there_are() -> None:
    many = [
        arrival(n, security=True, entities=tuple(Entity(EntityKind.IP, f"203.0.{n}.{m}") for m in range(20)))
        for n in range(200)
    ]
    assert len(lock_names(many)) <= 64


# --- the grounds that came later


def hit(kind: str, value: str, role: str = "source") -> Entity:
    return Entity(EntityKind(kind), value, role)


ATTACKER, NAT, WEB = hit("ip", "198.51.100.9"), hit("ip", "10.0.0.1"), hit("host", "web1", "target")
MALWARE = hit("file_hash", "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08")


def attack(alert: int, *entities: Entity, minute: float = 0, **fields: Any) -> Arrival:
    return arrival(alert, minute, security=True, entities=entities, **fields)


@pytest.mark.parametrize(
    ("entity", "weight"),
    [
        (MALWARE, 100),
        (ATTACKER, 80),
        (NAT, 50),
        (hit("ip", "172.16.3.4"), 50),
        (hit("ip", "172.32.3.4"), 80),
        (hit("ip", "fd00::1"), 50),
        (hit("ip", "2001:db8::1"), 80),
        (hit("ip", "127.0.0.1"), 0),
        (WEB, 50),
        (hit("host", "localhost"), 0),
        (hit("host", "suricata-1", "sensor"), 0),
        (hit("user", "alice@corp"), 60),
        (hit("user", "root"), 0),
        (hit("process", "/usr/bin/nmap"), 20),
        (hit("process", "/bin/bash"), 0),
    ],
)
def test_how_telling_an_entity_is(entity: Entity, weight: int) -> None:
    assert weight_of(entity) == weight


@pytest.mark.parametrize(
    ("one", "other", "joins"),
    [
        (attack(1, ATTACKER), attack(2, ATTACKER), True),
        (attack(1, WEB), attack(2, hit("host", "web1.example.org")), True),
        (attack(1, hit("host", "web1.a.org")), attack(2, hit("host", "web1.b.org")), False),
        (attack(1, hit("process", "nmap")), attack(2, hit("process", "nmap")), False),
        (attack(1, hit("user", "root")), attack(2, hit("user", "root")), False),
        (attack(1, hit("host", "ids", "sensor")), attack(2, hit("host", "ids", "sensor")), False),
        (attack(1, ATTACKER, minute=60), attack(2, ATTACKER), True),
        (attack(1, ATTACKER, minute=61), attack(2, ATTACKER), False),
    ],
)
def test_shared_entities(one: Arrival, other: Arrival, joins: bool) -> None:
    there = candidate(7, like=other, security=True)
    assert joined(one, there) == ((7, "shared_entity") if joins else (-1, None))


def test_ordinary_alerts_of_one_host_are_not_joined_by_entities() -> None:
    one = arrival(1, entities=(ATTACKER,))
    assert joined(one, candidate(7, like=arrival(2, entities=(ATTACKER,)))) == (-1, None)


def test_an_entity_that_is_seen_everywhere_joins_nothing() -> None:
    one, there = attack(1, NAT), candidate(7, like=attack(2, NAT), security=True)
    key = next(key for key in keys_of(one) if key[0] is KeyKind.ENTITY)
    for seen, incident in ((50, 7), (51, -1)):
        (decision,) = correlate(
            [one], [candidate(7, like=attack(2, NAT), security=True)], frequency={key: seen}
        )
        assert decision.incident == incident
    (both,) = correlate([attack(1, NAT, MALWARE)], [there], frequency={key: 51})
    assert both.incident == -1, "the hash is not shared, and the address tells nothing"


def test_what_weighs_more_wins_over_what_is_newer() -> None:
    host = candidate(7, 9, like=attack(2, WEB), security=True)
    hashed = candidate(8, 0, like=attack(3, MALWARE), security=True)
    (decision,) = correlate([attack(1, WEB, MALWARE, minute=10)], [host, hashed])
    assert (decision.incident, decision.why["weight"], decision.why["needed"]) == (8, 100, 50)
    assert [kind for kind, _ in decision.common] == [KeyKind.ENTITY]


def test_two_weak_entities_are_as_good_as_a_strong_one() -> None:
    rule = Rule(ground=Ground.ENTITY, weight=100, window=60)
    shared = (WEB, hit("user", "alice"))
    there = candidate(7, like=attack(2, *shared), security=True)
    assert correlate([attack(1, *shared)], [there], [rule])[0].incident == 7
    there = candidate(7, like=attack(2, *shared), security=True)
    assert correlate([attack(1, WEB)], [there], [rule])[0].incident == -1


@pytest.mark.parametrize(
    ("near", "minute", "joins"),
    [({2: 1}, 0, True), ({2: -1}, 0, True), ({2: 2}, 10, True), ({2: 1}, 11, False), ({2: 3}, 0, False)],
)
def test_dependency(near: dict[int, int], minute: float, joins: bool) -> None:
    """Service 1 needs service 2 (1 step), or the other way round (-1)."""
    one = arrival(1, minute, service_id=1, near=near)
    (decision,) = correlate([one], [candidate(7, services={2})])
    assert decision.incident == (7 if joins else -1)
    if joins:
        assert decision.ground is Ground.DEPENDENCY
        assert (decision.why["service"], decision.why["other"], decision.why["steps"]) == (1, 2, near[2])


def test_the_nearer_dependency_wins() -> None:
    one = arrival(1, 5, service_id=1, near={2: 1, 3: 2})
    (decision,) = correlate([one], [candidate(7, 0, services={2}), candidate(8, 5, services={3})])
    assert decision.incident == 7


def texted(alert: int, text: str, minute: float = 0, **fields: Any) -> Arrival:
    return arrival(alert, minute, template=template_of(text), **fields)


@pytest.mark.parametrize(
    ("one", "other", "joins"),
    [
        ("Disk /dev/sda1 on web-01 is nearly full", "Disk /dev/sdb2 on web-17 is nearly full", True),
        (
            "Connection to 10.0.0.1:5432 refused by server",
            "Connection to 10.0.0.9:5432 refused by server",
            True,
        ),
        (
            "Certificate of shop.example.org expires soon",
            "Certificate of blog.example.org expires soon",
            True,
        ),
        ("Website A is down", "Website B is down", False),
        ("db-1 is down", "db-2 is down", False),
        ("Disk of web-01 is nearly full", "Disk of web-01 has been replaced", False),
    ],
)
def test_text_template(one: str, other: str, joins: bool) -> None:
    assert joined(texted(1, one), candidate(7, like=texted(2, other)))[0] == (7 if joins else -1)


def test_a_template_never_joins_across_known_services_sources_or_time() -> None:
    text = "Connection to server refused by peer"
    there = candidate(7, like=texted(2, text, service_id=4))
    assert joined(texted(1, text, service_id=5), there)[0] == -1
    assert joined(texted(1, text), candidate(7, like=texted(2, text, service_id=4)))[0] == 7
    assert joined(texted(1, text, source_id=2), candidate(7, like=texted(2, text)))[0] == -1
    assert joined(texted(1, text, 11), candidate(7, like=texted(2, text)))[0] == -1


def test_templates_grow_more_general_as_alerts_join() -> None:
    one, two, three = (
        texted(n, f"Replica {name} lags behind its primary server now")
        for n, name in enumerate(("ann", "bob", "cid"))
    )
    decisions = correlate([one, two, three], [])
    assert [each.incident for each in decisions] == [-1, -1, -1]
    assert decisions[2].why["similarity"] == 100, "the name is a variable by then"


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (Rule(ground=Ground.SERVICE), 7),
        (Rule(ground=Ground.SERVICE, sources=(1,)), 7),
        (Rule(ground=Ground.SERVICE, sources=(2,)), -1),
        (Rule(ground=Ground.SERVICE, services=(3,)), 7),
        (Rule(ground=Ground.SERVICE, services=(4,)), -1),
        (Rule(ground=Ground.SERVICE, security=True), -1),
        (Rule(ground=Ground.SERVICE, security=False), 7),
    ],
)
def test_a_rule_speaks_only_about_its_scope(rule: Rule, expected: int) -> None:
    (decision,) = correlate([arrival(1, service_id=3)], [candidate(7, services={3})], [rule])
    assert decision.incident == expected


def test_what_a_person_took_out_never_joins_that_incident_again() -> None:
    one = arrival(1, group="g", service_id=3, apart=frozenset({7}))
    there = candidate(7, alerts={1}, groups={(1, "g")}, services={3})
    assert joined(one, there) == (-1, None)
    assert joined(one, there, candidate(8, services={3})) == (8, "same_service")


@pytest.mark.parametrize(
    "wrong", [{"window": -1}, {"limit": 0}, {"hops": 9}, {"similarity": 10}, {"weight": 0}]
)
def test_a_rule_out_of_bounds_is_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Rule(ground=Ground.CI, **wrong)  # type: ignore[arg-type]


entities = st.lists(
    st.sampled_from([ATTACKER, NAT, WEB, MALWARE, hit("user", "alice"), hit("process", "nmap")]), max_size=3
)
anything = st.builds(
    lambda alert, minute, group, service, security, some, text, near: arrival(
        alert, minute, group=group, service_id=service, security=security, entities=tuple(some),
        template=template_of(text), near={n: 1 for n in near if n != service} if service else {},
    ),
    st.integers(1, 9), st.integers(0, 300), st.sampled_from(["", "g"]), st.sampled_from([None, 1, 2, 3]),
    st.booleans(), entities, st.sampled_from(["", "Disk 1 is full again", "Queue too long for worker"]),
    st.lists(st.integers(1, 3), max_size=2),
)  # fmt: skip


@settings(max_examples=cases(300, 20_000))
@given(st.lists(anything, max_size=30), st.integers(1, 6))
def test_whatever_comes(some: list[Arrival], limit: int) -> None:
    """Every alert is in exactly one incident; limits hold; security never mixes; each reason names its rule."""
    rules = [msgspec.structs.replace(rule, limit=limit, id=n) for n, rule in enumerate(DEFAULT_RULES, 1)]
    decisions = correlate(some, [], rules)
    assert [each.arrival for each in decisions] == some
    members: dict[int, list[Arrival]] = {}
    for each in decisions:
        assert each.opens == (each.incident not in members)
        assert each.opens == (each.rule is None)
        assert each.why["ground"] == ("first" if each.rule is None else each.rule.ground.value)
        if each.rule is not None:
            assert each.why["rule"] == each.rule.id and rules[each.rule.id - 1] == each.rule
        assert all(isinstance(value, int) or value in {*Ground, "first"} for value in each.why.values())
        members.setdefault(each.incident, []).append(each.arrival)
    for group in members.values():
        assert len(group) <= limit
        assert len({one.security for one in group}) == 1


@given(st.lists(anything, max_size=15), st.randoms(use_true_random=False))
def test_by_groups_alone_the_order_does_not_matter(some: list[Arrival], random: Random) -> None:
    """Promised for grounds that are equalities, without windows and limits: the same incidents in any order."""
    rules = [Rule(ground=Ground.GROUP, window=0, age=0, limit=1_000_000)]
    numbered = [replace(one, alert_id=n) for n, one in enumerate(some)]
    shuffled = random.sample(numbered, len(numbered))
    assert partition(numbered, rules) == partition(shuffled, rules)


def partition(some: list[Arrival], rules: list[Rule]) -> set[frozenset[int]]:
    members: dict[int, set[int]] = {}
    for each in correlate(some, [], rules):
        members.setdefault(each.incident, set()).add(each.arrival.alert_id)
    return {frozenset(group) for group in members.values()}


@pytest.mark.parametrize(
    ("ends", "due"),
    [
        ([], None),
        ([(True, AT)], AT + 5 * MINUTE),
        ([(True, AT), (True, AT + MINUTE)], AT + 6 * MINUTE),
        ([(True, AT), (False, None)], None),
        ([(False, AT)], None),
    ],
)
def test_resolution_waits_for_the_last(
    ends: list[tuple[bool, datetime | None]], due: datetime | None
) -> None:
    assert resolution_due(ends, 5 * MINUTE) == due

"""What alerts may have in common: the grounds of correlation, its rules as documents, and how telling an entity is.

Pure. `DEFAULT_RULES` are in force until an administrator saves others.
"""

import zlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from enum import StrEnum

import msgspec

from firstline.intake.entities import handles, is_telling
from firstline.intake.signal import Entity, EntityKind

MINUTE = timedelta(minutes=1)
MOST_ENTITIES = 20  # of one alert that are compared, the most telling first
SENSOR = "sensor"


class Ground(StrEnum):
    """What two things must have in common to belong together."""

    ALERT = "same_alert"
    GROUP = "same_group"
    ENTITY = "shared_entity"
    CI = "same_ci"
    SERVICE = "same_service"
    DEPENDENCY = "dependency"
    TEMPLATE = "same_template"


class KeyKind(StrEnum):
    """By what incidents are found; `incident_key.ground`."""

    ALERT = "alert"
    GROUP = "group"
    CI = "ci"
    SERVICE = "service"
    ENTITY = "entity"
    TEMPLATE = "template"


Key = tuple[KeyKind, str]

WEIGHTS: Mapping[EntityKind, int] = {
    EntityKind.FILE_HASH: 100,
    EntityKind.URL: 80,
    EntityKind.IP: 80,
    EntityKind.DOMAIN: 70,
    EntityKind.USER: 60,
    EntityKind.HOST: 50,
    EntityKind.PROCESS: 20,
}
INSIDE = 50  # of an address of one's own network, which is a host


class Rule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One line of the ordered list.

    `window`: minutes since the candidate's last signal within which it still counts (0: without limit); for
    entities and templates since they were last seen in it. `age`: minutes since it was opened (0: without
    limit). `limit`: alerts that one incident takes. `reopens`: whether an incident that is resolved, and not
    yet closed, is reopened by a new alert. `soak`: minutes of quiet before the incident is resolved when all
    its alerts have ended; `resolves`: whether it is resolved then, or resolution only proposed.

    Scope: `sources`, `services` (ids; empty: all), `security` (None: both kinds). `hops`: steps in the
    dependency graph. `weight`: how telling the shared entities must be together (`WEIGHTS`); `common`: an
    entity that was in more incidents than this within a week tells nothing. `similarity`: percent of a
    template's words. `id`: the row it comes from, 0 for a built-in one; never part of a stored definition.
    """

    ground: Ground
    window: int = 30
    age: int = 24 * 60
    limit: int = 10_000
    reopens: bool = False
    soak: int = 5
    resolves: bool = True
    sources: tuple[int, ...] = ()
    services: tuple[int, ...] = ()
    security: bool | None = None
    hops: int = 2
    weight: int = 50
    common: int = 50
    similarity: int = 80
    id: int = 0

    def __post_init__(self) -> None:
        for name, least, most in BOUNDS:
            if not least <= getattr(self, name) <= most:
                raise ValueError(f"{name}: between {least} and {most}")


BOUNDS = (
    ("window", 0, 527_040),
    ("age", 0, 527_040),
    ("limit", 1, 1_000_000),
    ("soak", 0, 10_080),
    ("hops", 1, 5),
    ("weight", 1, 1000),
    ("common", 1, 1000),
    ("similarity", 50, 100),
)

DEFAULT_RULES: tuple[Rule, ...] = (
    Rule(ground=Ground.ENTITY, window=60, age=3 * 24 * 60, security=True, resolves=False),
    Rule(ground=Ground.ALERT, window=0, age=0, limit=1_000_000, reopens=True),
    Rule(ground=Ground.GROUP, window=24 * 60, age=7 * 24 * 60, limit=1_000_000, reopens=True),
    Rule(ground=Ground.CI, window=30, limit=1_000_000),
    Rule(ground=Ground.SERVICE, window=30, limit=1_000_000),
    Rule(ground=Ground.DEPENDENCY, window=10, security=False),
    Rule(ground=Ground.TEMPLATE, window=10, security=False, limit=1_000_000),
)


def group_key(source_id: int, group: str) -> Key:
    return KeyKind.GROUP, bounded(f"{source_id}:{group}")


def entity_key(entity: Entity) -> Key:
    """The shortest name that it goes by; whether two of that name are the same, `entities.same` decides."""
    return KeyKind.ENTITY, bounded(handles(entity)[-1])


LONGEST_VALUE = 280


def bounded(value: str) -> str:
    """At most what a key's column holds; a longer one ends in a checksum of the whole."""
    if len(value) <= LONGEST_VALUE:
        return value
    return f"{value[: LONGEST_VALUE - 10]}~{zlib.crc32(value.encode()):08x}"


def weight_of(entity: Entity) -> int:
    """How much it says that two alerts share it: a hash or an outside address more than a host, and what is
    everybody's, or only watched, nothing.
    """
    if entity.role == SENSOR or not is_telling(entity):
        return 0
    if entity.kind is EntityKind.IP and _is_inside(entity.value):
        return INSIDE
    return WEIGHTS[entity.kind]


def _is_inside(address: str) -> bool:
    """Of a private network (RFC 1918, RFC 4193)."""
    return address.startswith(("10.", "192.168.", "fc", "fd")) or (
        address.startswith("172.") and address.split(".")[1] in _PRIVATE_172
    )


_PRIVATE_172 = frozenset(str(number) for number in range(16, 32))


def compared(entities: Iterable[Entity]) -> list[Entity]:
    """Those that say anything, the most telling first, each once; at most MOST_ENTITIES."""
    weighed = {entity_key(one): one for one in reversed(list(entities)) if weight_of(one)}
    return sorted(weighed.values(), key=lambda one: (-weight_of(one), one.kind, one.value))[:MOST_ENTITIES]


_KINDS = {
    Ground.ALERT: KeyKind.ALERT,
    Ground.GROUP: KeyKind.GROUP,
    Ground.ENTITY: KeyKind.ENTITY,
    Ground.CI: KeyKind.CI,
    Ground.SERVICE: KeyKind.SERVICE,
    Ground.DEPENDENCY: KeyKind.SERVICE,
    Ground.TEMPLATE: KeyKind.TEMPLATE,
}
LONGEST_BACK = timedelta(days=90)


def reach_back(rules: Sequence[Rule], kind: KeyKind) -> timedelta:
    """How long ago an alert of a candidate may have joined: by the widest rule of that kind.

    A candidate whose first alert still repeats counts as recent however long ago it joined, so that what
    bounds places and groups is its age; entities and templates count from when they were last seen.
    """
    timed = kind in (KeyKind.ENTITY, KeyKind.TEMPLATE)
    back = [
        LONGEST_BACK if minutes == 0 else min(LONGEST_BACK, minutes * MINUTE)
        for rule in rules
        if _KINDS[rule.ground] is kind
        for minutes in [rule.window if timed else rule.age]
    ]
    return max(back, default=timedelta(0))

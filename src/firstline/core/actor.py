"""Who did something: the subject of every sentence in the event log."""

from dataclasses import dataclass
from enum import StrEnum


class ActorKind(StrEnum):
    PERSON = "person"
    MACHINE = "machine"  # an API token
    RULE = "rule"
    CLOCK = "clock"
    SOURCE = "source"
    SYSTEM = "system"


@dataclass(frozen=True, slots=True)
class Actor:
    """`id` is the person's, token's, rule's or source's id; `via` the way in (console, link, mail, api …)."""

    kind: ActorKind
    id: int | None = None
    via: str = ""

    @classmethod
    def person(cls, person_id: int, via: str = "console") -> "Actor":
        return cls(ActorKind.PERSON, person_id, via)

    @classmethod
    def machine(cls, token_id: int, via: str = "api") -> "Actor":
        return cls(ActorKind.MACHINE, token_id, via)

    @classmethod
    def rule(cls, rule_id: int | None, via: str = "") -> "Actor":
        return cls(ActorKind.RULE, rule_id, via)

    @classmethod
    def clock(cls, via: str = "") -> "Actor":
        return cls(ActorKind.CLOCK, None, via)

    @classmethod
    def source(cls, source_id: int, via: str = "") -> "Actor":
        return cls(ActorKind.SOURCE, source_id, via)

    @classmethod
    def system(cls, via: str = "") -> "Actor":
        return cls(ActorKind.SYSTEM, None, via)

    @property
    def is_human(self) -> bool:
        return self.kind is ActorKind.PERSON

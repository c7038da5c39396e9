"""Every change of configuration is an event too, with from → to. Texts go to `content`; the log keeps references."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

from django.utils.translation import gettext as _

from firstline.core import event_log
from firstline.core.actor import Actor
from firstline.core.content import save_texts
from firstline.core.event_log import DomainEvent, Names, plain

SECRET = "•••"  # noqa: S105 - what stands in the log instead of a secret
_ENUM_LENGTH = 24


@dataclass(frozen=True, kw_only=True)
class ConfigurationCreated(DomainEvent):
    subject_type: ClassVar[str] = "configuration"
    verb: ClassVar[str] = "configuration_created"
    thing: str

    def summary(self, names: Names | None = None) -> str:
        return _("%(thing)s %(id)s created") % {"thing": self.thing, "id": self.subject_id}


@dataclass(frozen=True, kw_only=True)
class ConfigurationChanged(DomainEvent):
    subject_type: ClassVar[str] = "configuration"
    verb: ClassVar[str] = "configuration_changed"
    thing: str

    def summary(self, names: Names | None = None) -> str:
        return _("%(thing)s %(id)s changed: %(fields)s") % {
            "thing": self.thing,
            "id": self.subject_id,
            "fields": ", ".join(self.changes),
        }


@dataclass(frozen=True, kw_only=True)
class ConfigurationDeleted(DomainEvent):
    subject_type: ClassVar[str] = "configuration"
    verb: ClassVar[str] = "configuration_deleted"
    thing: str

    def summary(self, names: Names | None = None) -> str:
        return _("%(thing)s %(id)s deleted") % {"thing": self.thing, "id": self.subject_id}


def changed(
    thing: str,
    subject_id: int,
    *,
    actor: Actor,
    now: datetime,
    before: Mapping[str, Any] | None,
    after: Mapping[str, Any] | None,
) -> None:
    """Record what an edit of `thing` (service, source, rule …) did. Nothing is recorded if nothing differs.

    `before` None: created; `after` None: deleted. Free text is stored as `{"text": content id}`.
    """
    old, new = dict(before or {}), dict(after or {})
    names = [n for n in {**old, **new} if plain(old.get(n)) != plain(new.get(n))]
    if before is not None and after is not None and not names:
        return
    changes = {name: (_kept(old.get(name), now), _kept(new.get(name), now)) for name in names}
    kind: type[ConfigurationCreated | ConfigurationChanged | ConfigurationDeleted] = ConfigurationChanged
    if before is None:
        kind = ConfigurationCreated
    elif after is None:
        kind = ConfigurationDeleted
    event = kind(subject_id=subject_id, actor=actor, occurred_at=now, changes=changes, thing=thing)
    event_log.record([event], now=now)


def _kept(value: Any, now: datetime) -> Any:
    value = plain(value)
    if isinstance(value, str) and value != SECRET and (len(value) > _ENUM_LENGTH or not value.isidentifier()):
        return {"text": save_texts([value], now=now)[0]} if value else ""
    if isinstance(value, dict | list):
        return {"text": save_texts([_json(value)], now=now)[0]}
    return value


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)

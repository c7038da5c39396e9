"""Errors of the domain. Each face turns them into its own form (page, problem+json, exit status)."""

from collections.abc import Mapping


class DomainError(Exception):
    """Something a person or program asked for cannot be done; the text says why and what to do."""


class NotAllowed(DomainError):
    """The actor's roles don't include this."""


class NotFound(DomainError):
    """No such object, or none that the viewer may know of. Both look alike on purpose."""


class InvalidTransition(DomainError):
    """The state machine refuses; the text names the state and what would be possible."""


class Invalid(DomainError):
    """Input that can't be accepted. `fields` maps a field's name to what is wrong with it."""

    def __init__(self, message: str, fields: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.fields = dict(fields or {})


class Conflict(DomainError):
    """Somebody else changed the same field meanwhile. `theirs` maps field to (their value, who, when)."""

    def __init__(self, message: str, theirs: Mapping[str, object] | None = None) -> None:
        super().__init__(message)
        self.theirs = dict(theirs or {})

"""Tables of incidents, re-exported so that callers needn't know the files."""

from firstline.incidents.models.incident import Incident
from firstline.incidents.models.parts import (
    AffectedUser,
    Attachment,
    Comment,
    Diagnosis,
    Link,
    MajorIncident,
    Matrix,
    Merge,
    StatusUpdate,
    Task,
    Watcher,
)

__all__ = [
    "AffectedUser",
    "Attachment",
    "Comment",
    "Diagnosis",
    "Incident",
    "Link",
    "MajorIncident",
    "Matrix",
    "Merge",
    "StatusUpdate",
    "Task",
    "Watcher",
]

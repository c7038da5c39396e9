"""Tells whether a data directory was last prepared by exactly this code: then a start can skip the work."""

import hashlib
from importlib.metadata import version
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent.parent
_MARK = ".prepared"


def mark_prepared(data: Path) -> None:
    (data / _MARK).write_text(fingerprint())


def mark_collected(static: Path) -> None:
    (static / _MARK).write_text(fingerprint())


def is_collected(static: Path) -> bool:
    """Whether the static files there are those of this code."""
    return is_prepared(static)


def is_prepared(data: Path) -> bool:
    """Whether this data directory was last prepared by exactly this code."""
    try:
        return (data / _MARK).read_text() == fingerprint()
    except FileNotFoundError:
        return False


def forget_preparation(data: Path) -> None:
    """Make the next start look again, as after the database was replaced."""
    (data / _MARK).unlink(missing_ok=True)


def fingerprint() -> str:
    """Changes with every migration and static file of ours, and with the packages that bring some."""
    digest = hashlib.sha256()
    for pattern in ("*/migrations/*", "*/static/**/*"):
        for path in sorted(PACKAGE.glob(pattern)):
            if path.is_file() and path.suffix != ".pyc":
                state = path.stat()
                digest.update(f"{path.relative_to(PACKAGE)} {state.st_size} {state.st_mtime_ns}\n".encode())
    for package in ("firstline", "django", "django-allauth", "procrastinate"):
        digest.update(f"{package} {version(package)}\n".encode())
    return digest.hexdigest()

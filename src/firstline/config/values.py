"""Parsers for single settings. Each returns the value or raises ValueError saying what would be right."""

import ipaddress
from collections.abc import Callable
from pathlib import Path
from urllib.parse import SplitResult, urlsplit
from zoneinfo import ZoneInfo, available_timezones

from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict

LOOPBACK_NAMES = ("localhost", "127.0.0.1", "::1")


def text(value: str) -> str:
    return value.strip()


def folder(value: str) -> Path:
    path = Path(value).expanduser()
    if not path.is_absolute():
        raise ValueError("an absolute path is needed, such as /var/lib/firstline")
    return path


def switch(value: str) -> bool:
    if value.strip() not in {"0", "1"}:
        raise ValueError("1 or 0 is needed")
    return value.strip() == "1"


def number(low: int, high: int) -> Callable[[str], int]:
    """A parser for whole numbers from `low` to `high`."""

    def parse(value: str) -> int:
        if not value.strip().isascii() or not value.strip().isdigit() or not low <= int(value) <= high:
            raise ValueError(f"a whole number from {low} to {high} is needed")
        return int(value)

    return parse


def one_of(*choices: str) -> Callable[[str], str]:
    """A parser for a word out of few."""

    def parse(value: str) -> str:
        if value.strip().lower() not in choices:
            raise ValueError(f"one of {', '.join(choices)} is needed")
        return value.strip().lower()

    return parse


def secret(value: str) -> str:
    if len(value) < 50:
        make = "python3 -c 'import secrets; print(secrets.token_urlsafe(48))'"
        raise ValueError(f"at least 50 characters are needed, as made by {make}")
    return value


def database(value: str) -> str:
    """A libpq address that names a database. Errors don't repeat it: it may hold a password."""
    if urlsplit(value).scheme not in {"postgresql", "postgres"}:
        raise ValueError("an address like postgresql://user:password@host:5432/name is needed")
    try:
        parts = conninfo_to_dict(value)
    except ProgrammingError:
        raise ValueError("an address like postgresql://user:password@host:5432/name is needed") from None
    if not parts.get("dbname"):
        raise ValueError("the name of the database is missing at the end: postgresql://user@host/name")
    return value


def web_address(value: str) -> str:
    """Where people reach Firstline: scheme, host, perhaps a port, nothing after it."""
    parts = _split(value)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("an address like https://firstline.example.com is needed")
    if parts.path.rstrip("/") or parts.query or parts.fragment or parts.username:
        raise ValueError("only scheme, host and port are taken, as in https://firstline.example.com")
    return value.strip().rstrip("/")


def web_resource(value: str) -> str:
    parts = _split(value)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("an address like https://login.example.com/realms/main is needed")
    return value.strip()


def mail_server(value: str) -> str:
    parts = _split(value)
    if parts.scheme not in {"smtp", "smtp+starttls", "smtps"} or not parts.hostname:
        raise ValueError("an address like smtp+starttls://user:password@mail.example.com:587 is needed")
    return value.strip()


def readable_file(value: str) -> str:
    """The path of a file that is there, such as a certificate."""
    path = Path(value.strip())
    if not path.is_absolute() or not path.is_file():
        raise ValueError("the absolute path of a file is needed")
    return str(path)


def _split(value: str) -> SplitResult:
    try:
        parts = urlsplit(value.strip())
        _ = parts.port
    except ValueError:
        raise ValueError("this is not an address: the host or the port is malformed") from None
    return parts


def networks(value: str) -> str:
    """Networks or addresses, separated by commas; kept as text for the processes that take it from here."""
    for part in filter(None, (piece.strip() for piece in value.split(","))):
        try:
            ipaddress.ip_network(part, strict=False)
        except ValueError:
            raise ValueError(
                f"{part!r} is not a network like 10.0.0.0/8 or an address like 10.1.2.3"
            ) from None
    return value.strip()


def time_zone(value: str) -> str:
    if value not in available_timezones():
        raise ValueError("a name of the time zone database is needed, such as Europe/Berlin")
    return ZoneInfo(value).key


def is_loopback(host: str) -> bool:
    """Whether a host name or address can only be reached from this machine."""
    if host in LOOPBACK_NAMES:
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False

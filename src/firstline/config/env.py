"""The settings an administrator may change: `FIRSTLINE_*` in the environment, parsed and checked here.

`TABLE` is the whole list; `docs/settings.md` says the same for people, and a test holds them together.
"""

import os
import secrets
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from psycopg.conninfo import conninfo_to_dict

from . import values
from .embedded import default_data_directory, url_of

PREFIX = "FIRSTLINE_"


class WrongSettings(Exception):
    """What is wrong with the environment: one line for each setting."""

    def __init__(self, lines: list[str]) -> None:
        super().__init__("\n".join(lines))
        self.lines = lines


@dataclass(frozen=True, kw_only=True)
class Environment:
    """The parsed settings. Empty text and 0 mean: not set."""

    data: Path
    database_url: str
    secret_key: str
    url: str
    host: str
    port: int
    web_socket: str
    web_threads: int
    engines: int
    gateways: int
    trusted_proxies: str
    metrics_token: str
    smtp_host: str
    smtp_port: int
    smtp_certificate: str
    smtp_key: str
    syslog_host: str
    syslog_udp_port: int
    syslog_tcp_port: int
    syslog_tls_port: int
    syslog_certificate: str
    syslog_key: str
    syslog_client_ca: str
    mail_url: str
    mail_from: str
    oidc_issuer: str
    oidc_client_id: str
    oidc_client_secret: str
    oidc_name: str
    language: str
    time_zone: str
    log_format: str
    log_level: str
    debug: bool
    testing: bool

    @property
    def embedded(self) -> bool:
        """Whether the database is Firstline's own."""
        return not self.database_url

    def address_of_database(self) -> str:
        return self.database_url or url_of(self.data)

    def public_url(self) -> str:
        """Where links lead: what the administrator said, else this machine's own address."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return self.url or f"http://{host}:{self.port}"

    @property
    def https(self) -> bool:
        return self.public_url().startswith("https://")


@dataclass(frozen=True)
class Setting:
    parse: Callable[[str], Any]
    default: Any = ""


TABLE: dict[str, Setting] = {
    "FIRSTLINE_DATA": Setting(values.folder),
    "FIRSTLINE_DATABASE_URL": Setting(values.database),
    "FIRSTLINE_SECRET_KEY": Setting(values.secret),
    "FIRSTLINE_URL": Setting(values.web_address),
    "FIRSTLINE_HOST": Setting(values.text, "127.0.0.1"),
    "FIRSTLINE_PORT": Setting(values.number(1, 65535), 8000),
    "FIRSTLINE_WEB_SOCKET": Setting(values.text),
    "FIRSTLINE_WEB_THREADS": Setting(values.number(1, 64), 4),
    "FIRSTLINE_ENGINES": Setting(values.number(1, 16), 1),
    "FIRSTLINE_GATEWAYS": Setting(values.number(1, 16), 1),
    "FIRSTLINE_TRUSTED_PROXIES": Setting(values.networks),
    "FIRSTLINE_METRICS_TOKEN": Setting(values.text),
    "FIRSTLINE_SMTP_HOST": Setting(values.text, "127.0.0.1"),
    "FIRSTLINE_SMTP_PORT": Setting(values.number(1, 65535), 0),
    "FIRSTLINE_SMTP_CERTIFICATE": Setting(values.readable_file),
    "FIRSTLINE_SMTP_KEY": Setting(values.readable_file),
    "FIRSTLINE_SYSLOG_HOST": Setting(values.text, "127.0.0.1"),
    "FIRSTLINE_SYSLOG_UDP_PORT": Setting(values.number(1, 65535), 0),
    "FIRSTLINE_SYSLOG_TCP_PORT": Setting(values.number(1, 65535), 0),
    "FIRSTLINE_SYSLOG_TLS_PORT": Setting(values.number(1, 65535), 0),
    "FIRSTLINE_SYSLOG_CERTIFICATE": Setting(values.readable_file),
    "FIRSTLINE_SYSLOG_KEY": Setting(values.readable_file),
    "FIRSTLINE_SYSLOG_CLIENT_CA": Setting(values.readable_file),
    "FIRSTLINE_MAIL_URL": Setting(values.mail_server),
    "FIRSTLINE_MAIL_FROM": Setting(values.text, "Firstline <firstline@localhost>"),
    "FIRSTLINE_OIDC_ISSUER": Setting(values.web_resource),
    "FIRSTLINE_OIDC_CLIENT_ID": Setting(values.text),
    "FIRSTLINE_OIDC_CLIENT_SECRET": Setting(values.text),
    "FIRSTLINE_OIDC_NAME": Setting(values.text, "Single sign-on"),
    "FIRSTLINE_LANGUAGE": Setting(values.one_of("en", "de"), "en"),
    "FIRSTLINE_TIME_ZONE": Setting(values.time_zone, "UTC"),
    "FIRSTLINE_LOG_FORMAT": Setting(values.one_of("text", "json"), "text"),
    "FIRSTLINE_LOG_LEVEL": Setting(values.one_of("debug", "info", "warning", "error"), "info"),
    "FIRSTLINE_DEBUG": Setting(values.switch, False),
    "FIRSTLINE_TESTING": Setting(values.switch, False),
}


def read(environ: Mapping[str, str] | None = None) -> Environment:
    """The settings of this process. Raises WrongSettings with a line for everything that is wrong at once."""
    environ = os.environ if environ is None else environ
    parsed: dict[str, Any] = {}
    wrong: list[str] = []
    for name, setting in TABLE.items():
        field = name.removeprefix(PREFIX).lower()
        given = environ.get(name, "")
        try:
            parsed[field] = setting.parse(given) if given.strip() else setting.default
        except ValueError as error:
            wrong.append(f"{name}: {error}.")
            parsed[field] = setting.default
    parsed["data"] = parsed["data"] or default_data_directory()
    environment = Environment(**parsed)
    wrong += _contradictions(environment, broken={line.partition(":")[0] for line in wrong})
    if wrong:
        raise WrongSettings(wrong)
    return environment


def _contradictions(environment: Environment, broken: set[str]) -> list[str]:
    """What is wrong between settings; nothing is said about one that is wrong by itself already."""
    found = []
    if environment.database_url and not environment.secret_key and "FIRSTLINE_SECRET_KEY" not in broken:
        found.append(
            "FIRSTLINE_SECRET_KEY: needed together with FIRSTLINE_DATABASE_URL, the same on every machine."
        )
    if not values.is_loopback(environment.host) and not environment.url and "FIRSTLINE_URL" not in broken:
        found.append(
            f"FIRSTLINE_URL: needed because FIRSTLINE_HOST ({environment.host}) is reachable from elsewhere, "
            "so that links in messages lead back here; for example https://firstline.example.com."
        )
    bare = environment.syslog_tls_port and not environment.syslog_certificate
    if bare and "FIRSTLINE_SYSLOG_CERTIFICATE" not in broken:
        found.append("FIRSTLINE_SYSLOG_CERTIFICATE: needed together with FIRSTLINE_SYSLOG_TLS_PORT.")
    oidc = (environment.oidc_issuer, environment.oidc_client_id, environment.oidc_client_secret)
    if any(oidc) and not all(oidc) and "FIRSTLINE_OIDC_ISSUER" not in broken:
        found.append("FIRSTLINE_OIDC_ISSUER, _CLIENT_ID and _CLIENT_SECRET: all three are needed, or none.")
    return found


def unknown(environ: Mapping[str, str] | None = None) -> list[str]:
    """Names that look like settings and are none: mostly typing errors."""
    environ = os.environ if environ is None else environ
    ours = {name for name in environ if name.startswith(PREFIX)}
    return sorted(ours - set(TABLE) - {"FIRSTLINE_LIFELINE", "FIRSTLINE_PASSWORD", "FIRSTLINE_SHARED"})


def django_database(environment: Environment) -> dict[str, Any]:
    """Django's form of the database's address; what Django has no name for goes to the driver as it is."""
    parts: dict[str, Any] = dict(conninfo_to_dict(environment.address_of_database()))
    names = {"dbname": "NAME", "user": "USER", "password": "PASSWORD", "host": "HOST", "port": "PORT"}
    known = {django: str(parts.pop(libpq, "") or "") for libpq, django in names.items()}
    parts.setdefault("application_name", "firstline")
    if environment.testing:
        parts["options"] = f"{parts.get('options', '')} -c firstline.testing=on".strip()
    return {"ENGINE": "django.db.backends.postgresql", **known, "OPTIONS": parts}


def django_mail(environment: Environment) -> dict[str, Any]:
    """Django's mail settings; without FIRSTLINE_MAIL_URL the machine's own mail server on port 25."""
    parts = urlsplit(environment.mail_url or "smtp://localhost:25")
    default = {"smtp": 25, "smtp+starttls": 587, "smtps": 465}[parts.scheme]
    return {
        "EMAIL_HOST": parts.hostname or "localhost",
        "EMAIL_PORT": parts.port or default,
        "EMAIL_HOST_USER": unquote(parts.username or ""),
        "EMAIL_HOST_PASSWORD": unquote(parts.password or ""),
        "EMAIL_USE_TLS": parts.scheme == "smtp+starttls",
        "EMAIL_USE_SSL": parts.scheme == "smtps",
        "EMAIL_TIMEOUT": 20,
        "DEFAULT_FROM_EMAIL": environment.mail_from,
        "SERVER_EMAIL": environment.mail_from,
    }


def identity_providers(environment: Environment) -> dict[str, Any]:
    """Django-allauth's form of the OpenID Connect settings."""
    if not environment.oidc_issuer:
        return {}
    app = {
        "provider_id": "oidc",
        "name": environment.oidc_name,
        "client_id": environment.oidc_client_id,
        "secret": environment.oidc_client_secret,
        "settings": {"server_url": environment.oidc_issuer},
    }
    return {"openid_connect": {"OAUTH_PKCE_ENABLED": True, "APPS": [app]}}


def origins(address: str) -> list[str]:
    """The origin of an address, in a list; empty for no address."""
    parts = urlsplit(address)
    return [f"{parts.scheme}://{parts.netloc}"] if address else []


def secret_key(environment: Environment) -> str:
    """The key that signs links and sessions: the administrator's, or the one in the data directory.

    Where neither exists nothing has been signed yet, and a passing key does no harm.
    """
    if environment.secret_key:
        return environment.secret_key
    try:
        return _secret_file(environment.data).read_text().strip()
    except FileNotFoundError:
        return secrets.token_urlsafe(48)
    except PermissionError:
        path = _secret_file(environment.data)
        raise WrongSettings(
            [f"{path} may not be read by this account: run as the one that owns it."]
        ) from None


def make_secret_key(data: Path) -> str:
    """The data directory's key, made with mode 0600 if it is missing."""
    path = _secret_file(data)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    except FileExistsError:
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            path.chmod(0o600)
        return path.read_text().strip()
    with os.fdopen(handle, "w") as file:
        key = secrets.token_urlsafe(48)
        file.write(key + "\n")
    return key


def _secret_file(data: Path) -> Path:
    return data / "secret_key"

"""Settings: what is right, what is wrong in one line each, and that people's page lists all of them."""

import re
import stat
from pathlib import Path

import pytest

from firstline.config import env, values
from tests.machine import firstline, reachable_folder

SECRET = "s" * 50
DATABASE = "postgresql://user:hidden@db.example/firstline"


def wrong(**environ: str) -> list[str]:
    with pytest.raises(env.WrongSettings) as caught:
        env.read(environ)
    return caught.value.lines


def test_without_any_setting_it_is_this_machine_alone() -> None:
    environment = env.read({})
    assert environment.embedded
    assert environment.public_url() == "http://127.0.0.1:8000"
    assert not environment.https
    assert not environment.testing


@pytest.mark.parametrize(
    ("name", "value", "part"),
    [
        ("FIRSTLINE_PORT", "abc", "a whole number from 1 to 65535"),
        ("FIRSTLINE_PORT", "0", "a whole number from 1 to 65535"),
        ("FIRSTLINE_PORT", "65536", "a whole number from 1 to 65535"),
        ("FIRSTLINE_PORT", "٣", "a whole number from 1 to 65535"),
        ("FIRSTLINE_DATA", "relative/path", "an absolute path"),
        ("FIRSTLINE_DATABASE_URL", "mysql://x/y", "postgresql://"),
        ("FIRSTLINE_DATABASE_URL", "postgresql://hidden@host/", "name of the database"),
        ("FIRSTLINE_DATABASE_URL", "postgresql://a:hidden@host/x?nonsense=1", "postgresql://"),
        ("FIRSTLINE_SECRET_KEY", "short", "at least 50 characters"),
        ("FIRSTLINE_URL", "firstline.example.com", "https://firstline.example.com"),
        ("FIRSTLINE_URL", "https://example.com/path", "only scheme, host and port"),
        ("FIRSTLINE_URL", "https://example.com:port", "malformed"),
        ("FIRSTLINE_TRUSTED_PROXIES", "10.0.0.0/8, nobody", "'nobody' is not a network"),
        ("FIRSTLINE_MAIL_URL", "mail.example.com", "smtp+starttls://"),
        ("FIRSTLINE_TIME_ZONE", "Mars/Olympus", "Europe/Berlin"),
        ("FIRSTLINE_LOG_FORMAT", "xml", "one of text, json"),
        ("FIRSTLINE_DEBUG", "maybe", "1 or 0"),
    ],
)
def test_a_wrong_value_is_one_line_that_names_the_setting(name: str, value: str, part: str) -> None:
    lines = [line for line in wrong(**{name: value}) if line.startswith(f"{name}: ")]
    assert len(lines) == 1
    assert part in lines[0]
    assert "\n" not in lines[0]
    assert "hidden" not in lines[0]


def test_everything_wrong_is_said_at_once() -> None:
    lines = wrong(FIRSTLINE_PORT="x", FIRSTLINE_LOG_LEVEL="loud", FIRSTLINE_HOST="0.0.0.0")
    assert [line.partition(":")[0] for line in lines] == [
        "FIRSTLINE_PORT",
        "FIRSTLINE_LOG_LEVEL",
        "FIRSTLINE_URL",
    ]


def test_another_database_needs_a_key_that_all_machines_share() -> None:
    assert wrong(FIRSTLINE_DATABASE_URL=DATABASE)[0].startswith("FIRSTLINE_SECRET_KEY: needed")
    assert not env.read({"FIRSTLINE_DATABASE_URL": DATABASE, "FIRSTLINE_SECRET_KEY": SECRET}).embedded


def test_reachable_from_elsewhere_needs_an_address_for_links() -> None:
    assert wrong(FIRSTLINE_HOST="0.0.0.0")[0].startswith("FIRSTLINE_URL: needed")
    assert env.read({"FIRSTLINE_HOST": "0.0.0.0", "FIRSTLINE_URL": "https://a.example/"}).https


def test_single_sign_on_needs_all_three_settings() -> None:
    assert "all three" in wrong(FIRSTLINE_OIDC_CLIENT_ID="x")[0]


def test_the_database_address_becomes_djangos_settings() -> None:
    environ = {"FIRSTLINE_DATABASE_URL": f"{DATABASE}?sslmode=require", "FIRSTLINE_SECRET_KEY": SECRET}
    database = env.django_database(env.read(environ))
    assert (database["HOST"], database["NAME"], database["PASSWORD"]) == ("db.example", "firstline", "hidden")
    assert database["OPTIONS"]["sslmode"] == "require"
    assert "firstline.testing" not in str(database)


@pytest.mark.parametrize(
    ("url", "port", "tls", "ssl"),
    [
        ("smtp://mail.example", 25, False, False),
        ("smtp+starttls://u:p%40ss@mail.example", 587, True, False),
        ("smtps://mail.example:4650", 4650, False, True),
    ],
)
def test_the_mail_address_becomes_djangos_settings(url: str, port: int, tls: bool, ssl: bool) -> None:
    mail = env.django_mail(env.read({"FIRSTLINE_MAIL_URL": url}))
    assert (mail["EMAIL_PORT"], mail["EMAIL_USE_TLS"], mail["EMAIL_USE_SSL"]) == (port, tls, ssl)
    assert mail["EMAIL_HOST_PASSWORD"] in ("", "p@ss")


def test_typing_errors_in_names_are_found() -> None:
    assert env.unknown({"FIRSTLINE_DATABSE_URL": "x", "FIRSTLINE_PORT": "1", "HOME": "/"}) == [
        "FIRSTLINE_DATABSE_URL"
    ]


def test_the_key_is_made_once_and_only_its_owner_may_read_it(tmp_path: Path) -> None:
    key = env.make_secret_key(tmp_path)
    assert len(key) >= 50
    assert env.make_secret_key(tmp_path) == key
    assert stat.S_IMODE((tmp_path / "secret_key").stat().st_mode) == 0o600
    assert env.secret_key(env.read({"FIRSTLINE_DATA": str(tmp_path)})) == key


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("localhost", True),
        ("127.0.0.9", True),
        ("::1", True),
        ("0.0.0.0", False),
        ("db", False),
        ("10.0.0.1", False),
    ],
)
def test_what_only_this_machine_reaches(host: str, loopback: bool) -> None:
    assert values.is_loopback(host) is loopback


def test_the_page_of_settings_lists_exactly_the_settings_there_are() -> None:
    page = (Path(__file__).parents[3] / "docs" / "settings.md").read_text()
    described = set(re.findall(r"^\| `(FIRSTLINE_[A-Z_]+)`", page, re.MULTILINE))
    assert described == set(env.TABLE)


def test_a_user_sees_a_line_and_not_a_traceback() -> None:
    result = firstline("up", FIRSTLINE_PORT="http", FIRSTLINE_URL="here")
    assert result.returncode == 78
    assert [line.partition(":")[0] for line in result.stderr.splitlines()] == [
        "FIRSTLINE_URL",
        "FIRSTLINE_PORT",
    ]


def test_the_deployment_check_is_clean_behind_https() -> None:
    with reachable_folder() as folder:
        settings = {"FIRSTLINE_URL": "https://firstline.example.com", "FIRSTLINE_DATA": str(folder / "data")}
        result = firstline("manage", "check", "--deploy", "--fail-level", "WARNING", **settings)
    assert result.returncode == 0, result.stderr
    assert "no issues" in result.stdout

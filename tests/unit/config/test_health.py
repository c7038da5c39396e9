"""What monitoring asks, over the real views and the real database."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test import Client, override_settings
from prometheus_client.parser import text_string_to_metric_families

from firstline.config import env, health
from firstline.core import due
from firstline.core.models import Setting
from tests.unit.intake.inboxes import fresh_inbox

pytestmark = pytest.mark.django_db
FROM_HERE = {"HTTP_X_FORWARDED_FOR": "127.0.0.1"}


def cycle(ago: timedelta) -> None:
    Setting.objects.update_or_create(
        key="engine.cycle",
        defaults={"value": {"at": (datetime.now(UTC) - ago).isoformat(), "milliseconds": 5}},
    )


def figures(client: Client, **headers: str) -> dict[str, float]:
    response = client.get("/metrics", **headers)
    assert response.status_code == 200
    families = text_string_to_metric_families(response.content.decode())
    return {sample.name: sample.value for family in families for sample in family.samples}


def test_alive_answers_without_the_database(client: Client, django_assert_num_queries: object) -> None:
    with django_assert_num_queries(0):  # type: ignore[operator]
        assert client.get("/healthz").status_code == 200


def test_ready_when_the_tables_are_those_of_this_version(client: Client) -> None:
    assert client.get("/readyz").json() == {"ready": True, "database": "ok", "pending_migrations": []}


def test_not_ready_names_what_is_not_applied(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "_COMPLETE", set())
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = 'core' AND name LIKE '0002%%'")
    response = client.get("/readyz")
    assert response.status_code == 503
    assert "core.0002_log_and_clock" in response.json()["pending_migrations"]


def test_an_engine_that_never_ran_or_stands_still_is_503(client: Client) -> None:
    assert client.get("/healthz/engine").status_code == 503
    cycle(timedelta(minutes=5))
    assert client.get("/healthz/engine").status_code == 503
    cycle(timedelta(seconds=1))
    response = client.get("/healthz/engine")
    assert (response.status_code, response.json()["turning"]) == (200, True)


def test_lag_is_the_age_of_the_oldest_due_row(client: Client) -> None:
    due.schedule(
        "test.of.lag",
        [(1, datetime.now(UTC) - timedelta(hours=2)), (2, datetime.now(UTC) + timedelta(hours=2))],
    )
    seen = figures(client, **FROM_HERE)
    assert seen["firstline_due_waiting"] == 1
    assert 7200 <= seen["firstline_engine_lag_seconds"] < 7260


def test_figures_are_for_this_machine_or_for_who_has_the_token(client: Client) -> None:
    assert client.get("/metrics", HTTP_X_FORWARDED_FOR="192.0.2.7").status_code == 403
    with override_settings(ENVIRONMENT=env.read({"FIRSTLINE_METRICS_TOKEN": "t0ken"})):
        assert client.get("/metrics", **FROM_HERE).status_code == 403
        assert client.get("/metrics", HTTP_AUTHORIZATION="Bearer wrong").status_code == 403
        assert "firstline_inbox_waiting" in figures(client, HTTP_AUTHORIZATION="Bearer t0ken")


def test_every_answer_carries_the_id_of_its_request(client: Client) -> None:
    assert client.get("/healthz", HTTP_X_REQUEST_ID="abc")["X-Request-ID"] == "abc"
    assert len(client.get("/healthz")["X-Request-ID"]) == 32


def test_no_page_may_be_framed_or_run_what_is_not_ours(client: Client) -> None:
    policy = client.get("/healthz")["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert json.dumps(policy).isascii()


def test_a_source_that_cannot_be_read_shows_in_the_figures(client: Client) -> None:
    box = fresh_inbox()
    source = box.source("generic", name="Odd sender", mapping={"title": "$.title"})
    for number in range(3):
        box.put(source, {"n": number})
    box.drain()
    text = client.get("/metrics", **FROM_HERE).content.decode()
    assert 'firstline_inbox_failed{source="Odd sender"} 3.0' in text


def test_not_ready_while_the_database_is_read_only(client: Client) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL transaction_read_only = on")
    response = client.get("/readyz")
    assert (response.status_code, response.json()["database"]) == (503, "read-only")

"""A job whose worker was killed is done again by another."""

import asyncio

from django.db import connection
from procrastinate import App
from procrastinate.contrib.django import app as jobs

from firstline.config.jobs import retry_stalled_once
from tests.database import Clone

KILLED = """
WITH worker AS (
    INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() - %s::interval) RETURNING id
)
INSERT INTO procrastinate_jobs (queue_name, task_name, status, worker_id)
SELECT 'default', 'some.task', 'doing', id FROM worker RETURNING id
"""


def being_done(silent_for: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(KILLED, [silent_for])
        (job,) = cursor.fetchone()
    return int(job)


def rescued() -> int:
    async def look() -> int:
        connector = jobs.connector.get_worker_connector()  # type: ignore[attr-defined]
        with jobs.replace_connector(connector) as app:
            assert isinstance(app, App)
            async with app.open_async():
                return await retry_stalled_once(app)

    return asyncio.run(look())


def test_only_the_job_of_a_silent_worker_is_queued_again(cloned_database: Clone) -> None:
    stalled, running = being_done("1 hour"), being_done("1 second")
    assert rescued() == 1
    with connection.cursor() as cursor:
        cursor.execute("SELECT id, status::text FROM procrastinate_jobs ORDER BY id")
        assert dict(cursor.fetchall()) == {stalled: "todo", running: "doing"}

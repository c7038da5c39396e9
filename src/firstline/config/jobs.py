"""The process that runs Procrastinate's jobs, and gives a second chance to those whose worker was killed."""

import asyncio
import contextlib
import threading

import structlog
from procrastinate import App
from procrastinate.contrib.django import app as jobs

from firstline.intake.idling import Mailboxes

log = structlog.get_logger(__name__)

STALLED_CHECK = 30.0
"""Seconds between looks for jobs whose worker is gone; Procrastinate does not look by itself."""

CONCURRENCY = 4


def run_worker() -> None:
    """Run jobs until SIGTERM; running ones get 15 s to end. Beside them, wait at the mailboxes."""
    stop = threading.Event()
    waiting = threading.Thread(target=Mailboxes(stop).run, name="mailboxes", daemon=True)
    waiting.start()
    try:
        asyncio.run(_work())
    finally:
        stop.set()
        waiting.join(8.0)


async def _work() -> None:
    connector = jobs.connector.get_worker_connector()  # type: ignore[attr-defined]
    with jobs.replace_connector(connector) as app:
        async with app.open_async():
            rescue = asyncio.create_task(_retry_stalled(app))
            try:
                await app.run_worker_async(concurrency=CONCURRENCY, shutdown_graceful_timeout=15)
            finally:
                rescue.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await rescue


async def _retry_stalled(app: App) -> None:
    while True:
        await retry_stalled_once(app)
        await asyncio.sleep(STALLED_CHECK)


async def retry_stalled_once(app: App) -> int:
    """Queue again every job that was being done by a worker which stopped giving signs of life; how many."""
    stalled = list(await app.job_manager.get_stalled_jobs(seconds_since_heartbeat=STALLED_CHECK))
    for job in stalled:
        log.warning("job queued again after its worker died", job=job.id, task=job.task_name)
        await app.job_manager.retry_job(job)
    return len(stalled)

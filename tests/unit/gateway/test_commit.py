"""Group commit against a real PostgreSQL, with the faults that it is there for."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import psycopg
import pytest

from firstline.gateway.commit import MOST_BYTES, MOST_ROWS, GroupCommit, Unavailable, Unstorable
from firstline.intake.sources.base import InboxRow
from tests.database import Clone


def row(number: int = 1, **fields: Any) -> InboxRow:
    return InboxRow(**{"source_id": number, "kind": "alert", "body": b"{}", **fields})


def run(url: str, story: Callable[[GroupCommit], Awaitable[None]], lanes: int = 1) -> int:
    """Play a story with a connected group commit; the answer is how often it told the engine."""
    told = 0

    def committed() -> None:
        nonlocal told
        told += 1

    async def play() -> None:
        commits = GroupCommit(url, committed=committed, lanes=lanes)
        commits.start()
        await until(lambda: commits.available)
        try:
            async with asyncio.timeout(30):
                await story(commits)
        finally:
            await commits.stop()

    asyncio.run(play())
    return told


async def until(condition: Callable[[], object], seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)


def batches(url: str) -> list[int]:
    """The numbers of rows that were committed together."""
    with psycopg.connect(url) as connection:
        counts = connection.execute("SELECT count(*) FROM inbox GROUP BY xmin::text").fetchall()
    return [count for (count,) in counts]


def waiting(admin: "psycopg.Connection[Any]") -> list[int]:
    """The backends that wait for a lock on the inbox."""
    query = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    return [pid for (pid,) in admin.execute(query).fetchall()]


def test_requests_in_flight_share_transactions(cloned_database: Clone) -> None:
    async def story(commits: GroupCommit) -> None:
        await asyncio.gather(*(commits.append([row(number)]) for number in range(2500)))

    told = run(cloned_database.url, story, lanes=2)
    sizes = batches(cloned_database.url)
    assert sum(sizes) == 2500
    assert max(sizes) <= MOST_ROWS
    assert told == len(sizes) < 50


def test_a_batch_ends_at_its_bytes_and_a_larger_row_goes_alone(cloned_database: Clone) -> None:
    large = b"x" * (MOST_BYTES // 2)

    async def story(commits: GroupCommit) -> None:
        bodies = [large, large, large, large * 3]
        await asyncio.gather(*(commits.append([row(body=body)]) for body in bodies))

    run(cloned_database.url, story)
    assert batches(cloned_database.url) == [1, 1, 1, 1]


def test_rows_keep_their_order_within_a_batch(cloned_database: Clone) -> None:
    async def story(commits: GroupCommit) -> None:
        await asyncio.gather(*(commits.append([row(number)]) for number in range(500)))

    run(cloned_database.url, story)
    with psycopg.connect(cloned_database.url) as connection:
        stored = connection.execute("SELECT source_id FROM inbox ORDER BY id").fetchall()
    assert [number for (number,) in stored] == list(range(500))


@pytest.mark.parametrize("bad", [{"dedup_key": "a\0b"}, {"headers": {"x": "a\0b"}}])
def test_a_row_that_cannot_be_stored_takes_no_other_with_it(
    cloned_database: Clone, bad: dict[str, Any]
) -> None:
    async def story(commits: GroupCommit) -> None:
        entries = [row(number, **(bad if number == 3 else {})) for number in range(10)]
        results = await asyncio.gather(
            *(commits.append([entry]) for entry in entries), return_exceptions=True
        )
        assert [number for number, result in enumerate(results) if result is not None] == [3]
        assert isinstance(results[3], Unstorable)

    run(cloned_database.url, story)
    assert sum(batches(cloned_database.url)) == 9


def test_a_connection_killed_within_a_commit_claims_nothing_and_is_replaced(cloned_database: Clone) -> None:
    async def story(commits: GroupCommit) -> None:
        with (
            psycopg.connect(cloned_database.url) as blocker,
            psycopg.connect(cloned_database.url, autocommit=True) as admin,
        ):
            blocker.execute("LOCK TABLE inbox IN ACCESS EXCLUSIVE MODE")
            asked = [asyncio.create_task(commits.append([row(number)])) for number in range(5)]
            await until(lambda: waiting(admin))
            for pid in waiting(admin):
                admin.execute("SELECT pg_terminate_backend(%s)", [pid])
            results = await asyncio.gather(*asked, return_exceptions=True)
            assert [type(result) for result in results] == [Unavailable] * 5
        await until(lambda: commits.available)
        await commits.append([row(99)])

    run(cloned_database.url, story)
    with psycopg.connect(cloned_database.url) as connection:
        assert connection.execute("SELECT source_id FROM inbox").fetchall() == [(99,)]


def test_what_the_database_cannot_take_now_is_not_called_unstorable(cloned_database: Clone) -> None:
    async def story(commits: GroupCommit) -> None:
        with psycopg.connect(cloned_database.url, autocommit=True) as admin:
            admin.execute("ALTER TABLE inbox DETACH PARTITION inbox_default")
            with pytest.raises(Unavailable):
                await commits.append([row()])
            admin.execute("ALTER TABLE inbox ATTACH PARTITION inbox_default DEFAULT")
        await commits.append([row()])

    run(cloned_database.url, story)
    assert batches(cloned_database.url) == [1]


def test_without_a_database_the_answer_comes_at_once(tmp_path: Any) -> None:
    async def story() -> None:
        commits = GroupCommit(f"postgresql:///x?host={tmp_path}", committed=lambda: None)
        commits.start()
        with pytest.raises(Unavailable):
            await commits.append([row()])
        await commits.stop()

    asyncio.run(story())

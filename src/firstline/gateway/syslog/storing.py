"""Messages → rows of the inbox. What cannot be stored now waits here, and whoever brings more waits with it."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from firstline.intake.sources.base import InboxRow
from firstline.intake.sources.textlines import FRAME

from ..asgi import Address
from ..commit import GroupCommit, Unavailable, Unstorable
from .counts import Counts
from .senders import Senders

FIRST_PAUSE = 0.05  # seconds until a batch that could not be stored is tried again, doubling up to
LONGEST_PAUSE = 2.0
COMPLAINT = 60.0  # seconds between two lines about unknown senders

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Arrived:
    """One message as it came."""

    peer: Address
    transport: str
    body: bytes


class Store:
    """Appends messages; returns when they are committed, however long the database is away."""

    def __init__(self, commits: GroupCommit, senders: Senders, counts: Counts) -> None:
        self._commits = commits
        self._senders = senders
        self._counts = counts
        self._complained = 0.0

    async def put(self, messages: Sequence[Arrived]) -> None:
        """Store what has a source; the rest is counted as lost."""
        rows = [row for message in messages if (row := await self._row(message)) is not None]
        if rows:
            await self._append(rows)

    async def source_of(self, peer: Address) -> int | None:
        """Whose messages of this address are, if anybody's; waits until the database can say it."""
        pause = FIRST_PAUSE
        while True:
            try:
                return await self._senders.source_of(peer)
            except Unavailable:
                await asyncio.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE)

    async def _row(self, message: Arrived) -> InboxRow | None:
        source = await self.source_of(message.peer)
        if source is None:
            self.unknown(message.peer)
            return None
        headers = {"peer": str(message.peer), "transport": message.transport}
        return InboxRow(
            source_id=source, kind="alert", body=message.body, content_type=FRAME, headers=headers
        )

    def unknown(self, peer: Address, number: int = 1) -> None:
        """Count what nobody takes, and say so now and then."""
        self._counts.add("unknown_sender", number)
        now = asyncio.get_running_loop().time()
        if now - self._complained >= COMPLAINT or not self._complained:
            self._complained = now
            log.warning("gateway.syslog_unknown_sender", peer=str(peer))

    async def _append(self, rows: Sequence[InboxRow]) -> None:
        pause = FIRST_PAUSE
        while True:
            try:
                await self._commits.append(rows)
                return
            except Unavailable:
                await asyncio.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE)
            except Unstorable as error:
                if len(rows) == 1:
                    log.warning("gateway.syslog_refused", reason=str(error))
                    self._counts.add("refused")
                    return
                for row in rows:
                    await self._append([row])
                return

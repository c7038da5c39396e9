"""`/healthz/intake`: whether signals are taken now, asked of the one process that knows.

It answers while the database, the web process and the engine are away. No names, no addresses: anybody may ask.
"""

import msgspec

from firstline.intake.sources.base import JSON_TYPE

from .asgi import Send, respond
from .commit import GroupCommit
from .load import Load
from .syslog.listener import SyslogListener

PATH = "/healthz/intake"


async def tell(commits: GroupCommit, load: Load, syslog: SyslogListener, send: Send) -> None:
    """200 while requests are stored, else 503 with the reason; what is in flight beside its bounds."""
    taking = commits.available and not commits.trouble
    body = {
        "taking": taking,
        "reason": commits.trouble,
        "in_flight": load.requests,
        "most_in_flight": load.settings.requests_in_flight,
        "bytes_in_flight": load.bytes,
        "most_bytes_in_flight": load.settings.bytes_in_flight,
    }
    if syslog.listening:
        body["syslog"] = syslog.counts.figures()
    again = () if taking else ((b"retry-after", b"5"),)
    headers = (JSON_TYPE, (b"cache-control", b"no-store"), *again)
    await respond(send, 200 if taking else 503, headers, msgspec.json.encode(body))

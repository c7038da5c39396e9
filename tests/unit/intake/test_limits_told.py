"""docs/limits.md says what the code does."""

import re
from pathlib import Path

from firstline.gateway import guesses, load
from firstline.gateway.settings import Settings
from firstline.gateway.tokens import STALE
from firstline.intake import guarding, partitions, signal
from firstline.intake.actions import MOST_AGAIN, OVERLAP
from firstline.intake.sources import parsing
from firstline.intake.sources.registry import FRONTS

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "limits.md").read_text()
LIMITS = dict(re.findall(r"^\| ([^|]+?) \| ([^|]+?) \|", PAGE, re.MULTILINE))
SETTINGS = Settings(database_url="", web_socket="", secret_key="")


def number(name: str) -> int:
    return int(re.sub(r"[^0-9]", "", LIMITS[name].split()[0]))


def test_bodies() -> None:
    special = {
        kind: front.body_limit // 1024 for kind, front in FRONTS.items() if front.body_limit != 1024 * 1024
    }
    assert special == {"pagerduty": 512, "heartbeat": 64}
    assert LIMITS["body, unpacked"] == "1 MiB; PagerDuty 512 KiB, heartbeats 64 KiB"
    assert number("time for the whole body") == SETTINGS.body_timeout


def test_load() -> None:
    assert number("requests in flight, for each gateway") == SETTINGS.requests_in_flight
    assert number("bytes in flight, for each gateway") * 1024 * 1024 == SETTINGS.bytes_in_flight
    assert (
        number("requests of one address whose token is still to be read from their body")
        == load.MOST_NAMELESS
    )


def test_reading() -> None:
    assert number("alerts in one request") == guarding.MOST_SIGNALS
    assert number("reading one request") == guarding.LONGEST
    assert number("processes that die of reading a request") == guarding.MOST_TRIES
    assert number("title") == parsing.TITLE_LENGTH
    assert number("dedup key") == parsing.KEY_LENGTH
    assert LIMITS["links of an alert"] == "http, https and mailto"
    assert [scheme.split(":")[0] for scheme in signal.OPENABLE] == ["http", "https", "mailto"]
    assert MOST_AGAIN > 0


def test_guesses_and_failures() -> None:
    assert f"may try {guesses.BURST:.0f} unknown tokens" in PAGE
    assert f"{guesses.BURST_OF_ALL:.0f} and {guesses.REFILL_OF_ALL:.0f} a second" in PAGE
    assert guesses.REFILL == 0.5 and "one every two\nseconds" in PAGE
    assert f"another {OVERLAP.total_seconds() / 3600:.0f} hours" in PAGE
    assert STALE == 60 and "known in the last minute" in PAGE
    assert partitions.MOST_DROPPED == 2 and "two days of the inbox" in PAGE

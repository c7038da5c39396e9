"""What is stored after a `chaos_intake`, counted a second time by a model that is too simple to be wrong.

1. Each acknowledged request is in the inbox, read without error.
2. The stored signals, in the order of the inbox, are folded again: a trigger continues the open span of its key or
   opens one, a resolve ends it. The alerts must be exactly these: one for each key, the same spans, the same counts.
3. A key belongs to one client, which sends its next signal after the one before was acknowledged: the stored order of a
   key is its client's order, and its last span is open or resolved as the client left it.
4. Each span is in one incident; no incident is there without a span.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import psycopg

from bench.chaos_clients import Client

Connection = psycopg.Connection[tuple[Any, ...]]


@dataclass
class Ledger:
    """What was found; each list holds the names of what is wrong."""

    lost: list[str] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    miscounted: list[str] = field(default_factory=list)
    overtaken: list[str] = field(default_factory=list)
    stored: int = 0
    stored_twice: int = 0
    alerts: int = 0
    incidents: int = 0

    @property
    def complaints(self) -> list[str]:
        names = ("lost", "unread", "doubled", "miscounted", "overtaken")
        return [f"{name}: {each}" for name in names for each in getattr(self, name)]


@dataclass(frozen=True)
class Stored:
    """One signal in the inbox. `number` is its request's."""

    number: str
    key: str
    fires: bool


@dataclass
class Span:
    count: int
    ended: bool


def read_ledger(connection: Connection, clients: Sequence[Client]) -> Ledger:
    """Compare the inbox with what the clients were told, and the alerts with the inbox."""
    ledger = Ledger()
    signals = list(_signals(connection, ledger))
    numbers = {signal.number for signal in signals}
    ledger.lost = [number for client in clients for number in client.acknowledged if number not in numbers]
    ledger.overtaken = list(_out_of_order(signals))
    _compare(_folded(signals), _spans(connection, ledger), ledger)
    _incidents(connection, ledger)
    return ledger


def _signals(connection: Connection, ledger: Ledger) -> Iterator[Stored]:
    """The stored signals in the order of the inbox."""
    seen: set[str] = set()
    query = "SELECT id, body, dedup_key, state, error, signals FROM inbox ORDER BY id"
    for number, body, key, state, error, count in connection.execute(query).fetchall():
        found = list(_read(json.loads(bytes(body)), key))
        ledger.stored += 1
        if state != "done" or count != len(found):
            ledger.unread.append(f"{number}: {state}, {count} signals instead of {len(found)}, {error}")
        if found[0].number in seen:
            ledger.stored_twice += 1
        seen.add(found[0].number)
        yield from found


def _read(body: Any, stored_key: str | None) -> Iterator[Stored]:
    if isinstance(body, list):
        for each in body:
            yield Stored(each["annotations"]["n"], each["labels"]["chaos"], not _ended(each))
    elif "event_action" in body:
        key = body.get("dedup_key") or stored_key
        fires = body["event_action"] == "trigger"
        yield Stored(body["payload"]["custom_details"]["n"], str(key), fires)
    else:
        yield Stored(body["n"], body["key"], body["status"] == "firing")


def _ended(alert: dict[str, Any]) -> bool:
    """A resolve ends four minutes and 59 s after its start, what fires ends hours after it."""
    length = datetime.fromisoformat(alert["endsAt"]) - datetime.fromisoformat(alert["startsAt"])
    return length.total_seconds() < 3600


def _folded(signals: Iterable[Stored]) -> dict[str, list[Span]]:
    spans: dict[str, list[Span]] = defaultdict(list)
    for signal in signals:
        mine = spans[signal.key]
        is_open = bool(mine) and not mine[-1].ended
        if signal.fires and is_open:
            mine[-1].count += 1
        elif signal.fires:
            mine.append(Span(1, False))
        elif is_open:
            mine[-1].ended = True
    return {key: mine for key, mine in spans.items() if mine}


def _out_of_order(signals: Iterable[Stored]) -> Iterator[str]:
    """Keys whose stored order is not the order in which their client sent."""
    last: dict[str, int] = {}
    for signal in signals:
        number = int(signal.number.rpartition("/")[2])
        if number < last.get(signal.key, -1):
            yield f"{signal.key}: request {number} after {last[signal.key]}"
        last[signal.key] = number


def _spans(connection: Connection, ledger: Ledger) -> dict[str, list[Span]]:
    """The spans as Firstline has them, by the clients' names of their keys."""
    rows = connection.execute(
        """SELECT a.id, coalesce(s.labels ->> 'chaos', a.dedup_key), s.count, s.ended_at IS NOT NULL
           FROM alert a JOIN alert_span s ON s.alert_id = a.id ORDER BY a.id, s.id"""
    ).fetchall()
    spans: dict[str, list[Span]] = defaultdict(list)
    alerts: dict[str, set[int]] = defaultdict(set)
    for alert, key, count, ended in rows:
        spans[key].append(Span(count, ended))
        alerts[key].add(alert)
    ledger.alerts = sum(map(len, alerts.values()))
    ledger.doubled += [f"{key}: {len(ids)} alerts" for key, ids in alerts.items() if len(ids) > 1]
    return spans


def _compare(expected: dict[str, list[Span]], found: dict[str, list[Span]], ledger: Ledger) -> None:
    for key in expected.keys() | found.keys():
        want, have = expected.get(key, []), found.get(key, [])
        if len(have) > len(want):
            ledger.doubled.append(f"{key}: {len(have)} spans instead of {len(want)}")
        elif len(have) < len(want):
            ledger.lost.append(f"{key}: {len(have)} spans instead of {len(want)}")
        elif [span.count for span in have] != [span.count for span in want]:
            ledger.miscounted.append(f"{key}: {have} instead of {want}")
        elif [span.ended for span in have] != [span.ended for span in want]:
            ledger.overtaken.append(f"{key}: {have} instead of {want}")


def _incidents(connection: Connection, ledger: Ledger) -> None:
    without = connection.execute(
        """SELECT s.id FROM alert_span s LEFT JOIN alert_edge e ON e.span_id = s.id
           WHERE e.id IS NULL OR e.incident_id IS DISTINCT FROM s.incident_id"""
    ).fetchall()
    ledger.lost += [f"span {span} is in no incident" for (span,) in without]
    orphans = connection.execute(
        """SELECT i.id FROM incident i WHERE i.source_id IS NOT NULL AND NOT i.synthetic
           AND NOT EXISTS (SELECT FROM alert_edge e WHERE e.incident_id = i.id)"""
    ).fetchall()
    ledger.doubled += [f"incident {number} without an alert" for (number,) in orphans]
    row = connection.execute("SELECT count(*) FROM incident WHERE source_id IS NOT NULL").fetchone()
    assert row is not None
    ledger.incidents = row[0]

"""Real payloads, broken on purpose in the ways that senders and attackers break them.

`mutated(document, seed, strength)` is deterministic: a failing case is its payload, seed and strength.
"""

import copy
import json
import random
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

SOURCES = Path(__file__).resolve().parents[2] / "src" / "firstline" / "intake" / "sources"
DEEP = "\ue000deep"  # stands for what can't be built as a value, and is put into the text
HUGE = "\ue000huge"
NAN = "\ue000nan"
LONG = 60_000
MOST = 2 * 1024 * 1024  # bytes; the gateway takes half of that
MANY = 100_000

ODD_TEXTS = (
    "", " ", "\x00", "a\x00b", "\ud800", "x\udfff", "\u202e", "\ufeff", "İ", "ﬁ" * 50, "٣", "null", "{}", "[]", "-0",
    "1e999", "NaN", "∞", "2026-13-45T99:99:99Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999999Z", "0" * 40,
    "9" * 25, "99999999999999", "-1", "javascript:alert(1)", "<script>alert(1)</script>", "=cmd|' /C calc'!A0",
    "a" * 600, "é" * 600, "\n" * 10, "\r\nX: y", "%s%n{0}", "${jndi:ldap://x}", "../../etc/passwd", "' OR 1=1 --",
    "resolved", "firing", "trigger", "OK", "critical", "P1", "255.255.255.256", "::ffff:1.2.3.4", "fe80::1%eth0",
    "http://[", "https://a b/", "xn--", "CEF:0|a|b|", "LEEF:2.0|a|b|c|d|", "<34>1 - - - - - -", "T1059.001", "ta0001",
)  # fmt: skip
ODD_NUMBERS = (
    0, -1, 1, 2**31, 2**63 - 1, 2**63, -(2**63), 2**64, 1e308, -1e308, 5e-324, 1.5, 253402300800, 1e18, 0.1, True,
)  # fmt: skip


@cache
def payloads(shared: Path | None) -> tuple[tuple[str, bytes], ...]:
    """(tool or kind, body): the samples of every format, and the real payloads where they are."""
    found = [
        (path.parent.parent.name, path.read_bytes())
        for path in sorted(SOURCES.glob("*/samples/*"))
        if path.is_file() and path.suffix != ".eml"
    ]
    if shared is not None:
        folder = shared / "data" / "payloads"
        found += [
            (path.parent.name, path.read_bytes())
            for path in sorted(folder.glob("*/*"))
            if path.is_file() and path.stat().st_size < 200_000
        ]
    return tuple(found)


def mutated(body: bytes, seed: int, strength: int) -> bytes:
    """`body` with `strength` faults in its structure, and now and then in its bytes."""
    chance = random.Random(seed)
    try:
        document = json.loads(body)
    except ValueError:
        return _bytes_broken(body, chance, strength)
    document = [document]
    for _ in range(strength):
        chance.choice(FAULTS)(document, chance)
    if strength and chance.random() < 0.2:  # at most one of these: they multiply
        chance.choice(LARGE)(document, chance)
    text = _spelled_out(json.dumps(document[0] if document else None), chance)
    raw = text.encode("utf-8", "surrogatepass")[:MOST]
    return _bytes_broken(raw, chance, 1) if chance.random() < 0.15 else raw


def _spelled_out(text: str, chance: random.Random) -> str:
    depth = chance.choice((50, 500, 5_000, MANY))
    opened, closed = chance.choice((("[", "]"), ('{"a":', "}"), ('[{"labels":', "}]")))
    digits = "9" * chance.choice((20, 300, 5_000))
    spelled = {
        DEEP: opened * depth + "1" + closed * depth,
        HUGE: chance.choice((digits, "-" + digits, digits + ".5", "1e" + digits[:5], "0." + digits)),
        NAN: chance.choice(("NaN", "Infinity", "-Infinity")),
    }
    for mark, replacement in spelled.items():
        text = text.replace(json.dumps(mark), replacement)
    if chance.random() < 0.1 and text.startswith("{"):  # the same name twice
        name = text[1:].partition(":")[0]
        text = "{" + f"{name}: {chance.choice(('null', '[]', '7'))}, " + text[1:]
    return text


def _bytes_broken(body: bytes, chance: random.Random, strength: int) -> bytes:
    for _ in range(strength):
        at = chance.randrange(len(body) + 1)
        body = chance.choice(
            (
                lambda b=body, at=at: b[:at],
                lambda b=body, at=at: b[:at] + chance.randbytes(3) + b[at:],
                lambda b=body, at=at: b[:at] + b"\xff\xfe" + b[at:],
                lambda b=body, at=at: b[:at] + b"\x00" + b[at:],
                lambda b=body: b"\xef\xbb\xbf" + b,
                lambda b=body: b.decode("utf-8", "replace").encode("utf-16"),
                lambda b=body: b.decode("utf-8", "replace").encode("latin-1", "replace"),
                lambda b=body: b + b,
                lambda b=body, at=at: b[:at] + b"\xed\xa0\x80" + b[at:],
            )
        )()
    return body


def _places(value: Any, found: list[tuple[Any, Any]]) -> list[tuple[Any, Any]]:
    """Every (container, name or index) below `value`."""
    items: Any = ()
    if isinstance(value, dict):
        items = value.items()
    elif isinstance(value, list):
        items = enumerate(value)
    for name, child in items:
        found.append((value, name))
        if len(found) < 2_000:
            _places(child, found)
    return found


def _somewhere(document: list[Any], chance: random.Random) -> tuple[Any, Any] | None:
    places = _places(document, [])
    return chance.choice(places) if places else None


def _put(make: Callable[[Any, random.Random], Any]) -> Callable[[list[Any], random.Random], None]:
    """A fault that replaces one value."""

    def fault(document: list[Any], chance: random.Random) -> None:
        place = _somewhere(document, chance)
        if place is not None:
            container, name = place
            container[name] = make(container[name], chance)

    return fault


def _swap(document: list[Any], chance: random.Random) -> None:
    one, other = _somewhere(document, chance), _somewhere(document, chance)
    if one is not None and other is not None:
        (a, i), (b, j) = one, other
        a[i], b[j] = copy.deepcopy(b[j]), copy.deepcopy(a[i])


def _drop(document: list[Any], chance: random.Random) -> None:
    place = _somewhere(document, chance)
    if place is not None and place[0] is not document:
        del place[0][place[1]]


def _rename(document: list[Any], chance: random.Random) -> None:
    place = _somewhere(document, chance)
    if place is not None and isinstance(place[0], dict):
        container, name = place
        container[chance.choice((name.upper(), name + "\x00", "", name[:40] * 200, *ODD_TEXTS))] = (
            container.pop(name)
        )


def _other_type(value: Any, chance: random.Random) -> Any:
    return chance.choice(
        (
            None, [], {}, [value], {"value": value}, str(value)[:10_000], [[]], {"": ""}, [None], True, 0, "",
            json.dumps(value)[:10_000],
        )
    )  # fmt: skip


def _many(value: Any, chance: random.Random) -> Any:
    if chance.random() < 0.5:
        small = isinstance(value, int | float) or (
            isinstance(value, str) and len(value) < 40 and value < DEEP[0]
        )
        return [value if small else 1] * chance.choice((1_000, MANY))
    return {f"name{number}": "x" for number in range(chance.choice((1_000, 20_000)))}


FAULTS: tuple[Callable[[list[Any], random.Random], None], ...] = (
    _put(_other_type),
    _put(_other_type),
    _put(lambda _, chance: chance.choice(ODD_TEXTS)),
    _put(lambda _, chance: chance.choice(ODD_TEXTS)),
    _put(lambda _, chance: chance.choice(ODD_NUMBERS)),
    _put(lambda value, chance: f"{str(value)[:10_000]}{chance.choice(ODD_TEXTS)}"),
    _put(lambda _, chance: chance.choice((HUGE, NAN, NAN, DEEP))),
    _swap,
    _swap,
    _drop,
    _drop,
    _rename,
)
LARGE: tuple[Callable[[list[Any], random.Random], None], ...] = (
    _put(lambda _, chance: chance.choice(("x", "é", "😀", "\x00", "<", " a=b", "\n", "\\", "|")) * LONG),
    _put(_many),
)

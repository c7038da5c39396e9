"""Label matchers of Alertmanager's API, and the fingerprint that it gives to a set of labels. Pure.

https://prometheus.io/docs/alerting/latest/configuration/#matcher; the fingerprint is Prometheus' FNV-1a over the
sorted labels (github.com/prometheus/common, model/fingerprinting.go).
"""

import json
import re
from collections.abc import Mapping

import msgspec

from firstline.classification.pattern import BadPattern, Pattern, compiled

MATCHER = re.compile(r'"?(?P<name>[^"=!~{}\s]+)"?\s*(?P<op>=~|!~|!=|=)(?P<value>.*)', re.DOTALL)
LONGEST = 1000  # characters of a matcher
OFFSET, PRIME, SEPARATOR = 0xCBF29CE484222325, 0x100000001B3, 0xFF


class BadMatcher(ValueError):
    """Not a matcher; the text says what is wrong with it."""


class Matcher(msgspec.Struct, frozen=True):
    """One condition on a label, as the API writes it. A label that isn't there has the empty value.

    Regular expressions are anchored, as Alertmanager's are, but letters match in either case.
    """

    name: str
    value: str
    is_regex: bool = msgspec.field(default=False, name="isRegex")
    is_equal: bool = msgspec.field(default=True, name="isEqual")

    def holds(self, labels: Mapping[str, str]) -> bool:
        value = labels.get(self.name, "")
        met = self.pattern().found(value) if self.is_regex else value == self.value
        return met is self.is_equal

    def pattern(self) -> Pattern:
        """Raises BadMatcher."""
        try:
            return compiled(anchored(self.value))
        except BadPattern as error:
            raise BadMatcher(f"bad matcher for {self.name!r}: {error}") from None


def anchored(pattern: str) -> str:
    return f"^(?:{pattern})$"


def matcher_of(text: str) -> Matcher:
    """`name="value"`, `name=~"pattern"`, `name!="value"`, `name!~"pattern"`; the quotes may be left out."""
    inner = text.strip()
    if inner.startswith("{") and inner.endswith("}"):
        inner = inner[1:-1].strip()
    found = MATCHER.fullmatch(inner) if len(inner) <= LONGEST else None
    if found is None:
        raise BadMatcher(f"bad matcher format: {text[:200]}")
    value = found["value"].strip()
    if '"' in value:
        value = _unquoted(value)
    matcher = Matcher(
        found["name"], value, is_regex=found["op"].endswith("~"), is_equal=not found["op"].startswith("!")
    )
    if matcher.is_regex:
        matcher.pattern()
    return matcher


def _unquoted(value: str) -> str:
    try:
        found = json.loads(value, strict=False)
    except ValueError:
        found = None
    if not isinstance(found, str):
        raise BadMatcher(f"matcher value contains invalid quoting: {value[:200]}")
    return found


def fingerprint(labels: Mapping[str, str]) -> str:
    """Alertmanager's own: 16 hexadecimal digits."""
    number = OFFSET
    for name in sorted(labels):
        for byte in (*name.encode(), SEPARATOR, *labels[name].encode(), SEPARATOR):
            number = (number ^ byte) * PRIME & 0xFFFFFFFFFFFFFFFF
    return f"{number:016x}"

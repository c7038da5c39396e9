"""Words for values:

durations, counts, initials, hues. Pure; the JavaScript in `words.js` says durations the same way.
"""

from datetime import timedelta

from django.utils.translation import gettext as _

COUNTED_TO = 999
HUES = 12


def duration(length: timedelta) -> str:
    """The two largest units, cut and never rounded up: "3 d 4 h", "2 h 10 min", "41 min", "under 1 min"."""
    minutes = int(abs(length).total_seconds() // 60)
    days, rest = divmod(minutes, 1440)
    hours, mins = divmod(rest, 60)
    day, hour, minute = _("d"), _("h"), _("min")
    if days:
        return f"{days} {day} {hours} {hour}" if hours else f"{days} {day}"
    if hours:
        return f"{hours} {hour} {mins} {minute}" if mins else f"{hours} {hour}"
    return f"{mins} {minute}" if mins else _("under 1 min")


def count(number: int) -> str:
    """Exact to 999, then "999+": nobody reads further, and counting further is slow."""
    return f"{COUNTED_TO}+" if number > COUNTED_TO else str(number)


def initials(name: str) -> str:
    """Up to two letters: "Olena Kovalenko" → "OK", "it@example.org" → "I"."""
    words = [word for word in name.split("@", maxsplit=1)[0].replace(".", " ").split() if word[:1].isalnum()]
    if not words:
        return "?"
    return (words[0][0] + (words[-1][0] if len(words) > 1 else "")).upper()


def short_name(name: str) -> str:
    """ "Olena Kovalenko" → "Olena K."; a single word stays."""
    words = name.split()
    return f"{words[0]} {words[-1][0]}." if len(words) > 1 else name


def hue(identity: int | None) -> int:
    """One of twelve, neighbours far apart, so that two people beside each other differ."""
    return (identity or 0) * 5 % HUES

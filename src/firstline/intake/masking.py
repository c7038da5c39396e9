"""Secrets in stored payloads, masked where they are shown. What is stored stays as it came.

Whoever sends may choose the text: every repetition before something that may fail to follow is bounded, so that the
time grows with the text and not with its square.
"""

import re

MASK = "•••"
NAMES = (
    r"pass(?:word|wd|phrase)?|secret|token|api[_-]?key|routing[_-]?key|access[_-]?key(?:[_-]?id)?|private[_-]?key|"
    r"authorization|auth|credentials?|cookie|session[_-]?id|client[_-]?secret|signature|webhook[_-]?url"
)
PATTERNS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"\b(bearer|basic|geniekey|token)\s+[\w.~+/=-]{8,}", re.I), rf"\1 {MASK}"),
    # "password": "…" in JSON, password=… in logs and queries
    (
        re.compile(
            rf'((?:{NAMES})[\w.-]{{0,64}}"\s{{0,64}}:\s{{0,64}})"(?:[^"\\]|\\.)*(?:"|\Z)', re.I | re.S
        ),
        rf'\1"{MASK}"',
    ),
    (
        re.compile(
            rf"((?:{NAMES})[\w-]{{0,64}}\s{{0,8}}[=:]\s{{0,8}})(?![\"\s{{\[{MASK[0]}])[^\s&,;\"'}}]+", re.I
        ),
        rf"\1{MASK}",
    ),
    (re.compile(r"(://[^\s/:@]+:)[^\s/@]+(@)"), rf"\1{MASK}\2"),
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.S), MASK),
    (re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"), MASK),
    (
        re.compile(r"\b(?:gh[pousr]_[A-Za-z0-9]{20,}|glpat-[\w-]{20,}|xox[abprs]-[\w-]{10,}|sk-[\w-]{20,})"),
        MASK,
    ),
    (re.compile(r"\beyJ[\w-]{10,512}\.[\w-]{10,}\.[\w-]{5,}"), MASK),
)


def masked(text: str) -> str:
    """`text` with everything that looks like a secret replaced."""
    for pattern, replacement in PATTERNS:
        text = pattern.sub(replacement, text)
    return text

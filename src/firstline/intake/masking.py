"""Secrets in stored payloads, masked where they are shown. What is stored stays as it came.

Whoever sends may choose the text: every repetition before something that may fail to follow is bounded, so that the
time grows with the text and not with its square.
"""

import re

MASK = "•••"
# names whose value is a secret; not `author`, `bypassed`, `secret_type` or a rule's `signature`
NAMES = (
    r"(?<![a-z])pass(?![a-z])|password|passwd|passphrase|secret(?!ary|[_-]?(?:type|scanning|name))|token(?!iz)|"
    r"(?:api|service|integration|routing|subscription|account|access|shared|signing|encryption|license)[_-]?key"
    r"(?:[_-]?id)?|private[_-]?key|authorization(?![a-z])|(?<![a-z])auth(?![a-z])|credentials?(?![a-z])|"
    r"(?<![a-z])cookie(?![a-z])|session[_-]?id|connection[_-]?string|webhook[_-]?url"
)
OPAQUE = r"[A-Za-z0-9+/=_%-]{24,}"
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
            rf"((?:{NAMES})[\w-]{{0,64}}(?:=(?!\s)|\s{{1,8}}=\s{{1,8}}|\s{{0,8}}:\s{{0,8}}))(?![\"\s{{\[{MASK[0]}])[^\s&,;\"'}}]+",
            re.I,
        ),
        rf"\1{MASK}",
    ),
    # a signature is one where it is opaque; a rule's signature has words
    (re.compile(rf'(signature"?\s{{0,8}}[=:]\s{{0,8}}"?){OPAQUE}', re.I), rf"\1{MASK}"),
    (re.compile(r"([?&](?:sig|sign|key|code|hash)=)[^\s&\"'<>]{8,}", re.I), rf"\1{MASK}"),
    (
        re.compile(r"(\s--?(?:password|passwd|pass|token|secret|api-?key)[ =])[^\s\"']{4,}", re.I),
        rf"\1{MASK}",
    ),
    (re.compile(r"(://[^\s/:@]+:)[^\s/@]+(@)"), rf"\1{MASK}\2"),
    # addresses that are themselves the key: incoming webhooks, and our own
    (re.compile(r"(hooks\.slack\.com/(?:services|workflows)/)[\w/]+", re.I), rf"\1{MASK}"),
    (re.compile(r"(discord(?:app)?\.com/api/webhooks/\d+/)[\w-]+", re.I), rf"\1{MASK}"),
    (re.compile(r"(webhook\.office\.com/webhookb2/)[^\s\"'<>]+", re.I), rf"\1{MASK}"),
    (re.compile(r"(/(?:intake|beat)/)[A-Za-z0-9_-]{32}(?![\w-])"), rf"\1{MASK}"),
    (re.compile(r"(api\.telegram\.org/bot)\d+:[\w-]{20,}", re.I), rf"\1{MASK}"),
    (re.compile(r"\b\d{8,10}:[A-Za-z0-9_-]{35}\b"), MASK),
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.S), MASK),
    (re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"), MASK),
    (
        re.compile(
            r"\b(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\w{20,}|glpat-[\w-]{20,}|xox[abeprs]-[\w-]{10,}|sk-[\w-]{20,}|"
            r"[sr]k_(?:live|test)_\w{10,}|AIza[\w-]{35}|ya29\.[\w-]{20,}|npm_\w{36}|pypi-[\w-]{20,}|SG\.[\w-]{16,}\.[\w-]{16,}|"
            r"dop_v1_\w{20,}|hvs\.[\w-]{20,}|whsec_[\w+/=-]{16,}|NRAK-\w{20,})"
        ),
        MASK,
    ),
    (re.compile(r"\beyJ[\w-]{10,512}\.[\w-]{10,}\.[\w-]{5,}"), MASK),
)


def masked(text: str) -> str:
    """`text` with everything that looks like a secret replaced."""
    for pattern, replacement in PATTERNS:
        text = pattern.sub(replacement, text)
    return text

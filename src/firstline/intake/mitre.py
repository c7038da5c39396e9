"""MITRE ATT&CK: tactics and techniques as tools write them → their ids.

The table is that of the enterprise matrix, https://attack.mitre.org/tactics/enterprise/, in its order, which is
roughly the order of an attack. Techniques are known by their id alone; their names change from version to version.
"""

import re
from collections.abc import Iterable, Iterator

TACTICS: dict[str, str] = {
    "TA0043": "Reconnaissance",
    "TA0042": "Resource Development",
    "TA0001": "Initial Access",
    "TA0002": "Execution",
    "TA0003": "Persistence",
    "TA0004": "Privilege Escalation",
    "TA0005": "Defense Evasion",
    "TA0006": "Credential Access",
    "TA0007": "Discovery",
    "TA0008": "Lateral Movement",
    "TA0009": "Collection",
    "TA0011": "Command and Control",
    "TA0010": "Exfiltration",
    "TA0040": "Impact",
}
ORDER: dict[str, int] = {tactic: place for place, tactic in enumerate(TACTICS)}
TACTIC = re.compile(r"(?<![A-Z0-9])TA00\d\d(?!\d)")
TECHNIQUE = re.compile(r"(?<![A-Z0-9])T\d{4}(?:\.\d{3})?(?![0-9])")
NOT_A_LETTER = re.compile(r"[^a-z]")
LONGEST = 2000  # characters of one text that are searched


def _folded(name: str) -> str:
    return NOT_A_LETTER.sub("", name.lower())


BY_NAME = {_folded(name): tactic for tactic, name in TACTICS.items()} | {
    "commandcontrol": "TA0011",  # "Command & Control"
    "defenceevasion": "TA0005",
}


def tactics(values: Iterable[str]) -> tuple[str, ...]:
    """The tactics in `values` as ids, each once, in the order of their first appearance.

    Understands ids anywhere in a text and names in every spelling that tools use: `Credential Access`,
    `CredentialAccess`, `credential-access`, Falco's `mitre_credential_access`. What is no tactic is left out.
    """
    return tuple(dict.fromkeys(_tactics(values)))


def _tactics(values: Iterable[str]) -> Iterator[str]:
    for value in values:
        text = value[:LONGEST]
        found = TACTIC.findall(text.upper())
        yield from found
        if not found and (named := BY_NAME.get(_folded(text).removeprefix("mitre"))):
            yield named


def techniques(values: Iterable[str]) -> tuple[str, ...]:
    """The ids of techniques and sub-techniques (`T1110`, `T1110.001`) anywhere in `values`, each once."""
    return tuple(
        dict.fromkeys(found for value in values for found in TECHNIQUE.findall(value[:LONGEST].upper()))
    )


def name_of(tactic: str) -> str:
    """What people call it; an id that the table doesn't know is its own name."""
    return TACTICS.get(tactic, tactic)

"""Tactics and techniques, however they are written."""

import pytest

from firstline.intake.mitre import ORDER, TACTICS, name_of, tactics, techniques


@pytest.mark.parametrize(
    "written",
    [
        "Credential Access",
        "CredentialAccess",
        "credential-access",
        "mitre_credential_access",
        "TA0006",
        "x/TA0006/y",
    ],
)
def test_a_tactic(written: str) -> None:
    assert tactics([written]) == ("TA0006",)


def test_every_name_leads_to_its_id_and_back() -> None:
    assert len(TACTICS) == 14
    assert tactics(TACTICS.values()) == tuple(TACTICS)
    assert [name_of(each) for each in TACTICS] == list(TACTICS.values())
    assert ORDER["TA0001"] < ORDER["TA0006"] < ORDER["TA0040"]


def test_what_is_none() -> None:
    assert tactics(["", "malware", "TA1", "DATA00061"]) == ()
    assert name_of("TA0099") == "TA0099"


def test_techniques() -> None:
    found = techniques(["Regsvr32 (T1218.010)", "t1110", "T1110 and T1110.001", "XT1234", "T12345", "none"])
    assert found == ("T1218.010", "T1110", "T1110.001")

"""Secrets are masked, and nothing else is."""

import re
from pathlib import Path

import pytest

from firstline.intake.masking import MASK, masked
from tests.contracts.corpus import entries


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ('{"password": "p4ss"}', "p4ss"),
        ('{"routing_key":"0123456789abcdef0123456789abcdef"}', "0123456789abcdef0123456789abcdef"),
        ('{"x-api-key": "say \\"hi\\" now"}', "now"),
        ("GET /?token=abc123&x=1", "abc123"),
        ("Authorization: Bearer abc.def.ghi-jkl", "abc.def.ghi-jkl"),
        ("postgres://user:s3cret@db/x", "s3cret"),
        ("AKIAIOSFODNN7EXAMPLE", "AKIAIOSFODNN7EXAMPLE"),
        ('{"service_key": "e93facc04764012d7bfb002500d5d1a6"}', "e93facc0"),
        ('{"Signature" : "os7PC+SYxz+6Ms92k5T6QDEHOJ8SIgKYL2vR987rSgTk91qqVoY1wTa0kl4SD4Ab=="}', "os7PC"),
        ("https://x.blob.core.example/a?sv=1&sig=AbCdEf%2B0123456789", "AbCdEf"),
        ("run --password hunter22 --verbose", "hunter22"),
        ("https://hooks.slack.com/services/T0/B0/abcDEF123", "abcDEF123"),
        ("https://firstline.example/intake/abcdefghijklmnopqrstuvwxyz012345", "ghijklmnop"),
        ("https://api.telegram.org/bot123456789:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA/send", "AAAAA"),
        ("github_pat_11ABCDEFG0abcdefghijklmnop", "abcdefghij"),
        ('{"dbPassword": "x1y2z3"}', "x1y2z3"),
        ("-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----", "MIIE"),
        ("ghp_0123456789abcdefghijABCDEFGHIJ", "ghp_0123456789"),
    ],
)
def test_secrets_disappear(text: str, secret: str) -> None:
    assert secret not in masked(text)
    assert MASK in masked(text)


@pytest.mark.parametrize(
    "text",
    [
        '{"title": "Password policy changed", "count": 3}',
        "https://example.org/path?x=1",
        "The secretary called.",
        '{"author": "Ann", "authority": "Bob"}',
        '{"signature": "ET POLICY Http Client Body contains pass= in cleartext", "signature_id": 2012887}',
        '{"secret_type": "adafruit_io_key", "bypassed": "no"}',
        '{"tactic": "Credential Access", "checks_passed": "5"}',
    ],
)
def test_the_rest_stays(text: str) -> None:
    assert masked(text) == text


HOSTILE = (
    "a-", "pass", "pass" + " " * 60, "token ", "://a:", "eyJ-", "eyJaaaaaaaaaa.", "-----BEGIN ", '"token": "\\',
    "authauth_",
)  # fmt: skip


@pytest.mark.parametrize("part", HOSTILE)
def test_text_chosen_to_take_long_is_read_in_time_that_grows_with_its_length(part: str) -> None:
    """With a square in it, this would go on for hours."""
    hostile = '"' + part * (400_000 // len(part))
    assert masked(hostile + ' password=hunter2 "')


def test_in_real_payloads_secrets_go_and_titles_stay(shared_data: Path) -> None:
    """What names the trouble can still be read; tokens, signatures and access keys cannot."""
    for entry in entries(shared_data / "data" / "payloads"):
        text = entry.body.decode("utf-8", "replace")
        shown = masked(text)
        title = entry.expected.get("title")
        if title and title in text:
            assert title in shown, entry.file
        for found in re.findall(
            r'"(?:Token|Signature|service_key|accessKeyId)"\s*:\s*"(\w{16,}[^"]*)"', text
        ):
            assert found not in shown, entry.file

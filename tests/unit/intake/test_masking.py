"""Secrets are masked, and nothing else is."""

import pytest

from firstline.intake.masking import MASK, masked


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

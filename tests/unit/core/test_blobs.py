"""Files in chunks: what goes in comes out, bounded, typed by content."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstline.core import blobs
from firstline.core.errors import Invalid
from firstline.core.models import Blob, BlobChunk

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.django_db
@pytest.mark.parametrize("size", [0, 1, blobs.CHUNK - 1, blobs.CHUNK, blobs.CHUNK + 1, 3 * blobs.CHUNK + 7])
def test_a_file_comes_back_as_it_went_in(size: int) -> None:
    content = bytes(i % 251 for i in range(size))
    parts = [content[i : i + 100_000] for i in range(0, size, 100_000)]
    blob = blobs.save("report.bin", parts, now=NOW)
    assert b"".join(blobs.read(blob.id)) == content
    assert blob.size == size
    assert all(len(bytes(chunk.data)) <= blobs.CHUNK for chunk in BlobChunk.objects.filter(blob=blob))


@pytest.mark.django_db
def test_a_file_that_is_too_large_leaves_nothing_behind() -> None:
    with pytest.raises(Invalid, match="larger than"):
        blobs.save("big", [b"x" * 2_000_000], now=NOW, max_size=1_000_000)
    assert not Blob.objects.exists()


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (b"\x89PNG\r\n\x1a\n....", "image/png"),
        (b"<html><script>alert(1)</script>", "text/plain"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'>", "text/plain"),
        (b"MZ\x90\x00", "application/octet-stream"),
        ("Привіт".encode(), "text/plain"),
        (b"\xff\xfe\xfa", "application/octet-stream"),
        (b"", "application/octet-stream"),
    ],
)
def test_the_type_is_told_by_content(head: bytes, expected: str) -> None:
    assert blobs.sniff(head) == expected


@given(st.text(max_size=400))
def test_a_name_is_one_harmless_part(name: str) -> None:
    cleaned = blobs.clean_name(name)
    assert 0 < len(cleaned) <= 200
    assert not set(cleaned) & set('/\\"<>|:*?\n\r\x00')
    assert cleaned not in (".", "..")

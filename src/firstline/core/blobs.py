"""Files as rows of at most 256 KiB, so that any machine serves them and one backup holds everything."""

import hashlib
from collections.abc import Iterable, Iterator
from datetime import datetime

from django.db import transaction

from firstline.core.errors import Invalid
from firstline.core.models import Blob, BlobChunk

CHUNK = 256 * 1024
MAX_SIZE = 25 * 1024 * 1024

# First bytes → media type. What isn't recognised is served as a download of no particular type.
_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"%PDF-", "application/pdf"),
    (b"PK\x03\x04", "application/zip"),
    (b"\x1f\x8b", "application/gzip"),
)
INLINE = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})


def sniff(head: bytes) -> str:
    """The media type by content, never by name or by what the sender says."""
    for magic, media_type in _MAGIC:
        if head.startswith(magic):
            return media_type
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    if not head or b"\x00" in head:
        return "application/octet-stream"
    try:
        head[: len(head) - 4 if len(head) > 64 else None].decode()
    except UnicodeDecodeError:
        return "application/octet-stream"
    return "text/plain"


@transaction.atomic
def save(filename: str, parts: Iterable[bytes], *, now: datetime, max_size: int = MAX_SIZE) -> Blob:
    """Store a file from its parts without holding it whole. `Invalid` when it is larger than `max_size` bytes."""
    blob = Blob.objects.create(
        filename=clean_name(filename), content_type="", size=0, sha256="", created_at=now
    )
    digest, size, head = hashlib.sha256(), 0, b""
    for seq, chunk in enumerate(_rechunk(parts)):
        size += len(chunk)
        if size > max_size:
            raise Invalid(f"The file is larger than {max_size // 1024 // 1024} MiB.", {"file": "too large"})
        head = head or chunk[:4096]
        digest.update(chunk)
        BlobChunk.objects.create(blob=blob, seq=seq, data=chunk)
    blob.size, blob.sha256, blob.content_type = size, digest.hexdigest(), sniff(head)
    blob.save()
    return blob


def read(blob_id: int) -> Iterator[bytes]:
    """The file's bytes, one chunk in memory at a time."""
    chunks = BlobChunk.objects.filter(blob_id=blob_id).order_by("seq").values_list("data", flat=True)
    for data in chunks.iterator(chunk_size=4):
        yield bytes(data)


def erase(blob_id: int, *, now: datetime) -> None:
    """Overwrite a file for good: its bytes go, its head stays."""
    BlobChunk.objects.filter(blob_id=blob_id).delete()
    Blob.objects.filter(id=blob_id).update(filename="", erased_at=now, size=0)


def clean_name(name: str) -> str:
    """The last part of a name without control characters, never empty, at most 200 characters."""
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    kept = "".join(c for c in last if c.isprintable() and c not in '"<>|:*?').strip(" .")
    if len(kept) > 200:
        stem, dot, ending = kept.rpartition(".")
        kept = stem[: 199 - len(ending)] + dot + ending if dot and len(ending) < 20 else kept[:200]
    return kept or "file"


def _rechunk(parts: Iterable[bytes]) -> Iterator[bytes]:
    buffer = bytearray()
    for part in parts:
        buffer += part
        while len(buffer) >= CHUNK:
            yield bytes(buffer[:CHUNK])
            del buffer[:CHUNK]
    if buffer:
        yield bytes(buffer)

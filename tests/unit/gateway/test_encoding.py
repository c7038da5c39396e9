"""Compressed bodies: taken whole, within the limit, and never at the price of the gateway's memory."""

import gzip
import json
import zlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstline.gateway.encoding import MOST_MEMBERS, NotEncoded, plain

from .conftest import Running

LIMIT = 4096
ALERTS = [{"labels": {"alertname": "Compressed", "instance": "web1"}}]


def raw_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


PACKERS: dict[bytes, Callable[[bytes], bytes]] = {
    b"gzip": gzip.compress,
    b"x-gzip": gzip.compress,
    b" GZIP ": gzip.compress,
    b"deflate": zlib.compress,
    b"identity": bytes,
}


@pytest.mark.parametrize("name", sorted(PACKERS))
@given(data=st.binary(max_size=LIMIT))
def test_what_was_packed_comes_out_whole(name: bytes, data: bytes) -> None:
    assert plain(PACKERS[name](data), name, LIMIT) == data


@given(data=st.binary(max_size=LIMIT))
def test_deflate_without_zlibs_frame_is_understood_as_well(data: bytes) -> None:
    assert plain(raw_deflate(data), b"deflate", LIMIT) == data


def test_members_of_a_gzip_file_follow_each_other() -> None:
    assert plain(gzip.compress(b"one ") + gzip.compress(b"two"), b"gzip", LIMIT) == b"one two"


@pytest.mark.parametrize(
    ("body", "encoding", "status"),
    [
        (gzip.compress(b"x" * (LIMIT + 1)), b"gzip", 413),
        (gzip.compress(b"\0" * 200_000_000), b"gzip", 413),
        (zlib.compress(b"x" * (LIMIT + 1)), b"deflate", 413),
        (gzip.compress(b"half of it")[:-9], b"gzip", 400),
        (b"[]", b"gzip", 400),
        (b"\xff\xff\xff", b"deflate", 400),
        (gzip.compress(b"") * (MOST_MEMBERS + 1), b"gzip", 400),
        (b"[]", b"br", 415),
        (b"[]", b"gzip, gzip", 415),
    ],
    ids=["long", "bomb", "long-deflate", "cut", "no-gzip", "no-deflate", "members", "brotli", "twice"],
)
def test_what_cannot_be_unpacked_is_told_and_why(body: bytes, encoding: bytes, status: int) -> None:
    with pytest.raises(NotEncoded) as refused:
        plain(body, encoding, LIMIT)
    assert refused.value.status == status
    assert str(refused.value)


@given(body=st.binary(max_size=200), encoding=st.sampled_from([b"gzip", b"deflate", b"zstd", b""]))
def test_any_bytes_are_unpacked_or_refused(body: bytes, encoding: bytes) -> None:
    try:
        assert len(plain(body, encoding, LIMIT)) <= LIMIT
    except NotEncoded as error:
        assert error.status in (400, 413, 415)


@pytest.mark.parametrize(("encoding", "pack"), [("gzip", gzip.compress), ("deflate", zlib.compress)])
def test_a_compressed_request_is_stored_as_it_was_before(
    gateway: Running, source: Callable[..., str], encoding: str, pack: Callable[[bytes], bytes]
) -> None:
    body = json.dumps(ALERTS).encode()
    path = f"/intake/{source('alertmanager')}/api/v2/alerts"
    assert gateway.ask("POST", path, pack(body), {"Content-Encoding": encoding}).status == 200
    (row,) = gateway.rows()
    assert bytes(row["body"]) == body


def test_a_bomb_is_refused_in_the_formats_own_words(gateway: Running, source: Callable[..., str]) -> None:
    bomb = gzip.compress(b" " * 50_000_000)
    assert len(bomb) < 64 * 1024
    event = gateway.ask("POST", "/v2/enqueue", bomb, {"Content-Encoding": "gzip"})
    assert (event.status, event.json()["status"]) == (413, "invalid event")
    alert = gateway.ask(
        "POST", f"/intake/{source('alertmanager')}/api/v2/alerts", b"[]", {"Content-Encoding": "br"}
    )
    assert (alert.status, "gzip" in alert.json()) == (415, True)
    assert gateway.rows() == []

"""What the gateway and a wire format agree on: one request in, one answer and the rows to keep out.

A format's front is pure: it sees the bytes, checks that they are the format's container (nothing more:
what is inside is judged by the drain, where a mistake can be mended and replayed), and says what to
answer once its rows are committed. It reads no clock and no database.
"""

import json
import os
import re
import time
from collections.abc import Mapping
from typing import Any, ClassVar, TypeVar

import msgspec

MIB = 1024 * 1024
JSON_TYPE = (b"content-type", b"application/json")
BYTE_ORDER_MARK = b"\xef\xbb\xbf"

SURROGATE = re.compile(rb"\\u[dD][89a-fA-F][0-9a-fA-F]{2}")

T = TypeVar("T")


class NotTheContainer(ValueError):
    """The bytes are not what the format wraps its content in. The text says where, for the sender."""


class SourceInfo(msgspec.Struct, frozen=True, kw_only=True):
    """The part of a source that intake needs while a request is in flight."""

    id: int
    kind: str
    settings: dict[str, Any] = {}
    secret: str = ""  # in plain text, and only for formats that sign; never stored or shown


def new_request_id() -> str:
    """A UUID of version 7 (RFC 9562) in hexadecimal: it begins with the time, by which its row can be found."""
    milliseconds = time.time_ns() // 1_000_000
    number = milliseconds << 80 | int.from_bytes(os.urandom(10))
    return f"{number & ~(0xF << 76) & ~(0x3 << 62) | 0x7 << 76 | 0x2 << 62:032x}"


class IntakeRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A whole request.

    `path` is what follows the source's base address (`""`, `/api/v2/alerts`), or the full path for an
    address outside of `/intake/<token>` (`/v2/enqueue`). Header names are lower-case, and each name has
    its last value. `id` is unique (32 hexadecimal digits): a format that must invent a key uses it, so
    that inventing stays pure.
    """

    id: str
    method: str
    path: str
    query: bytes = b""
    headers: Mapping[bytes, bytes] = {}
    body: bytes = b""

    @property
    def content_type(self) -> str:
        """The media type with its parameters, as sent; empty when there was none."""
        return self.headers.get(b"content-type", b"").decode("latin-1")


class InboxRow(msgspec.Struct, frozen=True, kw_only=True):
    """One row of `inbox` as a format wants it kept; the gateway adds source and instant."""

    source_id: int
    kind: str
    body: bytes
    content_type: str = ""
    headers: dict[str, str] = {}
    dedup_key: str | None = None

    @property
    def size(self) -> int:
        """Bytes that count toward the bounds of a batch: the body and a fixed share for the rest."""
        return len(self.body) + 512


class Admission(msgspec.Struct, frozen=True, kw_only=True):
    """What to answer, and what must be committed before it is answered (nothing: answer at once)."""

    status: int
    body: bytes = b""
    headers: tuple[tuple[bytes, bytes], ...] = ()
    rows: tuple[InboxRow, ...] = ()


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """Why the gateway itself turns a request away; the format puts it into its own shape.

    `status` is what plain HTTP would say: 401 unknown token, 403 address not allowed, 404, 405, 413, 429,
    503, and 400 for a body that ended before its announced length. `retry_after` is in seconds.
    """

    status: int
    message: str
    retry_after: int | None = None

    def headers(self) -> tuple[tuple[bytes, bytes], ...]:
        """The headers that go with any shape of this refusal."""
        if self.retry_after is None:
            return (JSON_TYPE,)
        return (JSON_TYPE, (b"retry-after", str(self.retry_after).encode()))


class Front:
    """A format as the gateway sees it; one subclass per kind, one instance in the registry.

    `endpoints`: what is served below `/intake/<token>` (`base` and the token), each with its methods.
    `addresses`: paths (with everything below them) that belong to the format itself, where the token
    comes from `credential`. `signed`: the format signs its requests, so the front wants the source's secret.
    `security`: whatever this format says is a matter of security.
    `siblings`: further dialects of the same kind at addresses of their own, with errors of their own shape.
    """

    kind: ClassVar[str]
    base: ClassVar[str] = "/intake/"
    body_limit: ClassVar[int] = MIB
    endpoints: ClassVar[Mapping[str, tuple[str, ...]]] = {"": ("POST", "PUT")}
    addresses: ClassVar[tuple[str, ...]] = ()
    kept_headers: ClassVar[tuple[bytes, ...]] = ()
    signed: ClassVar[bool] = False
    security: ClassVar[bool] = False
    siblings: ClassVar[tuple["Front", ...]] = ()

    def methods(self, path: str) -> tuple[str, ...]:
        """What `path` may be asked with; nothing: there is no such path."""
        return self.endpoints.get(path, ())

    def forwards(self, method: str, path: str, query: bytes) -> bool:
        """Whether this is the web process's to answer, because it asks for what is known instead of sending.

        Asked after `methods`. The token was checked then, and the web process checks it again.
        """
        return False

    def credential(self, request: IntakeRequest) -> str | None:
        """The token of a request to one of `addresses`; None when it carries none that could be read."""
        return None

    def admit(self, request: IntakeRequest, source: SourceInfo) -> Admission:
        """The answer to `request` and the rows that it leaves behind."""
        raise NotImplementedError

    def refuse(self, refusal: Refusal) -> Admission:
        """`refusal` in the format's own error shape."""
        body = msgspec.json.encode({"status": "error", "message": refusal.message})
        return Admission(status=refusal.status, headers=refusal.headers(), body=body)

    def row(
        self,
        request: IntakeRequest,
        source: SourceInfo,
        *,
        kind: str = "alert",
        dedup_key: str | None = None,
    ) -> InboxRow:
        """The request as it came: its whole body, and those headers that the parser needs."""
        kept = {
            name.decode("latin-1"): request.headers[name].decode("latin-1")
            for name in self.kept_headers
            if name in request.headers
        }
        return InboxRow(
            source_id=source.id,
            kind=kind,
            body=request.body,
            content_type=request.content_type,
            headers=kept,
            dedup_key=dedup_key,
        )


def decode(body: bytes, wanted: type[T]) -> T:
    """`body` as UTF-8 JSON of the type `wanted`; raises NotTheContainer, which says where it is not.

    A byte order mark is passed over. Use `msgspec.Raw` for parts that are the drain's business: they are
    only skimmed.
    """
    try:
        body.decode("utf-8")
        return msgspec.json.decode(body.removeprefix(BYTE_ORDER_MARK), type=wanted)
    except UnicodeDecodeError as error:
        raise NotTheContainer(f"invalid UTF-8 at byte {error.start}") from None
    except (msgspec.DecodeError, RecursionError) as error:
        if not SURROGATE.search(body):
            raise NotTheContainer(str(error)) from None
        return _decode_without_lone_surrogates(body, wanted)


def _decode_without_lone_surrogates(body: bytes, wanted: type[T]) -> T:
    """The same with `?` for each half of a surrogate pair that stands alone.

    RFC 8259 allows them, tools that cut a text at a length send them, and msgspec refuses them.
    """
    try:
        value = json.loads(body.removeprefix(BYTE_ORDER_MARK))
        mended = json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")
        return msgspec.json.decode(mended, type=wanted)
    except (ValueError, RecursionError) as error:  # msgspec's errors are ValueErrors
        raise NotTheContainer(str(error)) from None


def answer(status: int, value: object, *rows: InboxRow) -> Admission:
    """An answer in JSON."""
    return Admission(status=status, headers=(JSON_TYPE,), body=msgspec.json.encode(value), rows=rows)

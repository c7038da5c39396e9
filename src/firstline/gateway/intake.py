"""Intake over HTTP: who sends, is it the format's container, and an answer once the row is committed."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from firstline.intake.sources.base import Admission, Front, IntakeRequest, Refusal, new_request_id
from firstline.intake.sources.registry import FRONTS

from .asgi import (
    Address,
    BodyCut,
    BodyTooLarge,
    Receive,
    Scope,
    Send,
    announced_length,
    chunks_into,
    client_of,
    respond,
)
from .commit import GroupCommit, Unavailable, Unstorable
from .encoding import NotEncoded, plain
from .guesses import TooManyGuesses
from .load import Load, Overloaded, Share
from .settings import Settings
from .tokens import Known, Sources, UnknownToken

BASES = frozenset(front.base for front in FRONTS.values())
DIALECTS = tuple(front for kind in FRONTS.values() for front in (kind, *kind.siblings))
OWN = {address: front for front in DIALECTS for address in front.addresses}
NOBODY = Front()  # the shape of a refusal while it isn't known whose it is
UNKNOWN = Refusal(status=401, message="unknown or disabled source")
OVERLOAD = Refusal(status=429, message="too many requests at this moment, try again", retry_after=2)
GONE = Refusal(status=503, message="nothing was stored: the database does not answer", retry_after=5)
Forward = Callable[[Scope, Receive, Send], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a path leads: a format's own address, or a token below a base with what follows it."""

    front: Front | None
    base: str
    token: str
    rest: str


class Refused(Exception):
    """The request ends here, with this refusal in the shape of this format."""

    def __init__(self, front: Front, refusal: Refusal) -> None:
        super().__init__(refusal.message)
        self.front = front
        self.refusal = refusal


class Forwarded(Exception):
    """The web process answers this request; its body has not been read."""


def place_of(path: str) -> Place | None:
    """None for a path that is not intake's."""
    for address, front in OWN.items():
        if path == address or path.startswith(address + "/"):
            return Place(front, "", "", path)
    base, _, below = path[1:].partition("/")
    base = f"/{base}/"
    if base not in BASES or not below:
        return None
    token, slash, rest = below.partition("/")
    return Place(None, base, token, (slash + rest).rstrip("/"))


class Intake:
    """Takes requests in, within the bounds of what is in flight."""

    def __init__(self, settings: Settings, sources: Sources, commits: GroupCommit, forward: Forward) -> None:
        self._settings = settings
        self._forward = forward
        self._sources = sources
        self._commits = commits
        self.load = Load(settings)

    async def __call__(self, place: Place, scope: Scope, receive: Receive, send: Send) -> None:
        headers = dict(scope["headers"])
        client = client_of(scope, headers, self._settings.trusted_proxies)
        try:
            with Share(self.load, client, nameless=place.front is not None) as share:
                admission = await self._take(place, scope, headers, client, share, receive)
        except Overloaded:
            admission = (place.front or NOBODY).refuse(OVERLOAD)
        except Refused as refused:
            admission = refused.front.refuse(refused.refusal)
        except Forwarded:
            await self._forward(scope, receive, send)
            return
        await respond(send, admission.status, admission.headers, admission.body)

    async def _take(
        self,
        place: Place,
        scope: Scope,
        headers: dict[bytes, bytes],
        client: Address | None,
        share: Share,
        receive: Receive,
    ) -> Admission:
        """Token, body, container, commit, in this order: without a good token no body is read if the path has it."""
        front, known = await self._recognise(place, scope["method"], client)
        if front.forwards(scope["method"], place.rest, scope["query_string"]):
            if known is None:
                await self._find(front, front.credential(_request(place, scope, headers)), client)
            raise Forwarded
        await self._read(front, headers, receive, share)
        request = _request(place, scope, headers, _unpacked(front, headers, share))
        if known is None:
            known = await self._find(front, front.credential(request), client)
        return await self._admit(front, request, known)

    async def _recognise(
        self, place: Place, method: str, client: Address | None
    ) -> tuple[Front, Known | None]:
        """The format, and the source if the path names it; the method and the path must be the format's."""
        front, known = place.front, None
        if front is None:
            known = await self._find(NOBODY, place.token, client)
            front = FRONTS.get(known.info.kind, NOBODY)
            if front.base != place.base or front is NOBODY:
                raise Refused(NOBODY, UNKNOWN)
        methods = front.methods(place.rest)
        if not methods:
            raise Refused(front, Refusal(status=404, message="this source has no such address"))
        if method not in methods:
            raise Refused(front, Refusal(status=405, message=f"use {' or '.join(methods)} here"))
        return front, known

    async def _find(self, front: Front, token: str | None, client: Address | None) -> Known:
        """The source of a token, if it may send from this address."""
        try:
            known = await self._sources.find(token, client)
        except UnknownToken:
            raise Refused(front, UNKNOWN) from None
        except TooManyGuesses as error:
            limited = Refusal(status=429, message=str(error), retry_after=error.retry_after)
            raise Refused(front, limited) from None
        except Unavailable:
            raise Refused(front, GONE) from None
        if front is not NOBODY and known.info.kind != front.kind:
            raise Refused(front, UNKNOWN)
        if not known.admits(client):
            raise Refused(front, Refusal(status=403, message=f"this source does not take from {client}"))
        return known

    async def _read(self, front: Front, headers: dict[bytes, bytes], receive: Receive, share: Share) -> None:
        try:
            await chunks_into(
                receive,
                share.keep,
                limit=front.body_limit,
                announced=announced_length(headers),
                timeout=self._settings.body_timeout,
            )
        except BodyTooLarge:
            message = f"the body is larger than {front.body_limit} bytes"
            raise Refused(front, Refusal(status=413, message=message)) from None
        except BodyCut as error:
            raise Refused(front, Refusal(status=400, message=str(error))) from None

    async def _admit(self, front: Front, request: IntakeRequest, known: Known) -> Admission:
        admission = front.admit(request, known.info)
        if not admission.rows:
            return admission
        try:
            await self._commits.append(admission.rows)
        except Unavailable:
            raise Refused(front, GONE) from None
        except Unstorable as error:
            refusal = Refusal(status=400, message=f"the database refuses this request: {error}")
            raise Refused(front, refusal) from None
        return admission


def _request(place: Place, scope: Scope, headers: dict[bytes, bytes], body: bytes = b"") -> IntakeRequest:
    return IntakeRequest(
        id=new_request_id(),
        method=scope["method"],
        path=place.rest,
        query=scope["query_string"],
        headers=headers,
        body=body,
    )


def _unpacked(front: Front, headers: dict[bytes, bytes], share: Share) -> bytes:
    """The body as it was before the sender compressed it, within the same limit."""
    encoding = headers.get(b"content-encoding")
    if encoding is None:
        return share.body()
    try:
        return share.replace(plain(share.body(), encoding, front.body_limit))
    except NotEncoded as error:
        raise Refused(front, Refusal(status=error.status, message=str(error))) from None

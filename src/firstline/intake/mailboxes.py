"""A source's mailbox: where it is, how one signs in, and what exactly fails when it can't be read."""

import imaplib
import json
import socket
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum

from imap_tools import BaseMailBox, MailBox, MailboxLoginError, MailBoxStartTls, MailBoxUnencrypted
from imap_tools.errors import ImapToolsError, MailboxFolderSelectError, MailboxStarttlsError

from firstline.core.errors import Invalid
from firstline.core.secrets import decrypt, encrypt
from firstline.intake.models import Source
from firstline.intake.oauth import HERE, Client, TokenRefused, Tokens, check_url

TIMEOUT = 30.0
SECURITY = ("ssl", "starttls", "none")
PORTS = {"ssl": 993, "starttls": 143, "none": 143}
FAILURES = (OSError, ImapToolsError, imaplib.IMAP4.error, TokenRefused, Invalid, UnicodeError)
TOKENS = Tokens()


class SignIn(StrEnum):
    """PASSWORD: the mailbox's own, or an app password. CLIENT: OAuth 2 with client credentials. REFRESH: OAuth 2 with
    a refresh token.
    """

    PASSWORD = "password"  # noqa: S105 - a word, no password
    CLIENT = "oauth_client"
    REFRESH = "oauth_refresh"


class Step(StrEnum):
    """What happens on the way into a mailbox, in this order."""

    ADDRESS = "address"
    CONNECTION = "connection"
    ENCRYPTION = "encryption"
    TOKEN = "token"  # noqa: S105 - a word
    SIGN_IN = "sign_in"
    FOLDER = "folder"
    READING = "reading"


class CannotRead(Exception):
    """The mailbox can't be read; at which step, and why, in words for the administrator."""

    def __init__(self, step: Step, reason: str) -> None:
        super().__init__(reason)
        self.step = step


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Where and how to fetch. `security`: ssl, starttls, or none (loopback only). `authority`: PEM of a certificate
    authority of one's own; empty: those that the system knows.
    """

    host: str
    user: str
    port: int
    password: str = ""
    oauth: Client | None = None
    security: str = "ssl"
    authority: str = ""
    folder: str = "INBOX"

    def context(self) -> ssl.SSLContext:
        """Certificate and host name are verified."""
        return ssl.create_default_context(cadata=self.authority or None)


def account_of(source: Source) -> Account | None:
    """The mailbox in a source's settings; None when it has none. `Invalid` says what is wrong with it."""
    given = source.settings.get("imap")
    if not isinstance(given, dict) or not given.get("host"):
        return None
    security = str(given.get("security", "ssl"))
    if security not in SECURITY:
        raise Invalid("Unknown transport security.", {"security": "ssl, starttls or none"})
    host = str(given["host"])
    if security == "none" and host not in HERE:
        raise Invalid(
            "A password never travels unencrypted beyond this machine.",
            {"imap_security": "use TLS or STARTTLS"},
        )
    oauth = _client(given, source.secret)
    account = Account(
        host=host,
        user=str(given.get("user", "")),
        password="" if oauth else decrypt(source.secret),
        oauth=oauth,
        port=int(given.get("port") or PORTS[security]),
        security=security,
        authority=str(given.get("authority") or "").strip(),
        folder=str(given.get("folder") or "INBOX"),
    )
    try:
        account.context()
    except (ssl.SSLError, ValueError) as error:
        raise Invalid("The certificate can't be read.", {"imap_authority": "PEM is needed"}) from error
    return account


def _client(given: Mapping[str, object], sealed: str) -> Client | None:
    try:
        way = SignIn(str(given.get("sign_in") or SignIn.PASSWORD))
    except ValueError:
        raise Invalid("Unknown way to sign in.", {"imap_sign_in": ", ".join(SignIn)}) from None
    if way is SignIn.PASSWORD:
        return None
    token_url = str(given.get("token_url") or "")
    check_url(token_url)
    secrets = secrets_of(sealed)
    return Client(
        token_url=token_url,
        client_id=str(given.get("client_id") or ""),
        client_secret=secrets.get("client_secret", ""),
        refresh_token=secrets.get("refresh_token", "") if way is SignIn.REFRESH else "",
        scope=str(given.get("scope") or ""),
    )


def secrets_of(sealed: str) -> dict[str, str]:
    """The secrets of a source that signs in by OAuth 2: client_secret, refresh_token."""
    try:
        found = json.loads(decrypt(sealed) or "{}")
    except ValueError:
        return {}
    return {str(name): str(value) for name, value in found.items()} if isinstance(found, dict) else {}


def way_of(settings: Mapping[str, object]) -> str:
    """How the mailbox in these settings is signed in to, one of SignIn."""
    given = settings.get("imap")
    return str((given.get("sign_in") if isinstance(given, dict) else "") or SignIn.PASSWORD)


def seal(
    source: Source, secret: str | Mapping[str, str] | None, *, before: Mapping[str, object] | None = None
) -> None:
    """Put a new secret into an unsaved source: a password, or parts of those of OAuth 2 (what is empty stays). Where
    the way to sign in is another than `before`, the old secret is of no use and goes.
    """
    if before is not None and way_of(before) != way_of(source.settings):
        source.secret = ""
    if isinstance(secret, str):
        source.secret = encrypt(secret)
    elif secret is not None:
        merged = {**secrets_of(source.secret), **{name: value for name, value in secret.items() if value}}
        source.secret = encrypt(json.dumps(merged))


@contextmanager
def opened(account: Account, source_id: int | None = None) -> Iterator[BaseMailBox]:
    """The mailbox with its folder chosen. Raises CannotRead. A renewed refresh token is stored with the source."""
    box = _connected(account)
    try:
        _sign_in(box, account, source_id)
        try:
            box.folder.set(account.folder)
        except (MailboxFolderSelectError, imaplib.IMAP4.error) as error:
            raise CannotRead(Step.FOLDER, f"There is no folder {account.folder}: {error}"[:500]) from error
        yield box
    finally:
        _leave(box)


def _leave(box: BaseMailBox) -> None:
    try:
        box.logout()
    except FAILURES:
        box.client.shutdown()


def _connected(account: Account) -> BaseMailBox:
    try:
        socket.getaddrinfo(account.host, account.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise CannotRead(Step.ADDRESS, f"{account.host} is not known: {error}") from error
    try:
        if account.security == "ssl":
            return MailBox(account.host, account.port, timeout=TIMEOUT, ssl_context=account.context())
        if account.security == "starttls":
            return MailBoxStartTls(account.host, account.port, timeout=TIMEOUT, ssl_context=account.context())
        return MailBoxUnencrypted(account.host, account.port, timeout=TIMEOUT)
    except ssl.SSLCertVerificationError as error:
        raise CannotRead(
            Step.ENCRYPTION, f"The server's certificate is not trusted: {error.verify_message}"
        ) from error
    except (ssl.SSLError, MailboxStarttlsError, ValueError) as error:
        raise CannotRead(Step.ENCRYPTION, f"No encrypted connection: {error}"[:500]) from error
    except imaplib.IMAP4.error as error:
        step = Step.ENCRYPTION if account.security == "starttls" else Step.CONNECTION
        raise CannotRead(step, f"The server answers otherwise than IMAP: {error}"[:500]) from error
    except OSError as error:
        where = f"{account.host}:{account.port}"
        reason = "it does not answer in time" if isinstance(error, TimeoutError) else str(error)
        raise CannotRead(Step.CONNECTION, f"No connection to {where}: {reason}"[:500]) from error


def _sign_in(box: BaseMailBox, account: Account, source_id: int | None) -> None:
    try:
        if account.oauth is None:
            box.login(account.user, account.password, initial_folder=None)
        else:
            _with_token(box, account, account.oauth, source_id)
    except TokenRefused as error:
        raise CannotRead(Step.TOKEN, f"The token endpoint refuses: {error}") from error
    except (MailboxLoginError, imaplib.IMAP4.error) as error:
        if account.oauth is not None:
            TOKENS.forget(account.oauth)
        raise CannotRead(Step.SIGN_IN, f"The server refused the login: {_said(error)}") from error


def _with_token(box: BaseMailBox, account: Account, client: Client, source_id: int | None) -> None:
    """SASL OAUTHBEARER (RFC 7628) where the server has it, else XOAUTH2, which Microsoft and Google speak."""

    def renewed(token: str) -> None:
        if source_id is not None:
            _keep_refresh_token(source_id, token)

    try:
        token = TOKENS.get(client, renewed=renewed, context=account.context())
    except OSError as error:
        raise TokenRefused(f"{client.token_url} can't be reached: {error}"[:500]) from error
    bearer = "AUTH=OAUTHBEARER" in box.client.capabilities
    mechanism = "OAUTHBEARER" if bearer else "XOAUTH2"
    first = (
        f"n,a={account.user},\1host={account.host}\1port={account.port}\1auth=Bearer {token}\1\1"
        if bearer
        else f"user={account.user}\1auth=Bearer {token}\1\1"
    )
    told: list[str] = []

    def answer(challenge: bytes) -> bytes:
        """The server's only other challenge is why it refuses; it wants an empty line before it says so."""
        if not challenge.strip():
            return first.encode()
        told.append(challenge.decode("utf-8", "replace"))
        return b"\1" if bearer else b""

    try:
        box.client.authenticate(mechanism, answer)
    except imaplib.IMAP4.error as error:
        raise imaplib.IMAP4.error(" ".join([str(error), *told])[:400]) from None


def _keep_refresh_token(source_id: int, token: str) -> None:
    source = Source.objects.filter(id=source_id).first()
    if source is not None:
        sealed = encrypt(json.dumps({**secrets_of(source.secret), "refresh_token": token}))
        Source.objects.filter(id=source_id, secret=source.secret).update(secret=sealed)


def _said(error: Exception) -> str:
    data = getattr(error, "command_result", None)
    if isinstance(data, tuple) and len(data) > 1:
        parts = [
            each.decode("utf-8", "replace") if isinstance(each, bytes) else str(each) for each in data[1]
        ]
        return " ".join(parts)[:400]
    return str(error)[:400]


@dataclass(frozen=True, slots=True)
class Checked:
    """What a try of a mailbox showed. `failed` None: it can be read."""

    passed: tuple[Step, ...] = ()
    failed: Step | None = None
    reason: str = ""
    messages: int = 0
    unseen: int = 0
    idle: bool = False
    encrypted: str = ""
    notes: tuple[str, ...] = field(default=())


def checked(account: Account) -> Checked:
    """Go all the way into the mailbox and out again; nothing in it is changed."""
    steps = [step for step in Step if step is not Step.TOKEN or account.oauth is not None]
    if account.security == "none":
        steps.remove(Step.ENCRYPTION)
    try:
        with opened(account) as box:
            found = box.folder.status(account.folder, ["MESSAGES", "UNSEEN"])
            version = getattr(box.client.sock, "version", lambda: "")()
            return Checked(
                passed=tuple(steps),
                messages=found.get("MESSAGES", 0),
                unseen=found.get("UNSEEN", 0),
                idle="IDLE" in box.client.capabilities,
                encrypted=version or "",
            )
    except CannotRead as error:
        return Checked(passed=tuple(steps[: steps.index(error.step)]), failed=error.step, reason=str(error))
    except FAILURES as error:
        return Checked(passed=tuple(steps[:-1]), failed=Step.READING, reason=str(error)[:500])

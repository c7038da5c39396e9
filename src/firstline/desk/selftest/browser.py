"""Speaks HTTP with the running installation as a stranger would: cookies, forms, JSON; no short cut."""

import json
import re
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from email.message import Message
from http.cookies import SimpleCookie
from typing import Any

TIMEOUT = 15.0  # seconds of one request
_TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')


class NoAnswer(Exception):
    """The installation did not answer, or not as it should; the text says what came instead."""


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Message
    text: str

    def json(self) -> Any:
        return json.loads(self.text)


class _Staying(urllib.request.HTTPRedirectHandler):
    """Redirects are an answer, not a way on."""

    def redirect_request(self, *_arguments: Any) -> None:
        return None


class Browser:
    """One visitor. Paths are below `base`; no proxy of the environment is used."""

    def __init__(self, base: str) -> None:
        self.base = base.rstrip("/")
        self._cookies: dict[str, str] = {}
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _Staying())

    def get(self, path: str, *, expect: int = 200) -> Answer:
        return self._ask(path, None, {}, expect)

    def post_json(
        self, path: str, document: object, *, token: str = "", method: str = "POST", expect: int = 200
    ) -> Answer:
        """Send JSON, with an API token where there is one."""
        headers = {"Content-Type": "application/json"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        return self._ask(path, json.dumps(document).encode(), headers, expect, method)

    def get_json(self, path: str, *, token: str) -> Any:
        return self._ask(path, None, {"Authorization": f"Bearer {token}"}, 200).json()

    def fill(self, path: str, fields: Mapping[str, str], *, expect: int = 200) -> Answer:
        """Open a page with a form, fill it in and send it."""
        found = _TOKEN.search(self.get(path).text)
        if found is None:
            raise NoAnswer(f"There is no form at {path}.")
        body = urllib.parse.urlencode({**fields, "csrfmiddlewaretoken": found.group(1)}).encode()
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Origin": self._origin()}
        return self._ask(path, body, headers | {"Referer": self.base + path}, expect)

    def _origin(self) -> str:
        parts = urllib.parse.urlsplit(self.base)
        return f"{parts.scheme}://{parts.netloc}"

    def _ask(
        self,
        path: str,
        body: bytes | None,
        headers: Mapping[str, str],
        expect: int,
        method: str | None = None,
    ) -> Answer:
        request = urllib.request.Request(  # noqa: S310 - the address is the administrator's setting
            self.base + path, data=body, headers=dict(headers), method=method
        )
        if self._cookies:
            request.add_header(
                "Cookie", "; ".join(f"{name}={value}" for name, value in self._cookies.items())
            )
        answer = self._open(request)
        for header in answer.headers.get_all("Set-Cookie") or []:
            self._cookies |= {name: morsel.value for name, morsel in SimpleCookie(header).items()}
        if answer.status != expect:
            said = " ".join(re.sub(r"<[^>]*>", " ", answer.text).split())[:200]
            raise NoAnswer(f"{request.get_method()} {path[:60]}: {answer.status} {said}")
        return answer

    def _open(self, request: urllib.request.Request) -> Answer:
        try:
            with self._opener.open(request, timeout=TIMEOUT) as response:
                return Answer(response.status, response.headers, response.read().decode(errors="replace"))
        except urllib.error.HTTPError as error:
            return Answer(error.code, error.headers, error.read().decode(errors="replace"))
        except OSError as error:
            reason = getattr(error, "reason", error)
            raise NoAnswer(f"{self.base} does not answer: {reason}") from error

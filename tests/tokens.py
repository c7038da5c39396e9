"""A token endpoint (RFC 6749) with introspection (RFC 7662) on loopback, as an identity provider has it."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs


@dataclass
class Tokens:
    """Who may have tokens, and which ones are good. `asked` are the forms that were posted."""

    url: str = ""
    user: str = "support"
    clients: dict[str, str] = field(default_factory=lambda: {"firstline": "its secret"})
    refresh: set[str] = field(default_factory=lambda: {"first-refresh-token"})
    good: set[str] = field(default_factory=set)
    asked: list[dict[str, str]] = field(default_factory=list)

    def answer(self, path: str, form: dict[str, str]) -> tuple[int, dict[str, Any]]:
        if path == "/introspect":
            active = form.get("token", "") in self.good
            return 200, {"active": active, "username": self.user} if active else {"active": False}
        self.asked.append(form)
        if self.clients.get(form.get("client_id", "")) != form.get("client_secret"):
            return 401, {"error": "invalid_client", "error_description": "The client secret is wrong."}
        answer: dict[str, Any] = {"token_type": "Bearer", "expires_in": 3600}
        if form.get("grant_type") == "refresh_token":
            if form.get("refresh_token") not in self.refresh:
                return 400, {"error": "invalid_grant"}
            # as Microsoft does: each use gives another one
            self.refresh = {f"refresh-token-{len(self.asked)}"}
            answer["refresh_token"] = next(iter(self.refresh))
        token = f"token-{len(self.asked)}"
        self.good.add(token)
        return 200, {**answer, "access_token": token}


@contextmanager
def token_endpoint() -> Iterator[Tokens]:
    tokens = Tokens()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
            form = {name: values[0] for name, values in parse_qs(body).items()}
            status, answer = tokens.answer(self.path, form)
            raw = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        def log_message(self, *_: object) -> None:
            """Tests are quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    tokens.url = f"http://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield tokens
    finally:
        server.shutdown()
        server.server_close()

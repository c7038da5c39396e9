"""A client of the API: a machine with a token, or a person with a session."""

import json
from dataclasses import dataclass
from typing import Any

from django.test import Client

from firstline.accounts.actions import create_token
from firstline.accounts.permissions import SCOPES
from firstline.core.actor import Actor
from tests.organisation import Organisation


@dataclass
class Caller:
    """Sends JSON and reads JSON."""

    client: Client
    headers: dict[str, str]

    def send(self, method: str, path: str, data: Any = None, **headers: str) -> Any:
        body = b"" if data is None else json.dumps(data).encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.generic(
            method, f"/api/v1{path}", body, content_type="application/json", headers={**self.headers, **named}
        )

    def get(self, path: str, **headers: str) -> Any:
        return self.send("GET", path, **headers)

    def post(self, path: str, data: Any = None, **headers: str) -> Any:
        return self.send("POST", path, data, **headers)

    def patch(self, path: str, data: Any, **headers: str) -> Any:
        return self.send("PATCH", path, data, **headers)


def machine(org: Organisation, *scopes: str, groups: tuple[int, ...] = ()) -> Caller:
    """A machine with these scopes (all without any named), of the first group."""
    _token, text = create_token(
        name="robot",
        scopes=list(scopes or SCOPES),
        group_ids=list(groups or (org.first.id,)),
        actor=Actor.system("test"),
        now=org.now,
    )
    return Caller(Client(), {"Authorization": f"Bearer {text}"})

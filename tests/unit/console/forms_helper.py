"""Fills in forms of a rendered page as a browser without JavaScript does: nothing but what the HTML says is sent."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

from django.test import Client


@dataclass
class Form:
    action: str
    fields: dict[str, list[str]] = field(default_factory=dict)
    options: dict[str, dict[str, str]] = field(default_factory=dict)

    def set(self, name: str, *values: Any) -> "Form":
        assert name in self.fields, f"no field {name}: {sorted(self.fields)}"
        self.fields[name] = [str(value) for value in values]
        return self

    def choose(self, name: str, label: str) -> "Form":
        value = next(value for value, text in self.options[name].items() if text == label)
        return self.set(name, value)

    def data(self, **more: str) -> dict[str, Any]:
        return {name: values for name, values in self.fields.items() if values} | more


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.form: Form | None = None
        self.select = self.textarea = self.option = ""
        self.text = ""

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attributes}
        if tag == "form" and given.get("method", "get") == "post":
            self.form = Form(given.get("action", ""))
            self.forms.append(self.form)
        if self.form is None or "disabled" in given:
            return
        name = given.get("name", "")
        if tag == "input" and name:
            self._input(name, given)
        elif tag == "select":
            self.select = name
            self.form.fields.setdefault(name, [])
            self.form.options.setdefault(name, {})
        elif tag == "option" and self.select:
            self.option, self.text = given.get("value", ""), ""
            if "selected" in given:
                self.form.fields[self.select].append(self.option)
        elif tag == "textarea":
            self.textarea, self.text = name, ""

    def _input(self, name: str, given: dict[str, str]) -> None:
        assert self.form is not None
        kind = given.get("type", "text")
        if kind in ("checkbox", "radio"):
            self.form.fields.setdefault(name, [])
            self.form.options.setdefault(name, {})[given.get("value", "on")] = given.get("value", "on")
            if "checked" in given:
                self.form.fields[name].append(given.get("value", "on"))
        elif kind not in ("file", "submit"):
            self.form.fields[name] = [given.get("value", "")]

    def handle_data(self, data: str) -> None:
        self.text += data

    def handle_endtag(self, tag: str) -> None:
        if self.form is None:
            return
        if tag == "option" and self.select:
            self.form.options[self.select][self.option] = self.text.strip()
        elif tag == "select" and self.select:
            if not self.form.fields[self.select] and self.form.options[self.select]:
                self.form.fields[self.select] = [next(iter(self.form.options[self.select]))]
            self.select = ""
        elif tag == "textarea" and self.textarea:
            self.form.fields[self.textarea] = [self.text.removeprefix("\n")]
            self.textarea = ""
        elif tag == "form":
            self.form = None


def forms(client: Client, address: str) -> list[Form]:
    """The POST forms of a page."""
    answer = client.get(address)
    assert answer.status_code == 200, answer.status_code
    return list(read(answer.content.decode(), address))


def read(html: str, address: str) -> Iterator[Form]:
    reader = _Reader()
    reader.feed(html)
    for form in reader.forms:
        form.action = form.action or address
        yield form


def main_form(client: Client, address: str) -> Form:
    """The form of a page that has the most fields; of equals the last, as the rail's come first."""
    found = forms(client, address)
    return max(reversed(found), key=lambda form: len(form.fields))

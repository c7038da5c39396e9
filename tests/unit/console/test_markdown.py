import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstline.console.markdown import render


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "[click](javascript:alert(1))",
        "[click](data:text/html,<script>alert(1)</script>)",
        "![x](http://example.org/pixel.png)",
        "<a href='http://x' onclick='x()'>x</a>",
        "<iframe src=//x></iframe>",
        "<svg><use href='#x'/></svg>",
    ],
)
def test_nothing_that_acts_gets_through(text: str) -> None:
    html = render(text).lower()
    for danger in ("<script", "<img", 'javascript:"', 'href="javascript', 'href="data', "<iframe", "<svg"):
        assert danger not in html
    assert " onerror=" not in html.replace("&lt;img src=x onerror=", "")
    assert "<a href='http://x' onclick" not in html


def test_what_people_write_looks_as_they_meant_it() -> None:
    html = render("**bold** and `code`\nnext line\n\n- one\n- two\n\n[site](https://example.org)")
    assert "<strong>bold</strong>" in html
    assert "<code>code</code>" in html
    assert "<br" in html
    assert html.count("<li>") == 2
    assert 'href="https://example.org"' in html
    assert 'rel="noopener noreferrer nofollow"' in html


@given(st.text(max_size=300))
def test_any_text_stays_without_scripts_and_handlers(text: str) -> None:
    html = render(text).lower()
    assert "<script" not in html
    assert "<img" not in html
    assert 'href="javascript:' not in html

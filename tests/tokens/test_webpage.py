"""The text of web pages: words whole, a line for each block, in the encoding that the page is in."""

from __future__ import annotations

import sys

import pytest

from aiplan.tokens import webpage
from aiplan.tokens.webpage import html_text, source_of

PAGE = "<h1>Lease</h1><p>un<i>believ</i>able,\n  and <b>so</b> on<ul><li>one<li>two</ul><pre>a\n  b</pre>"


@pytest.mark.parametrize("reader", ["selectolax", "html.parser"])
def test_marks_inside_a_line_cut_no_word(reader: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if reader == "html.parser":
        monkeypatch.setitem(sys.modules, "selectolax.lexbor", None)
    assert html_text(PAGE) == ("Lease\nunbelievable, and so on\none\ntwo\na\nb", reader)


@pytest.mark.parametrize(
    ("said", "encoding"),
    [
        ('<meta charset="windows-1251">', "cp1251"),
        ('<meta http-equiv="Content-Type" content="text/html; charset=koi8-r">', "koi8-r"),
        ('<?xml version="1.0" encoding="iso-8859-5"?>', "iso-8859-5"),
        ('<meta charset="windows-1251">', "utf-8"),
        ('<meta charset="no-such-charset">', "utf-8"),
        ("", "utf-16"),
    ],
)
def test_the_encoding_is_what_the_page_says_unless_it_is_utf_8(said: str, encoding: str) -> None:
    page = f"{said}<p>Арендатор платит</p>"
    assert source_of(page.encode(encoding)) == page


def test_japanese_pages() -> None:
    page = '<meta charset="{}"><p>借主は家賃を支払う</p>'
    for encoding in ("shift_jis", "euc-jp", "iso-2022-jp"):
        assert source_of(page.format(encoding).encode(encoding)) == page.format(encoding)


def test_what_is_not_shown_is_no_text() -> None:
    hidden = "".join(f"<{tag}>no</{tag}>" for tag in webpage.HIDDEN if tag != "svg")
    assert html_text(f"<p>yes{hidden}</p><!-- no -->")[0] == "yes"


@pytest.mark.parametrize("source", [" " * 1_000_000, "<pre>" * 2000, "<pre" * 200_000, "\n" * 1_000_000])
def test_a_page_of_one_sign_takes_no_time_that_grows_with_its_square(source: str) -> None:
    assert len(html_text(f"<p>a{source}")[0]) <= len(source)

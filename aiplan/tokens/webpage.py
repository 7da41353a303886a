"""Text of HTML: selectolax where it is installed, else the standard library."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser

from aiplan.tokens.documents import Document, decode

HIDDEN = ("script", "style", "template", "noscript", "svg")
"""Elements whose text is not shown."""
BLOCKS = (
    "p div br hr tr td th li h1 h2 h3 h4 h5 h6 title table caption section article main nav aside header footer pre ul "
    "ol dl dt dd blockquote figure figcaption form fieldset legend option address details summary body"
)
"""Elements that begin and end a line; all others are within one, and cut no word."""
_BREAK = re.compile(rf"(?=</?(?:{BLOCKS.replace(' ', '|')})\b)", re.IGNORECASE)
_PRE = re.compile(r"(</?pre\b)", re.IGNORECASE)
_CHARSET = re.compile(rb"""(?:charset|encoding)\s*=\s*["']?([\w.:-]+)""", re.IGNORECASE)


class _Text(HTMLParser):
    """Text of HTML without scripts and styles."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.out: list[str] = []
        self.hidden = 0

    def handle_starttag(self, tag: str, attrs: object) -> None:
        """Begin what is not shown."""
        self.hidden += tag in HIDDEN

    def handle_endtag(self, tag: str) -> None:
        """End what is not shown."""
        if tag in HIDDEN:
            self.hidden = max(0, self.hidden - 1)

    def handle_data(self, data: str) -> None:
        """Keep the text that is shown."""
        if not self.hidden:
            self.out.append(data)


def html_text(source: str) -> tuple[str, str]:
    """Text of HTML and what read it; a line for each block.

    >>> html_text("<p>One<script>x()</script><p>two &amp;\\n th<b>ree</b>")[0]
    'One\\ntwo & three'
    """
    source = _BREAK.sub("\n", "".join(_joined(source)))
    try:
        from selectolax.lexbor import LexborHTMLParser
    except ImportError:
        parser = _Text()
        parser.feed(source)
        parser.close()
        return _lines("".join(parser.out)), "html.parser"
    tree = LexborHTMLParser(source)
    for tag in HIDDEN:
        for node in tree.css(tag):
            node.decompose()
    return _lines(tree.text() if tree.root is not None else ""), "selectolax"


def _lines(text: str) -> str:
    return re.sub(r"\n{2,}", "\n", tidy(text))


def _joined(source: str) -> Iterator[str]:
    """The source with its lines joined, but for those that are shown as they are."""
    as_it_is = False
    for part in _PRE.split(source):
        if part.lower() in ("<pre", "</pre"):
            as_it_is = part[1] != "/"
        yield part if as_it_is else re.sub(r"[\r\n]\s*", " ", part)


def tidy(text: str) -> str:
    """Text without the runs of spaces and empty lines that a layout leaves behind."""
    text = re.sub(r"[ \t\x0b\x0c\xa0]+", " ", text.replace("\r\n", "\n").replace("\r", "\n"))
    return re.sub(r"\n{3,}", "\n\n", re.sub(r" ?\n ?", "\n", text)).strip()


def source_of(data: bytes) -> str:
    """The source of a page in the encoding that it is in: UTF-8 where that can be, else what it says.

    >>> source_of('<meta charset="windows-1251">Да'.encode("cp1251"))[-2:]
    'Да'
    """
    said = _CHARSET.search(data[:2048])
    name = said[1].decode("ascii", "replace").lower() if said else "utf-8"
    seven_bit = name.startswith(("iso-2022", "hz"))
    if said and not name.startswith(("utf", "iso-8859-1", "us-ascii")) and (seven_bit or not _is_utf8(data)):
        try:
            return data.decode(name, "replace")
        except (LookupError, ValueError):
            pass
    return decode(data)[0]


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def html(name: str, data: bytes) -> Document:
    """A page."""
    source = source_of(data)
    text, how = html_text(source)
    pictures = len(re.findall(r"<img\b", source, re.IGNORECASE))
    return Document(name, "html", len(data), how, text, embedded_images=pictures)

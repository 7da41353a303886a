"""Text of DOCX, PPTX, XLSX, ODT, EPUB, HTML and mail, and the documents inside a ZIP; with caps against bombs.

Runs in the child process of `sandbox`, so that a file can cost no more than its limits.
"""

from __future__ import annotations

import io
import posixpath
import re
import zipfile
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from typing import Any
from xml.etree import ElementTree

from aiplan.tokens.documents import CHILD, MEDIA, UNREAD, Document, decode, kind_of, plain, unreadable

MOST_MEMBER = 256 << 20
"""Bytes of one member of an archive, unpacked."""
MOST_TOTAL = 1 << 30
"""Bytes of all members of an archive, unpacked."""
MOST_MEMBERS = 20_000
"""Documents in one archive."""
MOST_RATIO = 1000
"""How many times smaller a member of more than 1 MiB may be packed."""
MOST_DEPTH = 3
"""Archives inside archives."""


class BrokenDocument(Exception):
    """A document that cannot be read; the text says why."""


class Archive:
    """A ZIP file read with caps: sizes are checked as said in it, and again while reading."""

    def __init__(self, data: bytes) -> None:
        try:
            self.zip = zipfile.ZipFile(io.BytesIO(data))
        except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError) as error:
            raise BrokenDocument(f"a broken archive ({error})") from None
        self.names = {info.filename: info for info in self.zip.infolist()}
        self.total = 0

    def read(self, name: str) -> bytes:
        """The bytes of a member. Raises BrokenDocument for a bomb, a password or broken data."""
        info = self.names.get(name)
        if info is None:
            raise BrokenDocument(f"its part {name} is missing")
        if info.flag_bits & 1:
            raise BrokenDocument("it is encrypted")
        size, packed = info.file_size, max(info.compress_size, 1)
        if size > MOST_MEMBER or (size > 1 << 20 and size > MOST_RATIO * packed):
            raise BrokenDocument(f"a bomb: {size >> 20} MiB in {packed} bytes")
        try:
            with self.zip.open(info) as file:
                data = file.read(MOST_MEMBER + 1)
        except (zipfile.BadZipFile, ValueError, OSError, EOFError, NotImplementedError, RuntimeError) as error:
            raise BrokenDocument(f"a broken archive ({error})") from None
        except Exception as error:  # zlib.error and its like are no common class
            raise BrokenDocument(f"a broken archive ({type(error).__name__})") from None
        self.total += len(data)
        if len(data) > MOST_MEMBER or self.total > MOST_TOTAL:
            raise BrokenDocument("a bomb: it unpacks to more than its cap")
        return data


def _elements(data: bytes) -> Iterator[tuple[str, str, Any]]:
    """(event, local name, element) of an XML document; elements are dropped once seen."""
    try:
        for event, element in ElementTree.iterparse(io.BytesIO(data), ("start", "end")):
            yield event, element.tag.rpartition("}")[2], element
            if event == "end":
                element.clear()
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        raise BrokenDocument(f"broken XML ({error})") from None


def _sorted(names: Any, pattern: str) -> list[str]:
    """The names that match, by the number in them."""
    found = [(int(m[1] or 0), n) for n in names if (m := re.fullmatch(pattern, n))]
    return [n for _, n in sorted(found)]


def docx(name: str, data: bytes) -> Document:
    """Paragraphs, tables, headers, footers, foot- and endnotes of a DOCX."""
    archive = Archive(data)
    if "word/document.xml" not in archive.names:
        raise BrokenDocument("no word/document.xml in it")
    out: list[str] = []
    for part in ("word/document.xml", *_sorted(archive.names, r"word/(?:header|footer|footnotes|endnotes)(\d*)\.xml")):
        for event, tag, element in _elements(archive.read(part)):
            if event == "start":
                if tag == "tab":
                    out.append("\t")
            elif tag == "t":
                out.append(element.text or "")
            elif tag in ("p", "br"):
                out.append("\n")
            elif tag == "tc":
                _close_cell(out)
    pages = None
    if "docProps/app.xml" in archive.names:
        found = re.search(rb"<Pages>(\d{1,6})</Pages>", archive.read("docProps/app.xml"))
        pages = (int(found[1]) or None) if found else None
    pictures = _pictures(archive, "word/media/")
    return Document(name, "docx", len(data), "zip and XML", "".join(out).strip(), pages, embedded_images=pictures)


def _close_cell(out: list[str]) -> None:
    """A cell of a table ends with a tab, not with a paragraph."""
    if out and out[-1] == "\n":
        out[-1] = "\t"


def _pictures(archive: Archive, folder: str) -> int:
    return sum(1 for n in archive.names if n.startswith(folder))


def pptx(name: str, data: bytes) -> Document:
    """Slides and speakers' notes of a PPTX."""
    archive = Archive(data)
    slides = _sorted(archive.names, r"ppt/slides/slide(\d+)\.xml")
    if not slides and "ppt/presentation.xml" not in archive.names:
        raise BrokenDocument("no slides in it")
    out: list[str] = []
    for part in [*slides, *_sorted(archive.names, r"ppt/notesSlides/notesSlide(\d+)\.xml")]:
        for event, tag, element in _elements(archive.read(part)):
            if event == "end" and tag == "t":
                out.append(element.text or "")
            elif event == "end" and tag in ("p", "br"):
                out.append("\n")
        out.append("\n")
    pictures = _pictures(archive, "ppt/media/")
    return Document(name, "pptx", len(data), "zip and XML", "".join(out).strip(), len(slides), embedded_images=pictures)


def sheets(name: str, data: bytes, kind: str) -> Document:
    """Cells of a workbook, tabs between them, a line a row."""
    if kind in ("xlsx", "ods"):
        archive = Archive(data)
        for part in archive.names:
            if part.endswith(".xml"):
                archive.read(part)  # the caps hold for the reader too, which has none of its own
    try:
        from python_calamine import CalamineWorkbook
    except ImportError:
        if kind != "xlsx":
            raise BrokenDocument(f"reading {kind.upper()} needs the extra: pip install 'aiplan[documents]'") from None
        return _xlsx(name, data)
    try:
        book = CalamineWorkbook.from_filelike(io.BytesIO(data))
        lines = []
        for sheet in book.sheet_names:
            lines.append(sheet)
            for row in book.get_sheet_by_name(sheet).to_python():
                lines.append("\t".join("" if cell == "" else _cell(cell) for cell in row).rstrip("\t"))
    except Exception as error:  # the reader's errors have no common class
        raise BrokenDocument(f"a broken workbook ({str(error)[:120]})") from None
    return Document(name, kind, len(data), "calamine", "\n".join(lines), len(book.sheet_names))


def _cell(cell: object) -> str:
    return str(int(cell)) if isinstance(cell, float) and cell.is_integer() and abs(cell) < 1e15 else str(cell)


def _xlsx(name: str, data: bytes) -> Document:
    """An XLSX through the standard library."""
    archive = Archive(data)
    names = _sorted(archive.names, r"xl/worksheets/sheet(\d+)\.xml")
    if not names:
        raise BrokenDocument("no sheets in it")
    shared: list[str] = []
    if "xl/sharedStrings.xml" in archive.names:
        text: list[str] = []
        for event, tag, element in _elements(archive.read("xl/sharedStrings.xml")):
            if event == "end" and tag == "t":
                text.append(element.text or "")
            elif event == "end" and tag == "si":
                shared.append("".join(text))
                text = []
    dates = _date_styles(archive)
    lines: list[str] = []
    for part in names:
        row: list[str] = []
        kind, value, style = "", "", -1
        for event, tag, element in _elements(archive.read(part)):
            if event == "start" and tag == "c":
                kind, value, style = element.get("t", ""), "", _number(element.get("s", ""))
            elif event == "end" and tag in ("v", "t"):
                value += element.text or ""
            elif event == "end" and tag == "c":
                if kind == "s":
                    place = _number(value)
                    value = shared[place] if 0 <= place < len(shared) else value
                elif kind == "b":
                    value = {"1": "True", "0": "False"}.get(value, value)
                elif kind in ("", "n") and style in dates:
                    value = _date(value)
                row.append(value)
            elif event == "end" and tag == "row":
                lines.append("\t".join(row))
                row = []
    return Document(name, "xlsx", len(data), "zip and XML", "\n".join(lines), len(names))


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else -1


def _date_styles(archive: Archive) -> set[int]:
    """Styles of cells that show a date or a time: those of the standard, and formats with a year, day or hour."""
    if "xl/styles.xml" not in archive.names:
        return set()
    formats = {*range(14, 23), *range(45, 48)}
    out: set[int] = set()
    inside, number = False, 0
    for event, tag, element in _elements(archive.read("xl/styles.xml")):
        if tag == "cellXfs":
            inside = event == "start"
        elif event == "start" and tag == "numFmt":
            plain = re.sub(r'"[^"]*"|\[[^\]]*\]|\\.', "", element.get("formatCode", "")).lower()
            if re.search(r"[ydh]|m.*s", plain):
                formats.add(_number(element.get("numFmtId", "")))
        elif event == "start" and tag == "xf" and inside:
            if _number(element.get("numFmtId", "")) in formats:
                out.add(number)
            number += 1
    return out


def _date(value: str) -> str:
    """A day, or a day and a time, from the days since 1899-12-30.

    >>> _date("46023"), _date("46023.5"), _date("x")
    ('2026-01-01', '2026-01-01 12:00:00', 'x')
    """
    from datetime import datetime, timedelta

    try:
        moment = datetime(1899, 12, 30) + timedelta(days=float(value))
    except (ValueError, OverflowError):
        return value
    whole = float(value).is_integer()
    return str(moment.date()) if whole else moment.isoformat(" ", "seconds")


def odt(name: str, data: bytes) -> Document:
    """Paragraphs of an ODT or ODP."""
    archive = Archive(data)
    out: list[str] = []
    for event, tag, element in _elements(archive.read("content.xml")):
        if event == "end" and tag in ("p", "h"):
            out.append("".join(element.itertext()) + "\n")
    return Document(name, "odt", len(data), "zip and XML", "".join(out).strip())


def epub(name: str, data: bytes) -> Document:
    """Chapters of an EPUB in the order of its spine."""
    archive = Archive(data)
    if "META-INF/encryption.xml" in archive.names and b"EncryptedData" in archive.read("META-INF/encryption.xml"):
        fonts_only = not re.search(rb"\.x?html", archive.read("META-INF/encryption.xml"))
        if not fonts_only:
            raise BrokenDocument("it is encrypted")
    root = ""
    for event, tag, element in _elements(archive.read("META-INF/container.xml")):
        if event == "start" and tag == "rootfile":
            root = root or element.get("full-path", "")
    hrefs: dict[str, str] = {}
    spine: list[str] = []
    for event, tag, element in _elements(archive.read(root)):
        if event == "start" and tag == "item":
            hrefs[element.get("id", "")] = element.get("href", "")
        elif event == "start" and tag == "itemref":
            spine.append(element.get("idref", ""))
    chapters = []
    for item in spine:
        part = posixpath.normpath(posixpath.join(posixpath.dirname(root), hrefs.get(item, "")))
        if part in archive.names:
            chapters.append(html_text(decode(archive.read(part))[0])[0])
    if not chapters:
        raise BrokenDocument("no chapters in it")
    pictures = sum(1 for n in archive.names if n.lower().endswith((".png", ".jpg", ".jpeg", ".gif")))
    text = "\n".join(chapters)
    return Document(name, "epub", len(data), "zip and HTML", text, len(chapters), embedded_images=pictures)


class _Text(HTMLParser):
    """Text of HTML without scripts and styles; a line for each block."""

    BLOCKS = frozenset("p div br tr li h1 h2 h3 h4 h5 h6 table section article header footer pre ul ol dt dd".split())
    HIDDEN = frozenset(("script", "style", "template", "noscript", "svg"))

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.out: list[str] = []
        self.hidden = 0

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        """Begin a block, or what is not shown."""
        if tag in self.HIDDEN:
            self.hidden += 1
        elif tag in self.BLOCKS:
            self.out.append("\n")

    def handle_endtag(self, tag: str) -> None:
        """End a block, or what is not shown."""
        if tag in self.HIDDEN:
            self.hidden = max(0, self.hidden - 1)
        elif tag in self.BLOCKS:
            self.out.append("\n")

    def handle_data(self, data: str) -> None:
        """Keep the text that is shown."""
        if not self.hidden:
            self.out.append(data)


def html_text(source: str) -> tuple[str, str]:
    """Text of HTML and what read it: selectolax where it is installed, else the standard library.

    >>> html_text("<p>One<script>x()</script><p>two &amp; three")[0]
    'One\\ntwo & three'
    """
    try:
        from selectolax.lexbor import LexborHTMLParser
    except ImportError:
        parser = _Text()
        parser.feed(source)
        parser.close()
        return tidy("".join(parser.out)), "html.parser"
    tree = LexborHTMLParser(source)
    for tag in _Text.HIDDEN:
        for node in tree.css(tag):
            node.decompose()
    return tidy(tree.text(separator="\n") if tree.root is not None else ""), "selectolax"


def tidy(text: str) -> str:
    """Text without the runs of spaces and empty lines that a layout leaves behind."""
    text = re.sub(r"[ \t\x0b\x0c\xa0]+", " ", text.replace("\r\n", "\n").replace("\r", "\n"))
    return re.sub(r"\n{3,}", "\n\n", re.sub(r" ?\n ?", "\n", text)).strip()


def html(name: str, data: bytes) -> Document:
    """A page."""
    source = decode(data)[0]
    text, how = html_text(source)
    pictures = len(re.findall(r"<img\b", source, re.IGNORECASE))
    return Document(name, "html", len(data), how, text, embedded_images=pictures)


def eml(name: str, data: bytes, depth: int) -> Document:
    """A mail: its header lines and body as text, its attachments as parts."""
    from email import policy
    from email.parser import BytesParser

    try:
        mail: Any = BytesParser(policy=policy.default).parsebytes(data)
        lines = [f"{key}: {mail[key]}" for key in ("From", "To", "Cc", "Date", "Subject") if mail[key]]
        body = mail.get_body(("plain", "html"))
        content = body.get_content() if body is not None else ""
        if body is not None and body.get_content_subtype() == "html":
            content = html_text(content)[0]
        document = Document(name, "eml", len(data), "email", "\n".join([*lines, "", str(content)]).strip())
        for i, part in enumerate(mail.iter_attachments()):
            inner = part.get_payload(decode=True)
            label = f"{name}/{part.get_filename() or f'part{i}'}"
            if isinstance(inner, bytes):
                document.parts.append(read(label, inner, depth + 1))
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError, IndexError) as error:
        raise BrokenDocument(f"a broken mail ({error})") from None
    return document


def unzip(name: str, data: bytes, depth: int) -> Document:
    """The documents of a ZIP, or the one Office document that a ZIP without a telling name is."""
    if depth >= MOST_DEPTH:
        raise BrokenDocument(f"archives inside archives, more than {MOST_DEPTH} deep")
    archive = Archive(data)
    for member, reader in (("word/document.xml", docx), ("ppt/presentation.xml", pptx)):
        if member in archive.names:
            return reader(name, data)
    if "xl/workbook.xml" in archive.names:
        return sheets(name, data, "xlsx")
    if "META-INF/container.xml" in archive.names:
        return epub(name, data)
    document = Document(name, "zip", len(data), "zip")
    files = [n for n, info in archive.names.items() if not info.is_dir() and not n.startswith("__MACOSX/")]
    if len(files) > MOST_MEMBERS:
        raise BrokenDocument(f"{len(files)} files in it, more than {MOST_MEMBERS}")
    for member in files:
        label = f"{name}/{member}"
        try:
            document.parts.append(read(label, archive.read(member), depth + 1))
        except BrokenDocument as error:
            document.parts.append(Document(label, "unknown", archive.names[member].file_size, error=str(error)))
    return document


def read(name: str, data: bytes, depth: int = 0, kind: str = "") -> Document:
    """A document from its bytes; what cannot be read has its reason in `error`."""
    kind = kind or kind_of(name, data[:512])
    try:
        if kind in MEDIA:
            from aiplan.tokens import media

            return media.from_file(name, kind, io.BytesIO(data), len(data))
        if kind in UNREAD:
            return Document(name, kind, len(data), error=unreadable(kind, data))
        if kind not in CHILD:
            return plain(name, kind, data)
        if kind == "pdf":
            from aiplan.tokens import pdf

            return pdf.read(name, data)
        if kind in ("xlsx", "xls", "ods"):
            return sheets(name, data, kind)
        if kind in ("eml", "zip"):
            return (eml if kind == "eml" else unzip)(name, data, depth)
        readers: dict[str, Callable[[str, bytes], Document]] = {
            "docx": docx,
            "pptx": pptx,
            "odt": odt,
            "epub": epub,
            "html": html,
        }
        return readers[kind](name, data)
    except BrokenDocument as error:
        return Document(name, kind, len(data), error=str(error))
    except RecursionError:
        return Document(name, kind, len(data), error="nested too deep")

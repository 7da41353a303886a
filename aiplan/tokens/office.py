"""Text of DOCX, PPTX, ODT and EPUB, and the documents inside a ZIP.

Runs in the child process of `sandbox`, so that a file can cost no more than its limits.
"""

from __future__ import annotations

import io
import posixpath
import re
from collections.abc import Callable, Iterable
from urllib.parse import unquote
from xml.etree import ElementTree

from aiplan.tokens import sheets
from aiplan.tokens.archive import MOST_DEPTH, MOST_MEMBERS, Archive, BrokenDocument, elements, numbered
from aiplan.tokens.documents import CHILD, MEDIA, UNREAD, Document, kind_of, plain, unreadable
from aiplan.tokens.webpage import html, html_text, source_of

HIDDEN = frozenset(("Fallback", "del", "moveFrom", "tabs", "tabLst"))
"""Parts of DOCX and PPTX that are said elsewhere as well, were deleted, or are no text (the stops of tabs)."""
SIGNS = {"tab": "\t", "noBreakHyphen": "-", "br": "\n", "cr": "\n"}
ODF_SIGNS = {"tab": "\t", "line-break": "\n", "s": " "}
MAIN = r"word/document(\d*)\.xml"
DRAWN = r"(?:diagrams/data|charts/chart)(\d+)\.xml"
"""Parts with the text of diagrams, and with the titles and values of charts."""

_HEAD = re.compile(r"</head\s*>", re.IGNORECASE)


def _text(archive: Archive, parts: Iterable[str]) -> str:
    """Text of parts of a DOCX or PPTX: a line for each paragraph and row of a table, tabs between cells."""
    out: list[str] = []
    for part in parts:
        hidden = 0
        for event, tag, element in elements(archive.read(part)):
            if tag in HIDDEN:
                hidden += 1 if event == "start" else -1
            elif hidden:
                continue
            elif event == "start":
                if sign := SIGNS.get(tag):
                    out.append(sign)
            elif tag == "t":
                out.append(element.text or "")
            elif tag == "p":
                out.append("\n")
            elif tag == "v":
                out.append(f"{element.text or ''}\n")
            elif tag == "tc":
                _end(out, "\n", "\t")
            elif tag == "tr":
                _end(out, "\t", "\n")
        out.append("\n")
    return "".join(out).strip()


def _end(out: list[str], was: str, now: str) -> None:
    """A cell of a table ends with a tab, not with a paragraph; and its row with a line."""
    if out and out[-1] == was:
        out[-1] = now


def docx(name: str, data: bytes) -> Document:
    """Paragraphs, tables, text boxes, headers, footers, notes, comments and drawings of a DOCX."""
    archive = Archive(data)
    main = numbered(archive.names, MAIN)[:1]
    if not main:
        raise BrokenDocument("no word/document.xml in it")
    more = numbered(archive.names, r"word/(?:header|footer|footnotes|endnotes|comments)(\d*)\.xml")
    text = _text(archive, [*main, *more, *numbered(archive.names, f"word/{DRAWN}")])
    pages = None
    if "docProps/app.xml" in archive.names:
        found = re.search(rb"<Pages>(\d{1,6})</Pages>", archive.read("docProps/app.xml"))
        pages = (int(found[1]) or None) if found else None
    pictures = _pictures(archive, "word/media/")
    return Document(name, "docx", len(data), "zip and XML", text, pages, embedded_images=pictures)


def _pictures(archive: Archive, folder: str) -> int:
    return sum(1 for n in archive.names if n.startswith(folder))


def pptx(name: str, data: bytes) -> Document:
    """Slides, speakers' notes and drawings of a PPTX."""
    archive = Archive(data)
    slides = numbered(archive.names, r"ppt/slides/slide(\d+)\.xml")
    if not slides and "ppt/presentation.xml" not in archive.names:
        raise BrokenDocument("no slides in it")
    notes = numbered(archive.names, r"ppt/notesSlides/notesSlide(\d+)\.xml")
    text = _text(archive, [*slides, *notes, *numbered(archive.names, f"ppt/{DRAWN}")])
    pictures = _pictures(archive, "ppt/media/")
    return Document(name, "pptx", len(data), "zip and XML", text, len(slides), embedded_images=pictures)


class _Odf:
    """Text of the parts of an ODT or ODP, as the XML parser comes to it."""

    def __init__(self) -> None:
        self.out: list[str] = []
        self.inside = self.hidden = 0

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        """Begin an element."""
        tag = tag.rpartition("}")[2]
        if tag in ("p", "h"):
            if self.inside:
                self.out.append("\n")
            self.inside += 1
        self.hidden += tag == "tracked-changes"
        count = next((v for k, v in attributes.items() if k.endswith("}c")), "1")
        if sign := ODF_SIGNS.get(tag):
            self.out.append(sign * (int(count) if count.isdigit() and len(count) < 5 else 1))

    def data(self, text: str) -> None:
        """Keep the text of paragraphs that were not deleted."""
        if self.inside and not self.hidden:
            self.out.append(text)

    def end(self, tag: str) -> None:
        """End an element."""
        tag = tag.rpartition("}")[2]
        if tag in ("p", "h"):
            self.inside -= 1
            self.out.append("\n")
        elif tag == "tracked-changes":
            self.hidden -= 1
        elif tag == "table-cell":
            _end(self.out, "\n", "\t")
        elif tag == "table-row":
            _end(self.out, "\t", "\n")


def odt(name: str, data: bytes) -> Document:
    """Paragraphs of an ODT or ODP, its headers and footers."""
    archive = Archive(data)
    text = _Odf()
    for part in ("content.xml", "styles.xml"):
        if part == "content.xml" or part in archive.names:
            parser = ElementTree.XMLParser(target=text)
            try:
                parser.feed(archive.read(part))
                parser.close()
            except (ElementTree.ParseError, ValueError, LookupError) as error:
                raise BrokenDocument(f"broken XML ({error})") from None
    return Document(name, "odt", len(data), "zip and XML", "".join(text.out).strip())


def epub(name: str, data: bytes) -> Document:
    """Chapters of an EPUB in the order of its spine."""
    archive = Archive(data)
    if "META-INF/encryption.xml" in archive.names and b"EncryptedData" in archive.read("META-INF/encryption.xml"):
        fonts_only = not re.search(rb"\.x?html", archive.read("META-INF/encryption.xml"))
        if not fonts_only:
            raise BrokenDocument("it is encrypted")
    root = ""
    for event, tag, element in elements(archive.read("META-INF/container.xml")):
        if event == "start" and tag == "rootfile":
            root = root or element.get("full-path", "")
    hrefs: dict[str, str] = {}
    spine: list[str] = []
    for event, tag, element in elements(archive.read(root)):
        if event == "start" and tag == "item":
            hrefs[element.get("id", "")] = element.get("href", "")
        elif event == "start" and tag == "itemref":
            spine.append(element.get("idref", ""))
    chapters = []
    for item in spine:
        href = unquote(hrefs.get(item, "").partition("#")[0])
        part = posixpath.normpath(posixpath.join(posixpath.dirname(root), href))
        if part in archive.names:
            source = source_of(archive.read(part))
            body = _HEAD.search(source)  # an empty title or script in the head would hide the body
            chapters.append(html_text(source[body.end() :] if body else source)[0])
    if not chapters:
        raise BrokenDocument("no chapters in it")
    pictures = sum(1 for n in archive.names if n.lower().endswith((".png", ".jpg", ".jpeg", ".gif")))
    text = "\n".join(chapters)
    return Document(name, "epub", len(data), "zip and HTML", text, len(chapters), embedded_images=pictures)


def unzip(name: str, data: bytes, depth: int) -> Document:
    """The documents of a ZIP, or the one Office document that a ZIP without a telling name is."""
    if depth >= MOST_DEPTH:
        raise BrokenDocument(f"archives inside archives, more than {MOST_DEPTH} deep")
    archive = Archive(data)
    for member, reader in ((MAIN, docx), (r"ppt/presentation(\d*)\.xml", pptx)):
        if numbered(archive.names, member):
            return reader(name, data)
    if "xl/workbook.xml" in archive.names:
        return sheets.read(name, data, "xlsx")
    if "META-INF/container.xml" in archive.names:
        return epub(name, data)
    if archive.names.keys() >= {"mimetype", "content.xml"}:
        is_sheet = b"spreadsheet" in archive.read("mimetype")
        return sheets.read(name, data, "ods") if is_sheet else odt(name, data)
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
            return sheets.read(name, data, kind)
        if kind == "eml":
            from aiplan.tokens import mail

            return mail.eml(name, data, depth)
        if kind == "zip":
            return unzip(name, data, depth)
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

"""Text, pages and scanned pages of a PDF: pypdfium2, and pypdf for what that cannot read."""

from __future__ import annotations

import importlib
import io
import re
from typing import Any

from aiplan.tokens.archive import BrokenDocument
from aiplan.tokens.documents import Document
from aiplan.tokens.webpage import tidy

FEW = 20
"""Characters on a page with a picture below which it is taken for a scan."""
STAMP, MOST_OF_IT = 80, 0.6
"""The same where the picture covers that share of the page: the stamps and numbers that are put on scans."""
DRAWN = 50
"""Paths on a page without text above which it is taken for a picture: drawings, and texts turned into outlines."""
DPI = 150
MOST_PAGES = 100_000
MOST_CHARACTERS = 400_000_000


def read(name: str, data: bytes, engine: str = "") -> Document:
    """A PDF from its bytes. Raises BrokenDocument where no reader can."""
    if engine == "pypdf":
        return _pypdf(name, data)
    try:
        return _pdfium(name, data)
    except BrokenDocument as error:
        if "password" in str(error):
            raise
        try:
            return _pypdf(name, data)
        except BrokenDocument:
            raise error from None


def _pixels(width: float, height: float) -> tuple[int, int]:
    """Size [pixels] of a page of so many points, drawn at 150 dpi."""
    return max(1, round(width / 72 * DPI)), max(1, round(height / 72 * DPI))


def _pdfium(name: str, data: bytes) -> Document:
    pdfium: Any = importlib.import_module("pypdfium2")
    try:
        pdf = pdfium.PdfDocument(data)
        count = len(pdf)
    except pdfium.PdfiumError as error:
        reason = str(error)
        if "password" in reason.lower():
            raise BrokenDocument("it is encrypted: a password is needed") from None
        raise BrokenDocument(f"a broken PDF ({reason})") from None
    if count == 0 or count > MOST_PAGES:
        raise BrokenDocument(f"a PDF of {count} pages")
    document = Document(name, "pdf", len(data), f"pypdfium2 {pdfium.PYPDFIUM_INFO.version}", pages=count)
    texts: list[str] = []
    broken = total = 0
    forms = pdf.get_formtype() != pdfium.raw.FORMTYPE_NONE
    if forms:
        pdf.init_forms()
    for index in range(count):
        try:
            page = pdf[index]
            size = _pixels(*page.get_size())
            if forms:
                page.flatten()  # what was filled in becomes text of the page, once it is loaded again
                page.close()
                page = pdf[index]
            text = page.get_textpage().get_text_bounded()
            if len(text.strip()) < STAMP and _is_picture(pdfium, page, len(text.strip())):
                document.scanned_pages += 1
                document.images.append(size)
            document.page_images.append(size)
            page.close()
        except pdfium.PdfiumError:
            broken += 1
            continue
        texts.append(text)
        total += len(text)
        if total > MOST_CHARACTERS:
            raise BrokenDocument(f"more than {MOST_CHARACTERS:,} characters")
    if broken == count:
        raise BrokenDocument("a broken PDF: no page of it can be read")
    return _finished(document, texts, broken)


def _is_picture(pdfium: Any, page: Any, characters: int) -> bool:
    """Whether a page of so few characters is a scan or a drawing."""
    raw = pdfium.raw
    found = list(page.get_objects(filter=[raw.FPDF_PAGEOBJ_IMAGE, raw.FPDF_PAGEOBJ_PATH], max_depth=3))
    pictures = [one for one in found if one.type == raw.FPDF_PAGEOBJ_IMAGE]
    if characters < FEW:
        return bool(pictures) or (not characters and len(found) > DRAWN)
    width, height = page.get_size()
    boxes = [one.get_bounds() for one in pictures]
    return any((right - left) * (top - bottom) > MOST_OF_IT * width * height for left, bottom, right, top in boxes)


def _finished(document: Document, texts: list[str], broken: int) -> Document:
    document.text = tidy("\n".join(texts)).replace("\ufffe", "").replace("\x00", "")
    if broken:
        document.notes.append(f"{broken} of {document.pages} pages cannot be read")
    if document.scanned_pages:
        document.notes.append(f"{document.scanned_pages} scanned or drawn pages, counted as images")
    return document


def _pypdf(name: str, data: bytes) -> Document:
    try:
        import pypdf
    except ImportError:
        raise BrokenDocument(
            "pdfium cannot read it; a second reader is in the extra: pip install 'aiplan[documents]'"
        ) from None
    import logging

    logging.getLogger("pypdf").setLevel(logging.CRITICAL)
    try:
        reader = pypdf.PdfReader(io.BytesIO(data))
        if reader.is_encrypted and not reader.decrypt(""):
            raise BrokenDocument("it is encrypted: a password is needed")
        count = len(reader.pages)
    except BrokenDocument:
        raise
    except Exception as error:  # a parser in Python fails in every way there is
        raise BrokenDocument(f"a broken PDF ({type(error).__name__})") from None
    document = Document(name, "pdf", len(data), f"pypdf {pypdf.__version__}", pages=count)
    texts: list[str] = []
    broken = 0
    for page in reader.pages:
        try:
            text = page.extract_text()
            size = _pixels(float(page.mediabox.width), float(page.mediabox.height))
            if len(text.strip()) < FEW and _has_picture(page):
                document.scanned_pages += 1
                document.images.append(size)
        except Exception:  # as above, and the other pages may be well
            broken += 1
            continue
        document.page_images.append(size)
        texts.append(re.sub(r"\s+\n", "\n", text))
    if not count or broken == count:
        raise BrokenDocument("a broken PDF: no page of it can be read")
    return _finished(document, texts, broken)


def _has_picture(page: Any) -> bool:
    found = page.get("/Resources", {}).get_object().get("/XObject", {}).get_object()
    return any(found[key].get_object().get("/Subtype") == "/Image" for key in found)

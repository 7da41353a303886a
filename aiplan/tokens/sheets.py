"""Cells of XLSX, XLS and ODS: python-calamine where it is installed, else the standard library for XLSX."""

from __future__ import annotations

import io
import re

from aiplan.tokens.archive import Archive, BrokenDocument, elements, numbered
from aiplan.tokens.documents import Document


def read(name: str, data: bytes, kind: str) -> Document:
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
        return xlsx(name, data)
    try:
        book = CalamineWorkbook.from_filelike(io.BytesIO(data))
        lines = []
        for sheet in book.sheet_names:
            lines.append(sheet)
            for row in book.get_sheet_by_name(sheet).iter_rows():
                if line := "\t".join("" if cell == "" else _cell(cell) for cell in row).rstrip("\t"):
                    lines.append(line)
    except Exception as error:  # the reader's errors have no common class
        raise BrokenDocument(f"a broken workbook ({str(error)[:120]})") from None
    return Document(name, kind, len(data), "calamine", "\n".join(lines), len(book.sheet_names))


def _cell(cell: object) -> str:
    return str(int(cell)) if isinstance(cell, float) and cell.is_integer() and abs(cell) < 1e15 else str(cell)


def xlsx(name: str, data: bytes) -> Document:
    """An XLSX through the standard library."""
    archive = Archive(data)
    names = numbered(archive.names, r"xl/worksheets/sheet(\d+)\.xml")
    if not names:
        raise BrokenDocument("no sheets in it")
    shared: list[str] = []
    if "xl/sharedStrings.xml" in archive.names:
        text: list[str] = []
        spoken = False  # how a text is said aloud stands beside it, in Japanese workbooks
        for event, tag, element in elements(archive.read("xl/sharedStrings.xml")):
            if tag == "rPh":
                spoken = event == "start"
            elif event == "end" and tag == "t" and not spoken:
                text.append(element.text or "")
            elif event == "end" and tag == "si":
                shared.append("".join(text))
                text = []
    dates = _date_styles(archive)
    lines: list[str] = []
    for part in names:
        row: list[str] = []
        kind, value, style = "", "", -1
        for event, tag, element in elements(archive.read(part)):
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
                lines += filter(None, ["\t".join(row).rstrip("\t")])
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
    for event, tag, element in elements(archive.read("xl/styles.xml")):
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

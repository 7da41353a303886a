"""Small documents of every kind, good and hostile, made here so that none has to be kept."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Mapping, Sequence

WORDS = "The tenant pays the rent on the first day of each month and the landlord keeps the roof in repair."


def zipped(members: Mapping[str, bytes | str]) -> bytes:
    """A ZIP of these members."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return out.getvalue()


def docx(paragraphs: Sequence[str], pages: int = 0) -> bytes:
    """A DOCX with a paragraph each, a table of two cells, and a footer."""
    space = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
    body = "".join(f"<w:p><w:r><w:t>{p}</w:t></w:r></w:p>" for p in paragraphs)
    cells = "".join(f"<w:tc><w:p><w:r><w:t>{c}</w:t></w:r></w:p></w:tc>" for c in ("left", "right"))
    members = {
        "word/document.xml": f"<w:document {space}><w:body>{body}<w:tbl><w:tr>{cells}</w:tr></w:tbl></w:body>"
        "</w:document>",
        "word/footer1.xml": f"<w:ftr {space}><w:p><w:r><w:t>foot</w:t></w:r></w:p></w:ftr>",
        "docProps/app.xml": f"<Properties><Pages>{pages}</Pages></Properties>",
    }
    return zipped(members)


def pptx(slides: Sequence[str]) -> bytes:
    """A PPTX with one text on each slide."""
    space = 'xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main"'
    members = {"ppt/presentation.xml": "<p/>"}
    for i, text in enumerate(slides, start=1):
        members[f"ppt/slides/slide{i}.xml"] = f"<s {space}><a:p><a:r><a:t>{text}</a:t></a:r></a:p></s>"
    return zipped(members)


def xlsx(rows: Sequence[Sequence[str | int]]) -> bytes:
    """An XLSX with one sheet."""
    main = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
    strings: list[str] = []
    lines = []
    for r, row in enumerate(rows, start=1):
        cells = ""
        for c, value in enumerate(row):
            at = f"{chr(65 + c)}{r}"
            if isinstance(value, int):
                cells += f'<c r="{at}"><v>{value}</v></c>'
            else:
                cells += f'<c r="{at}" t="s"><v>{len(strings)}</v></c>'
                strings.append(value)
        lines.append(f'<row r="{r}">{cells}</row>')
    relation = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006"
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    return zipped(
        {
            "[Content_Types].xml": f'<Types xmlns="{package}/content-types">'
            f'<Override PartName="/xl/workbook.xml" ContentType="{kind}.sheet.main+xml"/>'
            f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{kind}.worksheet+xml"/></Types>',
            "_rels/.rels": f'<Relationships xmlns="{package}/relationships"><Relationship Id="r1" '
            f'Type="{relation}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
            "xl/workbook.xml": f'<workbook {main} xmlns:r="{relation}"><sheets>'
            '<sheet name="Rents" sheetId="1" r:id="r1"/></sheets></workbook>',
            "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{package}/relationships">'
            f'<Relationship Id="r1" Type="{relation}/worksheet" Target="worksheets/sheet1.xml"/>'
            f'<Relationship Id="r2" Type="{relation}/sharedStrings" Target="sharedStrings.xml"/></Relationships>',
            "xl/sharedStrings.xml": f"<sst {main}>{''.join(f'<si><t>{s}</t></si>' for s in strings)}</sst>",
            "xl/worksheets/sheet1.xml": f"<worksheet {main}><sheetData>{''.join(lines)}</sheetData></worksheet>",
        }
    )


def epub(chapters: Sequence[str]) -> bytes:
    """An EPUB whose spine is in another order than its names."""
    count = len(chapters)
    items = "".join(f'<item id="c{i}" href="z{count - i}.xhtml"/>' for i in range(count))
    spine = "".join(f'<itemref idref="c{i}"/>' for i in range(count))
    members: dict[str, bytes | str] = {
        "mimetype": "application/epub+zip",
        "META-INF/container.xml": '<container><rootfile full-path="OEBPS/book.opf"/></container>',
        "OEBPS/book.opf": f"<package><manifest>{items}</manifest><spine>{spine}</spine></package>",
    }
    for i, text in enumerate(chapters):
        members[f"OEBPS/z{count - i}.xhtml"] = f"<html><body><h1>{text}</h1></body></html>"
    return zipped(members)


def pdf(pages: Sequence[str | None], *, extra: Mapping[int, bytes] | None = None) -> bytes:
    """A PDF with a text on each page; None is a page with a picture alone, as a scanner makes it."""
    count = len(pages)
    objects: dict[int, bytes] = {
        1: b"<< /Type /Catalog /Pages 2 0 R >>",
        2: f"<< /Type /Pages /Count {count} /Kids [{' '.join(f'{10 + 2 * i} 0 R' for i in range(count))}] >>".encode(),
        3: b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
        4: b"<< /Type /XObject /Subtype /Image /Width 2 /Height 2 /ColorSpace /DeviceGray /BitsPerComponent 8 "
        b"/Length 4 >>\nstream\n\x00\x7f\x7f\xff\nendstream",
    }
    for i, text in enumerate(pages):
        if text is None:
            content = b"q 612 0 0 792 0 0 cm /Im Do Q"
        else:
            lines = [text[k : k + 80] for k in range(0, len(text), 80)]
            moves = " ".join(f"({line}) Tj 0 -14 Td" for line in lines)
            content = f"BT /F 12 Tf 72 720 Td {moves} ET".encode()
        objects[10 + 2 * i] = (
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents {11 + 2 * i} 0 R "
            "/Resources << /Font << /F 3 0 R >> /XObject << /Im 4 0 R >> >> >>"
        ).encode()
        objects[11 + 2 * i] = f"<< /Length {len(content)} >>\nstream\n".encode() + content + b"\nendstream"
    return assembled({**objects, **(extra or {})})


def assembled(objects: Mapping[int, bytes]) -> bytes:
    """A PDF file of these objects."""
    out = bytearray(b"%PDF-1.4\n")
    places = {}
    for number, body in sorted(objects.items()):
        places[number] = len(out)
        out += f"{number} 0 obj\n".encode() + body + b"\nendobj\n"
    start = len(out)
    top = max(objects) + 1
    out += f"xref\n0 {top}\n0000000000 65535 f \n".encode()
    for number in range(1, top):
        out += f"{places[number]:010d} 00000 n \n".encode() if number in places else b"0000000000 65535 f \n"
    out += f"trailer\n<< /Size {top} /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n".encode()
    return bytes(out)


def recursive_pdf() -> bytes:
    """A page whose form draws itself: readers that follow it never come back, or run out of memory."""
    form = b"/Fm Do /Fm Do"
    body = b"<< /Type /XObject /Subtype /Form /BBox [0 0 9 9] /Resources << /XObject << /Fm 4 0 R >> >> /Length 13 >>"
    page = b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 11 0 R"
    page += b" /Resources << /XObject << /Fm 4 0 R >> >> >>"
    extra = {
        4: body + b"\nstream\n" + form + b"\nendstream",
        10: page,
        11: b"<< /Length 6 >>\nstream\n/Fm Do\nendstream",
    }
    return pdf(["x"], extra=extra)


def flate_bomb_pdf(mebibytes: int = 512) -> bytes:
    """A page whose content is packed twice and unpacks to very much."""
    packed = zlib.compressobj(9)
    inner = b"".join(packed.compress(bytes(1 << 20)) for _ in range(mebibytes)) + packed.flush()
    twice = zlib.compress(inner, 9)
    head = f"<< /Length {len(twice)} /Filter [/FlateDecode /FlateDecode] >>\nstream\n".encode()
    return pdf(["x"], extra={11: head + twice + b"\nendstream"})


def zip_bomb(mebibytes: int = 2048) -> bytes:
    """A DOCX whose text unpacks to very much."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("word/document.xml", "w") as member:
        for _ in range(mebibytes):
            member.write(bytes(1 << 20))
    return out.getvalue()


def billion_laughs() -> bytes:
    """A DOCX whose XML expands itself."""
    levels = "".join(f'<!ENTITY a{i} "{f"&a{i - 1};" * 10}">' for i in range(1, 12))
    return zipped({"word/document.xml": f'<!DOCTYPE w [<!ENTITY a0 "ha">{levels}]><w><t>&a11;</t></w>'})


def png(width: int, height: int) -> bytes:
    """The head of a PNG."""
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sIIBBBBB", 13, b"IHDR", width, height, 8, 2, 0, 0, 0) + bytes(4)


def jpeg(width: int, height: int) -> bytes:
    """The head of a JPEG, a comment before its size."""
    comment = b"\xff\xfe" + struct.pack(">H", 12) + b"no picture"
    return b"\xff\xd8" + comment + b"\xff\xc0" + struct.pack(">HBHHB", 17, 8, height, width, 3) + bytes(9) + b"\xff\xd9"


def wav(seconds: float) -> bytes:
    """Silence of so many seconds at 8 kHz and 8 bits."""
    data = bytes(int(8000 * seconds))
    form = struct.pack("<HHIIHH", 1, 1, 8000, 8000, 1, 8)
    body = b"WAVEfmt " + struct.pack("<I", 16) + form + b"data" + struct.pack("<I", len(data)) + data
    return b"RIFF" + struct.pack("<I", len(body)) + body


def mail() -> bytes:
    """A mail with a text and a DOCX attached."""
    from email.message import EmailMessage

    message = EmailMessage()
    message["Subject"] = "The lease"
    message["From"] = "office@example.com"
    message.set_content("Please read the attached lease.")
    message.add_attachment(docx([WORDS]), maintype="application", subtype="zip", filename="lease.docx")
    return bytes(message)


def ole(part: str) -> bytes:
    """What begins as an old binary Office file with a part of this name."""
    return b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(1000) + part.encode("utf-16-le") + bytes(1000)

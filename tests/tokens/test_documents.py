"""Documents of every kind are read, and say how; hostile ones are one line and stop nothing."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from aiplan.errors import UserError
from aiplan.tokens import documents, pdf, sheets, webpage
from aiplan.tokens.documents import Document
from aiplan.tokens.sandbox import Sandbox
from tests.tokens import make


def read(path: Path, data: bytes | str, sandbox: Sandbox) -> Document:
    """Write a file and read it."""
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return documents.read(path, sandbox)


@pytest.fixture(scope="module")
def sandbox():
    """One child for the module."""
    with Sandbox(seconds=10) as one:
        yield one


def test_docx_has_paragraphs_tables_and_footers(tmp_path: Path, sandbox: Sandbox) -> None:
    found = read(tmp_path / "a.docx", make.docx(["One", "Two &amp; three"], pages=7), sandbox)
    assert found.text == "One\nTwo & three\nleft\tright\n\nfoot"
    assert (found.kind, found.pages, found.error) == ("docx", 7, None)


def test_slides_are_in_their_order(tmp_path: Path, sandbox: Sandbox) -> None:
    found = read(tmp_path / "a.pptx", make.pptx([f"slide {i}" for i in range(1, 12)]), sandbox)
    assert found.text.split("\n\n") == [f"slide {i}" for i in range(1, 12)]
    assert found.pages == 11


def test_sheets_through_calamine_and_through_the_standard_library(tmp_path: Path, sandbox: Sandbox) -> None:
    data = make.xlsx([["flat", "rent"], ["A", 900]])
    found = read(tmp_path / "a.xlsx", data, sandbox)
    assert found.text == "Rents\nflat\trent\nA\t900"
    assert found.extractor == "calamine"
    assert sheets.xlsx("a", data).text == "flat\trent\nA\t900"


def test_dates_and_truths_of_a_sheet_are_those_that_are_shown() -> None:
    main = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
    styles = (
        f'<styleSheet {main}><numFmts><numFmt numFmtId="164" formatCode="yyyy\\-mm\\-dd"/>'
        '<numFmt numFmtId="165" formatCode="0.0 &quot;days&quot;"/></numFmts>'
        '<cellStyleXfs><xf numFmtId="14"/></cellStyleXfs>'
        '<cellXfs><xf numFmtId="0"/><xf numFmtId="164"/><xf numFmtId="22"/><xf numFmtId="165"/></cellXfs></styleSheet>'
    )
    cells = (
        '<c s="0"><v>46023</v></c><c s="1"><v>46023</v></c><c s="2"><v>46023.25</v></c><c s="3"><v>5</v></c>'
        '<c t="b"><v>1</v></c><c t="str" s="1"><v>7</v></c><c s="1"><v>nonsense</v></c>'
    )
    sheet = f"<worksheet {main}><sheetData><row>{cells}</row></sheetData></worksheet>"
    data = make.zipped({"xl/worksheets/sheet1.xml": sheet, "xl/styles.xml": styles})
    shown = ["46023", "2026-01-01", "2026-01-01 06:00:00", "5", "True", "7", "nonsense"]
    assert sheets.xlsx("a", data).text.split("\t") == shown


def test_an_epub_is_read_along_its_spine(tmp_path: Path, sandbox: Sandbox) -> None:
    found = read(tmp_path / "a.epub", make.epub(["first", "second", "third"]), sandbox)
    assert found.text == "first\nsecond\nthird"


def test_html_leaves_scripts_out_with_either_reader(tmp_path: Path, sandbox: Sandbox, monkeypatch) -> None:
    page = "<html><style>p{}</style><p>One</p><script>alert(1)</script><p>two &lt; three</p></html>"
    found = read(tmp_path / "a.html", page, sandbox)
    assert found.text == "One\ntwo < three"
    assert found.extractor == "selectolax"
    monkeypatch.setitem(__import__("sys").modules, "selectolax.lexbor", None)
    assert webpage.html_text(page) == ("One\ntwo < three", "html.parser")


def test_a_mail_has_its_attachments(tmp_path: Path, sandbox: Sandbox) -> None:
    found = read(tmp_path / "a.eml", make.mail(), sandbox)
    texts = [leaf.text for leaf in found.leaves()]
    assert "Subject: The lease" in texts[0]
    assert make.WORDS in texts[1]


def test_a_zip_has_its_documents_and_their_errors(tmp_path: Path, sandbox: Sandbox) -> None:
    inner = make.zipped({"deep.txt": "deep words"})
    data = make.zipped({"a.txt": "plain", "b.docx": make.docx(["Word"]), "c.bin": bytes(99), "d.zip": inner})
    found = list(read(tmp_path / "a.zip", data, sandbox).leaves())
    assert [leaf.error is None for leaf in found] == [True, True, False, True]
    assert [leaf.text for leaf in found if leaf.error is None][2] == "deep words"


def test_archives_inside_archives_end(tmp_path: Path, sandbox: Sandbox) -> None:
    data = make.zipped({"a.txt": "x"})
    for _ in range(6):
        data = make.zipped({"a.zip": data})
    assert "deep" in str(next(read(tmp_path / "a.zip", data, sandbox).leaves()).error)


def test_a_pdf_says_pages_and_scans(tmp_path: Path, sandbox: Sandbox) -> None:
    found = read(tmp_path / "a.pdf", make.pdf([make.WORDS, None, None]), sandbox)
    assert found.text.replace("\n", "") == make.WORDS
    assert (found.pages, found.scanned_pages, found.images) == (3, 2, [(1275, 1650)] * 2)
    assert "2 scanned" in found.notes[0]


def test_the_second_reader_agrees(tmp_path: Path) -> None:
    data = make.pdf([make.WORDS, None])
    first, second = pdf.read("a", data), pdf.read("a", data, "pypdf")
    assert first.text.split() == second.text.split()
    assert (second.scanned_pages, second.extractor.split()[0]) == (1, "pypdf")


def test_an_encrypted_pdf_is_one_line(tmp_path: Path, sandbox: Sandbox) -> None:
    import io

    import pypdf

    writer = pypdf.PdfWriter(io.BytesIO(make.pdf([make.WORDS])))
    writer.encrypt("secret", algorithm="RC4-128")
    out = io.BytesIO()
    writer.write(out)
    found = read(tmp_path / "a.pdf", out.getvalue(), sandbox)
    assert found.error == "it is encrypted: a password is needed"


def test_old_office_files_say_what_to_do(tmp_path: Path, sandbox: Sandbox) -> None:
    found = read(tmp_path / "a.doc", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), sandbox)
    assert "save it as DOCX" in str(found.error)


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("bomb.docx", make.zip_bomb(300), "bomb"),
        ("laughs.docx", make.billion_laughs(), "XML"),
        ("cut.docx", make.docx(["x"] * 500)[:300], "broken"),
        ("empty.pdf", b"", "empty"),
        ("cut.pdf", make.pdf([make.WORDS] * 20)[:1500], "PDF"),
        ("noise.pdf", b"%PDF-1.7" + random.Random(1).randbytes(5000), "broken"),
        ("no.docx", make.zipped({"a.txt": "x"}), "no word/document.xml"),
        ("no.xlsx", make.zipped({"a.txt": "x"}), "workbook"),
        ("noise.zip", b"PK\x03\x04" + random.Random(1).randbytes(5000), "broken"),
        ("empty.png", b"", "empty"),
    ],
)
def test_a_broken_file_is_one_line(tmp_path: Path, sandbox: Sandbox, name: str, data: bytes, words: str) -> None:
    found = read(tmp_path / name, data, sandbox)
    assert found.error is not None
    assert words in found.error
    assert "\n" not in found.error
    assert found.text == ""


def test_a_file_that_hangs_its_reader_costs_its_limit_and_the_next_is_read(tmp_path: Path) -> None:
    with Sandbox(memory=1 << 30, seconds=3) as small:
        began = time.monotonic()
        read(tmp_path / "loop.pdf", make.recursive_pdf(), small)
        assert time.monotonic() - began < 12
        assert read(tmp_path / "good.docx", make.docx(["Word"]), small).error is None


def test_modules_beside_the_documents_are_not_run(tmp_path: Path) -> None:
    for name in ("html", "zipfile", "email", "json", "aiplan"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('run')")
    (tmp_path / "a.docx").write_bytes(make.docx(["Word"]))
    code = (
        "import sys; sys.path.pop(0); from pathlib import Path; from aiplan.tokens.sandbox import Sandbox\n"
        "with Sandbox() as one: print(one.read(Path('a.docx'), 'docx').error)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout == "None\n"


def test_memory_of_the_child_is_bounded(tmp_path: Path) -> None:
    (tmp_path / "bomb.pdf").write_bytes(make.flate_bomb_pdf(1024))
    (tmp_path / "good.docx").write_bytes(make.docx(["Word"]))
    code = (
        "import resource, sys; from pathlib import Path; from aiplan.tokens.sandbox import Sandbox\n"
        "with Sandbox(memory=1 << 30, seconds=20) as small:\n"
        "    small.read(Path('bomb.pdf'), 'pdf')\n"
        "    assert small.read(Path('good.docx'), 'docx').error is None\n"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert int(done.stdout) < 1 << 20  # in KiB


@pytest.mark.parametrize(
    ("name", "data", "size"),
    [("a.png", make.png(640, 480), (640, 480)), ("a.jpg", make.jpeg(1920, 1080), (1920, 1080))],
)
def test_pictures_have_their_size(tmp_path: Path, sandbox: Sandbox, name: str, data: bytes, size: tuple) -> None:
    assert read(tmp_path / name, data, sandbox).images == [size]


def test_sound_has_its_length(tmp_path: Path, sandbox: Sandbox) -> None:
    assert read(tmp_path / "a.wav", make.wav(12.5), sandbox).seconds == 12.5


@pytest.mark.parametrize(
    ("name", "data", "kind"),
    [
        ("notes.txt", b"ID3 grows a tree of decisions.", "text"),
        ("notes.md", b"GIF8 is no format", "markdown"),
        ("notes.txt", b"RIFF-RAFF lives in a castle", "text"),
        ("", b"GIF89a\x01\0\x01\0", "image"),
        ("", b"\0\0\0\x20ftypM4A \0\0", "audio"),
        ("", b"\0\0\0\x20ftypisom\0\0", "video"),
        ("photo.heic", b"\0\0\0\x20ftypheic\0\0", "image"),
        ("scan.tif", b"II*\0\x08\0\0\0", "tiff"),
        ("", b"Return-Path: <a@example.com>\n\nbody", "eml"),
        ("cur/1:2,S", b"From: a@example.com\nTo: b@example.com,\n  c@example.com\nMIME-Version: 1.0\n\nbody", "eml"),
        ("", b"Note: the file is text\nand no mail", "text"),
    ],
)
def test_a_kind_is_told_by_the_first_bytes_where_they_leave_no_doubt(name: str, data: bytes, kind: str) -> None:
    assert documents.kind_of(name, data) == kind


def test_utf_32_of_either_order_is_read() -> None:
    assert documents.decode(b"\0\0\xfe\xff" + "Größe".encode("utf-32-be")) == ("Größe", "UTF-32")


def test_a_folder_with_signs_of_globs_in_its_name(tmp_path: Path) -> None:
    (tmp_path / "a[1]").mkdir()
    (tmp_path / "a[1]" / "x.txt").write_text("x")
    assert documents.expand(["*.txt"], base=tmp_path / "a[1]") == [tmp_path / "a[1]" / "x.txt"]


def test_a_link_that_leads_nowhere_does_not_exist(tmp_path: Path) -> None:
    (tmp_path / "a.txt").symlink_to(tmp_path / "nowhere")
    for word in ("a.txt", "*.txt"):
        with pytest.raises(UserError, match="does not exist"):
            documents.expand([word], base=tmp_path)


def test_a_scan_with_a_stamp_is_a_scan_and_a_filled_form_has_its_answers(tmp_path: Path, sandbox: Sandbox) -> None:
    scan = b"q 612 0 0 792 0 0 cm /Im Do Q BT /F 9 Tf 72 20 Td (Envelope 8A1B2C3D page 1 of 12) Tj ET"
    stamped = make.pdf([None], extra={11: b"<< /Length %d >>\nstream\n%s\nendstream" % (len(scan), scan)})
    found = read(tmp_path / "a.pdf", stamped, sandbox)
    assert (found.images, found.text) == ([(1275, 1650)], "Envelope 8A1B2C3D page 1 of 12")
    drawn = b" ".join(b"%d 0 m 300 700 l S" % i for i in range(99))
    outlines = make.pdf([None], extra={11: b"<< /Length %d >>\nstream\n%s\nendstream" % (len(drawn), drawn)})
    assert read(tmp_path / "b.pdf", outlines, sandbox).scanned_pages == 1
    look = b"/Tx BMC BT /F 12 Tf 2 5 Td (nine hundred) Tj ET EMC"
    form = {
        1: b"<< /Type /Catalog /Pages 2 0 R /AcroForm << /Fields [5 0 R] /DR << /Font << /F 3 0 R >> >> >> >>",
        5: b"<< /Type /Annot /Subtype /Widget /FT /Tx /T (rent) /V (nine hundred) /Rect [72 600 272 620] /F 4 "
        b"/DA (/F 12 Tf) /P 10 0 R /AP << /N 6 0 R >> >>",
        6: b"<< /Type /XObject /Subtype /Form /BBox [0 0 200 20] /Resources << /Font << /F 3 0 R >> >> "
        b"/Length %d >>\nstream\n%s\nendstream" % (len(look), look),
        10: b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 11 0 R /Annots [5 0 R] "
        b"/Resources << /Font << /F 3 0 R >> >> >>",
    }
    assert read(tmp_path / "c.pdf", make.pdf(["The rent is:"], extra=form), sandbox).text.endswith("nine hundred")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252", "utf-32"])
def test_text_in_any_encoding(tmp_path: Path, sandbox: Sandbox, encoding: str) -> None:
    text = "Die Größe der Wohnung beträgt 80 Quadratmeter.\n" * 20
    assert read(tmp_path / "a.txt", text.encode(encoding), sandbox).text == text


def test_binary_files_are_no_documents(tmp_path: Path, sandbox: Sandbox) -> None:
    assert "not a document" in str(read(tmp_path / "a.out", bytes(range(256)) * 8, sandbox).error)


def test_folders_and_globs_give_each_file_once(tmp_path: Path) -> None:
    for name in ("b.txt", "a.md", ".git/x.txt", "sub/c.txt"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("x")
    found = documents.expand([str(tmp_path), str(tmp_path / "*.txt"), str(tmp_path / "a.md")])
    assert [str(p.relative_to(tmp_path)) for p in found] == ["a.md", "b.txt", "sub/c.txt"]
    with pytest.raises(UserError, match="does not exist"):
        documents.expand([str(tmp_path / "no.txt")])

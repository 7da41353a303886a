"""Office files keep all the text that a reader sees, once: no more and no less."""

from __future__ import annotations

from aiplan.tokens import office, sheets
from tests.tokens import make

SPACE = (
    'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main" xmlns:v="urn:schemas-microsoft-com:vml" '
    'xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006"'
)


def docx(body: str, **more: str) -> str:
    """The text of a DOCX with this body, and with these parts beside it."""
    members = {"word/document.xml": f"<w:document {SPACE}><w:body>{body}</w:body></w:document>"}
    members |= {f"word/{name}.xml": f"<w:part {SPACE}>{text}</w:part>" for name, text in more.items()}
    return office.read("a.docx", make.zipped(members)).text


def para(text: str) -> str:
    """A paragraph."""
    return f"<w:p><w:r><w:t>{text}</w:t></w:r></w:p>"


def test_a_text_box_is_read_once() -> None:
    box = f"<w:txbxContent>{para('box')}</w:txbxContent>"
    choice = f"<mc:Choice>{box}</mc:Choice><mc:Fallback><w:pict><v:textbox>{box}</v:textbox></w:pict></mc:Fallback>"
    assert docx(f"<w:p><w:r><mc:AlternateContent>{choice}</mc:AlternateContent></w:r></w:p>") == "box"


def test_what_was_deleted_or_moved_away_is_no_text() -> None:
    body = "<w:p><w:r><w:t>kept </w:t></w:r><w:del><w:r><w:delText>old</w:delText></w:r></w:del>"
    body += "<w:ins><w:r><w:t>new</w:t></w:r></w:ins></w:p>"
    body += "<w:moveFrom><w:r><w:t>moved</w:t></w:r></w:moveFrom><w:moveTo><w:r><w:t>moved</w:t></w:r></w:moveTo>"
    assert docx(body) == "kept new\nmoved"


def test_stops_of_tabs_are_no_text_and_tabs_breaks_and_hyphens_are() -> None:
    stops = "<w:pPr><w:tabs><w:tab/><w:tab/></w:tabs></w:pPr>"
    run = "<w:r><w:t>a</w:t><w:tab/><w:t>b</w:t><w:cr/><w:t>non</w:t><w:noBreakHyphen/><w:t>stop</w:t></w:r>"
    assert docx(f"<w:p>{stops}{run}</w:p>") == "a\tb\nnon-stop"


def test_rows_of_a_table_are_lines() -> None:
    rows = "".join(f"<w:tr><w:tc>{para(a)}</w:tc><w:tc>{para(b)}</w:tc></w:tr>" for a, b in ("ab", "cd"))
    assert docx(f"<w:tbl>{rows}</w:tbl>") == "a\tb\nc\td"


def test_a_docx_has_its_notes_comments_and_drawings() -> None:
    more = {"comments": para("comment"), "footnotes": para("note"), "header1": para("head")}
    more["diagrams/data1"] = '<a:t xmlns:a="x">drawn</a:t>'
    assert docx(para("body"), **more).split() == ["body", "comment", "note", "head", "drawn"]


def test_a_docx_whose_main_part_has_another_name() -> None:
    data = make.zipped({"word/document2.xml": f"<w:document {SPACE}>{para('body')}</w:document>"})
    assert office.read("a.docx", data).text == office.read("a.zip", data).text == "body"


def test_a_pptx_has_its_tables_notes_and_charts() -> None:
    a, c = 'xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main"', 'xmlns:c="c"'
    cell = "<a:tc><a:txBody><a:p><a:r><a:t>{}</a:t></a:r></a:p></a:txBody></a:tc>"
    table = f"<a:tbl><a:tr>{cell.format('x')}{cell.format('y')}</a:tr></a:tbl>"
    members = {
        "ppt/presentation.xml": "<p/>",
        "ppt/slides/slide1.xml": f"<s {a}>{table}</s>",
        "ppt/notesSlides/notesSlide1.xml": f"<s {a}><a:p><a:r><a:t>said</a:t></a:r></a:p></s>",
        "ppt/charts/chart1.xml": f"<c {c}><c:cat><c:f>Sheet1!A2</c:f><c:v>rent</c:v></c:cat><c:v>900</c:v></c>",
    }
    assert office.read("a.pptx", make.zipped(members)).text == "x\ty\n\nsaid\n\nrent\n900"


def odf(*members: str, kind: str = "text") -> bytes:
    """An ODT or its like with this content, and perhaps these styles."""
    spaces = "".join(f' xmlns:{n}="urn:{n}"' for n in ("office", "text", "table", "style"))
    named = zip(("content.xml", "styles.xml"), members, strict=False)
    parts = {name: f"<office:document{spaces}>{text}</office:document>" for name, text in named}
    return make.zipped({"mimetype": f"application/vnd.oasis.opendocument.{kind}", **parts})


def test_an_odt_has_what_is_set_in_a_style_and_what_follows_it() -> None:
    body = (
        "<text:tracked-changes><text:p>deleted</text:p></text:tracked-changes><text:p>The <text:span>tenant</text:span>"
        ' pays<text:s text:c="2"/>900<text:tab/>euros<text:note><text:p>a note</text:p></text:note> in all.</text:p>'
        "<table:table-row><table:table-cell><text:p>a</text:p></table:table-cell><table:table-cell><text:p>b</text:p>"
        "</table:table-cell></table:table-row>"
    )
    data = odf(body, "<style:header><text:p>head</text:p></style:header>")
    text = "The tenant pays  900\teuros\na note\n in all.\na\tb\nhead"
    assert office.read("a.odt", data).text == office.read("input", data).text == text


def test_an_epub_with_quoted_names_and_closed_heads() -> None:
    chapter = "<html><head><title/><script src='x'/></head><body>{}</body></html>"
    members = {
        "META-INF/container.xml": '<container><rootfile full-path="OEBPS/book.opf"/></container>',
        "OEBPS/book.opf": '<package><item id="a" href="ch%201.xhtml"/><item id="b" href="two.xhtml#top"/>'
        '<itemref idref="a"/><itemref idref="b"/></package>',
        "OEBPS/ch 1.xhtml": chapter.format("one"),
        "OEBPS/two.xhtml": chapter.format("two"),
    }
    assert office.read("a.epub", make.zipped(members)).text == "one\ntwo"


def test_empty_rows_and_spoken_forms_are_no_cells() -> None:
    strings = "<sst><si><t>rent</t><rPh><t>spoken</t></rPh></si></sst>"
    rows = '<row><c t="s"><v>0</v></c></row><row><c/></row><row><c><v>5</v></c></row>'
    sheet = f"<worksheet><sheetData>{rows}</sheetData></worksheet>"
    data = make.zipped({"xl/worksheets/sheet1.xml": sheet, "xl/sharedStrings.xml": strings})
    assert sheets.xlsx("a", data).text == "rent\n5"

"""A mail keeps every part of it: bodies, attachments however deep, and mails inside it."""

from __future__ import annotations

from email.message import EmailMessage
from email.mime.application import MIMEApplication
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText

from aiplan.tokens import office
from tests.tokens import make


def mail(subject: str, body: str) -> EmailMessage:
    """A mail."""
    message = EmailMessage()
    message["Subject"] = subject
    message.set_content(body)
    return message


def read(message: object) -> dict[str, str]:
    """Texts of the parts by their names."""
    found = office.read("a.eml", bytes(message), kind="eml")  # type: ignore[call-overload]
    assert all(leaf.error is None for leaf in found.leaves())
    return {leaf.name.removeprefix("a.eml"): leaf.text for leaf in found.leaves()}


def test_a_mail_inside_a_mail_with_its_attachment() -> None:
    inner = mail("old", "old words")
    inner.add_attachment(b"a,b", maintype="text", subtype="csv", filename="t.csv")
    outer = mail("new", "new words")
    outer.add_attachment(inner)
    assert read(outer) == {
        "": "Subject: new\n\nnew words",
        "/part0.eml": "Subject: old\n\nold words",
        "/part0.eml/t.csv": "a,b",
    }


def test_attachments_and_footers_of_nested_and_signed_mails() -> None:
    inner = MIMEMultipart("mixed")
    inner.attach(MIMEText("body"))
    attached = MIMEApplication(make.docx(["lease"]), Name="lease.docx")
    attached.add_header("Content-Disposition", "attachment", filename="lease.docx")
    inner.attach(attached)
    for kind, last, footer in (
        ("mixed", MIMEText("footer of the list"), "\n\nfooter of the list"),
        ("signed", MIMEApplication(b"0", _subtype="pgp-signature"), ""),
    ):
        outer = MIMEMultipart(kind)
        outer.attach(inner)
        outer.attach(last)
        found = read(outer)
        assert list(found) == ["", "/lease.docx"]
        assert found[""] == f"body{footer}"
        assert found["/lease.docx"].startswith("lease")


def test_the_other_form_of_a_body_is_not_counted_twice() -> None:
    message = mail("s", "plain words")
    message.add_alternative("<p>plain words</p>", subtype="html")
    assert read(message) == {"": "Subject: s\n\nplain words"}


def test_mails_inside_mails_end() -> None:
    message = mail("0", "deep")
    for i in range(6):
        outer = mail(str(i), "x")
        outer.add_attachment(message)
        message = outer
    last = list(office.read("a.eml", bytes(message), kind="eml").leaves())[-1]
    assert "deep" in str(last.error)


def test_a_body_in_an_encoding_that_does_not_exist_is_read() -> None:
    raw = b"Subject: x\nContent-Type: text/plain; charset=unknown-8bit\n\nGr\xfc\xdfe"
    assert office.read("a.eml", raw, kind="eml").text == "Subject: x\n\nGrüße"

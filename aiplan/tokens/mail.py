"""A mail: its header lines and body as text, its attachments and the mails inside it as documents of their own."""

from __future__ import annotations

import mimetypes
from collections.abc import Iterator
from typing import Any

from aiplan.tokens.archive import MOST_DEPTH, BrokenDocument
from aiplan.tokens.documents import Document, decode
from aiplan.tokens.webpage import html_text

WRONG = (ValueError, LookupError, TypeError, AttributeError)
FIELDS = ("From", "To", "Cc", "Date", "Subject")


def eml(name: str, data: bytes, depth: int) -> Document:
    """A mail from its bytes. Raises BrokenDocument."""
    from email import policy
    from email.parser import BytesParser

    if depth >= MOST_DEPTH:
        raise BrokenDocument(f"mails inside mails, more than {MOST_DEPTH} deep")
    try:
        return _mail(name, BytesParser(policy=policy.default).parsebytes(data), len(data), depth)
    except (*WRONG, RecursionError) as error:
        raise BrokenDocument(f"a broken mail ({error})") from None


def _mail(name: str, mail: Any, size: int, depth: int) -> Document:
    from aiplan.tokens import office

    document = Document(name, "eml", size, "email")
    body = mail.get_body(("plain", "html"))
    fields = {key: _field(mail, key) for key in FIELDS}
    texts = ["\n".join(f"{key}: {value}" for key, value in fields.items() if value)]
    texts += [] if body is None else [_content(body)]
    for i, part in enumerate(_others(mail, body)):
        kind = part.get_content_type()
        label = f"{name}/{part.get_filename() or f'part{i}{mimetypes.guess_extension(kind) or str()}'}"
        if kind == "message/rfc822":
            inner = bytes(part.get_payload(0))
            document.parts.append(office.read(label, inner, depth + 1, "eml"))
        elif part.get_content_maintype() == "text" and not part.is_attachment() and not part.get_filename():
            texts.append(_content(part))
        elif part.get_content_maintype() == "image" and part.get_content_disposition() != "attachment":
            document.embedded_images += 1
        elif isinstance(inner := part.get_payload(decode=True), bytes) and not kind.endswith("-signature"):
            document.parts.append(office.read(label, inner, depth + 1))
    document.text = "\n\n".join(text for text in texts if text).strip()
    return document


def _field(mail: Any, key: str) -> str:
    try:
        return str(mail[key] or "")
    except WRONG:  # the library's parser of addresses and dates fails on some that are none
        return ""


def _content(part: Any) -> str:
    try:
        text = str(part.get_content())
    except WRONG:  # an encoding that does not exist
        text = decode(part.get_payload(decode=True) or b"")[0]
    return html_text(text)[0] if part.get_content_subtype() == "html" else text.strip()


def _others(part: Any, body: Any) -> Iterator[Any]:
    """The parts of a mail that are neither its body nor another form of it."""
    if part is body:
        return
    if part.get_content_maintype() != "multipart":
        yield part
        return
    inner = list(part.iter_parts())
    if part.get_content_type() == "multipart/alternative":
        forms = [one for one in inner if one.get_content_maintype() == "text"]
        of_body = any(one is body for one in part.walk())
        inner = [one for one in inner if one not in forms] + ([] if of_body else forms[:1])
    for one in inner:
        yield from _others(one, body)

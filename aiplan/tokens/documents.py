"""What a document is: its text, pages, images, and how they were had; which files are read where.

Plain text is read in this process. Whatever has a format that can be broken or hostile (PDF, Office, EPUB, HTML,
mail, ZIP) is read in a child process with limits: see `sandbox`.
"""

from __future__ import annotations

import glob
import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiplan.errors import UserError
from aiplan.tokens.loaders import pieces

MOST_TEXT = 1 << 30
"""Bytes of a plain text file that are read at most."""
MOST_PROMPT = 256 << 20
"""The same for a prompt, which no model takes that is a tenth as long."""
CODE = frozenset(
    "py pyi js mjs ts tsx jsx java c h cc cpp cxx hpp cs go rs rb php pl pm sh bash zsh fish ps1 sql r jl m swift kt "
    "kts scala lua hs ml mli ex exs erl clj lisp el vim asm s f f90 v vhd tcl dart groovy gradle cmake mk make proto "
    "css scss less vue svelte tf nix zig d dockerfile".split()
)
SUFFIXES = {
    "pdf": "pdf", "docx": "docx", "docm": "docx", "pptx": "pptx", "pptm": "pptx", "xlsx": "xlsx", "xlsm": "xlsx",
    "xls": "xls", "ods": "ods", "odt": "odt", "odp": "odt", "epub": "epub", "html": "html", "htm": "html",
    "xhtml": "html", "eml": "eml", "zip": "zip", "md": "markdown", "markdown": "markdown", "rst": "text",
    "txt": "text", "csv": "csv", "tsv": "csv", "json": "json", "jsonl": "json", "ndjson": "json", "ipynb": "json",
    "png": "image", "jpg": "image", "jpeg": "image", "gif": "image", "webp": "image", "bmp": "image",
    "heic": "image", "heif": "image", "avif": "image", "tif": "tiff", "tiff": "tiff", "xlsb": "xlsx",
    "wav": "audio", "mp3": "audio", "flac": "audio", "m4a": "audio", "mp4": "video", "mov": "video", "m4v": "video",
}  # fmt: skip
MAGIC = (
    (b"%PDF-", "pdf"),
    (b"\x89PNG\r\n\x1a\n", "image"),
    (b"\xff\xd8\xff", "image"),
    (b"GIF87a", "image"),
    (b"GIF89a", "image"),
    (b"BM", "bmp"),
    (b"II*\0", "tiff"),
    (b"MM\0*", "tiff"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "ole"),
    (b"fLaC\0", "audio"),
    (b"ID3\2", "audio"),
    (b"ID3\3", "audio"),
    (b"ID3\4", "audio"),
    (b"\xff\xfb", "audio"),
    (b"{\\rtf", "rtf"),
)
STARTS = frozenset(magic[:1] for magic, _ in MAGIC)
OLE = (
    ("EncryptedPackage", "it is encrypted: a password is needed"),
    ("WordDocument", "an old DOC file, which is not read; save it as DOCX"),
    ("PowerPoint Document", "an old PPT file, which is not read; save it as PPTX"),
    ("__substg1.0_", "an Outlook MSG file, which is not read; save it as EML"),
)
"""Names of parts of old binary files, and what they say of the file."""
MAIL = re.compile(
    rb"\A(?:[A-Za-z][\w-]*:[^\n]*\n(?:[ \t][^\n]*\n)*)*?(?:Received|Return-Path|Delivered-To|MIME-Version|Message-ID):",
    re.IGNORECASE,
)
"""How a mail without a telling name begins: with lines of a header, one of which only mails have."""
CHILD = frozenset("pdf docx pptx xlsx xls ods odt epub html eml zip".split())
MEDIA = frozenset(("image", "audio", "video"))


@dataclass(slots=True)
class Document:
    """One document as it was read. A container (ZIP, mail with attachments) has its documents in `parts`."""

    name: str
    """Path, or the path and the member's name."""
    kind: str
    """pdf, docx, text, code, image, ..."""
    bytes: int = 0
    """Size of the file."""
    extractor: str = ""
    """What read it."""
    text: str = ""
    """The text."""
    pages: int | None = None
    """Pages, slides or sheets, where the format has them."""
    images: list[tuple[int, int]] = field(default_factory=list)
    """Sizes [pixels] of the images that are sent as images: a picture file, or each scanned page."""
    page_images: list[tuple[int, int]] = field(default_factory=list)
    """Sizes [pixels at 150 dpi] of all pages, for sending the document as pictures."""
    embedded_images: int = 0
    """Pictures inside the document, which its text does not hold."""
    scanned_pages: int = 0
    """Pages with a picture and without text."""
    seconds: float = 0.0
    """Duration of audio or video."""
    error: str | None = None
    """Why it could not be read."""
    notes: list[str] = field(default_factory=list)
    """What the reader of the count must know."""
    parts: list[Document] = field(default_factory=list)
    """Documents inside this one."""
    _words: int = -1

    @property
    def words(self) -> int:
        """Words of the text, as `wc -w` counts them."""
        if self._words < 0:
            self._words = sum(len(piece.split()) for piece in pieces(self.text, 1 << 20))
        return self._words

    def leaves(self) -> Iterator[Document]:
        """This document and those inside it, containers left out."""
        if not self.parts or self.text or self.error:
            yield self
        for part in self.parts:
            yield from part.leaves()


def from_dict(data: dict[str, Any]) -> Document:
    """A document from the plain maps that the child process sends."""
    parts = [from_dict(part) for part in data.pop("parts")]
    data["text"] = data["text"].encode("utf-8", "replace").decode()  # a broken file may have halves of characters
    images, pages = ([(int(w), int(h)) for w, h in data.pop(key)] for key in ("images", "page_images"))
    return Document(**data, images=images, page_images=pages, parts=parts)


def kind_of(name: str, head: bytes) -> str:
    """The kind of a document from its name and its first bytes; `binary` where it is none that we read.

    >>> kind_of("a.txt", b"%PDF-1.7"), kind_of("a.py", b"import os"), kind_of("lease", b"plain words")
    ('pdf', 'code', 'text')
    >>> kind_of("a.bin", bytes(64))
    'binary'
    """
    base = os.path.basename(name).lower()
    suffix = base.rpartition(".")[2]
    by_name = SUFFIXES.get(suffix) or ("code" if suffix in CODE or base in ("makefile", "dockerfile") else "")
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return by_name if by_name in ("docx", "pptx", "xlsx", "ods", "odt", "epub") else "zip"
    if head[:4] == b"RIFF" and (form := head[8:12]) in (b"WEBP", b"WAVE"):
        return "image" if form == b"WEBP" else "audio"
    if head[4:8] == b"ftyp" and head[0] == 0:
        brand = head[8:12]
        if brand in (b"heic", b"heix", b"mif1", b"msf1", b"avif", b"avis"):
            return "image"
        return "audio" if by_name == "audio" or brand in (b"M4A ", b"M4B ") else "video"
    for magic, kind in MAGIC if head[:1] in STARTS else ():
        if head.startswith(magic):
            if kind == "ole":
                return "xls" if by_name == "xls" else "ole"
            if kind == "bmp":
                return "image" if by_name == "image" else by_name or "text"
            return kind
    if by_name in MEDIA or by_name in ("pdf", "docx", "pptx", "xlsx", "xls", "ods", "odt", "epub", "zip"):
        return by_name  # by its name it should be one, so its reader says what is wrong with it
    if b"\x00" in head and not _utf16(head):
        return "binary"
    if not by_name and head.lstrip()[:15].lower().startswith((b"<!doctype html", b"<html")):
        return "html"
    if not by_name and MAIL.match(head):
        return "eml"
    return by_name or "text"


def _utf16(head: bytes) -> bool:
    """Whether bytes with zeros are UTF-16 or UTF-32 text: a mark at the start, or zeros in every second place."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff", b"\x00\x00\xfe\xff")):
        return True
    even, odd = head[0::2].count(0), head[1::2].count(0)
    half = len(head) // 2
    return half >= 4 and ((even == 0 and odd > 0.8 * half) or (odd == 0 and even > 0.8 * half))


MARKS = (
    (b"\xff\xfe\0\0", "utf-32"),
    (b"\0\0\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)
"""First bytes that tell an encoding."""


def decode(data: bytes) -> tuple[str, str]:
    """The text of bytes and its encoding; never fails.

    >>> decode("Größe".encode("utf-16")), decode("Größe".encode("cp1252"))
    (('Größe', 'UTF-16'), ('Größe', 'Windows-1252'))
    """
    if data.startswith(b"\xef\xbb\xbf"):
        return data[3:].decode("utf-8", "replace"), "UTF-8"
    for mark, name in MARKS:
        if data.startswith(mark):
            return data.decode(name, "replace"), name.upper()
    try:
        return data.decode("utf-8"), "UTF-8"
    except UnicodeDecodeError:
        pass
    if b"\x00" in data[:4096] and _utf16(data[:4096]):
        return data.decode("utf-16-be" if data[0] == 0 else "utf-16-le", "replace"), "UTF-16"
    text = data.decode("utf-8", "replace")
    broken = text.count("\ufffd")
    if sum(1 for c in text if c > "\x7f") > 2 * broken:
        return text, "UTF-8, broken"
    return data.decode("cp1252", "replace"), "Windows-1252"


def plain(name: str, kind: str, data: bytes) -> Document:
    """A text document from its bytes."""
    text, encoding = decode(data)
    notes = [] if encoding == "UTF-8" else [f"read as {encoding}"]
    return Document(name, kind, len(data), extractor="as it is", text=text, notes=notes)


def read_text(text: str, name: str = "text") -> Document:
    """A text that was typed; what is no character is replaced."""
    clean = text.encode("utf-8", "replace").decode("utf-8")
    return Document(name, "text", len(clean.encode()), extractor="as it is", text=clean)


def expand(words: list[str], *, base: Path | None = None) -> list[Path]:
    """Files of paths, globs and directories, in order, each once. Raises UserError where there is none."""
    found: dict[str, Path] = {}
    folders: dict[str, str] = {}

    def real(path: Path) -> str:
        folder, name = os.path.split(path)
        if os.path.islink(path) or name in ("", ".", ".."):
            return os.path.realpath(path)
        if folder not in folders:
            folders[folder] = os.path.realpath(folder)
        return os.path.join(folders[folder], name)

    for word in words:
        path = Path(word) if base is None else base / word
        if path.is_dir():
            new = list(walk(path))
        elif path.exists():
            new = [path]
        else:
            pattern = word if base is None else os.path.join(glob.escape(str(base)), word)
            found_here = sorted(glob.glob(pattern, recursive=True))  # with links that lead nowhere
            new = [Path(p) for p in found_here if os.path.exists(p) and not os.path.isdir(p)]
        if not new and "://" in word:
            raise UserError(f"{word}: a URL is read as a corpus: give --corpus {word}")
        if not new:
            what = "holds no files" if path.is_dir() else "does not exist"
            raise UserError(f"{word}: this {'folder' if path.is_dir() else 'file'} {what}")
        found.update((real(p), p) for p in new)
    return list(found.values())


def walk(folder: Path) -> Iterator[Path]:
    """All files under a folder, sorted; hidden folders and links to folders are left out."""
    try:
        entries = sorted(os.scandir(folder), key=lambda e: e.name)
    except OSError:
        return
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            if not entry.name.startswith("."):
                yield from walk(Path(entry.path))
        elif entry.is_file():
            yield Path(entry.path)


def read(path: Path, sandbox: Any) -> Document:
    """Read any document; what cannot be read has its reason in `error`."""
    name = str(path)
    try:
        if not stat.S_ISREG((status := path.stat()).st_mode):
            raise OSError(0, "not a regular file")
        size = status.st_size
        with open(path, "rb", buffering=0) as file:
            head = file.read(512)
            kind = kind_of(name, head)
            if kind not in CHILD and kind not in MEDIA and kind not in UNREAD:
                if size > MOST_PROMPT:
                    reason = f"larger than {MOST_PROMPT >> 20} MiB; split it, or use --corpus"
                    return Document(name, kind, size, error=reason)
                return plain(name, kind, head + file.readall())
        if not size and (kind in CHILD or kind in MEDIA):
            return Document(name, kind, error="the file is empty")
        if kind in CHILD:
            document: Document = sandbox.read(path, kind)
            document.bytes = size
            return document
        if kind in MEDIA:
            from aiplan.tokens import media

            return media.read(name, kind, path)
        data = path.read_bytes() if kind == "ole" and size <= MOST_TEXT else b""
        return Document(name, kind, size, error=unreadable(kind, data))
    except OSError as error:
        return Document(name, "unknown", error=error.strerror or str(error))


UNREAD = {
    "ole": "an old binary Office file, or a new one with a password; save it as DOCX, PPTX or XLSX without one",
    "tiff": "a TIFF picture, which no vendor takes; save it as PNG or PDF",
    "rtf": "an RTF file, which is not read, and whose text is not its bytes; save it as DOCX or text",
    "binary": "not a document: its bytes are neither text nor a format that is known",
}
"""Kinds that are told and not read, and why."""


def unreadable(kind: str, data: bytes = b"") -> str:
    """Why a kind is not read; the bytes of an old binary file tell more.

    >>> unreadable("ole", "WordDocument".encode("utf-16-le"))
    'an old DOC file, which is not read; save it as DOCX'
    """
    for mark, reason in OLE if kind == "ole" else ():
        if mark.encode("utf-16-le") in data:
            return reason
    return UNREAD[kind]

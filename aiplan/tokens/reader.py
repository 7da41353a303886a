"""Reads the files of a corpus, and counts what was read: two steps, so that some may be read while others are counted.

Plain text is decoded as it is read. Other documents, which a child process reads, and long texts wait for the second
step, of which as many run at once as there are processors.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import BinaryIO, NamedTuple

from aiplan.tokens import media, ratios
from aiplan.tokens.count import Counters
from aiplan.tokens.documents import CHILD, MEDIA, MOST_TEXT, UNREAD, Document, decode, kind_of, unreadable
from aiplan.tokens.journal import Row
from aiplan.tokens.sandbox import SECONDS, Sandbox

HEAD = 512
"""Bytes from which a kind is told."""
LARGE = 1 << 20
"""Bytes of a file above which it is looked at before it is read."""
LONG, PART = 32 << 20, 8 << 20
"""Bytes of a text that is counted part by part, and of a part."""
DEPTH = 2
"""Folders below the corpus that the tree shows."""


class File(NamedTuple):
    """A file of the corpus, before it is read."""

    path: str
    size: int
    mtime: int

    @property
    def kind(self) -> str:
        """The kind by its name alone, for sampling."""
        return kind_of(self.path, b"x")


class Read(NamedTuple):
    """A file that was read: its row, the texts to be counted for it, and what gives more texts but takes long."""

    row: Row
    texts: Sequence[str] = ()
    later: Callable[[Row], list[str]] | None = None


def parts(handle: BinaryIO) -> Iterator[bytes]:
    """The bytes of a text file in parts that together have as many tokens as the whole: see `loaders.pieces`.

    >>> list(parts(io.BytesIO(b"one\\n two\\nthree")))
    [b'one\\n two\\n', b'three']
    """
    rest = b""
    while block := handle.read(PART):
        rest += block
        cut = rest.rfind(b"\n", 0, len(rest) - 1)
        while cut >= 0 and not rest[cut + 1 : cut + 2].isalnum():
            cut = rest.rfind(b"\n", 0, cut)
        if cut >= 0:
            yield rest[: cut + 1]
            rest = rest[cut + 1 :]
        elif len(rest) > MOST_TEXT:
            raise OSError(0, f"a line of more than {MOST_TEXT >> 20} MiB")
    if rest:
        yield rest


class Reader:
    """Reads batches, and counts what was read; each thread that counts has a child process of its own."""

    def __init__(self, counters: Counters, vocabulary: str, root: Path, *, seconds: float = SECONDS) -> None:
        self.counters, self.vocabulary, self.seconds = counters, vocabulary, seconds
        self.strip = len(os.fspath(root).rstrip(os.sep)) + 1
        self._local = threading.local()
        self._sandboxes: list[Sandbox] = []

    def read(self, batch: Sequence[File]) -> list[Read]:
        """What a batch holds; a file that cannot be read has its error."""
        return [self._read(file) for file in batch]

    def count(self, batch: Sequence[Read]) -> list[Row]:
        """The rows of a batch that was read, with their tokens."""
        texts = [[*read.texts, *self._rest(read)] for read in batch]
        counts = iter(self.counters.count([text for found in texts for text in found], self.vocabulary))
        for read, found in zip(batch, texts, strict=True):
            read.row.tokens += sum(next(counts).tokens for _ in found)
        return [read.row for read in batch]

    def _rest(self, read: Read) -> list[str]:
        try:
            return read.later(read.row) if read.later else []
        except OSError as error:
            read.row.error = error.strerror or str(error)
            return []

    def opened(self, file: File) -> BinaryIO:
        """A file, open for reading. Raises OSError."""
        return open(file.path, "rb", buffering=0)

    def content(self, file: File, *, whole: bool) -> bytes:
        """The bytes of a file, or its first ones. Raises OSError."""
        # a file object would cost as much as the reading
        descriptor = os.open(file.path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
        try:
            return os.read(descriptor, file.size + 1 if whole else HEAD)
        finally:
            os.close(descriptor)

    @contextmanager
    def local(self, file: File, data: bytes) -> Iterator[Path]:
        """A path under which this machine has a file of these bytes."""
        yield Path(file.path)

    def _read(self, file: File) -> Read:
        folder = os.sep.join(file.path[self.strip :].split(os.sep)[:-1][:DEPTH]) or "."
        row = Row(printable(file.path), file.size, file.mtime, "", printable(folder), "", 0, "prose", 0, "", 0.0, "")
        try:
            data = self.content(file, whole=file.size <= LARGE)
            row.kind = kind_of(file.path, data[:HEAD])
            if row.kind == "binary":
                return Read(row)
            plain = row.kind not in CHILD and row.kind not in MEDIA and row.kind not in UNREAD
            if plain and file.size > LONG and b"\x00" not in data and not self.counters.mine:
                return Read(row, later=partial(self._long, file))
            if plain and file.size > MOST_TEXT:
                row.error = f"larger than {MOST_TEXT >> 20} MiB"
                return Read(row)
            if LARGE < file.size <= MOST_TEXT:
                data = self.content(file, whole=True)
        except OSError as error:
            row.error = error.strerror or str(error)
            return Read(row)
        row.hash = hashlib.blake2b(data, digest_size=16).hexdigest()
        if row.kind in UNREAD:
            row.error = unreadable(row.kind, data)
            return Read(row)
        if not plain:
            return Read(row, later=partial(self._document, file, data))
        text = decode(data)[0]
        row.klass = ratios.class_of(text, row.kind)
        return Read(row, [text] if text else [])

    def _long(self, file: File, row: Row) -> list[str]:
        """Count a long text piece by piece, so that it needs no more memory than a short one."""
        digest = hashlib.blake2b(digest_size=16)
        with self.opened(file) as handle:
            for part in parts(handle):
                digest.update(part)
                text = decode(part)[0]
                row.klass = row.klass if row.tokens else ratios.class_of(text, row.kind)
                row.tokens += self.counters.count([text], self.vocabulary)[0].tokens
        row.hash = digest.hexdigest()
        return []

    def _document(self, file: File, data: bytes, row: Row) -> list[str]:
        """What a document holds that is no plain text: its texts, and in its row the rest."""
        document: Document
        if row.kind in MEDIA:
            document = media.from_file(file.path, row.kind, io.BytesIO(data), file.size)
        else:
            with self.local(file, data) as path:
                document = self._sandbox().read(path, row.kind)
        leaves = list(document.leaves())
        errors = [leaf.error for leaf in leaves if leaf.error and (leaf.kind != "binary" or len(leaves) == 1)]
        if errors:
            inside = f"{len(errors)} of {len(leaves)} documents inside: " if len(leaves) > 1 else ""
            row.error = f"{inside}{errors[0]}"
        row.pages = sum(leaf.pages or 0 for leaf in leaves)
        sizes = [size for leaf in leaves for size in leaf.images]
        row.pictures = json.dumps(sizes) if sizes else ""
        row.seconds = sum(leaf.seconds for leaf in leaves)
        texts = [leaf.text for leaf in leaves if leaf.text]
        if texts:
            row.klass = ratios.class_of(max(texts, key=len), row.kind)
        return texts

    def _sandbox(self) -> Sandbox:
        if not hasattr(self._local, "sandbox"):
            self._local.sandbox = Sandbox(seconds=self.seconds)
            self._sandboxes.append(self._local.sandbox)
        return self._local.sandbox  # type: ignore[no-any-return]

    def close(self) -> None:
        """End the child processes."""
        for sandbox in self._sandboxes:
            sandbox.close()


def printable(path: str) -> str:
    """A path that any file and terminal can hold, whatever bytes its name has."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return os.fsencode(path).decode("utf-8", "backslashreplace")
    return path

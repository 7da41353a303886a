"""Counts the files of a folder, however many: bounded memory, a journal, all processors, errors listed.

Batches of files go to threads: plain text is read and counted there, since counting lets other threads run; other
documents are read by one child process a thread. The order of the answers does not matter, as each file is one row.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import sys
import threading
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, NamedTuple, Protocol

from aiplan import units
from aiplan.errors import UserError
from aiplan.tokens import media, ratios
from aiplan.tokens.count import Counters
from aiplan.tokens.documents import CHILD, MEDIA, MOST_TEXT, UNREAD, Document, decode, kind_of, unreadable
from aiplan.tokens.journal import Journal, Row
from aiplan.tokens.sandbox import SECONDS, Sandbox

BATCH_FILES = 200
BATCH_BYTES = 8 << 20
HEAD = 512
"""Bytes from which a kind is told."""
LARGE = 1 << 20
"""Bytes of a file above which it is looked at before it is read."""
SURVEY = 2.0
"""Seconds after which the files are counted beside the work, to tell how long it will take."""
PER_FILE = 4000
"""Bytes that take as long as opening a file."""
AHEAD, AHEAD_BATCHES = 64 << 20, 8
"""Bytes of files, and batches for each worker, that are read or wait to be counted at most."""
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


class Shard(NamedTuple):
    """The part of the files that this run takes."""

    number: int = 1
    of: int = 1

    def has(self, relative: str) -> bool:
        """Whether a file, by its path from the corpus, is in it."""
        return self.of == 1 or zlib.crc32(os.fsencode(relative)) % self.of == self.number - 1

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"


def read_shard(text: str) -> Shard:
    """A shard from `i/n`.

    >>> read_shard("2/8")
    Shard(number=2, of=8)
    """
    first, slash, last = text.partition("/")
    if slash and first.isdigit() and last.isdigit() and 1 <= int(first) <= int(last):
        return Shard(int(first), int(last))
    raise UserError(f"--shard {text!r} is not i/n, e.g. 1/8 to 8/8")


WHOLE = Shard()


def listed(root: Path, shard: Shard = WHOLE) -> Iterator[File]:
    """All regular files below a folder, in a fixed order; links to folders and hidden folders are left out."""
    base = os.fspath(root)
    strip = len(base.rstrip(os.sep)) + 1
    stack = [base]
    while stack:
        folder = stack.pop()
        try:
            with os.scandir(folder) as found:
                entries = sorted(found, key=lambda e: e.name)
        except OSError:
            continue
        below = []
        for entry in entries:
            try:
                if entry.is_dir(follow_symlinks=False):
                    if not entry.name.startswith("."):
                        below.append(entry.path)
                elif entry.is_file() and shard.has(entry.path[strip:]):
                    status = entry.stat()
                    yield File(entry.path, status.st_size, status.st_mtime_ns)
            except OSError:
                continue
        stack += reversed(below)


def batches(files: Iterator[File]) -> Iterator[list[File]]:
    """Files in batches of bounded number and size."""
    batch: list[File] = []
    size = 0
    for file in files:
        batch.append(file)
        size += file.size
        if len(batch) >= BATCH_FILES or size >= BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


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
    """Reads and counts batches; each thread has a child process of its own."""

    def __init__(self, counters: Counters, vocabulary: str, root: Path, *, seconds: float = SECONDS) -> None:
        self.counters, self.vocabulary, self.seconds = counters, vocabulary, seconds
        self.strip = len(os.fspath(root).rstrip(os.sep)) + 1
        self._local = threading.local()
        self._sandboxes: list[Sandbox] = []

    def read(self, batch: Sequence[File]) -> list[tuple[Row, list[str]]]:
        """Rows of a batch and the texts to be counted for them; a file that cannot be read has its error."""
        return [self._read(file) for file in batch]

    def count(self, batch: Sequence[tuple[Row, list[str]]]) -> list[Row]:
        """The rows of a batch that was read, with their tokens."""
        counts = iter(self.counters.count([text for _, texts in batch for text in texts], self.vocabulary))
        for row, texts in batch:
            row.tokens += sum(next(counts).tokens for _ in texts)
        return [row for row, _ in batch]

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

    def _read(self, file: File) -> tuple[Row, list[str]]:
        folder = os.sep.join(file.path[self.strip :].split(os.sep)[:-1][:DEPTH]) or "."
        row = Row(printable(file.path), file.size, file.mtime, "", printable(folder), "", 0, "prose", 0, "", 0.0, "")
        try:
            data = self.content(file, whole=file.size <= LARGE)
            row.kind = kind_of(file.path, data[:HEAD])
            if row.kind == "binary":
                return row, []
            plain = row.kind not in CHILD and row.kind not in MEDIA and row.kind not in UNREAD
            if plain and file.size > LONG and b"\x00" not in data and not self.counters.mine:
                self._long(row, file)
                return row, []
            if plain and file.size > MOST_TEXT:
                row.error = f"larger than {MOST_TEXT >> 20} MiB"
                return row, []
            if LARGE < file.size <= MOST_TEXT:
                data = self.content(file, whole=True)
            row.hash = hashlib.blake2b(data, digest_size=16).hexdigest()
        except OSError as error:
            row.error = error.strerror or str(error)
            return row, []
        if row.kind in UNREAD:
            row.error = unreadable(row.kind, data)
            return row, []
        if row.kind in CHILD:
            with self.local(file, data) as path:
                return self._document(row, self._sandbox().read(path, row.kind))
        if row.kind in MEDIA:
            return self._document(row, media.from_file(file.path, row.kind, io.BytesIO(data), file.size))
        text = decode(data)[0]
        row.klass = ratios.class_of(text, row.kind)
        return row, [text] if text else []

    def _long(self, row: Row, file: File) -> None:
        """Count a long text piece by piece, so that it needs no more memory than a short one."""
        digest = hashlib.blake2b(digest_size=16)
        with self.opened(file) as handle:
            for part in parts(handle):
                digest.update(part)
                text = decode(part)[0]
                row.klass = row.klass if row.tokens else ratios.class_of(text, row.kind)
                row.tokens += self.counters.count([text], self.vocabulary)[0].tokens
        row.hash = digest.hexdigest()

    def _document(self, row: Row, document: Document) -> tuple[Row, list[str]]:
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
        return row, texts

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


class Progress:
    """A line on standard error: files, bytes, rate, time left."""

    def __init__(self, quiet: bool = False) -> None:
        self.began = self.told = time.monotonic()
        self.files = self.bytes = self.known_files = self.known_bytes = 0
        self.total: tuple[int, int] | None = None
        """Files and bytes of the whole corpus, once they are known."""
        self.terminal = sys.stderr.isatty()
        self.every = 0.3 if self.terminal else 10.0
        self.quiet = quiet
        self._survey: threading.Thread | None = None

    def survey(self, files: Callable[[], Iterator[File]]) -> None:
        """Count the files of a corpus beside the work, where that is long enough to ask how much is left."""
        if self.quiet or self._survey or self.total or time.monotonic() - self.began < SURVEY:
            return

        def look() -> None:
            number = size = 0
            for file in files():
                number, size = number + 1, size + file.size
            self.total = number, size

        self._survey = threading.Thread(target=look, daemon=True)
        self._survey.start()

    def tell(self, *, last: bool = False) -> None:
        """Say where we are, now and then."""
        now = time.monotonic()
        if self.quiet or (not last and now - self.told < self.every) or (last and now - self.began < self.every):
            return
        self.told = now
        print(
            self.line(now) if self.terminal else self.line(now).rstrip(),
            end="\n" if last or not self.terminal else "\r",
            file=sys.stderr,
            flush=True,
        )

    def line(self, now: float) -> str:
        """The line itself; a file costs as much time as some thousand bytes."""
        seconds = max(now - self.began, 1e-9)
        known = f", {self.known_files:,} known" if self.known_files else ""
        rates = f"{self.files / seconds:,.0f} files/s, {self.bytes / 1e6 / seconds:,.0f} MB/s"
        left = "time left not known yet"
        done = self.bytes + PER_FILE * self.files
        if self.total and done:
            files, size = self.total[0] - self.known_files, self.total[1] - self.known_bytes
            work = max(0, size + PER_FILE * files - done)
            left = f"{units.show(work / done * seconds, 's')} left"
        of = f" of {self.total[0]:,}" if self.total else ""
        return f"{self.files + self.known_files:,}{of} files{known}, {self.bytes / 1e6:,.0f} MB, {rates}, {left}".ljust(
            78
        )


class Workers(Protocol):
    """Where batches are counted."""

    jobs: int

    def submit(self, batch: Sequence[File]) -> Future[list[Row]]:
        """Have a batch counted."""

    def close(self) -> None:
        """Leave what has not begun."""


class Threads:
    """Threads of this process that read batches, and others that count them as they come."""

    def __init__(self, reader: Reader, jobs: int = 0) -> None:
        self.reader, self.jobs = reader, jobs or os.cpu_count() or 1
        self.readers, self.counters = ThreadPoolExecutor(self.jobs), ThreadPoolExecutor(self.jobs)

    def submit(self, batch: Sequence[File]) -> Future[list[Row]]:
        """Have a batch read and counted."""
        read = self.readers.submit(self.reader.read, batch)
        return self.counters.submit(lambda: self.reader.count(read.result()))

    def close(self) -> None:
        """Leave what has not begun."""
        self.readers.shutdown(cancel_futures=True)
        self.counters.shutdown(cancel_futures=True)


def count(
    files: Iterator[File],
    journal: Journal,
    workers: Workers,
    *,
    quiet: bool = False,
    again: Callable[[], Iterator[File]] | None = None,
) -> Progress:
    """Count all files that the journal does not know, and write them to it; `again` lists them for the time left."""
    progress = Progress(quiet)
    running: dict[Future[list[Row]], int] = {}
    listed = 0, 0

    def collect(most_bytes: int, most: int) -> None:
        while running:
            waits = sum(running.values()) > most_bytes or len(running) > most
            done = wait(running, None if waits else 0, return_when=FIRST_COMPLETED).done
            if not done:
                return
            for future in done:
                del running[future]
                rows = future.result()
                journal.write(rows)
                progress.files += len(rows)
                progress.bytes += sum(row.size for row in rows)
            if again:
                progress.survey(again)
            progress.tell()

    for batch in batches(files):
        known = journal.known([(printable(f.path), f.size, f.mtime) for f in batch])
        new = [f for f in batch if printable(f.path) not in known]
        progress.known_files += len(batch) - len(new)
        progress.known_bytes += sum(f.size for f in batch) - sum(f.size for f in new)
        listed = listed[0] + len(batch), listed[1] + sum(f.size for f in batch)
        if new:
            running[workers.submit(new)] = sum(f.size for f in new)
        collect(AHEAD, AHEAD_BATCHES * workers.jobs)
    progress.total = listed
    collect(0, 0)
    progress.tell(last=True)
    return progress

"""Counts the files of a folder, however many: bounded memory, a journal, all processors, errors listed.

Batches of files are read by some threads, and counted by others as they come. The order of the answers does not matter,
as each file is one row.
"""

from __future__ import annotations

import os
import sys
import threading
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, Protocol

from aiplan import units
from aiplan.errors import UserError
from aiplan.tokens.journal import Journal, Row
from aiplan.tokens.reader import File, Reader, printable

BATCH_FILES = 200
BATCH_BYTES = 8 << 20
SURVEY = 2.0
"""Seconds after which the files are counted beside the work, to tell how long it will take."""
PER_FILE = 4000
"""Bytes that take as long as opening a file."""
AHEAD, AHEAD_BATCHES = 64 << 20, 8
"""Bytes of files, and batches for each worker, that are read or wait to be counted at most."""


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
            with suppress(UserError):  # the work itself says what is wrong
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

    def __init__(self, reader: Reader, jobs: int = 0, *, readers: int = 0) -> None:
        self.reader, self.jobs = reader, jobs or os.cpu_count() or 1
        # one thread reads as fast as two count, and Python's own work is done by one thread at a time
        self.readers = ThreadPoolExecutor(readers or (self.jobs + 1) // 2)
        self.counters = ThreadPoolExecutor(self.jobs)

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

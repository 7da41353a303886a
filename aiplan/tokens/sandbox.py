"""Reads documents in a child process with limits on memory, processor time and wall time.

One child reads many files. Where it dies or hangs, that file is reported and the next one has a new child; a PDF is
then tried once more with the second reader.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from aiplan.tokens.documents import Document, from_dict

if TYPE_CHECKING:
    import subprocess

MEMORY = 2 << 30
"""Address space of the child [B]."""
SECONDS = 30.0
"""Wall time for one file [s]."""
FILES = 500
"""Files that one child reads before it is replaced."""
CHILD = "import sys; sys.path.append(sys.argv[2]); from aiplan.tokens.worker import main; main()"
"""The child's program. It runs with -P: a module that lies beside the documents must not be taken for Python's own."""


class _Dead(Exception):
    """The child gave no answer; the text says why."""


class Sandbox:
    """The parent's side. Use it as a context manager, from one thread."""

    def __init__(self, *, memory: int = MEMORY, seconds: float = SECONDS) -> None:
        self.memory, self.seconds = memory, seconds
        self._child: subprocess.Popen[bytes] | None = None
        self._read = 0

    def __enter__(self) -> Sandbox:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def read(self, path: Path, kind: str) -> Document:
        """Read one file; its `error` says where it could not be read."""
        try:
            return self._ask(path, kind, "")
        except _Dead as first:
            reason = str(first)
        if kind == "pdf":
            try:
                second = self._ask(path, kind, "pypdf")
            except _Dead:
                second = None
            if second is not None and second.error is None:
                second.notes.append(f"the first reader failed: {reason}")
                return second
        return Document(str(path), kind, error=reason)

    def _ask(self, path: Path, kind: str, engine: str) -> Document:
        child = self._child or self._start()
        line = json.dumps([os.fspath(path), kind, engine, self.seconds]).encode() + b"\n"
        assert child.stdin is not None
        try:
            child.stdin.write(line)
            child.stdin.flush()
            header = self._take(8)
            document = from_dict(json.loads(self._take(int.from_bytes(header, "big"))))
        except (BrokenPipeError, ValueError) as error:
            raise self._dead(f"the reader failed ({type(error).__name__})") from None
        self._read += 1
        if self._read >= FILES:
            self.close()
        return document

    def _take(self, count: int) -> bytes:
        """So many bytes of the child, within the time."""
        assert self._child is not None
        assert self._child.stdout is not None
        if count > self.memory:
            raise self._dead("the reader failed: its answer is too long")
        end = time.monotonic() + self.seconds
        handle = self._child.stdout.fileno()
        parts: list[bytes] = []
        while count > 0:
            left = end - time.monotonic()
            if left <= 0 or not select.select([handle], [], [], left)[0]:
                raise self._dead(f"no answer within {self.seconds:g} s: the file hangs its reader")
            part = os.read(handle, min(count, 1 << 20))
            if not part:
                raise self._dead(self._why_dead())
            parts.append(part)
            count -= len(part)
        return b"".join(parts)

    def _why_dead(self) -> str:
        import subprocess

        assert self._child is not None
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._child.wait(5)
        code = self._child.returncode or 0
        name = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        if name in ("SIGXCPU", "SIGKILL"):
            return "the reader was stopped at its limit of time or memory"
        return f"the reader died ({name}): the file is broken, or needs more than {self.memory >> 20} MiB"

    def _dead(self, reason: str) -> _Dead:
        self.close()
        return _Dead(reason)

    def _start(self) -> subprocess.Popen[bytes]:
        import subprocess

        self._read = 0
        self._child = subprocess.Popen(
            [sys.executable, "-P", "-c", CHILD, str(self.memory), str(Path(__file__).parents[2])],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        return self._child

    def close(self) -> None:
        """End the child."""
        child, self._child = self._child, None
        if child is None:
            return
        child.kill()
        for pipe in (child.stdin, child.stdout):
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()
        child.wait()

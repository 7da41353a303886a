"""A long sweep on its way to a file: each block is a file beside it, so that a killed run goes on where it was.

A block is written under another name and then renamed, so that none is half there; none is solved twice. What the
blocks are of is written beside them, and the blocks of another question are refused.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from aiplan.errors import UserError

ABOUT = "about.json"


class Parts:
    """The blocks of one sweep, in a folder beside the file that they become."""

    def __init__(self, output: Path, about: dict[str, Any], *, fresh: bool = False) -> None:
        self.output, self.folder = output, Path(f"{output}.parts")
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._lock()
            if fresh:
                for file in self.folder.glob("*.[pj]*"):
                    file.unlink()
            self._check(about)
            self.done = {int(p.stem) for p in self.folder.iterdir() if p.stem.isdigit() and p.suffix == ".part"}
        except OSError as error:
            raise UserError(f"cannot write {self.folder}: {error.strerror}") from None

    def _lock(self) -> None:
        """Keep a second run out, where the system has locks; the lock ends with the process."""
        try:
            import fcntl
        except ImportError:
            return
        self.lock = (self.folder / "lock").open("w")
        try:
            fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UserError(f"{self.folder}: another run is at work on it") from None

    def _check(self, about: dict[str, Any]) -> None:
        file = self.folder / ABOUT
        if not file.exists():
            self._put(file, json.dumps(about, indent=1, sort_keys=True).encode())
            return
        try:
            known = json.loads(file.read_text("utf-8"))
        except ValueError:
            known = {}
        differs = [name for name in {**about, **known} if known.get(name) != about.get(name)]
        if differs:
            raise UserError(
                f"{self.folder} holds the beginning of another sweep (other {', '.join(sorted(differs))}); --fresh "
                "empties it"
            )

    def write(self, start: int, data: bytes) -> None:
        """Keep a block."""
        self._put(self._path(start), data)

    def read(self, starts: Iterable[int]) -> Iterator[bytes]:
        """The blocks that begin at these points."""
        for start in starts:
            yield self._path(start).read_bytes()

    def _path(self, start: int) -> Path:
        return self.folder / f"{start:012d}.part"

    def _put(self, file: Path, data: bytes) -> None:
        whole_file(file, lambda made: _write(made, data))

    def finish(self, write: Callable[[BinaryIO], None]) -> None:
        """Write the file as a whole, and remove the blocks."""
        whole_file(self.output, write)
        shutil.rmtree(self.folder, ignore_errors=True)


def _write(file: BinaryIO, data: bytes) -> None:
    file.write(data)


def whole_file(path: Path, write: Callable[[BinaryIO], None]) -> None:
    """Write a file under another name and rename it, so that it is never half there."""
    made = Path(f"{path}.tmp")
    try:
        with made.open("wb") as file:
            write(file)
        os.replace(made, path)
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror}") from None


def digest(folders: Iterable[Path]) -> str:
    """What stands in the files of these folders, in short."""
    out = hashlib.sha256()
    for folder in folders:
        for file in sorted(p for p in folder.rglob("*.yaml") if p.is_file()):
            out.update(f"{file.relative_to(folder)}\0".encode())
            out.update(hashlib.sha256(file.read_bytes()).digest())
    return out.hexdigest()

"""A corpus that is not on this machine: s3://, gs://, https:// and whatever else fsspec reads."""

from __future__ import annotations

import importlib
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from aiplan.errors import UserError
from aiplan.tokens.corpus import HEAD, WHOLE, File, Reader, Shard
from aiplan.tokens.count import Counters

CHANGED = ("mtime", "LastModified", "last_modified", "updated", "created", "ETag", "etag")
"""What file systems call the time of a change, or a mark of the content."""


class Remote:
    """A folder behind a URL."""

    def __init__(self, url: str) -> None:
        try:
            fsspec: Any = importlib.import_module("fsspec")
        except ImportError:
            raise UserError(f"--corpus {url} needs the extra: pip install 'aiplan[remote]'") from None
        try:
            self.system, self.root = fsspec.core.url_to_fs(url)
            there = self.system.isdir(self.root)
        except Exception as error:  # every file system has errors of its own
            raise UserError(f"--corpus {url}: {str(error)[:200]}") from None
        if not there:
            raise UserError(f"--corpus {url}: there is no such folder")

    def listed(self, shard: Shard = WHOLE) -> Iterator[File]:
        """All files below the folder."""
        strip = len(self.root.rstrip("/")) + 1
        for _, _, files in self.system.walk(self.root, detail=True):
            for name, about in sorted(files.items()):
                path = about.get("name", name)
                if shard.has(path[strip:]):
                    yield File(path, int(about.get("size") or 0), _changed(about))

    def reader(self, counters: Counters, vocabulary: str, *, seconds: float) -> Reader:
        """Reads its files."""
        return _Reader(self, counters, vocabulary, seconds=seconds)


def _changed(about: dict[str, Any]) -> int:
    for key in CHANGED:
        value = about.get(key)
        if isinstance(value, datetime):
            return int(value.timestamp() * 1e9)
        if isinstance(value, int | float):
            return int(value * 1e9)
        if value:
            return zlib.crc32(str(value).encode())
    return 0


class _Reader(Reader):
    """A reader of remote files; what goes to the child is a copy for as long as it is read."""

    def __init__(self, remote: Remote, counters: Counters, vocabulary: str, *, seconds: float) -> None:
        super().__init__(counters, vocabulary, Path(remote.root), seconds=seconds)
        self.remote = remote
        self.strip = len(remote.root.rstrip("/")) + 1

    def content(self, file: File, *, whole: bool) -> bytes:
        """The bytes of a remote file, or its first ones. Raises OSError."""
        try:
            with self.remote.system.open(file.path, "rb") as handle:
                data: bytes = handle.read() if whole else handle.read(HEAD)
        except OSError:
            raise
        except Exception as error:  # as above
            raise OSError(0, f"{type(error).__name__}: {str(error)[:100]}") from None
        return data

    @contextmanager
    def local(self, file: File, data: bytes) -> Iterator[Path]:
        """A copy."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "document"
            path.write_bytes(data)
            yield path

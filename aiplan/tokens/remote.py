"""A corpus that is not on this machine: s3://, gs://, https:// and whatever else fsspec reads."""

from __future__ import annotations

import importlib
import tempfile
import zlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

from aiplan.errors import UserError
from aiplan.tokens.corpus import WHOLE, Shard
from aiplan.tokens.count import Counters
from aiplan.tokens.reader import HEAD, LARGE, File, Read, Reader

CHANGED = ("mtime", "LastModified", "last_modified", "Last-Modified", "updated", "created", "ETag", "etag")
"""What file systems call the time of a change, or a mark of the content."""
EXTRAS = {"http": "remote", "https": "remote", "s3": "s3", "gs": "gs", "gcs": "gs"}
"""Extra that a scheme needs."""
AT_ONCE = 16
"""Requests about single files that wait at the same time."""


class Remote:
    """A folder or a file behind a URL."""

    def __init__(self, url: str) -> None:
        scheme = url.partition("://")[0].lower()
        try:
            fsspec: Any = importlib.import_module("fsspec")
            self.system, self.root = fsspec.core.url_to_fs(url)
            self.single = not self.system.isdir(self.root)
            there = not self.single or self.system.isfile(self.root)
        except ImportError as error:
            extra = EXTRAS.get(scheme, "remote")
            why = "" if scheme in EXTRAS else f" ({str(error)[:120]})"
            raise UserError(f"--corpus {url} needs the extra: pip install 'aiplan[{extra}]'{why}") from None
        except Exception as error:  # every file system has errors of its own
            raise UserError(f"--corpus {url}: {type(error).__name__}: {str(error)[:200]}") from None
        if not there:
            raise UserError(f"--corpus {url}: there is no such folder, or it may not be listed")

    def listed(self, shard: Shard = WHOLE) -> Iterator[File]:
        """All files below the folder."""
        folder = self.root.rpartition("/")[0] if self.single else self.root.rstrip("/")
        with ThreadPoolExecutor(AT_ONCE) as pool:
            for found in [[self.system.info(self.root)]] if self.single else self._folders():
                mine = [about for about in found if shard.has(about["name"][len(folder) + 1 :])]
                yield from (_file(about) for about in pool.map(self._whole, mine))

    def _folders(self) -> Iterator[list[dict[str, Any]]]:
        """What is known of the files of each folder."""
        for _, _, files in self.system.walk(self.root, detail=True):
            yield [{"name": name} | about for name, about in sorted(files.items())]

    def _whole(self, about: dict[str, Any]) -> dict[str, Any]:
        """What is known of a file, asked for where a list of files does not say its size, as those of HTTP do not."""
        if about.get("size") is not None:
            return about
        try:
            return about | dict(self.system.info(about["name"])) | {"name": about["name"]}
        except Exception:  # reading it will say why
            return about

    def reader(self, counters: Counters, vocabulary: str, *, seconds: float) -> Reader:
        """Reads its files."""
        return _Reader(self, counters, vocabulary, seconds=seconds)


def _file(about: dict[str, Any]) -> File:
    return File(about["name"], int(about.get("size") or 0), _changed(about))


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


def _failed(error: Exception) -> OSError:
    reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return OSError(0, reason if "cannot be fetched" in reason else f"it cannot be fetched ({reason[:120]})")


class _Reader(Reader):
    """A reader of remote files: small ones are fetched a batch at a time; a child process gets a copy."""

    def __init__(self, remote: Remote, counters: Counters, vocabulary: str, *, seconds: float) -> None:
        super().__init__(counters, vocabulary, Path(remote.root), seconds=seconds)
        self.remote = remote
        self.strip = len(remote.root.rstrip("/")) + 1

    def read(self, batch: Sequence[File]) -> list[Read]:
        """What a batch holds."""
        small = [file.path for file in batch if file.size <= LARGE]
        try:
            self._local.fetched = self.remote.system.cat(small, on_error="return") if len(small) > 1 else {}
        except Exception:  # then each is read alone, and says what is wrong with it
            self._local.fetched = {}
        return super().read(batch)

    def opened(self, file: File) -> BinaryIO:
        """A remote file, open for reading. Raises OSError."""
        try:
            handle: BinaryIO = self.remote.system.open(file.path, "rb")
        except Exception as error:  # as above
            raise _failed(error) from None
        return handle

    def content(self, file: File, *, whole: bool) -> bytes:
        """The bytes of a remote file, or its first ones. Raises OSError."""
        data = self._local.fetched.pop(file.path, None)
        if isinstance(data, bytes):
            return data
        try:
            if data is not None:
                raise data
            with self.opened(file) as handle:
                return handle.read() if whole else handle.read(HEAD)
        except Exception as error:  # as above
            raise _failed(error) from None

    @contextmanager
    def local(self, file: File, data: bytes) -> Iterator[Path]:
        """A copy."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "document"
            path.write_bytes(data)
            yield path

"""A corpus that is not on this machine: s3://, gs://, https:// and whatever else fsspec reads."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from aiplan.errors import UserError, nearest
from aiplan.tokens import store
from aiplan.tokens.corpus import WHOLE, Shard
from aiplan.tokens.count import Counters
from aiplan.tokens.documents import MOST_PROMPT, MOST_TEXT
from aiplan.tokens.reader import HEAD, LARGE, File, Read, Reader
from aiplan.tokens.served import Served
from aiplan.tokens.store import Store, reason, visible

EXTRAS = {"http": "remote", "https": "remote", "s3": "s3", "gs": "gs", "gcs": "gs"}
"""Extra that a scheme needs."""


class Remote:
    """A folder or a file behind a URL."""

    readers = 4
    """Batches that are fetched at the same time, so that the requests of one need not wait for the last of another."""

    def __init__(self, url: str) -> None:
        self.url = url
        scheme, _, rest = url.partition("://")
        scheme = scheme.lower()
        if not rest.strip("/") or (scheme in EXTRAS and rest.startswith("/")):
            raise UserError(f"--corpus {url} names no {'server' if scheme in ('http', 'https') else 'bucket'}")
        if scheme in ("http", "https") and "@" in (login := rest.partition("/")[0]):
            place = f"{scheme}://{login.rpartition('@')[2]}"
            raise UserError(f"--corpus {place}: a password in a URL is told to everybody; put it into ~/.netrc")
        try:
            self.store = Served(url) if scheme in ("http", "https") else _stored(url)
        except ImportError as error:
            extra = EXTRAS.get(scheme, "remote")
            why = "" if scheme in EXTRAS else f" ({str(error)[:120]})"
            raise UserError(f"--corpus {url} needs the extra: pip install 'aiplan[{extra}]'{why}") from None
        except Exception as error:  # every file system has errors of its own
            if "rotocol not known" in str(error):
                near = nearest(scheme, EXTRAS) or "; known are https, s3, gs and those of fsspec"
                raise UserError(f"--corpus {url}: {scheme}:// is not known{near}") from None
            raise UserError(f"--corpus {url}: {reason(error)}") from None
        self.root = self.store.root
        self.quick = self.store.quick

    def listed(self, shard: Shard = WHOLE) -> Iterator[File]:
        """All files below the folder; those of hidden folders are left out, as they are here."""
        try:
            yield from self.store.files(lambda path: visible(path) and shard.has(path))
        except Exception as error:  # as above
            told = f"its files could not be listed to the end ({reason(error)}); started again it goes on"
            raise UserError(f"--corpus {self.url}: {told}") from None

    def reader(self, counters: Counters, vocabulary: str, *, seconds: float) -> Reader:
        """Reads its files."""
        return _Reader(self, counters, vocabulary, seconds=seconds)


def _stored(url: str) -> Store:
    """A store, as anybody where there are no credentials: many buckets are public."""
    try:
        return Store(url)
    except Exception as error:
        if type(error).__name__ != "NoCredentialsError":
            raise
    try:
        return Store(url, anon=True)
    except PermissionError as error:
        raise PermissionError(0, f"no credentials were found, and it is not public ({reason(error)})") from None


def _failed(error: Exception) -> OSError:
    why = reason(error)
    return OSError(0, why if "could not be listed" in why else f"it cannot be fetched ({why})")


class _Reader(Reader):
    """A reader of remote files: small ones are fetched many at once; a child process gets a copy."""

    def __init__(self, remote: Remote, counters: Counters, vocabulary: str, *, seconds: float) -> None:
        super().__init__(counters, vocabulary, Path(remote.root), seconds=seconds)
        self.store = remote.store
        self.strip = len(remote.root.rstrip("/")) + 1
        self.pool = ThreadPoolExecutor(store.AT_ONCE)

    def read(self, batch: Sequence[File]) -> list[Read]:
        """What a batch holds."""
        small = [file for file in batch if file.size <= LARGE]
        found = self.pool.map(lambda file: self._fetched(file, LARGE + 1), small)
        self._local.fetched = dict(zip((file.path for file in small), found, strict=True))
        return super().read(batch)

    def _fetched(self, file: File, most: int) -> bytes | OSError:
        try:
            return self.store.fetch(file, most)
        except Exception as error:  # every file system has errors of its own
            return _failed(error)

    def _read(self, file: File) -> Read:
        found = self._local.fetched.get(file.path)
        if not file.size and isinstance(found, bytes):  # its server does not tell its size
            if len(found) > LARGE:
                found = self._fetched(file, MOST_PROMPT + 1)
                if not isinstance(found, OSError) and len(found) > MOST_PROMPT:
                    found = OSError(0, f"larger than {MOST_PROMPT >> 20} MiB, and its server does not tell its size")
                self._local.fetched[file.path] = found
            file = file._replace(size=0 if isinstance(found, OSError) else len(found))
        read = super()._read(file)
        read.row.folder = self.store.name(read.row.folder)
        return read

    def opened(self, file: File) -> BinaryIO:
        """A copy of a remote file, open for reading. Raises OSError."""
        handle = tempfile.NamedTemporaryFile()  # noqa: SIM115  (the reader closes it)
        try:
            self.store.copy(file, Path(handle.name))
        except Exception as error:  # as above
            handle.close()
            raise _failed(error) from None
        return handle  # type: ignore[return-value]

    def content(self, file: File, *, whole: bool) -> bytes:
        """The bytes of a remote file, or its first ones. Raises OSError."""
        found = self._local.fetched.get(file.path)
        if found is None:
            found = self._fetched(file, file.size + 1 if whole else HEAD)
        if isinstance(found, OSError):
            raise found
        data: bytes = found
        return data if whole else data[:HEAD]

    @contextmanager
    def local(self, file: File, data: bytes) -> Iterator[Path]:
        """A copy."""
        if len(data) < file.size:
            raise OSError(0, f"larger than {MOST_TEXT >> 20} MiB")
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "document"
            path.write_bytes(data)
            yield path

    def close(self) -> None:
        """End the child processes, and leave what has not begun."""
        self.pool.shutdown(cancel_futures=True)
        super().close()

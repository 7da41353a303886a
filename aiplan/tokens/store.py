"""A corpus in an object store, s3:// or gs://, or wherever else fsspec lists and reads files."""

from __future__ import annotations

import importlib
import logging
import os
import zlib
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from aiplan import units
from aiplan.tokens.reader import File

AT_ONCE = 64
"""Requests that wait at the same time: a store takes long to answer, and answers many at once."""
QUIET, LONGEST, SLOWEST = 30.0, 120.0, 50e3
"""Seconds without a word after which a server is given up; seconds of a request at most, and the pace [B/s] of a file
that is worth more."""
PAGE = 1000
"""Files that a store is asked to list at once: the most of S3."""
CHANGED = ("mtime", "LastModified", "last_modified", "Last-Modified", "updated", "created", "ETag", "etag")
"""What file systems call the time of a change, or a mark of the content."""
LOUD = ("asyncio", "aiobotocore", "botocore", "fsspec", "gcsfs", "gcsfs.credentials", "google", "s3fs")
"""Loggers of what reads a store: what goes wrong is our answer's to say."""

REQUEST = {"gs": (0.4e-6, "Standard storage, class B operations, cloud.google.com/storage/pricing-examples, 2026-11")}
"""Price of fetching a file [USD], and its source, for the stores of which it is known."""
SAID = {
    "Timeout": "no answer in time",
    "PayloadError": "it breaks off before its end",
    "TooManyRedirects": "too many redirects",
}
"""Errors that do not say in words what is wrong."""


class Store:
    """A folder or a file of a file system of fsspec."""

    def __init__(self, url: str, **options: Any) -> None:
        for name in LOUD:
            logging.getLogger(name).setLevel(logging.CRITICAL + 1)
        os.environ.setdefault("GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT", "false")  # it asks more than a reader may know
        core: Any = importlib.import_module("fsspec.core")
        self._sync: Any = importlib.import_module("fsspec.asyn").sync
        self.scheme = {"gcs": "gs"}.get(scheme := url.partition("://")[0].lower(), scheme)
        if self.scheme == "s3":
            waits = {"max_pool_connections": AT_ONCE, "connect_timeout": QUIET / 3, "read_timeout": QUIET}
            options = {"config_kwargs": waits} | options
        self.system, place = core.url_to_fs(url, skip_instance_cache=True, **options)
        self.system.max_concurrency = 1  # more, and S3 is asked the size of each file again
        self.place = place.rstrip("/")
        self._pages: Callable[[], Iterator[list[dict[str, Any]]]]
        self._pages = {"s3": self._s3, "gs": self._gs}.get(self.scheme, self._walk)
        self.quick = self._pages != self._walk
        """Whether a list costs next to nothing."""
        self.single: File | None = None
        if not next(self._pages(), []):
            about = self._called("info", place)
            if about["type"] != "file":
                raise FileNotFoundError(0, "it holds no files")
            self.single = self._file(about | {"name": place})
        self.root = self._url(place).rstrip("/")

    def files(self, wanted: Callable[[str], bool]) -> Iterator[File]:
        """The files whose paths below the folder are wanted."""
        if self.single:
            yield self.single
            return
        for page in self._pages():
            for about in page:
                marker = about["name"].endswith("/") and not about["size"]  # what stores keep in place of a folder
                if not marker and wanted(about["name"][len(self.place) :].lstrip("/")):
                    yield self._file(about)

    def fetch(self, file: File, most: int) -> bytes:
        """The first bytes of a file. Raises whatever the file system does."""
        part: dict[str, Any] = {"start": 0, "end": most} if most < file.size else {}
        data: bytes = self._called("cat_file", self.system._strip_protocol(file.path), seconds=patience(file), **part)
        return data

    def price(self, files: int) -> str:
        """What fetching so many files costs, where it is known."""
        if self.scheme not in REQUEST or not files:
            return ""
        each, source = REQUEST[self.scheme]
        cost = units.show(files * each, "USD")
        return f"{files:,} were fetched, a request each: {cost} at ${each * 1e6:.2f} a million ({source})"

    def copy(self, file: File, path: Path) -> None:
        """Write a whole file to a path of this machine. Raises whatever the file system does."""
        self.system.get_file(self.system._strip_protocol(file.path), os.fspath(path))

    def name(self, path: str) -> str:
        """A path as people write it."""
        return path

    def _called(self, name: str, *args: Any, seconds: float = 0.0, **named: Any) -> Any:
        """A method of the file system, with a limit of time where it can have one."""
        if self.system.async_impl:
            most = seconds or LONGEST
            return self._sync(self.system.loop, getattr(self.system, f"_{name}"), *args, timeout=most, **named)
        return getattr(self.system, name)(*args, **named)

    def _s3(self) -> Iterator[list[dict[str, Any]]]:
        bucket, key, _ = self.system.split_path(self.place)
        more: dict[str, Any] | None = {}
        while more is not None:
            about = {"Bucket": bucket, "Prefix": key and f"{key}/", "MaxKeys": PAGE} | more
            page = self._called("call_s3", "list_objects_v2", **about)
            yield [
                {"name": f"{bucket}/{found['Key']}", "size": found["Size"], "LastModified": found["LastModified"]}
                for found in page.get("Contents", [])
            ]
            more = {"ContinuationToken": page["NextContinuationToken"]} if page.get("IsTruncated") else None

    def _gs(self) -> Iterator[list[dict[str, Any]]]:
        bucket, key, _ = self.system.split_path(self.place)
        about: dict[str, Any] = {"maxResults": PAGE, "fields": "nextPageToken,items(name,size,updated)"}
        about |= {"prefix": f"{key}/"} if key else {}
        more: dict[str, Any] | None = {}
        while more is not None:
            page = self._called("call", "GET", "b/{}/o", bucket, json_out=True, **about, **more)
            yield [
                {"name": f"{bucket}/{found['name']}", "size": int(found["size"]), "updated": found["updated"]}
                for found in page.get("items", [])
            ]
            more = {"pageToken": page["nextPageToken"]} if page.get("nextPageToken") else None

    def _walk(self) -> Iterator[list[dict[str, Any]]]:
        for _, below, files in self.system.walk(self.place or "/", detail=True, on_error="raise"):
            for name in [name for name in below if name.startswith(".")]:
                del below[name]
            if found := [about for name, about in sorted(files.items()) if name]:
                yield found

    def _file(self, about: dict[str, Any]) -> File:
        return File(self._url(about["name"]), int(about.get("size") or 0), changed(about))

    def _url(self, path: str) -> str:
        return f"{self.scheme}://{path}" if self.quick else str(self.system.unstrip_protocol(path))


def visible(path: str) -> bool:
    """Whether a path below the corpus is in no hidden folder: such are left out, as they are here.

    >>> visible("a/.env"), visible("a/.git/config"), visible(".git/")
    (True, False, False)
    """
    return not any(part.startswith(".") for part in path.split("/")[:-1])


def patience(file: File) -> float:
    """Seconds that a file may take [s].

    >>> patience(File("a", 50_000_000, 0))
    1120.0
    """
    return LONGEST + file.size / SLOWEST


def changed(about: dict[str, Any]) -> int:
    """A number that differs once a file has changed: the time in nanoseconds, or a hash of what its server says.

    >>> changed({"mtime": 1.5}), changed({"ETag": "a"}) == changed({"ETag": "b"}), changed({})
    (1500000000, False, 0)
    """
    for key in CHANGED:
        value = about.get(key)
        if isinstance(value, datetime):
            return int(value.timestamp() * 1e9)
        if isinstance(value, int | float):
            return int(value * 1e9)
        if value:
            return zlib.crc32(str(value).encode())
    return 0


def reason(error: BaseException) -> str:
    """Why something could not be had, in words.

    >>> reason(FileNotFoundError("bucket/file")), reason(OSError(13, "Access Denied")), reason(TimeoutError())
    ('it is not there', 'Access Denied', 'no answer in time')
    """
    text = " ".join((getattr(error, "strerror", None) or str(error)).split())
    for name, words in SAID.items():
        if name in type(error).__name__:
            return words
    if isinstance(error, FileNotFoundError) and (" " not in text or "://" in text):
        return "it is not there"
    return text[:200] or type(error).__name__

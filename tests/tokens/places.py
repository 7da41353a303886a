"""Servers for the tests, that give the files of a folder: HTTP, S3 and Google's storage, each in this process."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar
from urllib.parse import parse_qs, unquote, urlsplit
from urllib.request import urlopen

import pytest

WORDS = b"some words that come without a length "


class Site(SimpleHTTPRequestHandler):
    """Serves a folder, keeps what was asked, and misbehaves as the name of a file says."""

    protocol_version = "HTTP/1.1"
    asked: ClassVar[Counter[tuple[str, str]]] = Counter()
    broken: ClassVar[set[str]] = set()
    wait: ClassVar[float] = 0.0

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_HEAD(self) -> None:
        """What is known of a file."""
        self._answer()

    def do_GET(self) -> None:
        """A file or a folder."""
        self._answer()

    def _answer(self) -> None:
        self.asked[self.command, self.path] += 1
        time.sleep(self.wait)
        name = self.path.rstrip("/").rpartition("/")[2].partition(".")[0]
        known = getattr(self, f"_{name}", None)
        if self.path in self.broken:
            self.send_error(503)
        elif known and not name.startswith("_"):
            known()
        elif self.command == "HEAD":
            super().do_HEAD()
        else:
            super().do_GET()

    def _begin(self, **headers: object) -> None:
        self.send_response(200)
        for key, value in headers.items():
            self.send_header(key.replace("_", "-"), str(value))
        self.end_headers()
        self.close_connection = True

    def _error500(self) -> None:
        self.send_error(500)

    def _error404(self) -> None:
        self.send_error(404)

    def _moved(self, to: str = "/target.txt") -> None:
        self.send_response(302)
        self.send_header("Location", to)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _circle(self) -> None:
        self._moved(self.path)

    def _unsized(self) -> None:
        self._begin(Connection="close", Content_Type="text/plain")
        if self.command == "GET":
            self.wfile.write(WORDS * 100)

    def _cut(self) -> None:
        self._begin(Content_Length=5000)
        if self.command == "GET":
            self.wfile.write(WORDS)

    def _longer(self) -> None:
        size = 10 if self.command == "HEAD" else len(WORDS)
        self._begin(Content_Length=size)
        if self.command == "GET":
            self.wfile.write(WORDS)

    def _headless(self) -> None:
        if self.command == "HEAD":
            self.send_error(405)
        else:
            super().do_GET()

    def _silent(self) -> None:
        while self.command == "GET" and not self.server.closing:  # type: ignore[attr-defined]
            time.sleep(0.02)
        self._begin(Content_Length=11)


class Storage(BaseHTTPRequestHandler):
    """Google's storage as far as reading needs it, with lists in pages; without a folder it refuses everybody."""

    protocol_version = "HTTP/1.1"

    def __init__(self, folder: Path | None, *args: object) -> None:
        self.folder = folder
        super().__init__(*args)  # type: ignore[arg-type]

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        """A list of objects, or one."""
        url = urlsplit(self.path)
        query = {key: values[0] for key, values in parse_qs(url.query).items()}
        if self.folder is None:
            self._send(401, json.dumps({"error": {"code": 401, "message": "Anonymous caller has no access"}}).encode())
        elif url.path == "/storage/v1/b/docs/o":
            self._send(200, json.dumps(self._list(**query)).encode())
        elif (path := self.folder / unquote(url.path.rpartition("/o/c%2F")[2])).is_file():
            self._send(200, path.read_bytes())
        else:
            self._send(404, b"{}")

    def _list(self, prefix: str = "", pageToken: str = "", maxResults: str = "1000", **_: str) -> dict:
        paths = sorted(p for p in self.folder.rglob("*") if p.is_file())  # type: ignore[union-attr]
        named = [(f"c/{path.relative_to(self.folder)}", path.stat()) for path in paths]  # type: ignore[arg-type]
        found = [(name, status) for name, status in named if name.startswith(prefix) and name > pageToken]
        page = found[: int(maxResults)]
        more = {"nextPageToken": page[-1][0]} if len(found) > len(page) else {}
        return {"items": [{"name": n, "size": str(s.st_size), "updated": str(s.st_mtime)} for n, s in page]} | more

    def _send(self, code: int, body: bytes) -> None:
        self.send_response(code)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def running(handler: object) -> Iterator[str]:
    """The address of a server."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)  # type: ignore[arg-type]
    server.daemon_threads, server.closing = True, False  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.closing = True  # type: ignore[attr-defined]
        server.shutdown()
        server.server_close()


@contextmanager
def site(folder: Path) -> Iterator[str]:
    """A folder behind HTTP."""
    Site.asked, Site.broken, Site.wait = Counter(), set(), 0.0
    with running(partial(Site, directory=str(folder))) as url:
        yield url


@contextmanager
def s3(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A folder in a bucket of S3."""
    import s3fs
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    urlopen(f"http://{host}:{port}/moto-api/reset", data=b"").close()
    for name, value in (("ENDPOINT_URL", f"http://{host}:{port}"), ("ACCESS_KEY_ID", "a"), ("SECRET_ACCESS_KEY", "b")):
        monkeypatch.setenv(f"AWS_{name}", value)
    try:
        system = s3fs.S3FileSystem(skip_instance_cache=True)
        system.call_s3("create_bucket", Bucket="docs")
        system.call_s3("put_object", Bucket="docs", Key="c/", Body=b"")  # as its console makes a folder
        for path in sorted(p for p in folder.rglob("*") if p.is_file()):
            body = path.read_bytes()
            system.call_s3("put_object", Bucket="docs", Key=f"c/{path.relative_to(folder)}", Body=body)
        yield "s3://docs/c"
    finally:
        server.stop()


@contextmanager
def gs(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A folder in a bucket of Google's storage."""
    monkeypatch.setenv("GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT", "false")
    import gcsfs
    from gcp_storage_emulator.server import create_server

    server = create_server("127.0.0.1", 0, in_memory=True, default_bucket="docs")
    server.start()
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", f"http://127.0.0.1:{server._api._httpd.server_port}")
    try:
        system = gcsfs.GCSFileSystem(token="anon", skip_instance_cache=True)
        for path in sorted(p for p in folder.rglob("*") if p.is_file()):
            system.pipe_file(f"docs/c/{path.relative_to(folder)}", path.read_bytes())
        yield "gs://docs/c"
    finally:
        server.stop()

"""A corpus behind a URL: counted as a local one, fetched once, and counted again only where it has changed."""

from __future__ import annotations

import os
import threading
from collections import Counter
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest

from tests.cli.helpers import aiplan
from tests.tokens import make
from tests.tokens.test_corpus import fill, true_tokens


class Handler(SimpleHTTPRequestHandler):
    """Serves a folder, keeps what was asked, and fails where it is told to."""

    asked: ClassVar[Counter[tuple[str, str]]] = Counter()
    broken: ClassVar[set[str]] = set()

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        """A file or a folder."""
        self.asked["GET", self.path] += 1
        if self.path in self.broken:
            self.send_error(503)
        else:
            super().do_GET()


@pytest.fixture
def site(tmp_path: Path):
    """A folder and its URL."""
    folder = tmp_path / "c"
    folder.mkdir()
    Handler.asked, Handler.broken = Counter(), set()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield folder, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


def counted(url: str, journal: Path, *more: str) -> dict:
    """The result of a run."""
    done = aiplan("tokens", "--corpus", url, "--journal", str(journal), "-m", "gpt-4o", "--json", *more)
    assert done.code == 0, done.err
    return done.json["corpus"]


def test_a_folder_behind_http_counts_as_a_local_one(tmp_path: Path, site) -> None:
    folder, url = site
    texts = fill(folder, 60)
    found = counted(url, tmp_path / "j")
    assert (found["files"], found["tokens"]) == (60, true_tokens(texts))
    assert found["bytes"] == sum(p.stat().st_size for p in folder.rglob("*") if p.is_file())
    assert len(found["folders"]) == 15
    fetched = [n for (verb, path), n in Handler.asked.items() if path.endswith((".txt", ".docx"))]
    assert (len(fetched), set(fetched)) == (60, {1})


def test_only_what_has_changed_is_fetched_again(tmp_path: Path, site) -> None:
    folder, url = site
    texts = fill(folder, 12)
    counted(url, tmp_path / "j")
    Handler.asked.clear()
    changed = next(p for p in texts if p.endswith(".txt"))
    Path(changed).write_text("new words, and more of them")
    os.utime(changed, (1, 1))
    texts[changed] = "new words, and more of them"
    assert counted(f"{url}/", tmp_path / "j")["tokens"] == true_tokens(texts)
    assert [path for (_, path) in Handler.asked if path.endswith((".txt", ".docx"))] == [
        "/" + str(Path(changed).relative_to(folder))
    ]


def test_what_could_not_be_fetched_is_told_and_tried_again(tmp_path: Path, site) -> None:
    folder, url = site
    for name in ("a.txt", "b.txt"):
        (folder / name).write_text(make.WORDS)
    Handler.broken = {"/a.txt"}
    found = counted(url, tmp_path / "j")
    assert [e["path"] for e in found["errors"]] == [f"{url}/a.txt"]
    assert "cannot be fetched" in found["errors"][0]["error"]
    Handler.broken = set()
    again = counted(url, tmp_path / "j")
    assert (again["unreadable"], again["tokens"]) == (0, 2 * found["tokens"])


def test_one_remote_file_is_a_corpus_of_one(tmp_path: Path, site) -> None:
    folder, url = site
    (folder / "lease.pdf").write_bytes(make.pdf([make.WORDS]))
    assert counted(f"{url}/lease.pdf", tmp_path / "j")["kinds"][0]["kind"] == "pdf"


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://127.0.0.1:9/x", "127.0.0.1:9"),
        ("noscheme://x", "noscheme"),
        ("{site}/none", "404"),
    ],
)
def test_what_is_not_there_is_one_line(site, url: str, words: str) -> None:
    done = aiplan("tokens", "--corpus", url.format(site=site[1]))
    assert done.code == 2
    assert words in done.err
    assert done.err.count("\n") == 1


def test_s3_counts_as_a_local_folder(tmp_path: Path, monkeypatch) -> None:
    server_of = pytest.importorskip("moto.server", reason="needs moto[server] and s3fs")
    s3fs = pytest.importorskip("s3fs")
    server = server_of.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    for name, value in (("ENDPOINT_URL", f"http://{host}:{port}"), ("ACCESS_KEY_ID", "a"), ("SECRET_ACCESS_KEY", "b")):
        monkeypatch.setenv(f"AWS_{name}", value)
    try:
        texts = fill(tmp_path / "c", 24)
        system = s3fs.S3FileSystem()
        system.mkdir("docs")
        system.put(f"{tmp_path}/c/", "docs/c/", recursive=True)
        for _ in range(2):
            found = counted("s3://docs/c", tmp_path / "j")
            assert (found["files"], found["tokens"]) == (24, true_tokens(texts))
    finally:
        server.stop()

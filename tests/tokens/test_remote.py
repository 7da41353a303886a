"""A corpus behind a URL: counted as a local one, fetched once, and counted again only where it has changed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from aiplan.tokens import corpus, store
from aiplan.tokens import reader as reading
from tests.cli.helpers import aiplan
from tests.tokens import make, places
from tests.tokens.places import Site
from tests.tokens.test_corpus import fill, rows, true_tokens

SAME = ("files", "bytes", "tokens", "pages", "unreadable", "kinds", "folders", "histogram", "duplicates", "classes")
"""What does not depend on where a corpus is."""


@pytest.fixture
def site(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A folder and its URL."""
    folder = tmp_path / "c"
    folder.mkdir()
    with places.site(folder) as url:
        yield folder, url


@pytest.fixture(params=["http", "s3", "gs"])
def place(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
    """What serves a folder, as a context with its URL."""
    monkeypatch.setattr(corpus, "BATCH_FILES", 16)
    return places.site if request.param == "http" else partial(getattr(places, request.param), monkeypatch=monkeypatch)


def counted(where: object, journal: Path, *more: str) -> dict:
    """The result of a run."""
    done = aiplan("tokens", "--corpus", str(where), "--journal", str(journal), "-m", "gpt-4o", "--json", *more)
    assert done.code == 0, done.err
    return done.json["corpus"]


def hard(folder: Path) -> None:
    """Files of all kinds, sizes and names."""
    fill(folder, 24)
    (folder / "a b" / "ünï" / ".hidden").mkdir(parents=True)
    for name in ("50%25 off%.txt", "naïve ☃ & more+,=.txt", "[1]*{2}.txt", ".env", "ünï/deep", "ünï/.hidden/not"):
        (folder / "a b" / name).write_text(f"words of {name}\n")
    (folder / "empty.txt").touch()
    (folder / "same.txt").write_text(make.WORDS)
    (folder / "again.txt").write_text(make.WORDS)
    (folder / "lease.pdf").write_bytes(make.pdf([make.WORDS, "second page"]))
    (folder / "scan.pdf").write_bytes(make.pdf([None]))
    (folder / "broken.pdf").write_bytes(b"%PDF-1.7 nothing")
    (folder / "all.zip").write_bytes(make.zipped({"x.txt": make.WORDS, "y.docx": make.docx([make.WORDS])}))
    (folder / "page.html").write_text(f"<html><body><p>{make.WORDS}</p><a href='none.txt'>no file</a></body></html>")
    (folder / "book.epub").write_bytes(make.epub([make.WORDS]))
    (folder / "a.png").write_bytes(make.png(640, 480))
    (folder / "noise.bin").write_bytes(bytes(range(256)) * 20)
    (folder / "long.txt").write_text(f"{make.WORDS}\n" * 200)


def test_it_counts_as_the_same_files_in_a_local_folder(tmp_path: Path, place: Any, monkeypatch) -> None:
    hard(tmp_path / "c")
    monkeypatch.setattr(reading, "LONG", 20_000)
    monkeypatch.setattr(reading, "LARGE", 10_000)
    monkeypatch.setattr("aiplan.tokens.remote.LARGE", 10_000)
    local = counted(tmp_path / "c", tmp_path / "local")
    assert local["unreadable"] == 1
    with place(tmp_path / "c") as url:
        found = counted(url, tmp_path / "j")
        assert {key: found[key] for key in SAME} == {key: local[key] for key in SAME}
        assert [e["error"] for e in found["errors"]] == [e["error"] for e in local["errors"]]
        assert [e["path"] for e in found["errors"]] == [f"{url}/broken.pdf"]
        monkeypatch.setattr(store.Store, "fetch", None)  # nothing is fetched again
        monkeypatch.setattr("aiplan.tokens.served.Served.fetch", None)
        again = counted(f"{url}/", tmp_path / "j")
        assert again | {"journal": ""} == found | {"journal": ""}


def test_shards_and_samples_take_the_files_that_they_take_here(tmp_path: Path, place: Any) -> None:
    fill(tmp_path / "c", 60)
    with place(tmp_path / "c") as url:
        local, far = (
            [counted(where, tmp_path / f"{i}{n}", "--shard", f"{n}/3") for n in (1, 2, 3)]
            for i, where in enumerate((tmp_path / "c", url))
        )
        assert [one["files"] for one in far] == [one["files"] for one in local]
        merged = aiplan("tokens", "merge", *(one["journal"] for one in far), "-m", "gpt-4o", "--json")
        assert merged.json["corpus"]["tokens"] == sum(one["tokens"] for one in local)
        samples = [
            aiplan("tokens", "--corpus", str(where), "--sample", "20", "-m", "gpt-4o", "--json")
            for where in (tmp_path / "c", url)
        ]
        assert samples[0].json["corpus"]["sample"] == samples[1].json["corpus"]["sample"]
        assert samples[0].value("document_tokens") == samples[1].value("document_tokens")


def test_killed_and_started_again_it_counts_nothing_twice(tmp_path: Path, site) -> None:
    folder, url = site
    texts = fill(folder, 700)
    arguments = ["--corpus", url, "--journal", str(tmp_path / "j"), "-m", "gpt-4o", "--json"]
    Site.wait = 0.05
    process = subprocess.Popen(
        [sys.executable, "-m", "aiplan", "tokens", *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    end = time.monotonic() + 60
    while not rows(tmp_path / "j") and time.monotonic() < end and process.poll() is None:
        time.sleep(0.005)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    kept = rows(tmp_path / "j")
    assert 0 < kept < 700
    Site.wait = 0.0
    Site.asked.clear()
    found = counted(url, tmp_path / "j")
    assert (found["files"], found["tokens"], rows(tmp_path / "j")) == (700, true_tokens(texts), 700)
    fetched = [path for verb, path in Site.asked if verb == "GET" and not path.endswith("/")]
    assert len(fetched) == 700 - kept


def test_a_folder_behind_http_is_fetched_once(tmp_path: Path, site) -> None:
    folder, url = site
    texts = fill(folder, 60)
    found = counted(url, tmp_path / "j")
    assert (found["files"], found["tokens"]) == (60, true_tokens(texts))
    fetched = [n for (verb, path), n in Site.asked.items() if verb == "GET" and path.endswith((".txt", ".docx"))]
    assert (len(fetched), set(fetched)) == (60, {1})


def test_only_what_has_changed_is_fetched_again(tmp_path: Path, site) -> None:
    folder, url = site
    texts = fill(folder, 12)
    counted(url, tmp_path / "j")
    Site.asked.clear()
    changed = next(p for p in texts if p.endswith(".txt"))
    Path(changed).write_text("new words, and more of them")
    os.utime(changed, (1, 1))
    texts[changed] = "new words, and more of them"
    assert counted(f"{url}/", tmp_path / "j")["tokens"] == true_tokens(texts)
    fetched = [path for verb, path in Site.asked if verb == "GET" and path.endswith((".txt", ".docx"))]
    assert fetched == ["/" + str(Path(changed).relative_to(folder))]


def test_what_could_not_be_fetched_is_told_and_tried_again(tmp_path: Path, site) -> None:
    folder, url = site
    for name in ("a.txt", "b.txt"):
        (folder / name).write_text(make.WORDS)
    Site.broken = {"/a.txt"}
    found = counted(url, tmp_path / "j")
    assert [e["path"] for e in found["errors"]] == [f"{url}/a.txt"]
    assert "cannot be fetched" in found["errors"][0]["error"]
    Site.broken = set()
    again = counted(url, tmp_path / "j")
    assert (again["unreadable"], again["tokens"]) == (0, 2 * found["tokens"])


def test_each_file_of_a_bad_server_is_counted_or_has_its_reason(tmp_path: Path, site) -> None:
    folder, url = site
    names = "error404 error500 moved circle unsized cut longer headless target"
    for name in names.split():
        (folder / f"{name}.txt").write_text("hello there")
    (folder / "error500").mkdir()
    (folder / "error500" / "lost.txt").write_text("not seen")
    (folder / "up").symlink_to(folder)
    found = counted(url, tmp_path / "j")
    assert {e["path"].removeprefix(url): e["error"] for e in found["errors"]} == {
        "/circle.txt": "it cannot be fetched (too many redirects)",
        "/cut.txt": "it cannot be fetched (it breaks off before its end)",
        "/error404.txt": "it cannot be fetched (404 Not Found)",
        "/error500.txt": "it cannot be fetched (500 Internal Server Error)",
        "/error500/": "this folder could not be listed (500 Internal Server Error)",
        "/longer.txt": "it cannot be fetched (it is longer than its server said)",
        "/up/": "this folder could not be listed (it lists what a folder above it lists)",
    }
    good = {"moved": "hello there", "target": "hello there", "headless": "hello there", "unsized": places.WORDS * 100}
    texts = {name: text if isinstance(text, str) else text.decode() for name, text in good.items()}
    assert (found["files"], found["tokens"]) == (len(names.split()) + 2, true_tokens(texts))
    assert found["bytes"] == sum(map(len, good.values())) + 5000 + 10


def test_a_server_that_says_nothing_is_given_up(tmp_path: Path, site, monkeypatch) -> None:
    folder, url = site
    (folder / "silent.txt").write_text("hello there")
    monkeypatch.setattr(store, "QUIET", 2.0)
    errors = [{"path": f"{url}/silent.txt", "error": "it cannot be fetched (no answer in time)"}]
    assert counted(url, tmp_path / "j")["errors"] == errors


def test_files_without_a_size_are_in_a_sample_by_their_number(tmp_path: Path, site) -> None:
    folder, url = site
    for i in range(30):
        (folder / str(i)).mkdir()
        (folder / str(i) / "unsized.txt").touch()
    done = aiplan("tokens", "--corpus", url, "--sample", "5", "-m", "gpt-4o", "--json")
    assert done.value("document_tokens") == 30 * true_tokens({"": (places.WORDS * 100).decode()})


def test_links_that_are_no_files_of_the_folder_are_left_alone(tmp_path: Path, site) -> None:
    folder, url = site
    (folder / "c" / "sub").mkdir(parents=True)
    (folder / "secret.txt").write_text("elsewhere")
    links = "?C=N;O=D #top ../ ../secret.txt mailto:a@b.org javascript:f() //other.host/x.txt http://[bad sub/?C=M"
    links += " a&amp;b.txt sub/deep.txt sub"
    links += f" {url.replace('http:', 'https:')}/c/other-scheme.txt"
    (folder / "c" / "index.html").write_text("".join(f'<a href="{link}">{link}</a>\n' for link in links.split()))
    for name in ("a&b.txt", "sub/deep.txt", "sub/own.txt", "other-scheme.txt"):
        (folder / "c" / name).write_text("hello there")
    found = counted(f"{url}/c", tmp_path / "j")
    assert (found["files"], found["tokens"], found["unreadable"]) == (4, 8, 0)
    parts = [counted(f"{url}/c", tmp_path / f"j{n}", "--shard", f"{n}/2")["files"] for n in (1, 2)]
    assert sum(parts) == 4


def test_one_remote_file_is_a_corpus_of_one(tmp_path: Path, place: Any) -> None:
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "lease.pdf").write_bytes(make.pdf([make.WORDS]))
    with place(tmp_path / "c") as url:
        found = counted(f"{url}/lease.pdf", tmp_path / "j")
        assert [(k["kind"], k["files"]) for k in found["kinds"]] == [("pdf", 1)]


def test_a_file_that_leads_elsewhere_keeps_its_name(tmp_path: Path, site) -> None:
    folder, url = site
    (folder / "a b").mkdir()
    (folder / "target.txt").write_text("hello there")
    for _ in range(2):
        found = counted(f"{url}/a b/moved.txt", tmp_path / "j")
        assert (found["tokens"], [f["folder"] for f in found["folders"]]) == (2, ["."])
    assert Site.asked["GET", "/target.txt"] == 1


def test_a_bucket_is_listed_page_by_page(tmp_path: Path, monkeypatch) -> None:
    folder = tmp_path / "c"
    texts = fill(folder, 24)
    (folder / "d0" / "a#b?c;d.txt").write_text("hello there")
    texts["odd"] = "hello there"
    monkeypatch.setattr(store, "PAGE", 7)
    with places.s3(folder, monkeypatch) as url:
        found = counted(url, tmp_path / "s3")
        assert (found["files"], found["tokens"]) == (25, true_tokens(texts))
    with places.running(partial(places.Storage, folder)) as url:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", url)
        found = counted("gs://docs/c", tmp_path / "gs")
        assert (found["files"], found["tokens"]) == (25, true_tokens(texts))


def test_what_the_requests_of_a_store_cost_is_said_once(tmp_path: Path, monkeypatch) -> None:
    fill(tmp_path / "c", 5)
    with places.running(partial(places.Storage, tmp_path / "c")) as url:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", url)
        told = [
            [a["source"] for a in aiplan(*arguments).json["assumptions"] if "a million" in a["source"]]
            for arguments in [("tokens", "--corpus", "gs://docs/c", "--journal", str(tmp_path / "j"), "--json")] * 2
        ]
    assert "5 were fetched, a request each: $0.000002 at $0.40 a million" in told[0][0]
    assert told[1] == []


def test_other_file_systems_are_walked(tmp_path: Path) -> None:
    hard(tmp_path / "c")
    local = counted(tmp_path / "c", tmp_path / "local")
    found = counted(f"file://{tmp_path}/c", tmp_path / "j")
    assert {key: found[key] for key in SAME} == {key: local[key] for key in SAME}


def refused(url: str) -> str:
    """The one line that a URL gives."""
    done = aiplan("tokens", "--corpus", url)
    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1), done
    return done.err


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://127.0.0.1:9/x", "127.0.0.1:9"),
        ("http://[bad", "http://[bad"),
        ("{site}/none", "404"),
        ("{site}/", "no files"),
        ("foo://x", "foo:// is not known"),
        ("htps://x/y", "nearest: https"),
        ("s3://", "names no bucket"),
        ("gs:///x", "names no bucket"),
        ("https://", "names no server"),
        ("https://me:secret@h/x", "--corpus https://h: a password"),
    ],
)
def test_what_is_not_there_is_one_line(site, url: str, words: str) -> None:
    assert words in refused(url.format(site=site[1]))


def test_buckets_that_are_not_there_or_closed_are_one_line(tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "c").mkdir()
    with places.s3(tmp_path / "c", monkeypatch):
        assert "bucket does not exist" in refused("s3://none/c")
        assert "no files" in refused("s3://docs/c/")
        assert "s3://docs/none" in refused("s3://docs/none")
    with places.gs(tmp_path / "c", monkeypatch):
        assert "it is not there" in refused("gs://none/c")
        assert "gs://docs/none" in refused("gs://docs/none")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    with places.running(partial(places.Storage, None)) as url:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", url)
        assert "Anonymous caller has no access" in refused("gs://docs/c")


@pytest.mark.parametrize(
    ("url", "module", "extra"),
    [("https://h/x", "aiohttp", "remote"), ("s3://b/x", "s3fs", "s3"), ("gs://b/x", "gcsfs", "gs")],
)
def test_a_missing_extra_is_named(url: str, module: str, extra: str) -> None:
    code = f"import sys; sys.modules[{module!r}] = None; from aiplan.cli.app import run; sys.exit(run(sys.argv[1:]))"
    done = subprocess.run(
        [sys.executable, "-c", code, "tokens", "--corpus", url], capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"Error: --corpus {url} needs the extra: pip install 'aiplan[{extra}]'\n"

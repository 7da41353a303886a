"""A corpus is counted once and whole: after a kill, in shards, with broken files and duplicates in it."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from aiplan.errors import UserError
from aiplan.tokens import corpus
from aiplan.tokens import reader as reading
from aiplan.tokens.count import Counters
from aiplan.tokens.models import Registry
from aiplan.tokens.reader import File, Reader
from tests.cli.helpers import aiplan
from tests.tokens import make, texts


def fill(folder: Path, files: int = 120) -> dict[str, str]:
    """A corpus of text and DOCX with its true texts by path; and what cannot be read."""
    texts = {}
    for i in range(files):
        text = f"{make.WORDS} File {i}.\n" * (i % 7 + 1)
        path = folder / f"d{i % 5}" / f"e{i % 3}" / f"f{i}.{'docx' if i % 4 == 0 else 'txt'}"
        path.parent.mkdir(parents=True, exist_ok=True)
        if i % 4 == 0:
            path.write_bytes(make.docx(text.splitlines()))
            texts[str(path)] = "\n".join([*text.splitlines(), "left\tright\tfoot"])
        else:
            path.write_text(text)
            texts[str(path)] = text
    return texts


def true_tokens(texts: dict[str, str]) -> int:
    """The sum of their counts."""
    return sum(c.tokens for c in Counters().count(list(texts.values()), "o200k"))


def counted(folder: Path, journal: Path, *more: str) -> dict:
    """The result of a run."""
    done = aiplan("tokens", "--corpus", str(folder), "--journal", str(journal), "-m", "gpt-4o", "--json", *more)
    assert done.code == 0, done.err
    return done.json


def test_totals_are_the_sum_of_the_files(tmp_path: Path) -> None:
    texts = fill(tmp_path / "c")
    found = counted(tmp_path / "c", tmp_path / "j")
    assert found["quantities"]["document_tokens"]["value"] == true_tokens(texts)
    assert found["quantities"]["documents"]["value"] == 120
    of = found["corpus"]
    assert {k["kind"]: k["files"] for k in of["kinds"]} == {"text": 90, "docx": 30}
    assert sum(k["tokens"] for k in of["folders"]) == of["tokens"]
    assert sum(b["files"] for b in of["histogram"]) == 120
    assert len(of["folders"]) == 15


def test_cost_is_that_of_each_file_as_a_request(tmp_path: Path) -> None:
    fill(tmp_path / "c")
    found = counted(tmp_path / "c", tmp_path / "j", "--output", "10")["quantities"]
    tokens = found["document_tokens"]["value"]
    assert found["cost"]["value"] == pytest.approx(tokens * 2.5e-6 + 120 * 10 * 1e-5)
    assert found["context_share"]["value"] < 0.01


def test_prices_are_those_of_one_request_and_not_of_the_whole(tmp_path: Path) -> None:
    for i in range(40):  # together in the dear tier of this model, each far below it
        (tmp_path / "c").mkdir(exist_ok=True)
        (tmp_path / "c" / f"{i}.txt").write_text("word " * 6000)
    model = Registry().find("gemini-2.5-pro")
    for share in (0.0, 0.5):
        arguments = ["tokens", "--corpus", str(tmp_path / "c"), "--journal", str(tmp_path / "j")]
        found = aiplan(*arguments, "--cached", str(share), "-m", "gemini-2.5-pro", "--json")
        one, whole = model.price(6000, 1000, cached=share), model.price(240_000, 1000, cached=share)
        assert found.value("document_tokens") > 220_000
        assert found.value("price_per_input_token") == pytest.approx(one.input / 6000) != whole.input / 240_000
        assert found.value("price_per_output_token") == pytest.approx(one.output / 1000) != whole.output / 1000


def test_a_second_run_counts_only_what_has_changed(tmp_path: Path) -> None:
    texts = fill(tmp_path / "c")
    counted(tmp_path / "c", tmp_path / "j")
    changed, gone = [p for p in texts if p.endswith(".txt")][:2]
    Path(changed).write_text("new words")
    Path(gone).unlink()
    (tmp_path / "c" / "new.txt").write_text("one more")
    texts |= {changed: "new words", "new": "one more"}
    del texts[gone]
    found = counted(tmp_path / "c", tmp_path / "j")
    assert found["corpus"]["tokens"] == true_tokens(texts)
    assert found["corpus"]["files"] == 120


def test_killed_and_started_again_it_counts_nothing_twice_and_nothing_never(tmp_path: Path) -> None:
    texts = fill(tmp_path / "c", 1600)
    journal = tmp_path / "j"
    command = ["tokens", "--corpus", str(tmp_path / "c"), "--journal", str(journal), "-m", "gpt-4o", "--json"]
    kept = []
    for _ in range(3):
        before = rows(journal)
        process = subprocess.Popen(
            [sys.executable, "-m", "aiplan", *command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        end = time.monotonic() + 60
        while rows(journal) <= before and time.monotonic() < end and process.poll() is None:
            time.sleep(0.002)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        kept.append(rows(journal))
    assert 0 < kept[0] < 1600
    assert kept == sorted(kept)
    found = counted(tmp_path / "c", journal)
    assert found["corpus"]["files"] == 1600 == rows(journal)
    assert found["corpus"]["tokens"] == true_tokens(texts)


def rows(journal: Path) -> int:
    """Rows in a journal that may be in use, or not be there yet."""
    try:
        with sqlite3.connect(f"file:{journal}?mode=ro", uri=True) as db:
            return db.execute("SELECT count(*) FROM files").fetchone()[0]
    except sqlite3.Error:
        return 0


def test_shards_are_disjoint_and_merge_to_the_whole(tmp_path: Path) -> None:
    texts = fill(tmp_path / "c")
    journals = []
    for i in (1, 2, 3):
        journals.append(str(tmp_path / f"s{i}"))
        counted(tmp_path / "c", Path(journals[-1]), "--shard", f"{i}/3")
    whole = counted(tmp_path / "c", tmp_path / "whole")
    merged = aiplan("tokens", "merge", *journals, "-m", "gpt-4o", "--json")
    assert merged.code == 0
    assert merged.json["corpus"]["tokens"] == true_tokens(texts)
    for key in ("files", "bytes", "kinds", "histogram", "duplicates", "classes"):
        assert merged.json["corpus"][key] == whole["corpus"][key]
    twice = aiplan("tokens", "merge", *journals, journals[0], "-m", "gpt-4o", "--json")
    assert twice.json["corpus"]["tokens"] == true_tokens(texts)
    part = aiplan("tokens", "merge", *journals[:2], "-m", "gpt-4o", "--json")
    assert part.code == 1
    assert [w["message"] for w in part.json["warnings"] if w["code"] == "incomplete"] == ["shard 3/3 is missing"]


def test_journals_of_other_corpora_do_not_mix(tmp_path: Path) -> None:
    for name in ("a", "b"):
        fill(tmp_path / name, 4)
        counted(tmp_path / name, tmp_path / f"j{name}")
    assert aiplan("tokens", "merge", str(tmp_path / "ja"), str(tmp_path / "jb")).code == 2
    clash = aiplan("tokens", "--corpus", str(tmp_path / "b"), "--journal", str(tmp_path / "ja"), "-m", "gpt-4o")
    assert clash.code == 2
    assert "--fresh" in clash.err


def test_errors_are_listed_and_duplicates_reported(tmp_path: Path) -> None:
    folder = tmp_path / "c"
    folder.mkdir()
    for name in ("a.txt", "b.txt", "c.txt"):
        (folder / name).write_text("the same words")
    (folder / "bad.pdf").write_bytes(b"%PDF-1.7 nothing")
    (folder / "bomb.docx").write_bytes(make.zip_bomb(300))
    (folder / "noise.bin").write_bytes(bytes(range(256)))
    os.mkfifo(folder / "pipe.txt")
    os.symlink(folder, folder / "loop")
    of = counted(folder, tmp_path / "j")["corpus"]
    assert [Path(e["path"]).name for e in of["errors"]] == ["bad.pdf", "bomb.docx"]
    assert of["duplicates"] == {"files": 2, "bytes": 28, "tokens": 6, "groups": 1}
    assert (of["files"], of["unreadable"], of["tokens"]) == (6, 2, 9)


def test_scanned_pages_and_pictures_are_priced(tmp_path: Path) -> None:
    folder = tmp_path / "c"
    folder.mkdir()
    (folder / "scan.pdf").write_bytes(make.pdf([None, None]))
    (folder / "a.png").write_bytes(make.png(1024, 1024))
    found = counted(folder, tmp_path / "j")
    assert found["quantities"]["document_tokens"]["value"] == 765 + 2 * 765


def test_a_sample_says_how_sure_it_is(tmp_path: Path) -> None:
    texts = fill(tmp_path / "c", 600)
    truth = true_tokens(texts)
    inside = 0
    for seed in map(str, range(10)):
        arguments = ("--sample", "150", "--seed", seed, "-m", "gpt-4o", "--json")
        done = aiplan("tokens", "--corpus", str(tmp_path / "c"), *arguments)
        sample = done.json["corpus"]["sample"]
        value = done.json["quantities"]["document_tokens"]
        assert sample["files"] < 300
        assert value["p10"] <= value["value"] <= value["p90"]
        assert value["value"] == pytest.approx(truth, rel=0.05)
        inside += sample["low"] <= truth <= sample["high"]
    assert inside >= 7


def test_names_of_any_bytes_are_counted(tmp_path: Path) -> None:
    folder = tmp_path / "c"
    folder.mkdir()
    with open(os.fsencode(folder) + b"/bad\xff\x1b[31m.txt", "w") as file:
        file.write("one two")
    done = aiplan("tokens", "--corpus", str(folder), "--journal", str(tmp_path / "j"))
    assert done.code == 0
    assert "\x1b" not in done.out


@pytest.mark.parametrize("text", ["0/3", "4/3", "1", "a/b", "1/0"])
def test_wrong_shards(text: str) -> None:
    with pytest.raises(UserError, match="i/n"):
        corpus.read_shard(text)


@pytest.mark.parametrize("content", [b"", b"no database", None])
def test_merge_of_what_is_no_journal(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "j"
    if content is not None:
        path.write_bytes(content)
    assert aiplan("tokens", "merge", str(path)).code == 2


def test_progress_says_rate_and_time_left() -> None:
    progress = corpus.Progress()
    progress.files, progress.bytes = 10_000, 10**8
    assert "10,000 files, 100 MB, 5,000 files/s, 50 MB/s, time left not known yet" in progress.line(progress.began + 2)
    progress.total = 30_000, 3 * 10**8
    assert "10,000 of 30,000 files" in progress.line(progress.began + 2)
    assert progress.line(progress.began + 2).rstrip().endswith(", 4 s left")
    progress.known_files, progress.known_bytes = 20_000, 2 * 10**8
    assert progress.line(progress.began + 2).rstrip().endswith(", 0 s left")


def test_the_files_are_counted_beside_long_work(monkeypatch, capsys) -> None:
    monkeypatch.setattr(corpus, "SURVEY", 0.0)
    progress = corpus.Progress()
    progress.survey(lambda: iter([File("a", 5, 0), File("b", 6, 0)]))
    assert progress._survey is not None
    progress._survey.join()
    assert progress.total == (2, 11)


def test_json_of_a_corpus_is_the_contracts_object(tmp_path: Path) -> None:
    fill(tmp_path / "c", 8)
    done = aiplan("tokens", "--corpus", str(tmp_path / "c"), "--journal", str(tmp_path / "j"), "--json")
    assert json.loads(done.out)["schema"] == "aiplan.result/1"
    assert done.json["models"][0]["cost"] <= done.json["models"][-1]["cost"]
    for name in ("cost", "reading_time", "context_share"):
        assert done.json["quantities"][name]["why_null"]


def test_a_remote_folder_counts_as_a_local_one(tmp_path: Path) -> None:
    import fsspec

    texts = fill(tmp_path / "c", 60)
    memory = fsspec.filesystem("memory")
    memory.put(str(tmp_path / "c"), "/far", recursive=True)
    arguments = ["tokens", "--corpus", "memory://far", "--journal", str(tmp_path / "j"), "-m", "gpt-4o", "--json"]
    for _ in range(2):
        of = aiplan(*arguments).json["corpus"]
        assert (of["files"], of["tokens"]) == (60, true_tokens(texts))
    assert {k["kind"]: k["files"] for k in of["kinds"]} == {"text": 45, "docx": 15}
    assert len(of["folders"]) == 15
    assert aiplan("tokens", "--corpus", "memory://none").code == 2
    assert aiplan("tokens", "--corpus", "noscheme://none").code == 2


@pytest.mark.parametrize("vocabulary", ["o200k", "cl100k", "llama-3", "deepseek-3", "qwen-3", "tekken"])
def test_a_long_text_is_counted_part_by_part_as_the_whole(tmp_path: Path, monkeypatch, vocabulary: str) -> None:
    monkeypatch.setattr(reading, "LONG", 1000)
    monkeypatch.setattr(reading, "PART", 300)
    sources = [p.read_text() for p in sorted((Path(__file__).parents[2] / "aiplan" / "tokens").glob("*.py"))[:6]]
    text = "\n".join([*sources, *texts.TEXTS.values()] * 2)
    (tmp_path / "long.txt").write_text(text, newline="")
    counters = Counters()
    file = next(corpus.listed(tmp_path))
    reader = Reader(counters, vocabulary, tmp_path)
    row = reader.count(reader.read([file]))[0]
    assert row.tokens == counters.count([text], vocabulary)[0].tokens
    monkeypatch.setattr(reading, "LONG", 1 << 30)
    whole = reader.count(reader.read([file]))[0]
    assert (row.tokens, row.hash, row.kind) == (whole.tokens, whole.hash, whole.kind)


def test_a_sample_of_pictures_counts_them(tmp_path: Path) -> None:
    for i in range(200):
        (tmp_path / "c").mkdir(exist_ok=True)
        (tmp_path / "c" / f"{i}.png").write_bytes(make.png(1000 + i % 3, 800))
        (tmp_path / "c" / f"{i}.txt").write_text(make.WORDS * (i % 5 + 1))
    whole = counted(tmp_path / "c", tmp_path / "j")["quantities"]["document_tokens"]["value"]
    done = aiplan("tokens", "--corpus", str(tmp_path / "c"), "-m", "gpt-4o", "--sample", "100", "--json").json
    assert done["quantities"]["document_tokens"]["value"] == pytest.approx(whole, rel=0.05)
    assert done["corpus"]["sample"]["low"] <= whole <= done["corpus"]["sample"]["high"]
    assert done["corpus"]["sample"]["low"] > 200 * 765


def test_a_corpus_of_scans_may_be_beyond_the_window(tmp_path: Path) -> None:
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "scan.pdf").write_bytes(make.pdf([None] * 200))
    found = counted(tmp_path / "c", tmp_path / "j")
    assert found["quantities"]["context_share"]["value"] > 1
    assert any(w["code"] == "beyond-window" for w in found["warnings"])


def test_a_corpus_is_not_sent_as_pdf(tmp_path: Path) -> None:
    done = aiplan("tokens", "--corpus", str(tmp_path), "--as", "pdf")
    assert done.code == 2
    assert "--as pdf" in done.err

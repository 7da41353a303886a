"""The guide "add a chip, a model or a price", followed to the letter: its files saved, its commands run in order."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

GUIDE = Path(__file__).parents[2] / "docs/add.md"
BLOCK = re.compile(r"(?:saved as `([^`\n]+)`:\n\n)?```(\w+)\n(.*?)```", re.DOTALL)


def steps() -> Iterator[tuple[str, str, str]]:
    """Every step in the order of the guide: a file to save, or a command with the output that is shown."""
    for path, language, text in BLOCK.findall(GUIDE.read_text("utf-8")):
        if language == "console":
            for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
                command, _, shown = part.partition("\n")
                yield "run", command, shown.strip()
        else:
            assert path, f"a block of {language} that is not said to be saved anywhere"
            yield "save", path, text


def run(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a line of the guide in a shell, with this aiplan and no settings from outside."""
    shell = f'aiplan() {{ {shlex.quote(sys.executable)} -m aiplan "$@"; }}\n{command}'
    environment = {k: v for k, v in os.environ.items() if k != "AIPLAN_CATALOG"}
    return subprocess.run(
        ["bash", "-c", shell], capture_output=True, text=True, cwd=folder, env=environment, timeout=60
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the whole guide was followed."""
    place = tmp_path_factory.mktemp("guide")
    for kind, what, text in steps():
        if kind == "save":
            path = place / what
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
            continue
        done = run(what, place)
        assert done.returncode == 0, f"$ {what}\n{done.stdout}{done.stderr}"
        if text and text != "...":
            assert done.stdout.strip() == text, what
        if text == "...":
            assert done.stdout.strip(), what
    return place


def test_the_guide_works_from_first_to_last(folder: Path) -> None:
    assert [kind for kind, _, _ in steps()].count("save") == 4
    assert len([what for kind, what, _ in steps() if kind == "run" and what.startswith("aiplan train")]) >= 4
    assert (folder / "our/accelerators/acme-1.yaml").exists()


def test_what_was_added_is_what_is_planned_with(folder: Path) -> None:
    price = "aiplan hardware show h100 --catalog our --json | grep -A1 accelerator_price"
    assert '"value": 24500.0' in run(price, folder).stdout
    assert (
        run("aiplan hardware show h100 --json", folder).stdout
        != run("aiplan hardware show h100 --json --catalog our", folder).stdout
    )
    model = run("aiplan models show acme-lm-9b --catalog our", folder).stdout
    assert "the shape counts 8,902,709,248." in model


def test_the_copy_is_the_entry_as_it_is(folder: Path) -> None:
    copied = run("aiplan hardware show h100 --file", folder).stdout
    assert copied == (GUIDE.parents[1] / "hardware/accelerators/h100-sxm-80gb.yaml").read_text("utf-8")


@pytest.mark.parametrize(
    ("edit", "code", "says"),
    [
        ("s/bf16: 1.2/bf16: 2.4/", 1, "is it the sparse peak"),
        ("s/fp8: 2.4/fp8: 9.6/", 1, "more than twice"),
        ("s/^tdp: 800 W/tdp: 800/", 2, "tdp: 800 needs a unit"),
        ("s/^tdp:/tdpp:/", 2, "there is no field 'tdpp'; nearest: tdp"),
        ("s/^released: 2026-05/released: 2026-08/", 1, "dated 2026-06, before the release in 2026-08"),
    ],
)
def test_a_slip_is_told(folder: Path, edit: str, code: int, says: str) -> None:
    file = folder / "slip/accelerators/acme-1.yaml"
    file.parent.mkdir(parents=True, exist_ok=True)
    text = (folder / "our/accelerators/acme-1.yaml").read_text("utf-8")
    _, before, after, _ = edit.split("/")
    changed = re.sub(before, after, text, flags=re.MULTILINE)
    assert changed != text
    file.write_text(changed, "utf-8")
    done = run("aiplan hardware check slip/accelerators/acme-1.yaml", folder)
    assert done.returncode == code
    assert says in done.stdout + done.stderr

"""The linter, the formatter and the type checker pass: part of the tests, so that one command runs all."""

from __future__ import annotations

import subprocess
import sys

import pytest

from aiplan.docpages import ROOT

FOLDERS = [name for name in ("aiplan", "tests", "benchmarks") if (ROOT / name).is_dir()]
MOST_LINES = 450


@pytest.mark.parametrize(
    "tool",
    [["ruff", "check", *FOLDERS], ["ruff", "format", "--check", *FOLDERS], ["mypy"]],
    ids=["ruff check", "ruff format", "mypy"],
)
def test_tool_passes(tool: list[str]) -> None:
    """The tool has nothing to say."""
    done = subprocess.run([sys.executable, "-m", *tool], cwd=ROOT, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr


def test_modules_are_small() -> None:
    """No module of the program is longer than what one can read in one go."""
    long = {
        str(path.relative_to(ROOT)): count
        for path in (ROOT / "aiplan").rglob("*.py")
        if (count := len(path.read_text("utf-8").splitlines())) > MOST_LINES
    }
    assert not long

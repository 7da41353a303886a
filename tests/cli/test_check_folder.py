"""`aiplan check FOLDER`: every scenario below it in a fixed order; what is none is named and skipped."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.cli.helpers import aiplan

PLAN = "aiplan: 1\nset: {params: 7B, accelerator: h100, accelerators: 64}\nassert: [fits]\n"
FILES = {
    "plans/b.yaml": PLAN,
    "plans/a.yml": PLAN,
    "plans/sub/c.yaml": "aiplan: 1\nbase: ../bases/dense.yaml\nassert: [fits]\n",
    "plans/bases/dense.yaml": PLAN.replace("assert: [fits]\n", ""),
    "plans/pod.yaml": "apiVersion: v1\nmetadata:\n  aiplan: 1\n",
    "plans/chart.yaml": "replicas: {{ .Values.replicas }}\n",
    "plans/.hidden/d.yaml": "aiplan: 1\nset: {parms: 7B}\n",
    "plans/notes.md": "aiplan: 1\n",
    ".git/HEAD": "",
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_every_scenario_below_a_folder(folder: Path) -> None:
    """In the order of their names, each once; the rest is told on standard error and changes no exit code."""
    done = aiplan("check", "plans", "plans/b.yaml")
    assert done.code == 0, done.err
    assert [line.partition(":")[0] for line in done.out.splitlines() if "passed" in line] == [
        "plans/a.yml",
        "plans/b.yaml",
        "plans/sub/c.yaml",
    ]
    assert done.err.splitlines() == [
        "plans/chart.yaml: skipped, no line begins with 'aiplan: 1'",
        "plans/pod.yaml: skipped, no line begins with 'aiplan: 1'",
        "plans/bases/dense.yaml: skipped, a base of others that asserts nothing",
    ]
    assert len(aiplan("run", "plans", "--json").json["results"]) == 3


def test_a_base_with_conditions_is_checked(folder: Path) -> None:
    """No gate is lost because another file builds on it."""
    (folder / "plans/bases/dense.yaml").write_text(PLAN.replace("fits", "run_cost <= $1"))
    done = aiplan("check", "plans")
    assert (done.code, "plans/bases/dense.yaml: failed" in done.out) == (1, True)


@pytest.mark.parametrize("text", ["aiplan: 1\nset: {params: 7B\n", "aiplan: 2\n", '{"aiplan": 1, "sett": {}}\n'])
def test_a_broken_scenario_is_an_error(folder: Path, text: str) -> None:
    """What says that it is a scenario is never skipped."""
    (folder / "plans" / "z.yaml").write_text(text)
    done = aiplan("check", "plans")
    assert (done.code, "plans/z.yaml" in done.err.splitlines()[-1]) == (2, True)


def test_a_folder_without_scenarios_is_an_error(folder: Path) -> None:
    """An empty gate looks green."""
    (folder / "empty").mkdir()
    for name in ("empty", "plans/bases"):
        if name != "empty":
            (folder / name / "dense.yaml").write_text("a: 1\n")
        done = aiplan("check", name)
        assert (done.code, len(done.err.splitlines())) == (2, 1)
        assert f"{name}: this folder holds no scenario" in done.err


def test_a_folder_against_a_revision(folder: Path) -> None:
    """`diff` and `check` compare each file with itself there."""
    git = ["git", "-c", "user.name=nobody", "-c", "user.email=nobody@example.org"]
    (folder / ".git/HEAD").unlink()
    for words in (["init", "-q"], ["add", "plans"], ["commit", "-qm", "first"]):
        subprocess.run([*git, *words], check=True, capture_output=True)
    (folder / "plans/b.yaml").write_text(PLAN.replace("7B", "9B"))
    told = aiplan("diff", "plans", "--compare-to", "HEAD", "--json").json["plans"]
    assert [(plan["plan"], bool(plan["changes"])) for plan in told] == [("a", False), ("b", True), ("c", False)]
    checked = aiplan("check", "plans", "--compare-to", "HEAD", "--assert", "run_cost <= baseline + 10%")
    assert checked.code == 1
    assert checked.out.count("FAILED") == 1

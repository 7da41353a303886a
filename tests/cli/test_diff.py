"""`aiplan diff` and `--compare-to`: what changed, why, and against which revision."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.cli.helpers import aiplan, process

BEFORE = """\
aiplan: 1
name: Ours
base: base.yaml
set: {params: 70B, tokens: 1T, accelerators: 1024}
assert: [run_cost <= $600k, fits, training_days >= 5]
"""
AFTER = """\
aiplan: 1
name: Ours
base: base.yaml
set: {params: 70B, tokens: 1.3T, accelerators: 1024, accelerator: h200, electricity_price: $0.09/kWh}
assert: [run_cost <= $600k, fits, training_days <= 30, capex <= $1M]
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two plans on one base, in the working folder."""
    (tmp_path / "base.yaml").write_text("aiplan: 1\nset: {accelerator: h100}\n")
    (tmp_path / "a.yaml").write_text(BEFORE)
    (tmp_path / "b.yaml").write_text(AFTER)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def plan(*words: str) -> dict[str, Any]:
    found: dict[str, Any] = aiplan("diff", *words, "--json").json["plans"][0]
    return found


def cost(file: str) -> float:
    value: float = aiplan("run", file, "--json").value("run_cost")
    return value


def test_what_changed_is_the_difference_of_the_answers(folder: Path) -> None:
    """Every change is that of the two results; what is the same is not told."""
    found = plan("a.yaml", "b.yaml")
    old, new = (aiplan("run", f, "--json").json["quantities"] for f in ("a.yaml", "b.yaml"))
    assert {"tokens", "run_cost", "training_days"} <= set(found["changes"])
    assert "params" not in found["changes"]
    for name, change in found["changes"].items():
        assert (change["before"], change["after"]) == (old[name]["value"], new[name]["value"])
    same = [n for n in new if n not in found["changes"] and new[n]["value"] is not None]
    assert all(new[n]["value"] == pytest.approx(old[n]["value"], rel=1e-9) for n in same)


def test_causes_add_up_and_favour_no_order(folder: Path) -> None:
    """The parts of the change sum to it, and the way back is the same with the sign turned."""
    forth, back = plan("a.yaml", "b.yaml"), plan("b.yaml", "a.yaml")
    parts = {c["input"]: c["amount"] for c in forth["causes"]}
    assert set(parts) >= {"tokens", "accelerator", "electricity_price"}
    total = forth["changes"]["run_cost"]["after"] - forth["changes"]["run_cost"]["before"]
    assert sum(parts.values()) == pytest.approx(total, rel=2e-3)
    returned = {c["input"]: c["amount"] for c in back["causes"]}
    for name in ("tokens", "accelerator", "electricity_price"):
        assert returned[name] == pytest.approx(-parts[name], rel=1e-9)
    assert sum(c["share"] for c in forth["causes"]) == pytest.approx(1.0, abs=2e-3)


def test_one_cause_is_the_whole_change(folder: Path) -> None:
    """A single input that changed makes all of it."""
    (folder / "c.yaml").write_text(BEFORE.replace("1T", "2T"))
    causes = plan("a.yaml", "c.yaml")["causes"]
    assert [c["input"] for c in causes] == ["tokens"]
    assert causes[0]["amount"] == pytest.approx(cost("c.yaml") - cost("a.yaml"))


def test_assertions_that_turned(folder: Path) -> None:
    """Held and now fails, new and fails, gone; those that hold on both sides are not told."""
    turned = {t["text"]: (t["before"], t["after"]) for t in plan("a.yaml", "b.yaml")["assertions"]}
    assert turned == {
        "run_cost <= $600k": (True, False),
        "capex <= $1M": (None, False),
        "training_days >= 5": (True, None),
    }
    assert "2 assertions now fail" in aiplan("diff", "a.yaml", "b.yaml").out.splitlines()[0]


def test_a_saved_result_is_a_side(folder: Path) -> None:
    """What was saved compares as the file did; a figure of another catalogue is told apart."""
    aiplan("run", "a.yaml", "--json", "-o", "a.json")
    assert plan("a.json", "b.yaml")["changes"] == plan("a.yaml", "b.yaml")["changes"]
    saved = json.loads((folder / "a.json").read_text())
    saved["quantities"]["run_cost"]["value"] *= 2
    (folder / "a.json").write_text(json.dumps(saved))
    causes = plan("a.json", "a.yaml")["causes"]
    assert [c["input"] for c in causes] == ["program or catalogue"]
    assert causes[0]["share"] == pytest.approx(1.0)


def git(folder: Path, *words: str) -> None:
    who = ("-c", "user.email=nobody@example.org", "-c", "user.name=nobody")
    subprocess.run(["git", "-C", str(folder), *who, *words], check=True, capture_output=True)


def test_against_a_revision(folder: Path) -> None:
    """The file and its base as they were there, from a folder below the top too."""
    (folder / "plans").mkdir()
    for name in ("a.yaml", "base.yaml"):
        (folder / name).rename(folder / "plans" / name)
    git(folder, "init", "-q")
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "first")
    old = cost("plans/a.yaml")
    (folder / "plans" / "base.yaml").write_text("aiplan: 1\nset: {accelerator: h200}\n")
    found = plan("plans/a.yaml", "--compare-to", "HEAD")
    assert found["changes"]["run_cost"]["before"] == old
    assert [c["input"] for c in found["causes"]] == ["accelerator"]
    words = ["git", "-C", str(folder), "status", "--porcelain"]
    status = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    assert status == " M plans/base.yaml\n"
    relative = aiplan("check", "plans/a.yaml", "--compare-to", "HEAD", "--assert", "run_cost <= baseline + 1%")
    assert relative.code == 1
    assert "FAILED  run_cost <= baseline + 1%" in relative.out
    loose = aiplan("check", "plans/a.yaml", "--compare-to", "HEAD", "--assert", "run_cost <= baseline + 500%")
    assert "ok      run_cost <= baseline + 500%" in loose.out
    (folder / "new.yaml").write_text("aiplan: 1\nset: {params: 7B}\nassert: [run_cost <= baseline]\n")
    new = aiplan("check", "new.yaml", "--compare-to", "HEAD")
    assert (new.code, "no plan of this name" in new.out) == (1, True)


def test_against_a_file_and_without_a_baseline(folder: Path) -> None:
    """`baseline` takes a scenario or a saved result, and is an error where none is named."""
    (folder / "b.yaml").write_text(AFTER.replace("capex <= $1M", "run_cost <= baseline + 100%"))
    assert aiplan("check", "b.yaml", "--compare-to", "a.yaml").out.count("baseline $") == 1
    missing = aiplan("check", "b.yaml")
    assert (missing.code, "--compare-to" in missing.err) == (2, True)
    assert missing.err.startswith("Error: b.yaml:5:")
    for text in ("run_cost <= baseline * 2", "run_cost <= baseline + $5", "nonesuch <= baseline"):
        assert aiplan("check", "a.yaml", "--compare-to", "a.yaml", "--assert", text).code == 2


def test_the_side_before_is_the_baseline(folder: Path) -> None:
    """A relative condition of the second file holds against the first."""
    for share, turned in (("500%", []), ("1%", [(None, False)])):
        (folder / "b.yaml").write_text(AFTER.replace("[run_cost <= $600k", f"[run_cost <= baseline + {share}"))
        found = plan("a.yaml", "b.yaml")["assertions"]
        assert [(t["before"], t["after"]) for t in found if "baseline" in t["text"]] == turned


def test_markdown_is_a_headline_a_small_table_and_folded_details(folder: Path) -> None:
    """For the comment on a pull request."""
    text = aiplan("diff", "a.yaml", "b.yaml", "-f", "md").out
    lines = text.splitlines()
    assert lines[0].startswith("**Ours: run_cost rises by $")
    assert "(+" in lines[0]
    assert "| run_cost |" in text.partition("<details>")[0]
    assert "| tokens | 1T | 1.3T |" in text.partition("<details>")[2]
    assert text.count("<details>") == text.count("</details>") == 1


def test_names_cannot_inject(folder: Path) -> None:
    """A plan's title is text in Markdown."""
    (folder / "b.yaml").write_text(AFTER.replace("Ours", '"<script>|x"'))
    text = aiplan("diff", "a.yaml", "b.yaml", "-f", "md").out
    assert "<script>" not in text
    assert "&lt;script&gt;\\|x" in text


def test_several_plans_have_one_sentence_above_all(folder: Path) -> None:
    """How many change comes first; what does not change is folded away."""
    top = "aiplan: 1\nset: {accelerator: h100, accelerators: 64, tokens: 1T}\nassert: [run_cost <= $300k]\nplans:\n"
    (folder / "a.yaml").write_text(top + "  one: {set: {params: 7B}}\n  two: {set: {params: 8B}}\n")
    (folder / "b.yaml").write_text(top + "  one: {set: {params: 7B}}\n  two: {set: {params: 70B}}\n")
    text = aiplan("diff", "a.yaml", "b.yaml", "-f", "md").out
    assert text.startswith("**1 of 2 plans change; 1 assertion now fails.**\n\n**two: run_cost rises by")
    assert text.rstrip().endswith("- one\n\n</details>")


def test_several_plans_are_paired(folder: Path) -> None:
    """By their keys; one that is new or gone says so."""
    top = "aiplan: 1\nset: {accelerator: h100, accelerators: 64, tokens: 1T}\nplans:\n"
    (folder / "a.yaml").write_text(top + "  small: {set: {params: 7B}}\n  old: {set: {params: 8B}}\n")
    (folder / "b.yaml").write_text(top + "  new: {set: {params: 9B}}\n  small: {set: {params: 7.5B}}\n")
    found = {p["plan"]: p["status"] for p in aiplan("diff", "a.yaml", "b.yaml", "--json").json["plans"]}
    assert found == {"new": "new", "small": "both", "old": "gone"}


def test_wrong_use_exits_2(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One line each."""
    (folder / "bad.json").write_text(
        '{"schema": "aiplan.result/1", "quantities": {"x": {"value": "much"}}, "inputs": {}}'
    )
    (folder / "worse.json").write_text("{" * 5000)
    for words, said in (
        (("a.yaml",), "takes two files"),
        (("a.yaml", "b.yaml", "--compare-to", "HEAD"), "takes two files"),
        (("a.yaml", "nonesuch.yaml"), "no such file"),
        (("a.yaml", "--compare-to", "HEAD"), "no git repository"),
        (("bad.json", "a.yaml"), "not a number"),
        (("worse.json", "a.yaml"), "not JSON"),
    ):
        done = aiplan("diff", *words)
        assert (done.code, len(done.err.splitlines())) == (2, 1), (words, done)
        assert said in done.err
    git(folder, "init", "-q")
    hostile = aiplan("diff", "a.yaml", "--compare-to", "--output=/tmp/x")
    assert (hostile.code, "nor a revision" in hostile.err) == (2, True)
    monkeypatch.setenv("PATH", "")
    gone = process("diff", "a.yaml", "--compare-to", "HEAD", env={**os.environ, "PATH": ""})
    assert (gone.code, "needs git, which is not installed" in gone.err) == (2, True)

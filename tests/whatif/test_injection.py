"""Names from a file run nothing: not in a spreadsheet, a page, a terminal or the log of a CI job."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

import pytest
import yaml

from tests.cli.helpers import Done, aiplan

EVIL = "=cmd|' /C calc'!A0 <script>alert(1)</script> ![i](http://x.y/z.png) `c` %0A::error::no"
CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
COMMANDS = (
    "run PLANS", "run PLANS -f csv", "run PLANS -f md", "run PLANS -f json", "run PLANS -f yaml", "run PLANS -f jsonl",
    "check PLANS", "check PLANS -f md", "check PLANS -f github", "check PLANS -f junit", "check PLANS -f json",
    "diff ONE TWO", "diff ONE TWO -f md", "diff ONE TWO -f json", "diff PLANS ONE -f md", "levers ONE",
    "levers ONE -f md", "sensitivity ONE", "sensitivity ONE -f csv", "sweep ONE --sweep pue=1.1,1.2",
    "sweep ONE --sweep pue=1.1,1.2 -f csv", "run ONE -f csv", "why capex --params 7B --catalog .",
)  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Plans with hostile titles, keys, claims and file names."""
    one = {
        "aiplan": 1,
        "name": EVIL,
        "set": {"params": "7B", "accelerator": "h100", "accelerators": 64},
        "assert": ["run_cost <= $1"],
        "warn": ["training_days <= 1"],
        "claim": {"id": "<b>", "says": EVIL, "verdict": "loose", "because": EVIL},
    }
    plans = one | {"plans": {"=1+1<b>": {}, "@x|y": {"name": "::error::file"}, "-3": {"name": "+1\n=2"}}}
    (tmp_path / "plans.yaml").write_text(yaml.safe_dump(plans))
    (tmp_path / "=one<i>.yaml").write_text(yaml.safe_dump(one))
    (tmp_path / "two.yaml").write_text(yaml.safe_dump(one | {"set": {**one["set"], "params": "8B"}}))  # type: ignore[dict-item]
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    return tmp_path


def ran(command: str) -> Done:
    names = {"PLANS": "plans.yaml", "ONE": "=one<i>.yaml", "TWO": "two.yaml"}
    return aiplan(*(names.get(word, word) for word in command.split()))


@pytest.mark.parametrize("command", COMMANDS)
def test_names_are_text(folder: Path, command: str) -> None:
    """No control character, no cell that is a formula, no markup, no command at the start of a line."""
    done = ran(command)
    assert done.code in (0, 1), done.err
    text = done.out + done.err
    assert not CONTROL.search(text)
    form = command.rpartition(" -f ")[2] if " -f " in command else "table"
    if form == "csv":
        cells = [cell for row in csv.reader(io.StringIO(done.out)) for cell in row]
        number = re.compile(r"-?[0-9.e+-]+")
        assert not [c for c in cells if c.lstrip()[:1] in tuple("=+-@") and not number.fullmatch(c)]
    if form in ("md", "junit"):
        assert not re.search(r"<(script|b|i)>", text)
    if form == "md":
        assert not re.search(r"(?<!\\)\[[a-z]*(?<!\\)\]\(", text)
        assert not re.search(r"(?<!\\)`", text)
    if form != "github":
        assert not re.search(r"(?m)^\s*::", text)
    else:
        commands = [line for line in text.splitlines() if line.lstrip().startswith("::")]
        assert all(re.match(r"::(error|warning) file=[^:]*,line=\d+,col=\d+,title=[^:]*::", c) for c in commands)
        assert len(commands) == 6


@pytest.mark.parametrize("odd", ["\x1b[2J", "\x9b31m", "\u202e", "\x00", "\x7f", "a\u2028b"])
def test_control_characters_are_refused_where_they_stand(folder: Path, odd: str) -> None:
    """Whichever way they are written, exit 2 names the place."""
    written = "".join(f"\\u{ord(c):04x}" for c in odd)
    for text in (f'aiplan: 1\nname: "{written}"\n', f'aiplan: 1\nset: {{"{written}": 1}}\n'):
        (folder / "odd.yaml").write_text(text)
        done = aiplan("check", "odd.yaml")
        assert (done.code, len(done.err.splitlines())) == (2, 1)
        assert done.err.startswith("Error: odd.yaml:2:")
        assert "control character" in done.err
    (folder / "odd.yaml").write_text(f"aiplan: 1\nname: {odd}\n", encoding="utf-8")
    done = aiplan("check", "odd.yaml")
    assert (done.code, len(done.err.splitlines())) == (2, 1)
    assert not CONTROL.search(done.err)


def test_a_file_whose_name_is_a_command(folder: Path) -> None:
    """The log of a job does not obey it, and the terminal neither."""
    for name in ("::error::x.yaml", "\x1b[31m.yaml", "=1+1.yaml"):
        (folder / name).write_text("aiplan: 1\nset: {params: 7B, accelerators: 8}\nassert: [run_cost <= $1]\n")
        for form in ("text", "md", "junit", "json"):
            done = aiplan("check", name, "-f", form)
            assert done.code == 1
            assert not CONTROL.search(done.out)
            assert not re.search(r"(?m)^\s*::", done.out)

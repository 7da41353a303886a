"""What docs/ci.md shows for GitHub, GitLab, Jenkins and pre-commit does what it says, run as those systems run it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import yaml

from tests.cli.helpers import ROOT

PAGE = (ROOT / "docs" / "ci.md").read_text("utf-8")
GOOD = "aiplan: 1\nset: {params: 7B, accelerator: h100, accelerators: 64}\nassert: [fits]\n"
BAD = GOOD.replace("[fits]", "[fits, run_cost <= $1]")


def example(heading: str, language: str, number: int = 0) -> str:
    """A block of code under a heading."""
    part = PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    return re.findall(rf"```{language}\n(.*?)```", part, re.DOTALL)[number]  # type: ignore[no-any-return]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a plan that passes and one that fails, and our program as `aiplan`."""
    (tmp_path / "plans").mkdir()
    (tmp_path / "plans" / "a.yaml").write_text(GOOD)
    (tmp_path / "plans" / "b.yaml").write_text(BAD)
    (tmp_path / "bin").mkdir()
    for name, words in (("aiplan", "-m aiplan"), ("pip", "-c ''")):  # what is installed is this checkout
        (tmp_path / "bin" / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" {words} "$@"\n')
        (tmp_path / "bin" / name).chmod(0o755)
    return tmp_path


def shell(script: str, folder: Path, **env: str) -> subprocess.CompletedProcess[str]:
    """A step of a pipeline: lines of sh that end at the first failure."""
    path = f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}"
    more = {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT), **env}
    return subprocess.run(["sh", "-e", "-c", script], cwd=folder, env=more, capture_output=True, text=True, timeout=120)


def test_github(folder: Path) -> None:
    """The workflow gives the action inputs that it has; the step without it annotates and writes the summary."""
    workflow: Any = yaml.safe_load(example("GitHub", "yaml"))
    steps = workflow["jobs"]["plans"]["steps"]
    ours = next(step for step in steps if "aiplan" in step["uses"])
    inputs = yaml.safe_load((ROOT / "action.yml").read_text())["inputs"]
    assert set(ours["with"]) <= set(inputs)
    assert {name for name, i in inputs.items() if i["required"]} <= set(ours["with"])
    assert next(step for step in steps if "checkout" in step["uses"])["with"]["fetch-depth"] == 0
    (step,) = yaml.safe_load(example("GitHub", "yaml", 1))
    summary = folder / "summary.md"
    done = shell(step["run"], folder, GITHUB_STEP_SUMMARY=str(summary))
    assert done.returncode == 1, done.stderr
    assert "::error file=plans/b.yaml,line=3,col=16" in done.stdout
    assert "## 1 of 2 plans failed" in summary.read_text()
    (folder / "plans" / "b.yaml").write_text(GOOD)
    assert shell(step["run"], folder).returncode == 0


def test_gitlab(folder: Path) -> None:
    """The job installs an extra that exists, fails with the plan, and leaves the report that it names."""
    job: Any = yaml.safe_load(example("GitLab", "yaml"))["plans"]
    extras = re.findall(r"aiplan\[(\w+)\]", " ".join(job["script"]))
    assert extras
    assert set(extras) <= set(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"])
    done = shell("\n".join(job["script"]), folder)
    assert done.returncode == 1, done.stderr
    assert job["artifacts"]["when"] == "always"
    report = ElementTree.parse(folder / job["artifacts"]["reports"]["junit"]).getroot()
    assert (report.get("tests"), report.get("failures")) == ("3", "1")


def test_jenkins(folder: Path) -> None:
    """The stage's command fails with the plan, and the report is where `junit` looks for it."""
    stage = example("Jenkins", "groovy")
    assert stage.count("{") == stage.count("}")
    (command,) = re.findall(r"sh '([^']*)'", stage)
    (report,) = re.findall(r"junit '([^']*)'", stage)
    assert shell(command, folder).returncode == 1
    failures = [case.get("name") for case in ElementTree.parse(folder / report).iter("testcase") if len(case)]
    assert failures == ["run_cost <= $1"]


def test_pre_commit(folder: Path) -> None:
    """The hooks that are named exist, and check the files of the folder that the page names."""
    named = {hook["id"] for repo in yaml.safe_load(example("pre-commit", "yaml"))["repos"] for hook in repo["hooks"]}
    hooks = {hook["id"]: hook for hook in yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())}
    assert named <= set(hooks)
    check = hooks["aiplan-check"]
    assert re.search(check["files"], "plans/a.yaml")
    assert not re.search(check["files"], "other/a.yaml")
    assert shell(f"{check['entry']} plans/a.yaml", folder).returncode == 0
    assert shell(f"{check['entry']} plans/a.yaml plans/b.yaml", folder).returncode == 1


def test_against_the_main_branch(folder: Path) -> None:
    """The two commands of that section, in a repository whose branch makes the plan dearer."""
    (folder / "plans" / "b.yaml").unlink()
    (folder / "plans" / "a.yaml").rename(folder / "plans" / "fleet.yaml")
    git = "git -c user.name=x -c user.email=x@y.z"
    setup = (
        f"git init -q -b main . && git add plans && {git} commit -qm a && git update-ref refs/remotes/origin/main main"
    )
    assert shell(setup, folder).returncode == 0
    check, diff = example("Against the main branch", "sh").splitlines()
    assert shell(check, folder).returncode == 0
    (folder / "plans" / "fleet.yaml").write_text(GOOD.replace("7B", "9B"))
    done = shell(check, folder)
    assert (done.returncode, "baseline" in done.stdout) == (1, True)
    told = shell(diff, folder).stdout
    assert told.startswith("**fleet: run_cost rises by $")
    assert "| params | 7B | 9B |" in told

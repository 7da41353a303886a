"""The comparison with other tools runs without any of them, and says which are not there."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

PEERS = Path(__file__).parents[2] / "benchmarks" / "peers"


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An interpreter without any installed package."""
    script = tmp_path_factory.mktemp("bare") / "python"
    script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -S "$@"\n', encoding="utf-8")
    script.chmod(0o755)
    return script


def compared(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, str(PEERS), *arguments], capture_output=True, text=True, timeout=300)


@pytest.fixture(scope="module")
def done(bare: Path) -> subprocess.CompletedProcess[str]:
    without = [text for tool in ("llm-analysis", "mlsysim") for text in ("--python", f"{tool}={bare}")]
    return compared("--json", "--only", "llama-3.1-405b", *without)


def tools_of(done: subprocess.CompletedProcess[str]) -> dict[str, dict[str, Any]]:
    (group,) = json.loads(done.stdout)["groups"]
    return {line["tool"].split()[0]: line for line in group["tools"]}


def test_the_group_is_predicted_without_any_other_tool(done: subprocess.CompletedProcess[str]) -> None:
    assert done.returncode == 0, done.stderr
    tools = tools_of(done)
    assert set(tools) == {"aiplan", "Calculon", "flat", "MFU"}
    assert (tools["aiplan"]["predicted"], tools["aiplan"]["refused"]) == (2, 0)
    assert tools["aiplan"]["median"] < 0.3
    assert (tools["Calculon"]["predicted"], tools["Calculon"]["refused"]) == (0, 2)


def test_a_tool_that_is_not_installed_is_one_line(done: subprocess.CompletedProcess[str]) -> None:
    assert len(done.stderr.splitlines()) == 2
    for line, tool in zip(done.stderr.splitlines(), ("llm-analysis", "mlsysim"), strict=True):
        assert line.startswith(f"{tool}: not installed for ")
        assert f"pip install {tool}" in line


def test_an_interpreter_that_is_not_there_is_one_line() -> None:
    done = compared("--only", "llama-3.1-405b", "--python", "mlsysim=/no/such", "--python", "llm-analysis=/no/such")
    assert done.returncode == 0
    assert "mlsysim: /no/such cannot be run (No such file or directory), left out" in done.stderr
    assert "Llama 3.1 405B on 8,192 and 16,384 H100: 2 rows" in done.stdout


def test_an_unknown_tool_is_refused() -> None:
    done = compared("--python", "calculon=x")
    assert done.returncode == 2
    assert "--python 'calculon' is not one of llm-analysis, mlsysim" in done.stderr


def test_the_short_table_says_which_tool_refuses_or_was_not_run() -> None:
    done = compared("--markdown", "--only", "llama-3.1-405b", "--python", "mlsysim=/no", "--python", "llm-analysis=/no")
    head, _, row = done.stdout.splitlines()
    assert head == "| cases | rows | aiplan | llm-analysis | mlsysim | Calculon | MFU of 40% |"
    assert row.startswith("| Llama 3.1 405B on 8,192 and 16,384 H100 | 2 | ")
    assert " | not run | not run | refuses both | " in row

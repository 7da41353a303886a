"""What each command imports: start-up time is decided here, so the set is held by tests and not by a stopwatch."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import aiplan

PROBE = """
import contextlib, io, json, sys
from aiplan.__main__ import main
sys.argv = ["aiplan", *sys.argv[1:]]
code = 0
with contextlib.redirect_stdout(io.StringIO()):
    try:
        main()
    except SystemExit as end:
        code = end.code
print(json.dumps({"code": code, "modules": sorted(sys.modules)}))
"""

# None of them is on the way of a plan. importlib.metadata is: pydantic's plugins ask for it on behalf of typer.
SLOW = {"pint", "numpy", "asyncio", "rich", "scipy", "matplotlib", "jsonschema", "unittest", "multiprocessing"}
PYDANTIC = {"pydantic", "pydantic_core"}


def imported(*arguments: str) -> set[str]:
    """The modules that a command line leaves loaded, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", PROBE, *arguments], capture_output=True, text=True, timeout=60, check=True
    )
    answer = json.loads(done.stdout)
    assert answer["code"] == 0, done.stderr
    return set(answer["modules"])


def test_version_imports_nothing() -> None:
    for flag in ("--version", "-V"):
        modules = imported(flag)
        assert {m for m in modules if m.startswith("aiplan")} == {"aiplan", "aiplan.__main__"}
        assert modules.isdisjoint({"typer", "click", "yaml", "importlib.metadata", "dataclasses", *SLOW, *PYDANTIC})


def test_help_imports_no_command_and_no_formula() -> None:
    modules = imported("--help")
    own = {m for m in modules if m.startswith("aiplan")}
    assert own == {"aiplan", "aiplan.__main__", "aiplan.cli", "aiplan.cli.app", "aiplan.errors"}
    assert modules.isdisjoint({"yaml", "importlib.metadata", *SLOW, *PYDANTIC})


@pytest.mark.parametrize(
    "arguments",
    [
        ["train", "--params", "100T"],
        ["train", "--params", "100T", "--json"],
        ["train", "--params", "70B", "--deadline", "90d", "--format", "csv"],
        ["train", "--budget", "$1M", "--accelerator", "h100", "--format", "md"],
        ["why", "capex", "--params", "100T"],
        ["hardware", "show", "h100"],
        ["models", "show", "llama-3.1-405b"],
        ["convert", "3 GWh", "J"],
    ],
    ids=" ".join,
)
def test_plans_import_only_what_they_use(arguments: list[str]) -> None:
    assert SLOW.isdisjoint(imported(*arguments))


def test_a_format_imports_no_other() -> None:
    ways = {"table": "table", "json": "structured", "csv": "structured", "yaml": "structured", "md": "markdown"}
    for form, module in ways.items():
        modules = imported("train", "--params", "1B", "--format", form)
        found = {m.removeprefix("aiplan.output.") for m in modules if m.startswith("aiplan.output.")}
        assert module in found
        assert found.isdisjoint(set(ways.values()) - {module}), form


def test_a_plan_imports_no_other_command() -> None:
    modules = imported("train", "--params", "1B")
    commands = {m for m in modules if m.startswith("aiplan.cli.")}
    assert commands == {"aiplan.cli.app", "aiplan.cli.options", "aiplan.cli.train"}
    assert modules.isdisjoint({"aiplan.validate", "aiplan.units_pint", "aiplan.specs.scenario", "aiplan.whatif.why"})


def test_pint_is_there_where_it_is_asked_for() -> None:
    """The probe sees what it is meant to see."""
    assert "pint" in imported("convert", "3 hp", "kW")


def test_the_version_is_that_of_the_package() -> None:
    done = subprocess.run([sys.executable, "-m", "aiplan", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"aiplan {aiplan.__version__}\n"


@pytest.mark.parametrize("arguments", [["--version"], ["--help"], ["train", "--params", "1B"]], ids=" ".join)
def test_it_runs_in_an_empty_folder_without_input(tmp_path: Path, arguments: list[str]) -> None:
    command = [sys.executable, "-m", "aiplan", *arguments]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, stdin=subprocess.DEVNULL)
    assert (done.returncode, done.stderr) == (0, b"")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("arguments", [["--version"], ["--help"], ["train", "--params", "1B"]], ids=" ".join)
def test_a_reader_that_leaves_is_no_error(arguments: list[str]) -> None:
    """As in `aiplan ... | head`: the other end of the pipe is closed before anything is written."""
    reader, writer = os.pipe()
    os.close(reader)
    try:
        command = [sys.executable, "-m", "aiplan", *arguments]
        done = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, check=False)
    finally:
        os.close(writer)
    assert done.stderr == b""

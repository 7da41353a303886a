"""The text of the answers, word for word: a change of a number or a sentence is seen, never slipped in.

After a change that is meant: pytest tests/cli/test_snapshots.py --snapshot-update, then read the difference.
"""

from __future__ import annotations

import importlib
import re
from typing import Any

import pytest
import typer
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.single_file import SingleFileSnapshotExtension, WriteMode

from aiplan import __version__
from aiplan.cli.app import COMMANDS
from aiplan.cli.options import FORMATS
from tests.cli.helpers import ESSAY, ROOT, aiplan

PLANS = {
    "100t": "train --params 100T",
    "llama-405b": "train --model llama-3.1-405b --tokens 15.6T --accelerators 16384 --accelerator h100",
}
CASES = {f"train-{plan}-{form}": f"{line} --format {form}" for plan, line in PLANS.items() for form in FORMATS}
CASES |= {
    "why-capex": "why capex --params 100T",
    "why-capex-json": "why capex --params 100T --json",
    "hardware-list": "hardware list",
    "hardware-show-h100": "hardware show h100",
    "hardware-compare": "hardware compare h100 gb200 tpu-v5p",
    "models-list": "models list",
    "models-show-deepseek-v3": "models show deepseek-v3",
    "laws-compare-100t": "laws compare --params 100T",
    "run-capex-100t": f"run {ESSAY / 'capex-100t.yaml'}",
    "check-capex-100t": f"check {ESSAY / 'capex-100t.yaml'}",
}


class OneFileEach(SingleFileSnapshotExtension):
    """A file a case, named for it."""

    _write_mode = WriteMode.TEXT
    file_extension = _file_extension = "txt"

    @classmethod
    def get_snapshot_name(cls, *, test_location: Any, index: Any = 0) -> str:
        """The case, which stands in brackets behind the test's name."""
        test, _, case = str(test_location.snapshot_name).partition("[")
        return f"{test.removeprefix('test_').replace('output', '')}-{case.rstrip(']')}".lstrip("-")


def settled(text: str) -> str:
    """Without what may differ between machines: the version, the folder, the last digits."""
    text = text.replace(__version__, "VERSION").replace(f"{ROOT}/", "")
    return re.sub(r"\d+\.\d{6,}(e[+-]?\d+)?", lambda number: f"{float(number[0]):.9g}", text)


@pytest.mark.parametrize("case", CASES)
def test_output(snapshot: SnapshotAssertion, case: str) -> None:
    done = aiplan(*CASES[case].split())
    assert (done.code, done.err) == (0, "")
    assert settled(done.out) == snapshot(extension_class=OneFileEach)


def words(command: Any, name: str) -> list[str]:
    """What the help of a command says in our own words; how it is laid out is typer's, and differs by version."""
    lines = [f"# {name}", *(command.help or "").strip().splitlines()]
    for parameter in command.params:
        told = parameter.help if parameter.param_type_name == "option" else parameter.metavar  # older ones lose it
        lines.append(f"- {', '.join(parameter.opts)}: {told or ''}")
    for below, one in getattr(command, "commands", {}).items():
        lines += ["", *words(one, f"{name} {below}")]
    return lines


@pytest.mark.parametrize("command", COMMANDS)
def test_help(snapshot: SnapshotAssertion, command: str) -> None:
    found = typer.main.get_command(importlib.import_module(f"aiplan.cli.{command}").app)
    assert "\n".join(words(found, command)) == snapshot(extension_class=OneFileEach)

"""The text of the answers, word for word: a change of a number or a sentence is seen, never slipped in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
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
CASES = {f"train-{plan}.{form}": f"{line} --format {form}" for plan, line in PLANS.items() for form in FORMATS}
CASES |= {f"help-{command}.txt": f"{command} --help" for command in COMMANDS}
CASES |= {
    "help.txt": "--help",
    "why-capex.txt": "why capex --params 100T",
    "why-capex.json": "why capex --params 100T --json",
    "hardware-list.txt": "hardware list",
    "hardware-show-h100.txt": "hardware show h100",
    "hardware-compare.txt": "hardware compare h100 gb200 tpu-v5p",
    "models-list.txt": "models list",
    "models-show-deepseek-v3.txt": "models show deepseek-v3",
    "laws-compare-100t.txt": "laws compare --params 100T",
    "run-capex-100t.txt": f"run {ESSAY / 'capex-100t.yaml'}",
    "check-capex-100t.txt": f"check {ESSAY / 'capex-100t.yaml'}",
}


class OneFileEach(SingleFileSnapshotExtension):
    """A file a case, with the ending of its format, so that a reviewer can read it."""

    _write_mode = WriteMode.TEXT
    file_extension = "txt"


@pytest.fixture
def each(snapshot: SnapshotAssertion) -> Iterator[Any]:
    yield snapshot.use_extension(OneFileEach)


@pytest.mark.parametrize("line", CASES.values(), ids=CASES)
def test_output(each: SnapshotAssertion, line: str) -> None:
    done = aiplan(*line.split())
    assert (done.code, done.err) == (0, "")
    assert done.out.replace(__version__, "VERSION").replace(f"{ROOT}/", "") == each

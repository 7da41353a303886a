"""The same file, version and seed give the same bytes on another day, in another place, in another order of hashes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.helpers import ROOT

FILE = """
aiplan: 1
name: Ours
set: {params: 70B, tokens: 1T, accelerator: h100, accelerators: 1024}
vary:
  mfu: 30% to 45%
  electricity_price: $0.04/kWh to $0.09/kWh
  site: {choice: [us, sweden]}
assert: [fits, run_cost.p90 <= $2M]
"""
SCRIPT = """
import sys, time
shift = 400 * 86400
for name in ("time", "time_ns", "localtime", "gmtime"):
    real = getattr(time, name)
    setattr(time, name, (lambda real: lambda *a: real(*a) + shift)(real) if name == "time" else real)
import datetime
from aiplan.__main__ import main
main()
"""
PLACES = (
    {"TZ": "UTC", "LC_ALL": "C", "PYTHONHASHSEED": "0"},
    {"TZ": "Asia/Kathmandu", "LC_ALL": "de_DE.UTF-8", "LANG": "tr_TR.UTF-8", "PYTHONHASHSEED": "1"},
    {"TZ": "America/St_Johns", "LC_ALL": "C.UTF-8", "PYTHONHASHSEED": "12345", "COLUMNS": "40", "HOME": "/nowhere"},
)


@pytest.mark.parametrize(
    "command",
    [
        "run plan.yaml --json",
        "check plan.yaml --json",
        "sweep plan.yaml --vary site=us --sweep accelerators=512,1024 --draws 100 -f csv",
        "sensitivity plan.yaml --sobol 64 --json",
        "levers plan.yaml --json",
        "diff plan.yaml other.yaml --json",
        "train --params 70B --set pue=1.3 --set capex=$1B --set energy=3GWh --json",
        "run plan.yaml",
    ],
)
def test_the_same_bytes_everywhere(tmp_path: Path, command: str) -> None:
    """Clock, time zone, locale, hash seed, width and working folder leave no trace."""
    outputs = set()
    for i, place in enumerate(PLACES):
        folder = tmp_path / str(i)
        folder.mkdir()
        (folder / "plan.yaml").write_text(FILE)
        (folder / "other.yaml").write_text(FILE.replace("70B", "80B").replace("h100", "h200"))
        words = [w.replace("site=us", "site={choice: [us, sweden]}") for w in command.split(" ")]
        env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **place}
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT, *words], cwd=folder, env=env, capture_output=True, timeout=120
        )
        assert done.returncode in (0, 1), done.stderr
        outputs.add(done.stdout)
    assert len(outputs) == 1
    assert outputs.pop()

"""Scenario files that nobody should write: one line and exit 2, or an answer; never a traceback, never long."""

from __future__ import annotations

import json
import subprocess
import sys

from aiplan.cli.app import COMMANDS
from aiplan.cli.options import FLAGS
from aiplan.docgen import command_paths, taken
from aiplan.docpages import ROOT
from aiplan.graph import GRAPH


def test_hostile_files_are_refused_in_one_line() -> None:
    """Six hundred of every kind: an answer, or one line; none over 5 s or 500 MB."""
    call = "json.dumps(hostile.main(600, limits=('--draws', '50', '--max-points', '20')))"
    code = f"import json; import aiplan.tokens.formulas; from tests.whatif import hostile; print({call})"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["wrong"] == []
    for kind, codes in found["exits"].items():
        assert set(codes) <= {"0", "1", "2", "3"}, kind
        assert codes.get("2", 0) > 5, kind
    assert sum(codes.get("0", 0) + codes.get("1", 0) for codes in found["exits"].values()) > 20


def test_no_option_takes_the_name_of_a_quantity() -> None:
    """Any quantity is an option of a planning command, so no option of ours may be called as one."""
    assert COMMANDS
    planned = {flag.flag for flag in FLAGS}
    for path, function in command_paths().items():
        options = {word.strip("`- ") for t in taken(function) if not t.is_argument for word in t.spelling.split(",")}
        names = {option.split()[0] for option in options if option} - planned
        if planned <= {option.split()[0] for option in options if option}:
            clash = {name for name in names if name.replace("-", "_") in GRAPH}
            assert not clash, (path, clash)

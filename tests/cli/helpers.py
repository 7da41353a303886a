"""Runs the real command line: in this process where that is the same, else in one of its own."""

from __future__ import annotations

import contextlib
import io
import json
import subprocess
import sys
from typing import Any, NamedTuple

from aiplan.cli.app import run


class Done(NamedTuple):
    """What a command printed and returned."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output as JSON."""
        return json.loads(self.out)

    def value(self, name: str) -> Any:
        """The value of a quantity of a JSON result."""
        return self.json["quantities"][name]["value"]


def aiplan(*arguments: str) -> Done:
    """Run a command line in this process."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = run(arguments)
    return Done(code, out.getvalue(), err.getvalue())


def process(*arguments: str, cwd: str | None = None, env: dict[str, str] | None = None) -> Done:
    """Run a command line as a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "aiplan", *arguments], capture_output=True, text=True, cwd=cwd, env=env, timeout=120
    )
    return Done(done.returncode, done.stdout, done.stderr)

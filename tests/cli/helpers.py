"""Runs the real command line: in this process where that is the same, else in one of its own."""

from __future__ import annotations

import contextlib
import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

from aiplan.cli.app import run

ROOT = Path(__file__).parents[2]
ESSAY = ROOT / "scenarios" / "essay"


def strict(text: str) -> Any:
    """JSON that any reader takes: NaN and Infinity are no JSON."""

    def refuse(word: str) -> Any:
        raise ValueError(f"{word} is not JSON")

    return json.loads(text, parse_constant=refuse)


class Done(NamedTuple):
    """What a command printed and returned."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output as JSON."""
        return strict(self.out)

    def value(self, name: str) -> Any:
        """The value of a quantity of a JSON result."""
        return self.json["quantities"][name]["value"]

    def values(self) -> dict[str, Any]:
        """All values of a JSON result by name."""
        return {name: found["value"] for name, found in self.json["quantities"].items()}

    def codes(self) -> list[str]:
        """The codes of the warnings of a JSON result."""
        return [warning["code"] for warning in self.json["warnings"]]


def aiplan(*arguments: str) -> Done:
    """Run a command line in this process."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = run(arguments)
    return Done(code, out.getvalue(), err.getvalue())


def train(arguments: str, *more: str, code: int = 0) -> Done:
    """Run `aiplan train ARGUMENTS --json`, words apart by spaces, and check its exit code."""
    done = aiplan("train", *arguments.split(), *more, "--json")
    assert done.code == code, (arguments, more, done.code, done.err or done.json["binding"])
    return done


def process(*arguments: str, cwd: str | None = None, env: dict[str, str] | None = None) -> Done:
    """Run a command line as a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "aiplan", *arguments], capture_output=True, text=True, cwd=cwd, env=env, timeout=120
    )
    return Done(done.returncode, done.stdout, done.stderr)

"""What `check` says of each plan: its conditions with the place of each in its file, and whether the plan passes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from aiplan.specs.result import Check
from aiplan.whatif.files import position
from aiplan.whatif.scenario import Answered

EMPTY = "0 assertions: nothing is checked (--allow-empty lets it pass)"


@dataclass(slots=True)
class Line:
    """One outcome: ok, FAILED or warning, and where its condition stands."""

    outcome: str
    text: str
    message: str
    file: Path
    line: int = 1
    column: int = 1


@dataclass(slots=True)
class Verdict:
    """One plan, or one point of a swept one."""

    answered: Answered
    name: str
    asserted: int
    lines: list[Line] = field(default_factory=list)

    @property
    def failed(self) -> bool:
        """Whether anything that must hold does not."""
        return any(line.outcome == "FAILED" for line in self.lines)


def verdicts(answers: Sequence[Answered], *, allow_empty: bool = False) -> list[Verdict]:
    """A verdict for each plan."""
    return [_verdict(a, several=_several(a, answers), allow_empty=allow_empty) for a in answers]


def _several(answered: Answered, answers: Sequence[Answered]) -> bool:
    return sum(a.path == answered.path for a in answers) > 1


def _verdict(answered: Answered, *, several: bool, allow_empty: bool) -> Verdict:
    path, result = answered.path, answered.result
    name = f"{path}: {result.name}" if several and result.name else str(path)
    asserted = [c for c in result.checks if c.kind == "assert"]
    out = Verdict(answered, name, len(asserted))
    seen = {"assert": 0, "warn": 0}
    for check in result.checks:
        word = "ok" if check.passed else "FAILED" if check.kind == "assert" else "warning"
        line = Line(word, check.text, check.message, path)
        if word != "ok":  # only these are pointed at, and finding a place costs a reading of the file
            _locate(line, answered, check, seen[check.kind])
        out.lines.append(line)
        seen[check.kind] += 1
    if answered.impossible:
        message = f"the plan is impossible: {'; '.join(result.binding)}"
        out.lines.append(Line("FAILED", "the plan is possible", message, path))
    if not asserted and not allow_empty:
        out.lines.append(Line("FAILED", "something is asserted", EMPTY, path))
    return out


def _locate(line: Line, answered: Answered, check: Check, index: int) -> None:
    keys = [("plans", answered.key, check.kind, index)] if answered.key else []
    found = position(answered.path, *keys, (check.kind, index))
    if found:
        line.file, line.line, line.column = found

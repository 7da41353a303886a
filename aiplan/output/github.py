"""What GitHub shows: an annotation at the line of each condition that fails, and a summary of the step in Markdown."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from aiplan.errors import UserError
from aiplan.output import clean, escaped
from aiplan.output.checks import text

if TYPE_CHECKING:
    from aiplan.whatif.verdict import Line, Verdict

MOST_BYTES = 900_000  # a step's summary may hold 1 MiB


def annotated(verdicts: Sequence[Verdict]) -> str:
    """The text with a workflow command a failure or warning, which GitHub shows at the line in the pull request."""
    lines = [text(verdicts)]
    for verdict in verdicts:
        for line in verdict.lines:
            if line.outcome == "ok":
                continue
            kind = "error" if line.outcome == "FAILED" else "warning"
            place = f"file={_property(str(line.file))},line={line.line},col={line.column}"
            title = _property(verdict.answered.result.name or str(verdict.answered.path))
            lines.append(f"::{kind} {place},title={title}::{_data(line.message)}")
    return "\n".join(lines)


def _data(text: str) -> str:
    """The text of a workflow command, in which nothing begins another."""
    data = text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    return clean(data)


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def summary(verdicts: Sequence[Verdict]) -> str:
    """Markdown: one sentence, a table of the plans, the conditions that fail, the others folded away."""
    wrong = sum(v.failed for v in verdicts)
    plans = f"{len(verdicts)} plan{'s' if len(verdicts) != 1 else ''}"
    all_of = f"All {plans} passed" if len(verdicts) != 1 else "The plan passed"
    head = f"{wrong} of {plans} failed" if wrong else all_of
    lines = [f"## {head}", "", "| plan | | assertions | answer |", "| --- | --- | ---: | --- |"]
    for v in verdicts:
        mark = "failed" if v.failed else "passed"
        lines.append(f"| {escaped(v.name)} | {mark} | {v.asserted} | {escaped(v.answered.result.headline)} |")
    for heading, outcome in (("Failed", "FAILED"), ("Warnings", "warning")):
        found = [(v, line) for v in verdicts for line in v.lines if line.outcome == outcome]
        if found:
            lines += ["", f"### {heading}", ""]
            lines += [f"- {escaped(_where(v, line))}: {escaped(line.message)}" for v, line in found]
    passed = [(v, line) for v in verdicts for line in v.lines if line.outcome == "ok"]
    if passed:
        lines += ["", f"<details><summary>{len(passed)} conditions hold</summary>", ""]
        lines += [f"- {escaped(v.name)}: {escaped(line.message)}" for v, line in passed]
        lines += ["", "</details>"]
    return "\n".join(lines)


def _where(verdict: Verdict, line: Line) -> str:
    """The place of a condition, and the plan that it is about."""
    name = verdict.answered.result.name
    return f"{line.file}:{line.line}" + (f" ({name})" if name else "")


def write_summary(verdicts: Sequence[Verdict]) -> None:
    """Append the summary to the file that GitHub names for the step, where it names one."""
    target = os.environ.get("GITHUB_STEP_SUMMARY")
    if not target:
        return
    try:
        with open(target, "a", encoding="utf-8") as file:
            file.write(summary(verdicts).encode()[:MOST_BYTES].decode(errors="ignore") + "\n")
    except OSError as error:
        raise UserError(f"cannot write the step summary {target}: {error.strerror}") from None

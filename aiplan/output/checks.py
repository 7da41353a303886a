"""Verdicts on plans: text, JUnit XML, annotations of GitHub, Markdown, JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from aiplan.output import clean

if TYPE_CHECKING:
    from aiplan.whatif.verdict import Verdict

SCHEMA = "aiplan.checks/1"


def render(verdicts: Sequence[Verdict], form: str) -> str:
    """The verdicts in a format: text, junit, github, md or json."""
    if form == "junit":
        from aiplan.output.junit import junit

        return junit(verdicts)
    if form == "github":
        from aiplan.output.github import annotated

        return annotated(verdicts)
    if form == "md":
        from aiplan.output.github import summary

        return summary(verdicts)
    return _json(verdicts) if form == "json" else text(verdicts)


def text(verdicts: Sequence[Verdict]) -> str:
    """A line a plan, and a line a condition below it."""
    lines = []
    for verdict in verdicts:
        word = "failed" if verdict.failed else "passed"
        lines.append(clean(f"{verdict.name}: {word}, {verdict.asserted} assertions"))
        lines += [f"  {clean(f'{line.outcome:8}{line.message}')}" for line in verdict.lines]
    return "\n".join(lines)


def _json(verdicts: Sequence[Verdict]) -> str:
    plans = [
        {
            "file": str(v.answered.path),
            "plan": v.answered.result.name,
            "point": v.answered.point,
            "passed": not v.failed,
            "impossible": v.answered.impossible,
            "assertions": v.asserted,
            "checks": [
                {
                    "text": line.text,
                    "outcome": {"ok": "passed", "FAILED": "failed"}.get(line.outcome, line.outcome),
                    "message": line.message,
                    **({} if line.outcome == "ok" else {"file": str(line.file), "line": line.line}),
                }
                for line in v.lines
            ],
        }
        for v in verdicts
    ]
    whole = {"schema": SCHEMA, "passed": not any(v.failed for v in verdicts), "plans": plans}
    return json.dumps(whole, indent=2, ensure_ascii=False, allow_nan=False)

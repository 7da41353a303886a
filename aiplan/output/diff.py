"""Two plans compared, for people, for a pull request and for programs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from aiplan import units
from aiplan.output import clean, escaped
from aiplan.output.plain import columns
from aiplan.specs.result import YES_OR_NO

if TYPE_CHECKING:
    from aiplan.whatif.diff import Cause, Change, Difference

SCHEMA = "aiplan.diff/1"
HEADLINES = (
    "params tokens training_flops accelerators fits training_days facility_power energy carbon capex run_cost "
    "document_tokens answer_tokens input_cost output_cost cost context_share fits_context reading_time".split()
)


def render(found: Sequence[Difference], form: str, *, everything: bool = False) -> str:
    """The differences in a format: table, md or json."""
    if form == "json":
        return _json(found)
    if form == "md":
        return markdown(found)
    return "\n\n".join(table(each, everything=everything) for each in found)


def headline(diff: Difference) -> str:
    """The change in one sentence."""
    if diff.before is None:
        return f"{diff.name} is new: {diff.after.headline if diff.after else ''}"
    if diff.after is None:
        return f"{diff.name} is gone."
    change = diff.change(diff.of)
    failing = sum(t.after is False for t in diff.turned)
    fails = "1 assertion now fails" if failing == 1 else f"{failing} assertions now fail"
    tail = f" {fails}." if failing else ""
    if change is None or change.before is None or change.after is None:
        what = f"{len(diff.changes)} quantities change" if diff.changes else "nothing changes"
        return f"{diff.name}: {what}{', but not ' + diff.of if diff.changes and change is None else ''}.{tail}"
    verb = "rises" if change.after > change.before else "falls"
    by = units.show(abs(change.after - change.before), change.unit, change.name)
    share = f" ({_percent(change.share)})" if change.share is not None else ""
    span = f"from {_text(change, change.before)} to {_text(change, change.after)}"
    return f"{diff.name}: {diff.of} {verb} by {by}{share}, {span}.{tail}"


def table(diff: Difference, *, everything: bool = False) -> str:
    """The sentence, what changed, why, and what turned."""
    lines = [clean(headline(diff))]
    shown = [c for c in diff.changes if everything or c.name in HEADLINES]
    if shown:
        rows = [(c.name, _text(c, c.before), _text(c, c.after), _percent(c.share)) for c in shown]
        lines += ["", columns(("", "before", "after", "change"), rows, right=(1, 2, 3))]
        hidden = len(diff.changes) - len(shown)
        lines += [f"and {hidden} more quantities (--all)"] if hidden else []
    if diff.causes:
        heading = ("input", "before", "after", f"of the change in {diff.of}", "share")
        rows5 = [_cause(diff, c) for c in diff.causes]
        lines += ["", columns(heading, rows5, right=(3, 4))]
    if diff.turned:
        lines += ["", "Assertions", *(clean(f"- {_turned(t.before, t.after)}: {t.message}") for t in diff.turned)]
    return "\n".join(lines)


def _turned(before: bool | None, after: bool | None) -> str:
    if after is None:
        return f"gone ({'held' if before else 'failed'} before)"
    was = {True: "held", False: "failed", None: "new"}[before]
    return f"{was}, now {'holds' if after else 'FAILS'}"


def _cause(diff: Difference, cause: Cause) -> tuple[str, str, str, str, str]:
    change = diff.change(diff.of)
    unit = change.unit if change else ""
    amount = "" if cause.amount is None else _signed(cause.amount, unit, diff.of)
    share = "" if cause.share is None else f"{round(cause.share, 2) + 0.0:.0%}"
    return cause.name, cause.before or "", cause.after or "", amount, share


def _signed(value: float, unit: str, name: str) -> str:
    return f"{'-' if value < 0 else '+'}{units.show(abs(value), unit, name)}"


def _text(change: Change, value: float | None) -> str:
    if change.name in YES_OR_NO and value in (0.0, 1.0):
        return "yes" if value else "no"
    return units.show(value, change.unit, change.name)


def _percent(share: float | None) -> str:
    if share is None:
        return ""
    return f"{share:+.1%}" if abs(share) < 10 else f"x{share + 1:,.4g}"


def markdown(found: Sequence[Difference]) -> str:
    """For a pull request: the headlines, a small table, the details folded away."""
    lines = [f"**{_overall(found)}**", ""] if len(found) > 1 else []
    same = [diff for diff in found if diff.before and diff.after and not diff.changes and not diff.turned]
    for diff in found:
        if len(found) > 1 and diff in same:
            continue
        lines += [f"**{escaped(headline(diff))}**", ""]
        shown = [c for c in diff.changes if c.name in HEADLINES]
        if shown:
            lines += ["| quantity | before | after | change |", "| --- | ---: | ---: | ---: |"]
            lines += [_row(c) for c in shown] + [""]
        failing = [t for t in diff.turned if t.after is False]
        if failing:
            lines += [*(f"- **{_turned(t.before, t.after)}**: {escaped(t.message)}" for t in failing), ""]
        rest = [c for c in diff.changes if c.name not in HEADLINES]
        others = [t for t in diff.turned if t.after is not False]
        if diff.causes or rest or others:
            lines += ["<details><summary>Why, and everything that changes</summary>", ""]
            if diff.causes:
                lines += [f"| input | before | after | of the change in {diff.of} | share |"]
                lines += ["| --- | --- | --- | ---: | ---: |"]
                lines += [f"| {' | '.join(escaped(cell) for cell in _cause(diff, c))} |" for c in diff.causes] + [""]
            if rest:
                lines += ["| quantity | before | after | change |", "| --- | ---: | ---: | ---: |"]
                lines += [_row(c) for c in rest] + [""]
            lines += [*(f"- {_turned(t.before, t.after)}: {escaped(t.message)}" for t in others)]
            lines += ["", "</details>", ""] if others else ["</details>", ""]
    if same and len(found) > 1:
        lines += ["<details><summary>Plans that do not change</summary>", ""]
        lines += [*(f"- {escaped(diff.name)}" for diff in same), "", "</details>"]
    return "\n".join(lines).rstrip("\n")


def _overall(found: Sequence[Difference]) -> str:
    """The sentence over several plans."""
    failing = sum(t.after is False for diff in found for t in diff.turned)
    moved = sum(bool(diff.changes or diff.turned or not diff.before or not diff.after) for diff in found)
    fails = f"; {failing} assertion{'s' if failing != 1 else ''} now fail{'s' if failing == 1 else ''}"
    return f"{moved} of {len(found)} plans change{fails if failing else ''}."


def _row(change: Change) -> str:
    cells = (change.name, _text(change, change.before), _text(change, change.after), _percent(change.share))
    return f"| {' | '.join(escaped(cell) for cell in cells)} |"


def _json(found: Sequence[Difference]) -> str:
    whole = {"schema": SCHEMA, "plans": [_object(diff) for diff in found]}
    return json.dumps(whole, indent=2, ensure_ascii=False, allow_nan=False)


def _object(diff: Difference) -> dict[str, Any]:
    return {
        "plan": diff.name,
        "headline": headline(diff),
        "status": "new" if diff.before is None else "gone" if diff.after is None else "both",
        "changes": {
            c.name: {"before": c.before, "after": c.after, "unit": c.unit, "change": c.share} for c in diff.changes
        },
        "of": diff.of,
        "causes": [
            {"input": c.name, "before": c.before, "after": c.after, "amount": c.amount, "share": c.share}
            for c in diff.causes
        ],
        "assertions": [
            {"text": t.text, "before": t.before, "after": t.after, "message": t.message} for t in diff.turned
        ],
    }

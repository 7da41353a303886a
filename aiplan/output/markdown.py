"""Markdown for a pull request or a document: the sentence first, the rest folded."""

from __future__ import annotations

from aiplan.output import escaped
from aiplan.output.sections import draws_text, grouped, label_text, range_text, reasons, sections, value_text
from aiplan.specs.result import Result


def markdown(result: Result, *, everything: bool = False) -> str:
    """A headline, a small table, and details folded away."""
    lines = [f"## {_text(result.name)}", ""] if result.name else []
    lines += [
        f"**{_text(result.headline)}**",
        "",
        "| quantity | value | p10 to p90 |",
        "| --- | ---: | --- |",
    ]
    for _, rows in sections(result, everything=everything):
        for name, value in rows:
            lines.append(
                f"| {label_text(name, value)} | {_text(value_text(name, value))} | {_text(range_text(name, value))} |"
            )
    lines += _layouts(result)
    failed = [c for c in result.checks if not c.passed]
    lines += _bullets("Failed", [c.message for c in failed])
    lines += _bullets("What fixes the answer", result.binding)
    lines += _bullets("Where p10 to p90 are from", [draws] if (draws := draws_text(result)) else [])
    lines += _bullets("Unknown", [f"{name}: {reason}" for name, reason in reasons(result)])
    lines += _bullets("Warnings", [f"{w.code}: {w.message}" for w in result.warnings])
    if result.ours:
        lines += _bullets("Our own answer", [result.ours.headline])
    lines += ["", "<details><summary>Assumptions and sources</summary>", ""]
    lines += [f"- {_text(line)}" for line in grouped(result)]
    lines += ["", *(f"- {_text(source)}" for source in result.sources), "", "</details>"]
    return "\n".join(lines)


def _layouts(result: Result) -> list[str]:
    """Layouts and fleets side by side, where they were asked for."""
    out: list[str] = []
    for name, rows in (("layouts", result.layouts), ("pareto", result.pareto)):
        if rows:
            from aiplan.output import layouts

            fleets = name == "pareto"
            head = (*layouts.heading(fleets=fleets), "time goes to")
            out += ["", f"### {layouts.TITLES[name]}", "", f"| {' | '.join(head)} |", f"|{' --- |' * len(head)}"]
            out += [f"| {' | '.join((*layouts.cells(row, fleets=fleets), layouts.bound(row)))} |" for row in rows]
    return out


def _bullets(heading: str, items: list[str]) -> list[str]:
    return ["", f"### {heading}", "", *(f"- {_text(item)}" for item in items)] if items else []


def _text(text: str | None) -> str:
    """Text that is neither table nor HTML syntax."""
    return escaped(text or "")

"""The table for people: 80 columns, no number cut. On a terminal rich colours it; elsewhere it is plain text."""

from __future__ import annotations

import os
import sys
import textwrap
from typing import NamedTuple

from aiplan import units
from aiplan.output import clean
from aiplan.output.plain import columns
from aiplan.output.sections import draws_text, grouped, label_text, range_text, reasons, sections, value_text
from aiplan.specs.result import Result

WIDTH = 80
HEADLINES = "tokens training_flops accelerators fits training_days facility_power capex run_cost".split()
OUTCOMES = {(True, "assert"): "ok", (True, "warn"): "ok", (False, "assert"): "FAILED", (False, "warn"): "warning"}


class Line(NamedTuple):
    """A line of text and how a terminal shows it."""

    text: str
    style: str = ""


def table(result: Result, *, everything: bool = False) -> str:
    """The whole answer: the sentence, the quantities, what bound them, what was assumed, what to beware of."""
    lines = [Line(line, "bold") for line in textwrap.wrap(clean(result.name or ""), WIDTH)]
    lines += [Line(line, "bold") for line in textwrap.wrap(clean(result.headline), WIDTH)]
    lines += [Line(""), *_quantities(result, everything)]
    for names, reason in reasons(result):
        lines += _bullet(f"{names}: unknown, since {reason}")
    lines += _list("What fixes the answer", result.binding)
    lines += _list("Choices", [_choices(result)] if result.choices else [])
    if draws := draws_text(result):
        lines += _list("Where p10 to p90 are from", [draws])
    if result.drivers:
        shares = ", ".join(f"{d['input']} {d['share']:.0%}" for d in result.drivers[:6])
        lines += _list(f"What makes {result.drivers[0]['of']} uncertain", [shares])
    lines += _layouts(result)
    lines += _laws(result)
    lines += _list("Assumptions", grouped(result))
    lines += _list("Warnings", [f"{w.code}: {w.message}" for w in result.warnings])
    lines += _list("Checks", [f"{OUTCOMES[c.passed, c.kind]}: {c.message}" for c in result.checks])
    if result.claim:
        lines += _list("The claim", [result.claim["says"], f"{result.claim['verdict']}: {result.claim['because']}"])
    if result.ours:
        lines += _beside(result, result.ours)
    return _shown(lines)


def _quantities(result: Result, everything: bool) -> list[Line]:
    rows: list[tuple[str, ...]] = []
    headings: set[int] = set()
    for heading, found in sections(result, everything=everything):
        headings.add(len(rows) + 1)
        rows.append((heading, "", ""))
        rows += [(f"  {label_text(n, v)}", value_text(n, v), range_text(n, v)) for n, v in found]
    text = columns(("", "", "p10 to p90"), rows, right=(1,)).splitlines()
    if max(map(len, text)) > WIDTH:  # long names: each interval stands under its value
        rows = [
            row for name, value, interval in rows for row in ((name, value), *([("", interval)] if interval else []))
        ]
        text = columns(("", "value, p10 to p90"), rows, right=(1,)).splitlines()
        headings = {i for i, line in enumerate(text) if line and not line.startswith(" ")}
    return [Line(line, "bold" if i in headings else "dim" if i == 0 else "") for i, line in enumerate(text)]


def _layouts(result: Result) -> list[Line]:
    """Layouts and fleets side by side, where they were asked for."""
    out: list[Line] = []
    for name, rows in (("layouts", result.layouts), ("pareto", result.pareto)):
        if rows:
            from aiplan.output import layouts

            first, *rest = layouts.lines(rows, fleets=name == "pareto")
            out += [Line(""), Line(layouts.TITLES[name], "bold"), Line(first, "dim"), *map(Line, rest)]
    return out


def _laws(result: Result) -> list[Line]:
    if not result.laws:
        return []
    rows = []
    for row in result.laws:
        ratio = row.tokens / row.params if row.tokens and row.params else None
        law = f"{row.law} *" if row.law == result.choices.get("law") else row.law
        shown = (units.show(row.params, "param"), units.show(row.tokens, "token"))
        rows.append((law, *shown, units.show(row.training_flops, "FLOP"), units.show(ratio, "")))
    text = columns(("law", "params", "tokens", "training_flops", "tokens_per_param"), rows, right=(1, 2, 3, 4))
    first, *rest = text.splitlines()
    heading = Line("The same question put to each scaling law", "bold")
    return [Line(""), heading, Line(first, "dim"), *(Line(line) for line in rest)]


def _beside(result: Result, ours: Result) -> list[Line]:
    """The figures under the claim's assumptions beside our own answer."""
    rows = []
    for name, value in ours.quantities.items():
        claimed = result.quantities.get(name)
        told = claimed is not None and name in {c.text.split()[0] for c in result.checks}
        if told or name in HEADLINES:
            as_claimed = value_text(name, claimed) if claimed else ""
            rows.append((name, as_claimed, value_text(name, value), range_text(name, value)))
    first, *rest = columns(("", "as claimed", "ours", "p10 to p90"), rows, right=(1, 2)).splitlines()
    lines = [Line(""), Line("Beside it, our own answer", "bold"), Line(first, "dim"), *(Line(line) for line in rest)]
    lines += _list("In a sentence", [ours.headline])
    return lines + _list("With these warnings", [f"{w.code}: {w.message}" for w in ours.warnings])


def _choices(result: Result) -> str:
    parts = [f"{key} {value}" for key, value in result.choices.items() if not isinstance(value, dict)]
    layout = result.choices.get("layout")
    if layout:
        parts.append("layout " + " ".join(f"{key}={value}" for key, value in layout.items()))
    return ", ".join(parts)


def _list(heading: str, items: list[str]) -> list[Line]:
    if not items:
        return []
    return [Line(""), Line(heading, "bold"), *(line for item in items for line in _bullet(item))]


def _bullet(text: str) -> list[Line]:
    wrapped = textwrap.wrap(
        clean(text), WIDTH, initial_indent="- ", subsequent_indent="  ", break_on_hyphens=False, break_long_words=False
    )
    return [Line(line) for line in wrapped]


def _shown(lines: list[Line]) -> str:
    if not sys.stdout.isatty() or "NO_COLOR" in os.environ or os.environ.get("TERM") == "dumb":
        return "\n".join(line.text.rstrip() for line in lines)
    from rich.console import Console
    from rich.text import Text

    terminal = Console(force_terminal=True, highlight=False, soft_wrap=True)
    with terminal.capture() as capture:
        for line in lines:
            terminal.print(Text(line.text, style=line.style))
    return capture.get().rstrip("\n")

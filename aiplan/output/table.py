"""The table for people: 80 columns, no number cut."""

from __future__ import annotations

import io
import os
import sys
import textwrap

from rich.console import Console
from rich.table import Table
from rich.text import Text

from aiplan import units
from aiplan.output import clean
from aiplan.output.sections import grouped, label_text, range_text, reasons, sections, value_text
from aiplan.specs.result import Result

WIDTH = 80
WIDEST = 400
HEADLINES = ("tokens", "training_flops", "accelerators", "fits", "training_days", "facility_power", "capex", "run_cost")


def console(buffer: io.StringIO) -> Console:
    """A console that writes to a buffer, wide enough to cut no cell; text is wrapped at 80 columns by itself."""
    colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ
    return Console(file=buffer, width=WIDEST, force_terminal=colour, no_color=not colour, highlight=False)


def table(result: Result, *, everything: bool = False) -> str:
    """The whole answer: the sentence, the quantities, what bound them, what was assumed, what to beware of."""
    buffer = io.StringIO()
    out = console(buffer)
    if result.name:
        out.print(Text(clean(result.name), style="bold"))
    out.print(Text(textwrap.fill(clean(result.headline), WIDTH), style="bold"))
    out.print()
    out.print(_quantities(result, everything))
    for name, reason in reasons(result):
        _bullet(out, f"{name}: unknown, since {clean(reason)}")
    _list(out, "What fixes the answer", [clean(line) for line in result.binding])
    if result.choices:
        _list(out, "Choices", [_choices(result)])
    if result.drivers:
        of = result.drivers[0]["of"]
        shares = ", ".join(f"{d['input']} {d['share']:.0%}" for d in result.drivers[:6])
        _list(out, f"What makes {of} uncertain", [shares])
    if result.laws:
        out.print()
        out.print(_laws(result))
    _list(out, "Assumptions", [clean(line) for line in grouped(result)])
    _list(out, "Warnings", [f"{w.code}: {clean(w.message)}" for w in result.warnings])
    _list(
        out,
        "Checks",
        [f"{'ok' if c.passed else 'FAILED' if c.kind == 'assert' else 'warning'}: {c.message}" for c in result.checks],
    )
    if result.claim:
        claim = result.claim
        _list(out, "The claim", [clean(claim["says"]), clean(f"{claim['verdict']}: {claim['because']}")])
    if result.ours:
        out.print()
        out.print(_beside(result))
        _list(out, "In a sentence", [clean(result.ours.headline)])
        _list(out, "With these warnings", [f"{w.code}: {clean(w.message)}" for w in result.ours.warnings])
    return "\n".join(line.rstrip() for line in buffer.getvalue().rstrip().splitlines())


def _quantities(result: Result, everything: bool) -> Table:
    grid = Table(box=None, padding=(0, 2, 0, 0), show_header=True, header_style="dim")
    grid.add_column("", no_wrap=True)
    grid.add_column("", justify="right", no_wrap=True)
    grid.add_column("p10 to p90", no_wrap=True, style="dim")
    for heading, rows in sections(result, everything=everything):
        grid.add_row(Text(heading, style="bold"), "", "")
        for name, value in rows:
            grid.add_row(f"  {label_text(name, value)}", value_text(name, value), range_text(name, value))
    return grid


def _laws(result: Result) -> Table:
    grid = Table(title="The same question put to each scaling law", title_justify="left", title_style="bold", box=None)
    for heading in ("law", "params", "tokens", "training_flops", "tokens_per_param"):
        grid.add_column(heading, justify="left" if heading == "law" else "right", no_wrap=True, header_style="dim")
    for row in result.laws:
        mark = " *" if row.law == result.choices.get("law") else ""
        ratio = row.tokens / row.params if row.tokens and row.params else None
        grid.add_row(
            f"{row.law}{mark}",
            units.show(row.params, "param"),
            units.show(row.tokens, "token"),
            units.show(row.training_flops, "FLOP"),
            units.show(ratio, ""),
        )
    return grid


def _beside(result: Result) -> Table:
    """The figures under the claim's assumptions beside our own answer."""
    ours = result.ours
    assert ours is not None
    grid = Table(title="Beside it, our own answer", title_justify="left", title_style="bold", box=None)
    for heading in ("", "as claimed", "ours", "p10 to p90"):
        grid.add_column(heading, justify="left" if not heading else "right", no_wrap=True, header_style="dim")
    for name, value in ours.quantities.items():
        claimed = result.quantities.get(name)
        if (claimed is None or claimed.value is None) and name not in HEADLINES:
            continue
        as_claimed = value_text(name, claimed) if claimed else ""
        grid.add_row(name, as_claimed, value_text(name, value), range_text(name, value))
    return grid


def _choices(result: Result) -> str:
    parts = [f"{key} {value}" for key, value in result.choices.items() if not isinstance(value, dict)]
    layout = result.choices.get("layout")
    if layout:
        parts.append("layout " + " ".join(f"{key}={value}" for key, value in layout.items()))
    return clean(", ".join(parts))


def _list(out: Console, heading: str, lines: list[str]) -> None:
    if not lines:
        return
    out.print()
    out.print(Text(heading, style="bold"))
    for line in lines:
        _bullet(out, line)


def _bullet(out: Console, line: str) -> None:
    wrapped = textwrap.fill(line, WIDTH, initial_indent="- ", subsequent_indent="  ", break_on_hyphens=False)
    out.print(Text(wrapped), soft_wrap=True)

"""A grid of plans as a table or as rows of JSON, and how far it is."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from aiplan import units
from aiplan.graph import GRAPH
from aiplan.output.plain import columns
from aiplan.output.sections import value_text
from aiplan.specs.result import Value

if TYPE_CHECKING:
    from aiplan.whatif.scenario import Answered
    from aiplan.whatif.sweep import Row

MOST_LINES = 200


def table(
    shown_rows: Sequence[Row],
    shown: Sequence[str],
    *,
    of: int = 0,
    front: Sequence[bool] = (),
    notes: Sequence[str] = (),
) -> str:
    """Points and a few quantities, aligned; of more rows than are shown the number is told, and `front` marks some."""
    axes = list(shown_rows[0].point) if shown_rows else []
    ends = [f"{n}.p90" for n in shown if shown_rows and f"{n}.p90" in shown_rows[0].values]
    headings = ["", *axes, *shown, *ends, "plan", *(["front"] if front else [])]
    lines = []
    for row in shown_rows:
        cells = [str(row.number), *row.point.values(), *(_shown(n, row.values.get(n)) for n in shown)]
        cells += [_shown(n.removesuffix(".p90"), row.values.get(n)) for n in ends]
        lines.append([*cells, row.plan, *(["*" if front[row.number - 1] else ""] if front else [])])
    text = columns(headings, lines, right=(0, *range(1 + len(axes), len(headings) - 1 - bool(front))))
    hidden = of - len(lines)
    told = [f"and {hidden:,} more rows: --format csv writes all"] if hidden > 0 else []
    told += notes
    return "\n".join([text, *([""] if told else []), *told])


def _shown(name: str, value: float | None) -> str:
    if value is None:
        return "unknown"
    if name == "fits":
        return value_text(name, Value(value=value, unit="", origin="formula"))
    return units.show(value, GRAPH[name].unit, name)


def answers_table(answers: list[Answered]) -> str:
    """The points of swept files as one table."""
    from aiplan.whatif.blocks import values_of
    from aiplan.whatif.sweep import Row, shown_of

    out = []
    shown_for = {a.path: shown_of(a.result.ask) for a in answers}
    rows = [(a.path, Row(i, a.point, values_of(a, shown_for[a.path]), a.status)) for i, a in enumerate(answers, 1)]
    for path, shown in shown_for.items():
        own = [row for where, row in rows if where == path]
        for axes in dict.fromkeys(tuple(row.point) for row in own):
            these = [row for row in own if tuple(row.point) == axes]
            out.append(table(these, shown))
    failed = [f"{a.result.name}: {check.message}" for a in answers for check in a.failed]
    return "\n\n".join([*out, *(["\n".join(f"FAILED  {line}" for line in failed)] if failed else [])])


class Progress:
    """A line on standard error: points, their rate and the time left; now and then where that is no terminal."""

    def __init__(self, total: int, known: int = 0, *, quiet: bool = False) -> None:
        self.total, self.known, self.count, self.quiet = total, known, known, quiet
        self.began = self.told = time.monotonic()
        self.terminal = sys.stderr.isatty()
        self.every = 0.1 if self.terminal else 10.0

    def add(self, count: int) -> None:
        """So many points more are solved."""
        self.count += count
        now = time.monotonic()
        if self.quiet or now - self.told < self.every:
            return
        self.told = now
        start, end = ("\r", "") if self.terminal else ("", "\n")
        print(f"{start}{self.line(now)}", end=end, file=sys.stderr, flush=True)

    def line(self, now: float) -> str:
        """The line itself."""
        rate = (self.count - self.known) / max(now - self.began, 1e-9)
        left = (self.total - self.count) / rate if rate else 0.0
        return f"{self.count:,} of {self.total:,} points, {rate:,.0f} a second, {left:,.0f} s left".ljust(70)

    def end(self) -> None:
        """Take the line away from a terminal."""
        if self.terminal and not self.quiet:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)

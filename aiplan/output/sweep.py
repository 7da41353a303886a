"""A grid of plans as a table, CSV or JSON lines; a row is written at once where nothing needs them all."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from aiplan import units
from aiplan.graph import GRAPH
from aiplan.output.plain import columns
from aiplan.output.sections import value_text
from aiplan.output.structured import safe_cell
from aiplan.plan import TRAIN
from aiplan.specs.result import Value

if TYPE_CHECKING:
    from aiplan.whatif.scenario import Answered
    from aiplan.whatif.sweep import Row

SCHEMA = "aiplan.sweep/1"
MOST_LINES = 200


def table(rows: list[Row], shown: list[str], front: list[bool] | None, best: dict[str, int]) -> str:
    """Points and a few quantities, aligned; the front and the bests are marked."""
    axes = list(rows[0].point)
    draws = any(row.answered.draws for row in rows)
    headings = ["", *axes, *shown, *(f"{n}.p90" for n in shown if draws and n != "fits"), "plan"]
    headings += ["front"] if front is not None else []
    lines = []
    for i, row in enumerate(rows):
        quantities = row.answered.result.quantities
        cells = [str(row.number), *row.point.values(), *(_shown(n, row.value(n), quantities.get(n)) for n in shown)]
        if draws:
            cells += [_shown(n, quantities[n].p90, quantities.get(n)) for n in shown if n != "fits"]
        cells += [row.status, *(["*" if front[i] else ""] if front is not None else [])]
        if front is None or front[i] or len(rows) <= MOST_LINES:
            lines.append(cells)
    hidden = len(lines) - MOST_LINES
    text = columns(
        headings, lines[:MOST_LINES], right=(0, *range(1 + len(axes), len(headings) - 1 - (front is not None)))
    )
    notes = [f"and {hidden:,} more rows: --format csv writes all"] if hidden > 0 else []
    notes += [f"best {name}: row {number}" for name, number in best.items()]
    impossible = sum(row.answered.impossible for row in rows)
    notes += [f"{impossible} of {len(rows)} plans are impossible"] if impossible else []
    return "\n".join([text, *([""] if notes else []), *notes])


def _shown(name: str, value: float | None, found: Value | None) -> str:
    if value is None:
        return "unknown"
    if name == "fits" and found is not None:
        return value_text(name, found)
    return units.show(value, GRAPH[name].unit, name)


def answers_table(answers: list[Answered]) -> str:
    """The points of swept files as one table."""
    from aiplan.whatif.sweep import Row, shown_of

    out, rows = [], [Row(i, a.point, a) for i, a in enumerate(answers, 1)]
    for path in dict.fromkeys(a.path for a in answers):
        own = [row for row in rows if row.answered.path == path]
        for axes in dict.fromkeys(tuple(row.point) for row in own):
            these = [row for row in own if tuple(row.point) == axes]
            out.append(table(these, shown_of(these[0].answered.result.ask), None, {}))
    failed = [f"{a.result.name}: {check.message}" for a in answers for check in a.failed]
    return "\n\n".join([*out, *(["\n".join(f"FAILED  {line}" for line in failed)] if failed else [])])


def csv_lines(rows: Iterable[Row], axes: list[str], front: list[bool] | None, best: dict[str, int]) -> Iterator[str]:
    """A heading, then a line a row: the point, every quantity in SI (p10 and p90 under draws), what became of it."""
    from aiplan.whatif.sweep import OF_DOCUMENTS

    heading: list[str] | None = None
    with_draws = False
    names: Iterable[str] = ()
    for i, row in enumerate(rows):
        quantities = row.answered.result.quantities
        if heading is None:
            with_draws = row.answered.draws is not None
            names = OF_DOCUMENTS if row.answered.result.ask == "tokens" else TRAIN
            columns_ = _columns(names, with_draws)
            heading = ["row", *axes, *(name if name not in axes else f"{name} [SI]" for name in columns_)]
            heading += ["plan", "binding", *(["front"] if front is not None else []), *(f"best {n}" for n in best)]
            yield _line(heading)
        cells: list[Any] = [row.number, *row.point.values()]
        for name in names:
            found = quantities.get(name)
            cells.append(row.value(name))
            if with_draws:
                cells += [found.p10, found.p90] if found else [None, None]
        cells += [row.status, "; ".join(row.answered.result.binding)]
        cells += [int(front[i])] if front is not None else []
        cells += [int(number == row.number) for number in best.values()]
        yield _line(cells)


def _columns(names: Iterable[str], with_draws: bool) -> list[str]:
    if not with_draws:
        return list(names)
    return [column for name in names for column in (name, f"{name}.p10", f"{name}.p90")]


def _line(cells: list[Any]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="").writerow(["" if cell is None else safe_cell(cell) for cell in cells])
    return out.getvalue()


def json_line(row: Row, front: bool | None, best: list[str]) -> str:
    """One row as a JSON object."""
    return json.dumps(json_row(row, front, best), ensure_ascii=False, allow_nan=False)


def json_row(row: Row, front: bool | None, best: list[str]) -> dict[str, Any]:
    """One row as a map: the point, the contract's result, and how it stands among the others."""
    out: dict[str, Any] = {"row": row.number, "point": row.point, "plan": row.status}
    if front is not None:
        out["front"] = front
    if best:
        out["best"] = best
    return out | {"result": row.answered.result.to_json()}


class Progress:
    """A line on standard error that says how far it is, where that is a terminal."""

    def __init__(self, total: int, what: str = "plans") -> None:
        self.total, self.what, self.shown = total, what, sys.stderr.isatty()

    def follow(self, rows: Iterable[Row]) -> Iterator[Row]:
        """Pass rows on and show their number, ten times a second at most."""
        from time import monotonic

        last = 0.0
        for row in rows:
            if self.shown and monotonic() - last > 0.1:
                last = monotonic()
                print(f"\r{row.number:,} of {self.total:,} {self.what}", end="", file=sys.stderr, flush=True)
            yield row
        if self.shown:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)

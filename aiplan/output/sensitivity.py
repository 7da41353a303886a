"""What matters most, for people: bars on both sides of the answer, and the table of Sobol' indices."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from aiplan import units
from aiplan.graph import GRAPH
from aiplan.output import clean
from aiplan.output.plain import columns

if TYPE_CHECKING:
    from aiplan.whatif.sensitivity import Bar, Index

SCHEMA = "aiplan.sensitivity/1"
WIDTH = 24
EIGHTHS = " ▏▎▍▌▋▊▉█"


def plain_terminal() -> bool:
    """Whether only ASCII can be shown."""
    encoding = (getattr(sys.stdout, "encoding", None) or "").lower().replace("-", "")
    return os.environ.get("TERM") == "dumb" or not encoding.startswith("utf")


def tornado(
    of: str, centre: float, bars: Sequence[Bar], *, ascii_only: bool, share: float | None = None, most: int = 15
) -> str:
    """One line an input: its range, what the answer is at each end, and a bar from the one to the other.

    With a `share` every input was moved by it, else from its p10 to its p90.
    """
    unit = GRAPH[of].unit
    span = "from its p10 to its p90" if share is None else f"by {share * 100:.4g}% down and up"
    head = f"{of} is {units.show(centre, unit, of)} at the central values. Each input alone, {span}:"
    if not bars:
        return (
            f"{of} is {units.show(centre, unit, of)}, and nothing uncertain moves it.\n"
            "--vary 'NAME=A to B' says what is uncertain; --by 10% moves every input alike."
        )
    ends = [v for bar in bars for v in (bar.at_low, bar.at_high) if v is not None] + [centre]
    low, high = min(ends), max(ends)
    rows = []
    for bar in bars[:most]:
        moved = f"{_end(bar.at_low, unit, of)} to {_end(bar.at_high, unit, of)}"
        rows.append((bar.name, _range(bar), moved, drawn(bar, low, high, centre, ascii_only)))
    table = columns(("input", "p10 to p90" if share is None else "from, to", of, ""), rows)
    hidden = [f"and {len(bars) - most} more that move it less"] if len(bars) > most else []
    return "\n".join([head, "", clean_lines(table), *hidden])


def clean_lines(text: str) -> str:
    """Several lines without control characters."""
    return "\n".join(clean(line) for line in text.split("\n"))


def drawn(bar: Bar, low: float, high: float, centre: float, ascii_only: bool) -> str:
    """A bar between the two answers on a scale from low to high, with the central answer marked."""
    if bar.at_low is None or bar.at_high is None:
        return "? (no value at one end)"
    scale = (WIDTH - 1) / (high - low) if high > low else 0.0
    first, last = sorted(round((v - low) * scale) for v in (bar.at_low, bar.at_high))
    mark = round((centre - low) * scale)
    full, middle = ("=", "|") if ascii_only else ("█", "│")
    cells = [full if first <= i <= last else " " for i in range(WIDTH)]
    if cells[mark] == " " or last > first:
        cells[mark] = middle
    return "".join(cells).rstrip()


def _end(value: float | None, unit: str, name: str) -> str:
    return "unknown" if value is None else units.show(value, unit, name)


def _range(bar: Bar) -> str:
    if bar.ends is not None:
        return " to ".join(bar.ends) if any(bar.ends) else "by name"
    unit = GRAPH[bar.name].unit
    return f"{units.show(bar.low, unit, bar.name)} to {units.show(bar.high, unit, bar.name)}"


def indices(of: str, found: Sequence[Index], count: int, seed: int, *, ascii_only: bool) -> str:
    """First-order and total indices with their intervals."""
    full = "=" if ascii_only else "█"
    rows = [
        (
            index.name,
            f"{index.first:.3f}",
            f"{index.first_interval[0]:.3f} to {index.first_interval[1]:.3f}",
            f"{index.total:.3f}",
            f"{index.total_interval[0]:.3f} to {index.total_interval[1]:.3f}",
            full * round(max(index.total, 0.0) * 20),
        )
        for index in found
    ]
    head = f"Sobol' indices of {of}: shares of its variance, alone (first) and with all interactions (total);"
    points = count * (len(found) + 2)
    table = columns(("input", "first", "90% interval", "total", "90% interval", ""), rows, right=(1, 3))
    return f"{head}\nn {count}, {points:,} points, seed {seed}\n\n{clean_lines(table)}"


def to_json(
    of: str,
    centre: float,
    bars: Sequence[Bar],
    found: Sequence[Index] | None,
    count: int,
    seed: int,
    *,
    share: float | None = None,
) -> str:
    """Both as JSON, in SI; the ends are p10 and p90, or low and high where all were moved by a share."""
    low, high = _ends(share)
    whole: dict[str, Any] = {
        "schema": SCHEMA,
        "of": of,
        "unit": GRAPH[of].unit,
        "value": centre,
        **({"by": share} if share is not None else {}),
        "tornado": [
            {
                "input": bar.name,
                low: bar.low,
                high: bar.high,
                **({"ends": list(bar.ends)} if bar.ends else {}),
                f"at_{low}": bar.at_low,
                f"at_{high}": bar.at_high,
            }
            for bar in bars
        ],
    }
    if found is not None:
        whole["sobol"] = {
            "n": count,
            "seed": seed,
            "indices": [
                {
                    "input": index.name,
                    "first": index.first,
                    "first_interval_90": list(index.first_interval),
                    "total": index.total,
                    "total_interval_90": list(index.total_interval),
                }
                for index in found
            ],
        }
    return json.dumps(whole, indent=2, ensure_ascii=False, allow_nan=False)


def _ends(share: float | None) -> tuple[str, str]:
    """What the ends of a bar are called."""
    return ("p10", "p90") if share is None else ("low", "high")


def to_csv(bars: Sequence[Bar], found: Sequence[Index] | None, *, share: float | None = None) -> str:
    """A row an input."""
    import csv
    import io

    from aiplan.output.structured import safe_cell

    totals = {index.name: index for index in found or ()}
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    low, high = _ends(share)
    writer.writerow(["input", low, high, f"at_{low}", f"at_{high}", "sobol_first", "sobol_total"])
    for bar in bars:
        index = totals.get(bar.name)
        row = [bar.name, bar.low, bar.high, bar.at_low, bar.at_high]
        row += [index.first, index.total] if index else [None, None]
        writer.writerow(["" if cell is None else safe_cell(cell) for cell in row])
    return out.getvalue().rstrip("\n")

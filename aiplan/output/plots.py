"""Small plots for a terminal: curves on two logarithmic axes, in braille dots or else in ASCII."""

from __future__ import annotations

import itertools
import math
import os
import string
import sys
from collections.abc import Callable, Sequence
from typing import TextIO

Points = Sequence[tuple[float, float]]

BRAILLE = 0x2800
DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))  # of row, of column
LETTERS = string.ascii_lowercase + string.ascii_uppercase
SCALES = ("", "k", "M", "B", "T", "Q")


def can_draw(stream: TextIO | None = None) -> bool:
    """Whether a stream can show braille: its encoding is UTF and the terminal is not dumb."""
    encoding = getattr(stream or sys.stdout, "encoding", None) or ""
    return encoding.lower().startswith("utf") and os.environ.get("TERM") != "dumb"


def decade(exponent: int) -> str:
    """A power of ten in five characters or fewer.

    >>> decade(8), decade(12), decade(16), decade(21)
    ('100M', '1T', '10Q', '1e21')
    """
    step, rest = divmod(exponent, 3)
    return f"{10**rest}{SCALES[step]}" if 0 <= step < len(SCALES) else f"1e{exponent}"


def loglog(
    series: Sequence[tuple[str, Points]],
    *,
    x_label: str,
    y_label: str,
    mark: float | None = None,
    width: int = 78,
    height: int = 18,
    unicode: bool = True,
) -> str:
    """Curves of positive points on two logarithmic axes, each with a letter at its end, and a legend below.

    `mark` is a value on the x axis at which a vertical line stands. No line is longer than `width`.

    >>> line = [("y = x", [(1, 1), (1e3, 1e3)])]
    >>> print(loglog(line, x_label="x", y_label="y", width=31, height=7, unicode=False))
    y
        1k|
          |                  a  a
       100|               a
          |            a
        10|      a  a
          |   a
         1|a
          +------------------------
           1       10     100    1k
    x
    a y = x
    """
    curves = [[(math.log10(x), math.log10(y)) for x, y in points if x > 0 and y > 0] for _, points in series]
    xs, ys = [x for c in curves for x, _ in c], [y for c in curves for _, y in c]
    if not xs:
        return "nothing to plot"
    left, right = math.floor(min(xs) + 1e-9), math.ceil(max(xs) - 1e-9)
    low, high = math.floor(min(ys) + 1e-9), math.ceil(max(ys) - 1e-9)
    right, high = max(right, left + 1), max(high, low + 1)

    ends = _ends(curves, low, high, height) if unicode else {}
    room = max((len(e) for e in ends.values()), default=0)
    gutter = 6
    columns = width - gutter - 1 - (room + 1 if room else 0)
    across = _scale(left, right, columns)
    grid = (_braille if unicode else _letters)(curves, (left, right), (low, high), columns, height)
    if mark is not None and mark > 0 and left <= math.log10(mark) <= right:
        at = across(math.log10(mark))
        for row in grid:
            row[at] = ("│" if unicode else "|") if row[at] in (" ", chr(BRAILLE)) else row[at]

    wall, floor = ("│", "─") if unicode else ("|", "-")
    labels = {height - 1 - _scale(low, high, height)(e): decade(e) for e in _every(low, high, height // 2)}
    lines = [y_label]
    for i, row in enumerate(grid):
        lines.append(f"{labels.get(i, ''):>{gutter}}{wall}{''.join(row)} {ends.get(i, '')}".rstrip())
    lines.append(" " * gutter + ("└" if unicode else "+") + floor * columns)
    lines.append(_axis(left, right, across, columns, gutter))
    lines.append(x_label)
    return "\n".join([*lines, *_legend([name for name, _ in series], width)])


def _scale(low: float, high: float, cells: int) -> Callable[[float], int]:
    """The cell of a value between two ends."""
    return lambda value: min(max(round((value - low) / (high - low) * (cells - 1)), 0), cells - 1)


def _every(low: int, high: int, most: int) -> range:
    """Decades to be labelled, no more than about `most`."""
    return range(low, high + 1, max(1, math.ceil((high - low) / max(most, 1))))


def _height(curve: Sequence[tuple[float, float]], x: float) -> float | None:
    """The curve at x, straight between its points; None beyond them."""
    for (x0, y0), (x1, y1) in itertools.pairwise(curve):
        if min(x0, x1) - 1e-12 <= x <= max(x0, x1) + 1e-12:
            return y0 if x1 == x0 else y0 + (y1 - y0) * (x - x0) / (x1 - x0)
    return None


def _braille(
    curves: Sequence[Sequence[tuple[float, float]]],
    x_ends: tuple[float, float],
    y_ends: tuple[float, float],
    columns: int,
    rows: int,
) -> list[list[str]]:
    cells = [[0] * columns for _ in range(rows)]
    to_y = _scale(*y_ends, rows * 4)
    for curve in curves:
        before: int | None = None
        for column in range(columns * 2):
            y = _height(curve, x_ends[0] + (x_ends[1] - x_ends[0]) * column / (columns * 2 - 1))
            if y is None:
                before = None
                continue
            now = rows * 4 - 1 - to_y(y)
            start = now if before is None else before + (now > before) - (now < before)
            for dot in range(min(start, now), max(start, now) + 1):
                cells[dot // 4][column // 2] |= DOTS[dot % 4][column % 2]
            before = now
    return [[chr(BRAILLE + cell) if cell else " " for cell in row] for row in cells]


def _letters(
    curves: Sequence[Sequence[tuple[float, float]]],
    x_ends: tuple[float, float],
    y_ends: tuple[float, float],
    columns: int,
    rows: int,
) -> list[list[str]]:
    """Each curve by its letter; curves take turns at the columns, so that one on another hides it only in part."""
    grid = [[" "] * columns for _ in range(rows)]
    to_y = _scale(*y_ends, rows)
    turns = min(max(len(curves), 3), 6)
    for i, curve in enumerate(curves):
        for column in range(i % turns, columns, turns):
            y = _height(curve, x_ends[0] + (x_ends[1] - x_ends[0]) * column / (columns - 1))
            if y is not None:
                grid[rows - 1 - to_y(y)][column] = LETTERS[i % len(LETTERS)]
    return grid


def _ends(curves: Sequence[Sequence[tuple[float, float]]], low: float, high: float, rows: int) -> dict[int, str]:
    """The letters of the curves that end in each row, the highest first."""
    out: dict[int, str] = {}
    to_y = _scale(low, high, rows)
    for i in sorted((i for i, c in enumerate(curves) if c), key=lambda i: -max(curves[i])[1]):
        row = rows - 1 - to_y(max(curves[i])[1])
        out[row] = out.get(row, "") + LETTERS[i % len(LETTERS)]
    return out


def _axis(left: int, right: int, across: Callable[[float], int], columns: int, gutter: int) -> str:
    text = [" "] * (columns + gutter + 1)
    for exponent in _every(left, right, columns // 6):
        label = decade(exponent)
        start = min(across(exponent) + gutter + 1, len(text) - len(label))
        text[start : start + len(label)] = label
    return "".join(text).rstrip()


def _legend(names: Sequence[str], width: int) -> list[str]:
    """A letter and a name each, in columns."""
    cells = [f"{LETTERS[i % len(LETTERS)]} {name}" for i, name in enumerate(names)]
    widest = max(map(len, cells)) + 2
    across = max(1, (width + 2) // widest)
    rows = math.ceil(len(cells) / across)
    return ["".join(cell.ljust(widest) for cell in cells[i::rows]).rstrip() for i in range(rows)]

"""Plain columns of text, for lists."""

from __future__ import annotations

from collections.abc import Sequence

from aiplan.output import clean


def columns(headings: Sequence[str], rows: Sequence[Sequence[str]], *, right: Sequence[int] = ()) -> str:
    """Rows under headings, two spaces apart; the columns in `right` are aligned to the right.

    >>> print(columns(("id", "n"), [("a", "1"), ("b", "22")], right=(1,)))
    id   n
    a    1
    b   22
    """
    table = [tuple(headings), *(tuple(clean(cell) for cell in row) for row in rows)]
    widths = [max(len(row[i]) for row in table) for i in range(len(headings))]
    lines = []
    for row in table:
        cells = [
            cell.rjust(w) if i in right else cell.ljust(w) for i, (cell, w) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)

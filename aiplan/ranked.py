"""How well predictions put layouts in order: measured rows that differ in nothing but their layout."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from aiplan.validate import Scored

LEAST = 4  # layouts of a set that is put in order
ALIKE = ("framework", "date", "precision", "seq_len", "global_batch_seqs", "global_batch_tokens", "task")


class Ranking(NamedTuple):
    """One set: how many layouts, how much slower our pick is than the best, and the correlation of the orders."""

    of: str
    layouts: int
    regret: float
    spearman: float


def rankings(scored: Iterable[Scored]) -> list[Ranking]:
    """The sets of rows of one model, chip, number of chips, batch and software with at least four layouts."""
    sets: dict[tuple[str, ...], list[Scored]] = defaultdict(list)
    for s in scored:
        if "layout" not in s.answer.case.assumed:
            inputs, case = s.answer.row.inputs, s.answer.case
            alike = tuple(inputs.get(name, "") for name in ALIKE)
            sets[(s.answer.row.table, case.model, case.chip, f"{case.accelerators:g}", *alike)].append(s)
    out = []
    for key, rows in sets.items():
        if len(rows) >= LEAST:
            pairs = [(s.answer.cost, s.measured_cost) for s in rows]
            of = f"{key[1]}, {key[3]} {key[2]}, {key[0]}"
            out.append(Ranking(of, len(rows), regret(pairs), spearman(pairs)))
    return out


def regret(pairs: Sequence[tuple[float, float]]) -> float:
    """How much more the cheapest by prediction costs than the cheapest by measurement; pairs (predicted, measured).

    >>> round(regret([(1.0, 1.2), (2.0, 1.0)]), 6)
    0.2
    """
    return min(pairs)[1] / min(measured for _, measured in pairs) - 1.0


def spearman(pairs: Sequence[tuple[float, float]]) -> float:
    """Correlation of the two orders, ties at their mean rank (Spearman 1904).

    >>> spearman([(1.0, 1.0), (2.0, 3.0), (3.0, 2.0)])
    0.5
    """
    a, b = (_ranks([pair[k] for pair in pairs]) for k in (0, 1))
    spread = statistics.pstdev(a) * statistics.pstdev(b)
    middle = (len(pairs) - 1) / 2.0
    return statistics.fmean((x - middle) * (y - middle) for x, y in zip(a, b, strict=True)) / spread if spread else 0.0


def _ranks(values: Sequence[float]) -> list[float]:
    ordered = sorted(values)
    return [ordered.index(v) + (ordered.count(v) - 1) / 2.0 for v in values]

"""Errors of predictions: their summary, their intervals from held-out groups, and what a flat rule would have done.

A residual is ln(predicted / measured) of what costs: time per token, hours, bytes. Rows of one group (a model on a
chip) repeat each other, so each group weighs one, and a row's interval never rests on its own group.
"""

from __future__ import annotations

import math
import statistics
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

Regime = tuple[str, ...]

MIN_GROUPS = 5  # a regime with fewer groups says too little, so the next wider one speaks for it
LOW, HIGH = 0.1, 0.9


class Residual(NamedTuple):
    """One scored row: its group, its regimes from the narrowest to all, and ln(predicted / measured)."""

    group: str
    regimes: tuple[Regime, ...]
    value: float


class Summary(NamedTuple):
    """Errors of some rows: how many, and predicted / measured - 1 in four ways."""

    rows: int
    groups: int
    median_abs_error: float
    mean_abs_error: float
    p90_abs_error: float
    bias: float


def summary(residuals: Sequence[Residual]) -> Summary | None:
    """Median, mean and 90th percentile of |predicted / measured - 1|, and its median with sign.

    >>> summary([Residual("a", (), 0.0), Residual("b", (), math.log(1.2))]).bias
    0.1
    """
    if not residuals:
        return None
    errors = [math.expm1(r.value) for r in residuals]
    sizes = [abs(e) for e in errors]
    groups = len({r.group for r in residuals})
    middle = statistics.median(errors)
    return Summary(
        len(errors), groups, statistics.median(sizes), statistics.fmean(sizes), quantile(sizes, HIGH), round(middle, 12)
    )


def quantile(values: Iterable[float], share: float) -> float:
    """The value below which a share of the values lies, between neighbours in proportion.

    >>> quantile([1.0, 2.0, 3.0], 0.75)
    2.5
    """
    ordered = sorted(values)
    at = share * (len(ordered) - 1)
    low = math.floor(at)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (at - low)


def weighted_quantile(values: Sequence[tuple[float, float]], share: float) -> float:
    """The value below which a share of the weight lies; `values` are (value, weight).

    The middle of each value's weight stands at the value, and between two values is interpolated.

    >>> weighted_quantile([(1.0, 1.0), (2.0, 1.0), (3.0, 1.0)], 0.5)
    2.0
    """
    ordered = sorted(values)
    target = share * math.fsum(weight for _, weight in ordered)
    below = 0.0
    last: tuple[float, float] | None = None
    for value, weight in ordered:
        middle = below + weight / 2
        if middle >= target:
            if last is None:
                return value
            return last[0] + (value - last[0]) * (target - last[1]) / (middle - last[1])
        last = (value, middle)
        below += weight
    return ordered[-1][0]


def small_sample_tail(groups: int) -> float:
    """The share to cut off at each end of the known groups, so that a next one is beyond in a tenth of the cases.

        max(0, 0.1 (n + 1) / n - 1 / 2n)

    >>> small_sample_tail(10)
    0.06
    """
    return round(max(0.0, LOW * (groups + 1) / groups - 0.5 / groups), 12)


class ResidualQuantiles:
    """The (p10, p90) of held-out residuals by regime, each group weighing one."""

    def __init__(self, known: Iterable[Residual]) -> None:
        self._of: dict[Regime, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
        for residual in known:
            for regime in residual.regimes:
                self._of[regime][residual.group].append(residual.value)
        self._found: dict[tuple[Regime, str], tuple[float, float]] = {}

    def table(self) -> list[tuple[Regime, int, int, float, float]]:
        """Every regime with enough groups: its groups, its rows and the quantiles of all of them."""
        out = []
        for regime, groups in sorted(self._of.items()):
            if len(groups) >= MIN_GROUPS:
                rows = sum(len(values) for values in groups.values())
                out.append((regime, len(groups), rows, *self._quantiles(regime, "")))
        return out

    def at(self, regimes: Sequence[Regime], group: str) -> tuple[float, float] | None:
        """The quantiles for a row of these regimes, learned without its own group; None where nothing is known."""
        for regime in regimes:
            others = len(self._of[regime]) - (group in self._of[regime]) if regime in self._of else 0
            if others >= MIN_GROUPS or (others and regime == regimes[-1]):
                return self._quantiles(regime, group)
        return None

    def _quantiles(self, regime: Regime, group: str) -> tuple[float, float]:
        key = (regime, group)
        if key not in self._found:
            pool = {name: values for name, values in self._of[regime].items() if name != group}
            weighted = [(value, 1.0 / len(values)) for values in pool.values() for value in values]
            tail = small_sample_tail(len(pool))
            self._found[key] = (weighted_quantile(weighted, tail), weighted_quantile(weighted, 1.0 - tail))
        return self._found[key]


def residual_quantiles(known: Iterable[Residual]) -> ResidualQuantiles:
    """Learn the quantiles of residuals by regime; ask them with `.at(regimes, group)`.

    >>> known = [Residual(f"g{i}", (("dense",), ()), i / 10) for i in range(11)]
    >>> [round(q, 6) for q in residual_quantiles(known).at((("dense",), ()), "new")]
    [0.02, 0.98]
    """
    return ResidualQuantiles(known)


def flat_rule(known: Iterable[tuple[str, str, float]]) -> FlatRule:
    """The median of one number over all other groups of the same class: `known` are (group, class, number)."""
    return FlatRule(known)


class FlatRule:
    """What one number for each class would predict, learned without the row's own group."""

    def __init__(self, known: Iterable[tuple[str, str, float]]) -> None:
        self._known = list(known)
        self._found: dict[tuple[str, str], float | None] = {}

    def at(self, group: str, kind: str) -> float | None:
        """The median over the other groups' rows of the class, else of all classes; None where there are none."""
        key = (group, kind)
        if key not in self._found:
            rest = [(k, value) for g, k, value in self._known if g != group]
            same = [value for k, value in rest if k == kind] or [value for _, value in rest]
            self._found[key] = statistics.median(same) if same else None
        return self._found[key]

"""What matters most: each uncertain input moved alone to its p10 and p90, and Sobol' indices of them together."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aiplan.errors import UserError
from aiplan.graph import GRAPH, NoValue
from aiplan.quantities.scaling import AXES, law_direction
from aiplan.specs.question import WHOLE
from aiplan.whatif.arrays import hypercube, normal, numpy, raw
from aiplan.whatif.draws import LAW_PARTS, Model
from aiplan.whatif.inputs import Input

DECILES = (0.1, 0.9)
RESAMPLES = 200
MOST_ROWS = 1 << 17
Named = Mapping[str, Sequence[tuple[str, float | None]]]
"""Of each drawn choice its names, and the answer under each."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One input: its ends, and what the answer is at each; None where it has no value there."""

    name: str
    low: float | None
    high: float | None
    at_low: float | None
    at_high: float | None
    ends: tuple[str, str] | None = None

    @property
    def width(self) -> float:
        """How far the answer moves; what takes the answer away moves it furthest."""
        if self.at_low is None or self.at_high is None:
            return float("inf")
        return abs(self.at_high - self.at_low)


@dataclass(frozen=True, slots=True)
class Index:
    """Sobol' indices of one input with their 90% confidence intervals."""

    name: str
    first: float
    first_interval: tuple[float, float]
    total: float
    total_interval: tuple[float, float]


def tornado(model: Model, of: str, named: Named | None = None) -> tuple[float, list[Bar]]:
    """The answer at the central values, and a bar for every uncertain input, the longest first.

    `named` holds the answer under each name of a drawn choice, since a name has no p10: its bar runs from the least
    to the most.
    """
    centre = _centre(model, of)
    bars = []
    for name, source in model.inputs.items():
        low, high = (source.quantile(p) for p in DECILES)
        bars.append(Bar(name, low, high, _value(model, of, {name: low}), _value(model, of, {name: high})))
    if model.law:
        bars.append(_law_bar(model, of))
    for name, made in (named or {}).items():
        bars.append(_names_bar(name, made))
    return centre, _longest(bars, centre)


def alike(model: Model, of: str, share: float) -> tuple[float, list[Bar]]:
    """The answer, and a bar for every number that goes in, each moved alone by the same share down and up.

    A fleet that was solved for is held, and so is what comes in whole numbers alone; the coefficients of a scaling
    law are left out, since they belong together.
    """
    centre = _centre(model, of)
    bars = []
    for name in model.engine.order.supplied:
        node = model.nodes.get(name)
        if node is None or not node.value or node.origin == "search" or name in WHOLE or name in AXES:
            continue
        low, high = node.value * (1 - share), node.value * (1 + share)
        most = GRAPH[name].high
        high = high if most is None else min(high, most)
        bars.append(Bar(name, low, high, _value(model, of, {name: low}), _value(model, of, {name: high})))
    return centre, _longest(bars, centre)


def _longest(bars: list[Bar], centre: float) -> list[Bar]:
    """The bars that move the answer, the longest first."""
    moving = [bar for bar in bars if bar.width > 1e-9 * abs(centre)]
    return sorted(moving, key=lambda bar: (-bar.width, bar.name))


def _centre(model: Model, of: str) -> float:
    """The answer at the central values. Raises UserError where there is none."""
    centre = model.engine.at().get(of)
    if centre is None:
        node = model.nodes.get(of)
        why = (node.why_null if node else None) or model.unresolved.get(of, "it was not asked")
        raise UserError(f"{of} has no value in this plan: {why}")
    return float(centre)


def _value(model: Model, of: str, at: dict[str, Any]) -> float | None:
    found = model.engine.at(**at).get(of)
    return None if found is None else float(found)


def _law_bar(model: Model, of: str) -> Bar:
    """The law moved along the direction in which its coefficients change the answer most."""
    law = model.law
    assert law is not None

    def what(coefficients: dict[str, float]) -> float:
        value = _value(model, of, coefficients)
        if value is None or value <= 0:
            raise NoValue(f"{of} does not exist at neighbouring coefficients")
        return value

    name = f"law {law.name}"
    try:
        low, high = law_direction(law.coefficients, law.covariance or (), what)
    except NoValue:
        return Bar(name, None, None, None, None, ("p10", "p90"))
    return Bar(name, None, None, _value(model, of, low), _value(model, of, high), ("p10", "p90"))


def _names_bar(name: str, found: Sequence[tuple[str, float | None]]) -> Bar:
    known = sorted((value, chosen) for chosen, value in found if value is not None)
    if len(known) < len(found):
        return Bar(name, None, None, None, None, ("", ""))
    return Bar(name, None, None, known[0][0], known[-1][0], (known[0][1], known[-1][1]))


# -- Sobol' ----------------------------------------------------------------------------------------------------


def sobol(
    model: Callable[[list[Any]], Any], names: Sequence[str], *, count: int, seed: int = 0, confidence: float = 0.9
) -> list[Index]:
    """First-order and total indices of a function of inputs that are uniform on 0 to 1, by Saltelli's scheme.

    `model` takes a list of arrays, one an input, and returns an array. `count` is a power of two; the function is
    evaluated at count x (inputs + 2) points. The estimators are Saltelli 2010 (first) and Jansen 1999 (total), the
    intervals a bootstrap over the points.
    """
    np = numpy()
    if count < 2 or count & (count - 1):
        raise UserError(f"--sobol {count} is not a power of two, such as 1024")
    if count > MOST_ROWS:
        raise UserError(f"--sobol {count} is above {MOST_ROWS:,}")
    a = [hypercube(seed, f"sobol a {name}", count) for name in names]
    b = [hypercube(seed, f"sobol b {name}", count) for name in names]
    at_a, at_b = np.asarray(model(a), dtype=float), np.asarray(model(b), dtype=float)
    mixed = [np.asarray(model([*a[:i], b[i], *a[i + 1 :]]), dtype=float) for i in range(len(names))]
    known = np.isfinite(at_a) & np.isfinite(at_b)
    for values in mixed:
        known &= np.isfinite(values)
    if known.sum() < count / 2:
        raise UserError("over half of the points have no value, so there are no indices")
    at_a, at_b = at_a[known], at_b[known]
    middle = (at_a.mean() + at_b.mean()) / 2
    at_a, at_b = at_a - middle, at_b - middle
    mixed = [values[known] - middle for values in mixed]
    rows = raw(seed, "sobol bootstrap", RESAMPLES * len(at_a)).reshape(RESAMPLES, -1) % np.uint64(len(at_a))
    rows = rows.astype(int)
    spreads = _variance(at_a[rows], at_b[rows])
    out = []
    for name, values in zip(names, mixed, strict=True):
        first, total = at_b * (values - at_a), (at_a - values) ** 2 / 2
        spread = _variance(at_a, at_b)
        tail = (1 - confidence) / 2
        ends = [np.quantile(each[rows].mean(axis=1) / spreads, [tail, 1 - tail]) for each in (first, total)]
        out.append(
            Index(
                name,
                float(first.mean() / spread),
                (float(ends[0][0]), float(ends[0][1])),
                float(total.mean() / spread),
                (float(ends[1][0]), float(ends[1][1])),
            )
        )
    return out


def _variance(a: Any, b: Any) -> Any:
    np = numpy()
    both = np.concatenate([a, b], axis=-1)
    return both.var(axis=-1)


def sobol_of(model: Model, of: str, *, count: int, seed: int = 0, log: bool = False) -> list[Index]:
    """Sobol' indices of an answer of a plan, the largest total first; the law's coefficients count as one input."""
    np = numpy()
    groups: list[tuple[str, Input | None]] = list(model.inputs.items())
    if model.law:
        groups.append((f"law {model.law.name}", None))
    _centre(model, of)
    groups = [(name, source) for name, source in groups if _touches(model, of, name, source)]
    if not groups:
        raise UserError(f"nothing uncertain moves {of}")
    asked = [name for name, _ in groups]

    def at(columns: list[Any]) -> Any:
        moving: dict[str, Any] = {}
        for (name, source), u in zip(groups, columns, strict=True):
            if source is not None:
                moving[name] = source.at(u)
            else:
                moving |= model.law_values([normal(part) for part in _parts(u, name, count, seed)])
        out, _ = model.evaluate(moving, count)
        values = out.get(of)
        values = np.full(count, np.nan) if values is None else np.broadcast_to(values, count).astype(float)
        return np.log(np.where(values > 0, values, np.nan)) if log else values

    found = sobol(at, asked, count=count, seed=seed)
    return sorted(found, key=lambda index: (-index.total, index.name))


def _parts(u: Any, name: str, count: int, seed: int) -> list[Any]:
    """Five independent probabilities a point from one: the point's stratum picks a row of a hypercube of its own."""
    np = numpy()
    row = np.minimum((u * count).astype(int), count - 1)
    return [hypercube(seed, f"sobol part {i} {name}", count)[row] for i in range(LAW_PARTS)]


def _touches(model: Model, of: str, name: str, source: Input | None) -> bool:
    """Whether an input changes the answer at all."""
    centre = _value(model, of, {})
    if source is None:
        bar = _law_bar(model, of)
        return bar.width > 0
    ends = [_value(model, of, {name: source.quantile(p)}) for p in (0.02, *DECILES, 0.98)]
    return any(end is None or centre is None or abs(end - centre) > 1e-12 * abs(centre) for end in ends)

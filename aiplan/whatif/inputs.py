"""Uncertain inputs as they are written under `vary`, and the distribution that each stands for.

`30% to 45%` is a 90% interval: lognormal where both ends are positive, else normal. `{low, mid, high}` is a PERT,
`{normal: [mean, sd]}` and `{uniform: [a, b]}` say what they are, `{choice: [...]}` draws one of a list.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from aiplan import units
from aiplan.errors import UserError, nearest
from aiplan.graph import GRAPH
from aiplan.specs.question import CHOICES, LIMITS, Choices, read_choice, read_value
from aiplan.whatif.arrays import normal, numpy

Kind = Literal["lognormal", "normal", "pert", "uniform", "choice", "names", "split"]
Z90, Z95 = 1.2815515655446004, 1.6448536269514722  # standard normal quantiles of 0.9 and 0.95
FORMS = "'A to B', {low, mid, high}, {choice: [...]}, {normal: [mean, sd]} or {uniform: [a, b]}"
_INTERVAL = re.compile(r"\s*(\S.*?)\s+to\s+(\S.*?)\s*$")
_PERT_STEPS = 4000


@dataclass(frozen=True, slots=True)
class Input:
    """One uncertain input: its distribution in SI, or the names that a choice is drawn from."""

    name: str
    kind: Kind
    ends: tuple[float, ...] = ()
    names: tuple[str, ...] = ()
    typed: str = ""
    clip: tuple[float | None, float | None] = (None, None)

    @property
    def centre(self) -> float:
        """The value at which accelerators and layout are chosen: the median, of a PERT its most likely value."""
        a, *rest = self.ends
        if self.kind == "lognormal":
            return math.sqrt(a * rest[0])
        if self.kind == "uniform":
            return (a + rest[0]) / 2
        if self.kind in ("pert", "split"):
            return rest[0]
        if self.kind == "choice":
            return sorted(self.ends)[(len(self.ends) - 1) // 2]
        return a

    def at(self, probability: Any) -> Any:
        """The values at these probabilities, an array."""
        np = numpy()
        u = np.asarray(probability, dtype=float)
        if self.kind in ("choice", "names"):
            count = len(self.ends or self.names)
            index = np.minimum((u * count).astype(int), count - 1)
            return np.asarray(self.ends)[index] if self.ends else index
        if self.kind == "uniform":
            out = self.ends[0] + (self.ends[1] - self.ends[0]) * u
        elif self.kind == "pert":
            out = _pert(u, *self.ends)
        else:
            z = normal(u)
            if self.kind == "normal":
                out = self.ends[0] + self.ends[1] * z
            elif self.kind == "lognormal":
                low, high = map(math.log, self.ends)
                out = np.exp((low + high) / 2 + (high - low) / (2 * Z95) * z)
            else:
                low, middle, high = map(math.log, self.ends)
                out = np.exp(middle + np.where(z < 0, middle - low, high - middle) * z / Z90)
        low_bound, high_bound = self.clip
        return out if low_bound is None and high_bound is None else np.clip(out, low_bound, high_bound)

    def quantile(self, probability: float) -> float:
        """The value at one probability."""
        return float(self.at([probability])[0])


def spread(name: str, value: float, p10: float, p90: float) -> Input:
    """The input of a default or a fact with its p10 and p90: a lognormal with a side of its own each way."""
    quantity = GRAPH[name]
    typed = f"{units.show(p10, quantity.unit, name)} to {units.show(p90, quantity.unit, name)}"
    return Input(name, "split", (p10, value, p90), typed=typed, clip=(quantity.low, quantity.high))


def _pert(u: Any, low: float, mid: float, high: float) -> Any:
    """Quantiles of the beta distribution on low to high with the mode mid, by its density summed up on a fine grid."""
    np = numpy()
    a, b = 1 + 4 * (mid - low) / (high - low), 1 + 4 * (high - mid) / (high - low)
    x = (1 - np.cos(np.linspace(0, math.pi, _PERT_STEPS + 1))) / 2
    middle, width = (x[1:] + x[:-1]) / 2, np.diff(x)
    mass = np.concatenate([[0.0], np.cumsum(middle ** (a - 1) * (1 - middle) ** (b - 1) * width)])
    return low + (high - low) * np.interp(u, mass / mass[-1], x)


def read_inputs(vary: Mapping[str, Any], *, where: str = "", choices: Choices = CHOICES) -> list[Input]:
    """The uncertain inputs of a `vary` map.

    >>> read_inputs({"mfu": "30% to 45%"})[0].ends
    (0.3, 0.45)
    """
    return [read_input(name, raw, where=where, choices=choices) for name, raw in vary.items()]


def read_input(name: str, raw: Any, *, where: str = "", choices: Choices = CHOICES) -> Input:
    """One uncertain input. Raises UserError for what is none of the forms, or a value that the quantity cannot have."""
    at = f"{where}: " if where else ""
    if name in LIMITS:
        raise UserError(f"{at}vary: {name} is an upper bound here, which is a decision: sweep it, or vary an input")
    if name in choices:
        return _names(name, raw, at, where, choices)
    if name not in GRAPH:
        raise UserError(f"{at}there is no quantity {name!r}{nearest(name, [*GRAPH.quantities, *choices])}")
    quantity = GRAPH[name]
    clip = (quantity.low, quantity.high)

    def value(found: Any) -> float:
        return read_value(name, found, where=where)

    if isinstance(raw, str):
        found = _INTERVAL.match(raw)
        if not found:
            raise UserError(f"{at}vary: {name}: {raw!r} is not {FORMS}")
        low, high = value(_with_unit(found[1], found[2], quantity.unit)), value(found[2])
        if not low < high:
            raise UserError(f"{at}vary: {name}: {raw!r} does not rise from its low end to its high end")
        if low > 0:
            return Input(name, "lognormal", (low, high), typed=raw.strip(), clip=clip)
        return Input(name, "normal", ((low + high) / 2, (high - low) / (2 * Z95)), typed=raw.strip(), clip=clip)
    if not isinstance(raw, Mapping):
        raise UserError(f"{at}vary: {name} is {FORMS}, not {raw!r}")
    keys = set(raw)
    typed = "{" + ", ".join(f"{k}: {_said(v)}" for k, v in raw.items()) + "}"
    if keys == {"low", "mid", "high"}:
        low, mid, high = (value(raw[key]) for key in ("low", "mid", "high"))
        if not (low <= mid <= high and low < high):
            raise UserError(f"{at}vary: {name}: low, mid and high must rise")
        return Input(name, "pert", (low, mid, high), typed=typed, clip=clip)
    if keys == {"choice"}:
        values = raw["choice"]
        if not isinstance(values, list) or not values:
            raise UserError(f"{at}vary: {name}: choice is a list such as [1.1, 1.2], not {values!r}")
        return Input(name, "choice", tuple(value(v) for v in values), typed=typed)
    for form in ("normal", "uniform"):
        if keys == {form}:
            pair = raw[form]
            if not isinstance(pair, list) or len(pair) != 2:
                raise UserError(f"{at}vary: {name}: {form} is a list of two values, not {pair!r}")
            a = value(pair[0])
            b = value(pair[1]) if form == "uniform" else difference(name, pair[1], where=where)
            if (form == "uniform" and not a < b) or (form == "normal" and not b > 0):
                need = "must rise" if form == "uniform" else "needs a deviation above 0"
                raise UserError(f"{at}vary: {name}: {form} {need}")
            return Input(name, "normal" if form == "normal" else "uniform", (a, b), typed=typed, clip=clip)
    known = ("low", "mid", "high", "choice", "normal", "uniform")
    odd = next((key for key in raw if key not in known), None)
    raise UserError(f"{at}vary: {name} is {FORMS}{nearest(str(odd), known, most=1) if odd else ''}")


def _names(name: str, raw: Any, at: str, where: str, choices: Choices) -> Input:
    values = raw.get("choice") if isinstance(raw, Mapping) and set(raw) == {"choice"} else None
    if not isinstance(values, list) or not values:
        raise UserError(f"{at}vary: {name} is a choice by name: write {{choice: [a, b]}}, not {raw!r}")
    names = tuple(read_choice(name, v, where=where, choices=choices) for v in values)
    return Input(name, "names", names=names, typed=f"{{choice: [{', '.join(names)}]}}")


def difference(name: str, raw: Any, *, where: str = "") -> float:
    """A deviation or a step [the quantity's unit], which need not lie within the bounds of the quantity itself."""
    at = f"{where}: " if where else ""
    try:
        return units.parse(raw, GRAPH[name].unit, what=name)
    except UserError as error:
        raise UserError(f"{at}{error}") from None


def _with_unit(low: str, high: str, unit: str) -> str:
    """`100 to 200 GB` says the unit once, at the end; a count or a ratio needs none, so each end stands alone."""
    if unit in ("", "param", "token", "sample", "day", "h", "year") or not re.fullmatch(r"[0-9.,]+", low):
        return low
    tail = re.fullmatch(r"[0-9.,]+(?:[eE][-+]?[0-9]+)?(\s*[^0-9\s].*)", high)
    return f"{low}{tail[1]}" if tail else low


def _said(value: Any) -> str:
    return f"[{', '.join(str(v) for v in value)}]" if isinstance(value, list) else str(value)


def read_typed(pairs: list[str]) -> dict[str, Any]:
    """`--vary NAME=...` pairs as the map that a file would hold; braces are read as YAML.

    >>> read_typed(["mfu=30% to 45%", "pue={choice: [1.1, 1.2]}"])
    {'mfu': '30% to 45%', 'pue': {'choice': [1.1, 1.2]}}
    """
    from aiplan.specs.question import read_pairs

    out: dict[str, Any] = {}
    for name, text in read_pairs(pairs, "--vary").items():
        if text.startswith(("{", "[")):
            from aiplan import yamlio

            out[name] = yamlio.loads(text, f"--vary {name}")
        else:
            out[name] = text
    return out

"""Grids of plans: what is written under `sweep`, the cross product of it, and the points that are skipped."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from aiplan import units
from aiplan.errors import UserError, nearest
from aiplan.graph import GRAPH
from aiplan.specs.question import CHOICES, LIMITS, Question, read_choice, read_value
from aiplan.whatif.inputs import difference

MOST_POINTS = 10_000
FORMS = "a list, 'a..b by c' or 'a..b xN'"
_RANGE = re.compile(r"\s*(\S.*?)\s*\.\.\s*(\S.*?)\s+(?:by\s+(\S.*?)|x\s*([0-9.eE+]+))\s*$")


@dataclass(frozen=True, slots=True)
class Step:
    """One value of an axis: as shown, and as a number [SI] or a name."""

    text: str
    value: float | None = None
    choice: str | None = None


@dataclass(frozen=True, slots=True)
class Axis:
    """What is swept, and its values in order."""

    name: str
    steps: tuple[Step, ...]


Point = dict[str, Step]


def read_grid(sweep: Mapping[str, Any], *, most: int = MOST_POINTS, where: str = "") -> list[Axis]:
    """The axes of a `sweep` map.

    >>> [step.value for step in read_grid({"params": "1T..100T x10"})[0].steps]
    [1000000000000.0, 10000000000000.0, 100000000000000.0]
    """
    return [read_axis(name, raw, most=most, where=where) for name, raw in sweep.items()]


def read_axis(name: str, raw: Any, *, most: int = MOST_POINTS, where: str = "") -> Axis:
    """One axis. Raises UserError for what is none of the forms, or a value that the quantity cannot have."""
    at = f"{where}: " if where else ""
    if name not in GRAPH and name not in CHOICES:
        raise UserError(f"{at}there is no quantity {name!r}{nearest(name, [*GRAPH.quantities, *CHOICES])}")
    if isinstance(raw, list):
        if not raw:
            raise UserError(f"{at}sweep: {name} is an empty list")
        return Axis(name, tuple(_step(name, value, where) for value in raw))
    if not isinstance(raw, str):
        raise UserError(f"{at}sweep: {name} is {FORMS}, not {raw!r}")
    found = _RANGE.match(raw)
    if not found:
        hint = "; a range says its step, e.g. '60..360 by 60'" if ".." in raw else ""
        raise UserError(f"{at}sweep: {name}: {raw!r} is not {FORMS}{hint}")
    if name in CHOICES:
        raise UserError(f"{at}sweep: {name} is a choice by name, so it is swept by a list")
    low, high = (read_value(name, found[i], where=where) for i in (1, 2))
    values = _even(found[3], low, high, name, where) if found[3] else _times(found[4], low, high, at, name)
    count = next(values)
    if count > most:
        raise UserError(f"{at}sweep: {name} has {count:,.0f} values, above the cap of {most:,} (--max-points)")
    return Axis(name, tuple(Step(units.show(v, GRAPH[name].unit, name), v) for v in values))


def _step(name: str, raw: Any, where: str) -> Step:
    if name in CHOICES:
        choice = read_choice(name, raw, where=where)
        return Step(choice, choice=choice)
    return Step(str(raw), read_value(name, raw, where=where))


def _even(text: str, low: float, high: float, name: str, where: str) -> Iterator[float]:
    at = f"{where}: " if where else ""
    step = difference(name, text, where=where)
    if not (step > 0 and high >= low):
        raise UserError(f"{at}sweep: {name}: a range rises from its low end by a step above 0")
    count = math.floor((high - low) / step + 1e-9) + 1
    yield count
    yield from (low + i * step for i in range(count))


def _times(text: str, low: float, high: float, at: str, name: str) -> Iterator[float]:
    try:
        factor = float(text)
    except ValueError:
        factor = 0.0
    if not (1 < factor < math.inf and 0 < low <= high):
        raise UserError(
            f"{at}sweep: {name}: 'a..b xN' rises from above 0, each value N times the one before, N above 1"
        )
    count = math.floor(math.log(high / low) / math.log(factor) + 1e-9) + 1
    yield count
    yield from (low * factor**i for i in range(count))


def points(
    axes: Sequence[Axis], skip: Sequence[Mapping[str, Any]] = (), *, most: int = MOST_POINTS, where: str = ""
) -> list[Point]:
    """The cross product, the last axis fastest, without what is skipped. Raises UserError beyond the cap."""
    at = f"{where}: " if where else ""
    total = math.prod(len(axis.steps) for axis in axes)
    if total > most:
        raise UserError(f"{at}the sweep has {total:,} points, above the cap of {most:,}; --max-points raises it")
    known = {axis.name for axis in axes}
    left_out: list[dict[str, Step]] = []
    for entry in skip:
        for name in entry:
            if name not in known:
                raise UserError(
                    f"{at}skip: {name} is not swept{nearest(name, known)}; swept: {', '.join(sorted(known))}"
                )
        left_out.append({name: _step(name, raw, where) for name, raw in entry.items()})
    out = []
    for steps in itertools.product(*(axis.steps for axis in axes)):
        point = {axis.name: step for axis, step in zip(axes, steps, strict=True)}
        if not any(all(_same(point[n], step) for n, step in entry.items()) for entry in left_out):
            out.append(point)
    if not out:
        raise UserError(f"{at}skip leaves no point of the sweep")
    return out


def _same(a: Step, b: Step) -> bool:
    if a.value is None or b.value is None:
        return a.choice == b.choice
    return math.isclose(a.value, b.value, rel_tol=1e-9)


def at_point(question: Question, point: Point) -> Question:
    """The question with the values of one point of the grid."""
    given, limits, choices = dict(question.given), dict(question.limits), dict(question.choices)
    for name, step in point.items():
        if step.choice is not None:
            choices[name] = step.choice
        elif step.value is not None:
            (limits if name in LIMITS else given)[name] = step.value
    typed = question.typed | {name: step.text for name, step in point.items()}
    return replace(question, given=given, limits=limits, choices=choices, typed=typed)


def title(point: Point) -> str:
    """A point in words.

    >>> title({"params": Step("1T", 1e12), "accelerator": Step("h100", choice="h100")})
    'params 1T, accelerator h100'
    """
    return ", ".join(f"{name} {step.text}" for name, step in point.items())


def read_typed(pairs: list[str]) -> dict[str, Any]:
    """`--sweep NAME=...` pairs as the map that a file would hold; a list is written with commas.

    >>> read_typed(["accelerator=h100,gb200", "training_days=60..360 by 60"])
    {'accelerator': ['h100', 'gb200'], 'training_days': '60..360 by 60'}
    """
    from aiplan.specs.question import read_pairs

    out: dict[str, Any] = {}
    for name, text in read_pairs(pairs, "--sweep").items():
        inner = text[1:-1] if text.startswith("[") and text.endswith("]") else text
        out[name] = inner if ".." in inner else [part.strip() for part in inner.split(",")]
    return out

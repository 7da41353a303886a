"""Grids of plans: what is written under `sweep`, the cross product of it, and the points that are skipped."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from aiplan import units
from aiplan.errors import UserError, nearest
from aiplan.graph import GRAPH
from aiplan.specs.layout import read_layout
from aiplan.specs.question import CHOICES, LIMITS, Choices, Question, read_choice, read_value
from aiplan.whatif.inputs import difference

MOST_POINTS = 10_000
NAMED: Choices = {**CHOICES, "layout": None}  # what is swept by name
FORMS = "a list, 'a..b by c' or 'a..b xN'"
_RANGE = re.compile(r"\s*(\S.*?)\s*\.\.\s*(\S.*?)\s+(?:by\s+(\S.*?)|x\s*([0-9.eE+]+))\s*$")


@dataclass(frozen=True, slots=True)
class Step:
    """One value of an axis: as typed, and as a number [SI] or a name; `of` is the quantity of one that nobody typed."""

    typed: str
    value: float | None = None
    choice: str | None = None
    of: str = ""

    @property
    def text(self) -> str:
        """The value as it is shown."""
        return units.show(self.value, GRAPH[self.of].unit, self.of) if self.of else self.typed


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


def read_axis(name: str, raw: Any, *, most: int = MOST_POINTS, where: str = "", choices: Choices = NAMED) -> Axis:
    """One axis. Raises UserError for what is none of the forms, or a value that the quantity cannot have."""
    at = f"{where}: " if where else ""
    if name not in GRAPH and name not in choices:
        raise UserError(f"{at}there is no quantity {name!r}{nearest(name, [*GRAPH.quantities, *choices])}")
    if isinstance(raw, list):
        if not raw:
            raise UserError(f"{at}sweep: {name} is an empty list")
        return Axis(name, tuple(_step(name, value, where, choices) for value in raw))
    if not isinstance(raw, str):
        raise UserError(f"{at}sweep: {name} is {FORMS}, not {raw!r}")
    found = _RANGE.match(raw)
    if not found:
        hint = "; a range says its step, e.g. '60..360 by 60'" if ".." in raw else ""
        raise UserError(f"{at}sweep: {name}: {raw!r} is not {FORMS}{hint}")
    if name in choices:
        raise UserError(f"{at}sweep: {name} is a choice by name, so it is swept by a list")
    low, high = (read_value(name, found[i], where=where) for i in (1, 2))
    values = _even(found[3], low, high, name, where) if found[3] else _times(found[4], low, high, at, name)
    count = next(values)
    if count > most:
        raise UserError(f"{at}sweep: {name} has {count:,.0f} values, above the cap of {most:,} (--max-points)")
    return Axis(name, tuple(Step("", v, of=name) for v in values))


def _step(name: str, raw: Any, where: str, choices: Choices) -> Step:
    if name in choices:
        choice = read_choice(name, raw, where=where, choices=choices)
        if name == "layout":
            read_layout(choice, where=where)
            choice = ",".join(choice.replace(",", " ").split())
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


@dataclass(frozen=True, slots=True)
class Grid:
    """The cross product of axes, the last one fastest, by index; `left_out` maps axes to the steps that are skipped."""

    axes: tuple[Axis, ...]
    left_out: tuple[dict[int, frozenset[int]], ...] = ()

    def __len__(self) -> int:
        return math.prod(len(axis.steps) for axis in self.axes)

    def steps(self, index: int) -> tuple[int, ...]:
        """Which step of each axis a point is at.

        >>> Grid((Axis("tp", (Step("1"), Step("2"))), Axis("pp", (Step("1"), Step("2"), Step("4"))))).steps(5)
        (1, 2)
        """
        out = []
        for axis in reversed(self.axes):
            index, step = divmod(index, len(axis.steps))
            out.append(step)
        return tuple(reversed(out))

    def at(self, index: int) -> Point:
        """The point of an index."""
        return {axis.name: axis.steps[step] for axis, step in zip(self.axes, self.steps(index), strict=True)}

    def kept(self, start: int = 0, stop: int | None = None) -> Sequence[int]:
        """The indices of a range that are not skipped."""
        whole = range(start, len(self) if stop is None else stop)
        return [i for i in whole if not self._skips(self.steps(i))] if self.left_out else whole

    def _skips(self, steps: tuple[int, ...]) -> bool:
        return any(all(steps[axis] in some for axis, some in entry.items()) for entry in self.left_out)

    def boxes(self, most: int) -> list[tuple[int, int]]:
        """Ranges of at most so many indices, each a box: whole axes within some steps of one axis.

        >>> Grid((Axis("tp", (Step("1"), Step("2"))), Axis("pp", (Step("1"), Step("2"), Step("4"))))).boxes(4)
        [(0, 3), (3, 6)]
        """
        below = 1
        for axis in reversed(self.axes):
            whole = below * len(axis.steps)
            if whole > most:
                step = below * max(most // below, 1)
                return [
                    (start + i, start + min(i + step, whole))
                    for start in range(0, len(self), whole)
                    for i in range(0, whole, step)
                ]
            below = whole
        return [(0, len(self))]

    def box(self, start: int, stop: int) -> list[range]:
        """The steps of each axis in a box."""
        first, last = self.steps(start), self.steps(stop - 1)
        return [range(a, b + 1) for a, b in zip(first, last, strict=True)]


def grid_of(
    axes: Sequence[Axis],
    skip: Sequence[Mapping[str, Any]] = (),
    *,
    most: int = MOST_POINTS,
    where: str = "",
    choices: Choices = NAMED,
) -> Grid:
    """The grid of axes without what is skipped. Raises UserError beyond the cap, and where nothing is left."""
    at = f"{where}: " if where else ""
    total = math.prod(len(axis.steps) for axis in axes)
    if total > most:
        raise UserError(f"{at}the sweep has {total:,} points, above the cap of {most:,}; --max-points raises it")
    known = {axis.name: i for i, axis in enumerate(axes)}
    if "layout" in known:
        members = {n for step in axes[known["layout"]].steps for n in read_layout(step.choice)}
        if twice := sorted(members & set(known)):
            raise UserError(f"{at}sweep: {twice[0]} is swept, and in a layout that is swept too")
    left_out = []
    for entry in skip:
        for name in entry:
            if name not in known:
                raise UserError(
                    f"{at}skip: {name} is not swept{nearest(name, known)}; swept: {', '.join(sorted(known))}"
                )
        steps = {known[name]: _step(name, raw, where, choices) for name, raw in entry.items()}
        left_out.append(
            {i: frozenset(k for k, s in enumerate(axes[i].steps) if _same(s, step)) for i, step in steps.items()}
        )
    out = Grid(tuple(axes), tuple(left_out))
    if not out.kept():
        raise UserError(f"{at}skip leaves no point of the sweep")
    return out


def points(
    axes: Sequence[Axis], skip: Sequence[Mapping[str, Any]] = (), *, most: int = MOST_POINTS, where: str = ""
) -> list[Point]:
    """The points of a grid that are not skipped, the last axis fastest. Raises UserError as `grid_of` does."""
    grid = grid_of(axes, skip, most=most, where=where)
    return [grid.at(i) for i in grid.kept()]


def _same(a: Step, b: Step) -> bool:
    if a.value is None or b.value is None:
        return a.choice == b.choice
    return math.isclose(a.value, b.value, rel_tol=1e-9)


def at_point(question: Question, point: Point) -> Question:
    """The question with the values of one point of the grid."""
    given, limits, choices = dict(question.given), dict(question.limits), dict(question.choices)
    layout = question.layout
    for name, step in point.items():
        if name == "layout":
            given = {n: v for n, v in given.items() if n not in layout}
            layout = read_layout(step.choice)
            given |= layout
        elif step.choice is not None:
            choices[name] = step.choice
        elif step.value is not None:
            (limits if name in LIMITS else given)[name] = step.value
    typed = question.typed | {name: step.text for name, step in point.items()}
    return replace(question, given=given, limits=limits, choices=choices, typed=typed, layout=layout)


def title(point: Point) -> str:
    """A point in words.

    >>> title({"params": Step("1T", 1e12), "accelerator": Step("h100", choice="h100")})
    'params 1T, accelerator h100'
    """
    return ", ".join(f"{name} {step.text}" for name, step in point.items())


def read_typed(pairs: list[str]) -> dict[str, Any]:
    """`--sweep NAME=...` pairs as the map that a file would hold; a list is written with commas, of layouts with `;`.

    >>> read_typed(["accelerator=h100,gb200", "training_days=60..360 by 60", "layout=tp=8,pp=16; tp=4,pp=32"])
    {'accelerator': ['h100', 'gb200'], 'training_days': '60..360 by 60', 'layout': ['tp=8,pp=16', 'tp=4,pp=32']}
    """
    from aiplan.specs.question import read_pairs

    out: dict[str, Any] = {}
    for name, text in read_pairs(pairs, "--sweep").items():
        inner = text[1:-1] if text.startswith("[") and text.endswith("]") else text
        parts = [part.strip() for part in inner.split(";" if name == "layout" else ",")]
        ranges = ".." in inner and (name in GRAPH or _RANGE.match(inner))
        out[name] = inner if ranges else [part for part in parts if part]
    return out

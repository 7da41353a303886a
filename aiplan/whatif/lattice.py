"""Many points of a grid in one evaluation: the swept quantities are axes, and numpy spreads what depends on several.

What one axis moves is computed once for each of its values, so that a million points of a closed form take a fraction
of a second. It holds where nothing is free to be solved for; the formulas and the order are those of a plan.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from aiplan.catalog import Catalog
from aiplan.choices import GLOBAL_RECOVERY_LIMIT
from aiplan.errors import UserError
from aiplan.graph import GRAPH, Order
from aiplan.layout_given import unbuildable
from aiplan.plan import LAYOUT, SHAPELESS_BELOW, Plan, train
from aiplan.specs.question import LIMITS, Question
from aiplan.whatif.assertions import OPERATORS, Assertion
from aiplan.whatif.grid import Grid, Point, at_point, title
from aiplan.whatif.many import Memo, evaluate

SURE = ("params", "training_days", "fits")  # what a plan's standing rests on, besides its limits
DIVIDED = ("accelerators", "heads", "layers", "experts", "seq_len")  # by a layout that is given
OVER = 1 + 1e-6  # a limit that is broken by less is held


class Mixed(Exception):
    """Points of a block that do not share the formulas of its first point."""


@dataclass(slots=True)
class Frame:
    """What points with the same names and rules share: the inputs and the order of the formulas."""

    plan: Plan
    order: Order
    values: dict[str, Any]
    nulls: dict[str, str]


@dataclass(slots=True)
class Lattice:
    """A question over the axes of a grid."""

    question: Question
    grid: Grid
    catalog: Catalog
    defaults: dict[str, Any]
    columns: Sequence[str]
    asserted: Sequence[Assertion]
    frames: dict[Any, Frame] = field(default_factory=dict)
    memo: Memo = field(default_factory=dict)

    def frame(self, point: Point) -> Frame:
        """The inputs and formulas at a point, kept for all that share its names and its rules."""
        key = tuple((step.choice, _rule(name, step.value)) for name, step in point.items())
        if key not in self.frames:
            with located(point):
                plan = train(at_point(self.question, point), self.catalog, self.defaults, check=False)
            divided = (*LAYOUT, *DIVIDED) if plan.question.layout else ()
            asked = [*self.columns, *SURE, *divided, *plan.limits, *(a.quantity for a in self.asserted)]
            unknown = [name for name, g in plan.given.items() if g.value is None]
            order = GRAPH.order((), plan.given, plan.rivals, optional=dict.fromkeys(asked), unknown=unknown)
            nulls = {n: g.why_null or f"{n} is unknown" for n, g in plan.given.items() if g.value is None}
            self.frames[key] = Frame(plan, order, {n: g.value for n, g in plan.given.items()}, nulls)
        return self.frames[key]

    def block(self, start: int, stop: int) -> tuple[dict[str, Any], Any, Any]:
        """Columns, the word for each plan and what binds it, over a box of the grid. Raises Mixed."""
        import numpy as np

        box = self.grid.box(start, stop)
        shape = tuple(len(steps) for steps in box)
        columns = {name: np.full(shape, np.nan) for name in self.columns}
        words, binding = np.full(shape, "ok", dtype=object), np.full(shape, "", dtype=object)
        for part in itertools.product(*(self._runs(i, steps) for i, steps in enumerate(box))):
            pairs = zip(part, box, strict=True)
            here = tuple(slice(run.start - steps.start, run.stop - steps.start) for run, steps in pairs)
            found, words[here], binding[here] = self._evaluated(part)
            for name, values in found.items():
                columns[name][here] = values
        return {name: values.ravel() for name, values in columns.items()}, words.ravel(), binding.ravel()

    def _runs(self, axis: int, steps: range) -> list[range]:
        """The steps of an axis in runs that share names and rules."""
        name, found = self.grid.axes[axis].name, self.grid.axes[axis].steps
        runs = itertools.groupby(steps, lambda i: (found[i].choice, _rule(name, found[i].value)))
        return [range(part[0], part[-1] + 1) for _, each in runs if (part := list(each))]

    def _evaluated(self, part: tuple[range, ...]) -> tuple[dict[str, Any], Any, Any]:
        """The values of a box within which no name changes, the word for each plan, and what binds it."""
        import numpy as np

        axes = self.grid.axes
        frame = self.frame({axis.name: axis.steps[run[0]] for axis, run in zip(axes, part, strict=True)})
        shape = tuple(len(run) for run in part)
        moving: dict[str, Any] = {}
        limits: dict[str, Any] = dict(frame.plan.limits)
        for i, (axis, run) in enumerate(zip(axes, part, strict=True)):
            if axis.steps[run[0]].choice is None:
                along = [-1 if k == i else 1 for k in range(len(axes))]
                values = np.array([axis.steps[k].value for k in run]).reshape(along)
                (limits if axis.name in LIMITS else moving)[axis.name] = values
        out, _ = evaluate(frame.order, frame.values | moving, frame.nulls, memo=self.memo)
        out = frame.plan.question.given | moving | out

        def value(name: str) -> Any:
            found = out.get(name)
            found = np.asarray(np.nan if found is None else found, dtype=float)
            return np.where(np.isfinite(found), found, np.nan)

        _check_rules(frame.plan, value("params"))
        endless = np.isnan(value("training_days"))
        bound = {"training_days": endless, "memory_per_accelerator": (value("fits") == 0) & ~endless}
        for name, most in limits.items():
            broken = ~(value(name) <= most * OVER) & ~endless
            bound[name] = bound[name] | broken if name in bound else broken
        built: Any = True
        if layout := frame.plan.question.layout:
            counted = "accelerators" in frame.plan.question.given
            built = ~np.asarray(
                unbuildable(layout, lambda name: np.nan_to_num(value(name)), counted=counted), dtype=bool
            )
            bound = {name: mask & built for name, mask in bound.items()} | {"layout": ~built}
        code, holds = np.zeros(shape, dtype=int), np.ones(shape, dtype=bool)
        for i, mask in enumerate(bound.values()):
            code += mask * (1 << i)
        for condition in self.asserted:
            holds &= holds_at(condition, value(condition.quantity))
        words = np.where(code > 0, "impossible", np.where(holds, "ok", "failed")).astype(object)
        binding = np.full(shape, "", dtype=object)
        for number in np.unique(code).tolist():
            binding[code == number] = "; ".join(n for i, n in enumerate(bound) if number >> i & 1)
        return {name: np.where(built, value(name), np.nan) for name in self.columns}, words, binding


def _rule(name: str, value: float | None) -> bool | None:
    """On which side a value lies of an edge beyond which the planner takes other formulas."""
    edges = {"accelerators": GLOBAL_RECOVERY_LIMIT, "params": SHAPELESS_BELOW}
    return value >= edges[name] if value is not None and name in edges else None


def _check_rules(plan: Plan, params: Any) -> None:
    """Raise Mixed where sizes that a formula gives lie on both sides of the edge below which no shape is invented."""
    asked = plan.question
    if "model" in asked.choices or "flops_per_sample" in asked.given:
        return
    if ((params < SHAPELESS_BELOW) != ("no_shape" in plan.rivals)).any():
        raise Mixed


def holds_at(condition: Assertion, value: Any) -> Any:
    """Whether a condition without a percentile holds for a value, or for each of an array; never for none."""
    value = math.nan if value is None else value
    if condition.operator is None:
        return value >= 0.5
    assert condition.value is not None
    if condition.operator == "~":
        return abs(value - condition.value) <= (condition.within or 0.0) * abs(condition.value)
    return OPERATORS[condition.operator](value, condition.value)


class located:
    """Adds the point to the message of an error."""

    def __init__(self, point: Point) -> None:
        self.point = point

    def __enter__(self) -> None: ...

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if isinstance(error, UserError):
            raise UserError(f"{error} (at {title(self.point)})") from None

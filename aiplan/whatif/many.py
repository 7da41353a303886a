"""The graph at many points at once: one evaluation on arrays, which may be axes of a grid that numpy broadcasts."""

from __future__ import annotations

from typing import Any

from aiplan.graph import Formula, NoValue, Order
from aiplan.whatif.arrays import numpy

MOST_CALLS = 2_000  # of a search or a shape in one evaluation, where a single input moves it and near points may share
MOST_KEPT = 50_000  # results of such calls that are kept between evaluations

Memo = dict[tuple[Any, ...], list[float]]


def evaluate(
    order: Order, values: dict[str, Any], nulls: dict[str, str], *, memo: Memo | None = None
) -> tuple[dict[str, Any], dict[str, str]]:
    """All values of an order at many points; floats stay floats where nothing that moves touches them.

    As Order.evaluate, but a formula that cannot take arrays is called point by point: with a `memo` at every point,
    what was called before taken from it; without one, near points share a call where there are very many.
    """
    np = numpy()
    out = {n: values[n] if n in values else order.graph[n].default for n in order.supplied}
    why = {n: nulls.get(n, f"{n} is unknown") for n, value in out.items() if value is None}
    gaps = {n for n, value in out.items() if _has_gaps(value)}
    with np.errstate(all="ignore"):
        for formula in order.steps:
            absent = [n for n in formula.inputs if n in why and n not in formula.nullable]
            if absent:
                results: tuple[Any, ...] | None = None
                reason = why[absent[0]]
            else:
                results, reason = _call(formula, out, gaps, memo)
            for i, target in enumerate(formula.gives):
                if target in out and len(formula.gives) > 1:  # a pinned member keeps its pin
                    continue
                out[target] = None if results is None else results[i]
                if out[target] is None:
                    why[target] = reason
                elif _has_gaps(out[target]):
                    gaps.add(target)
    return out, why


def _has_gaps(value: Any) -> bool:
    """Whether a value is unknown at some of the points, which nan says in an array."""
    return bool(getattr(value, "ndim", 0)) and bool(numpy().isnan(value).any())


def _call(
    formula: Formula, out: dict[str, Any], gaps: set[str], memo: Memo | None
) -> tuple[tuple[Any, ...] | None, str]:
    arguments = [out[n] for n in formula.inputs]
    pinned = {t: out[t] for t in formula.gives if t in out} if formula.search else {}
    many = any(getattr(a, "ndim", 0) for a in (*arguments, *pinned.values()))
    if many and (formula.search or len(formula.gives) > 1 or gaps & formula.nullable):
        return _pointwise(formula, arguments, pinned, memo)
    more = {"pinned": pinned} if formula.search else {}
    try:
        results = _several(formula, formula.function(*arguments, **more))
    except (NoValue, ArithmeticError, ValueError, TypeError) as error:
        if many:
            return _pointwise(formula, arguments, pinned, memo)
        return None, str(error) if isinstance(error, NoValue) else f"{formula.name} has no value ({error})"
    for name in gaps.intersection(formula.inputs):  # no formula makes something of what is unknown
        results = tuple(numpy().where(numpy().isnan(out[name]), numpy().nan, value) for value in results)
    return results, ""


def _several(formula: Formula, result: Any) -> tuple[Any, ...]:
    if len(formula.gives) == 1:
        return (result,)
    if not len(result):
        raise NoValue(f"{formula.name} finds nothing among such values")
    return tuple(result)


def _pointwise(
    formula: Formula, arguments: list[Any], pinned: dict[str, Any], memo: Memo | None
) -> tuple[tuple[Any, ...] | None, str]:
    """A formula that searches or branches, called once for each different set of inputs; nan where it has no value."""
    np = numpy()
    everything = [*arguments, *pinned.values()]
    moving = [i for i, a in enumerate(everything) if getattr(a, "ndim", 0)]
    spread = np.broadcast_arrays(*(everything[i] for i in moving))
    points, inverse = np.unique(np.stack([a.ravel() for a in spread], axis=1), axis=0, return_inverse=True)
    inverse = inverse.ravel()
    one_thing_moves = memo is None and len(points) > MOST_CALLS and bool((np.diff(points, axis=0) >= 0).all())
    if one_thing_moves:
        step = -(-len(points) // MOST_CALLS)
        points, inverse = points[step // 2 :: step], np.minimum(inverse // step, (len(points) - step // 2 - 1) // step)
    rows: list[list[float]] = []
    reason = f"{formula.name} has no value"
    kept = {} if memo is None else memo
    for point in points.tolist():
        for i, value in zip(moving, point, strict=True):
            everything[i] = None if value != value else value  # nan says that it is unknown, as None does
        key = (formula.function, formula.gives, *everything)
        row = kept.get(key)
        if row is None:
            fixed = dict(zip(pinned, everything[len(arguments) :], strict=True))
            more = {"pinned": fixed} if formula.search else {}
            try:
                if any(
                    v is None and n not in formula.nullable for n, v in zip(formula.inputs, everything, strict=False)
                ):
                    raise NoValue(f"{formula.name} lacks an input")
                found = _several(formula, formula.function(*everything[: len(arguments)], **more))
                row = [np.nan if v is None else float(v) for v in found]
            except (NoValue, ArithmeticError, ValueError, TypeError) as error:
                reason = str(error)
                row = [np.nan] * len(formula.gives)
            if len(kept) >= MOST_KEPT:
                kept.clear()
            kept[key] = row
        rows.append(row)
    columns = np.asarray(rows)[inverse]
    if np.isnan(columns).all():
        return None, reason
    shape = spread[0].shape
    return tuple(np.ascontiguousarray(columns[:, i]).reshape(shape) for i in range(len(formula.gives))), reason

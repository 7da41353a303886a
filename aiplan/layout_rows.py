"""The best layouts of a plan side by side, and the fleets that nothing else beats in days, money and power."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aiplan import binding
from aiplan.errors import UserError
from aiplan.graph import Given
from aiplan.plan import LAYOUT, TRAIN, Engine, Plan, Solver, resolved
from aiplan.quantities.layout import Costs
from aiplan.specs.result import LayoutRow

FLEETS = tuple(2.0 ** (k / 2) for k in range(-8, 9))  # of the plan's own
OBJECTIVES = ("training_days", "run_cost", "facility_power")
LEAST_SHARE = 0.005  # of a step's time that is shown
SOURCE = "search over all layouts"


def best(plan: Plan, count: int) -> tuple[Plan, list[LayoutRow]]:
    """The plan with the best of all layouts, and the `count` best; the nearest where none fits.

    The plan's own search times few layouts; this one times all of them. Raises UserError where there is no shape.
    """
    values = _inputs(plan)
    fixed = {n: plan.given[n].value for n in LAYOUT if n in plan.given and plan.given[n].origin != "search"}
    ranked = _search().rank(values, plan.value("accelerators"), plan.value("usable_memory"), fixed, most=count)
    if not ranked:
        raise UserError(f"no layout of {plan.value('accelerators'):,.0f} accelerators can be built")
    plan = _with_layout(plan, ranked[0].layout)
    engine = Engine(dict(plan.given), plan.rivals, (), list(TRAIN))
    return plan, [_row(values, engine.at(**r.layout)) for r in ranked]


def pareto(plan: Plan) -> list[LayoutRow]:
    """Fleets from a sixteenth of the plan's to sixteen times it, each with its layout, without those that are beaten.

    One is beaten by another that is no worse in days, cost and power, and better in one of them. Those beyond a limit
    that was given are left out; where none is within, the plan says so. Raises UserError where the number of
    accelerators is given.
    """
    values = _inputs(plan)
    if plan.given["accelerators"].origin == "given":
        raise UserError(
            "--pareto compares fleets, so leave the number of accelerators open; --layouts 10 compares the layouts of "
            "one fleet, which differ in days alone"
        )
    free = {n: g for n, g in plan.given.items() if n not in LAYOUT or g.origin != "search"}
    limits = {n: most for n, most in plan.limits.items() if n not in plan.assumed_limits}
    engine = Engine(free, plan.rivals, (), [*TRAIN, *limits])
    server = float(plan.given["accelerators_per_server"].value or 1.0)
    solver = Solver(engine, {}, server, free_accelerators=True)
    counts = sorted({solver.realisable(share * plan.value("accelerators")) for share in FLEETS})
    found = [v for v in (engine.at(accelerators=n) for n in counts) if v["fits"] == 1.0 and v["training_days"]]
    found = [v for v in found if all(_within(v.get(name), most) for name, most in limits.items())]
    if not found:
        plan.binding.append(f"accelerators: no fleet from {counts[0]:,.0f} to {counts[-1]:,.0f} is within all limits")
    kept = [a for a in found if not any(_beats(b, a) for b in found)]
    return [_row(values | {"accelerators": v["accelerators"]}, v) for v in kept]


def _within(value: float | None, most: float) -> bool:
    """Whether a limit is kept."""
    return value is not None and value <= most * (1 + 1e-6)


def _beats(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    pairs = [(one[n], other[n]) for n in OBJECTIVES if one.get(n) is not None and other.get(n) is not None]
    return all(a <= b for a, b in pairs) and any(a < b for a, b in pairs)


def _inputs(plan: Plan) -> dict[str, float]:
    """What the costs of a layout are computed from."""
    if "shaped" not in plan.rivals or plan.value("layers") is None or plan.value("micro_batch_time") is None:
        raise UserError("this plan has no layouts to compare: its step is not timed from the shape of a model")
    return {name: plan.value(name) for name in _search().inputs() if plan.value(name) is not None}


def _search() -> Any:
    """The search over all layouts, which needs numpy."""
    from aiplan.whatif.arrays import numpy

    numpy()
    from aiplan import layout_search

    return layout_search


def _with_layout(plan: Plan, layout: Mapping[str, float]) -> Plan:
    """The same plan in another layout."""
    members = {n: Given(v, "search", SOURCE) for n, v in layout.items() if n not in plan.given}
    limits = plan.question.limits | plan.assumed_limits
    new = resolved(plan.question, plan.expanded, {**plan.given, **members}, plan.rivals, list(limits))
    new.assumed_limits = plan.assumed_limits
    solved = {n for n in ("accelerators", "params") if plan.given.get(n, Given(None)).origin == "search"}
    new.binding, new.impossible = binding.of(new, limits, solved)
    return new


def _row(inputs: Mapping[str, float], values: Mapping[str, Any]) -> LayoutRow:
    layout = {name: values[name] for name in LAYOUT}
    costs = Costs({**inputs, **{n: values[n] for n in inputs if values.get(n) is not None}})
    costs.at(**layout)
    costs.seconds()
    shares = _search().bound_by(costs.values)
    return LayoutRow(
        accelerators=values["accelerators"],
        layout={name: int(value) for name, value in layout.items()},
        step_time=values["step_time"],
        mfu=values["mfu"],
        memory_per_accelerator=values["memory_per_accelerator"],
        fits=values["fits"],
        training_days=values["training_days"],
        run_cost=values.get("run_cost"),
        facility_power=values.get("facility_power"),
        bound_by=[{"what": what, "share": share} for what, share in shares if share >= LEAST_SHARE],
    )

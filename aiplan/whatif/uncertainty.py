"""How sure a plan is: the spread of each uncertain input, carried through the same graph.

Each uncertain input is moved to its p10 and its p90, one at a time, with the purchase (accelerators, size, layout)
held; the moves of an output add in quadrature of its logarithm. A scaling law moves along the direction in which its
jointly distributed coefficients change the tokens most, never coefficient by coefficient.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from aiplan.graph import GRAPH, Given, NoValue
from aiplan.plan import LAYOUT, Engine, Plan

WIDEST = 1e4  # (powers of e)^2: beyond a factor of e^100 a first-order interval says nothing


@dataclass(frozen=True, slots=True)
class Uncertainty:
    """p10 and p90 of each quantity, and the share of each uncertain input in the spread of `of`."""

    bounds: dict[str, tuple[float, float]]
    of: str
    drivers: list[dict[str, Any]]


def intervals(plan: Plan) -> Uncertainty:
    """The 80% interval of every quantity of a plan that depends on something uncertain."""
    held = dict(plan.given)
    for name in (*LAYOUT, "accelerators", "batch_tokens"):
        if name in plan.nodes and plan.nodes[name].value is not None:
            held[name] = Given(plan.nodes[name].value, "search")
    if plan.given.get("params", Given(None)).origin == "search":
        held["params"] = plan.given["params"]
    asks = [name for name, node in plan.nodes.items() if node.value is not None]
    engine = Engine(held, plan.rivals, (), asks)
    centre = engine.at()
    moves: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {}
    for name, node in plan.nodes.items():
        if node.spread and node.value and node.origin != "given" and name in engine.order.supplied:
            moves[name] = engine.at(**{name: node.spread[0]}), engine.at(**{name: node.spread[1]})
    law = _law_moves(plan, engine)
    if law:
        moves[f"law {plan.expanded.law.name}"] = law
    return _combine(plan, centre, moves)


def _law_moves(plan: Plan, engine: Engine) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """Values at the law's p10 and p90 of tokens per parameter, where a law decided them."""
    law = plan.expanded.law
    decided = [n for n in ("tokens", "params", "training_flops") if by_law(plan, n)]
    if law.covariance is None or not decided:
        return None
    from aiplan.quantities.scaling import law_direction

    target = "tokens" if "tokens" in decided else decided[0]

    def what(coefficients: dict[str, float]) -> float:
        value = engine.at(**coefficients)[target]
        if value is None:
            raise NoValue(f"{target} does not exist at neighbouring coefficients")
        return float(value)

    try:
        low, high = law_direction(law.coefficients, law.covariance, what)
    except NoValue:  # the loss asked is too near to the law's limit for an interval
        return None
    return engine.at(**low), engine.at(**high)


def by_law(plan: Plan, name: str) -> bool:
    """Whether the plan's scaling law gave this quantity."""
    node = plan.nodes.get(name)
    return bool(node and node.value is not None and node.formula and node.formula.rival == plan.expanded.law.form)


def _combine(
    plan: Plan, centre: dict[str, Any], moves: dict[str, tuple[dict[str, Any], dict[str, Any]]]
) -> Uncertainty:
    bounds: dict[str, tuple[float, float]] = {}
    of = "run_cost" if plan.value("run_cost") else "training_days"
    shares: dict[str, float] = {}
    for name, value in centre.items():
        node = plan.nodes.get(name)
        if node is None or node.value is None or not isinstance(value, float | int) or value <= 0:
            continue
        if node.spread and node.origin != "given":
            bounds[name] = node.spread
            continue
        up = down = 0.0
        for mover, (low, high) in moves.items():
            ends = [math.log(v / value) for v in (low.get(name), high.get(name)) if v and v > 0]
            if not ends:
                continue
            up += max(0.0, *ends) ** 2
            down += min(0.0, *ends) ** 2
            if name == of:
                shares[mover] = (max(ends) - min(ends)) ** 2
        if 1e-12 < max(up, down) < WIDEST:
            p10, p90 = value * math.exp(-math.sqrt(down)), value * math.exp(math.sqrt(up))
            high_bound = GRAPH[name].high
            bounds[name] = (p10, min(p90, high_bound) if high_bound is not None else p90)
    total = sum(shares.values())
    drivers = [
        {"input": mover, "share": share / total}
        for mover, share in sorted(shares.items(), key=lambda item: -item[1])
        if total > 0 and share / total >= 0.005
    ]
    return Uncertainty(bounds, of, drivers)

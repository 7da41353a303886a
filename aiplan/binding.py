"""What fixes an answer, or makes a plan impossible, and what would unbind it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiplan import units
from aiplan.graph import GRAPH

if TYPE_CHECKING:
    from aiplan.plan import Plan

FLAGS = {"training_days": "--deadline ", "run_cost": "--budget ", "facility_power": "--power "}


def of(
    plan: Plan, limits: dict[str, float], solved: set[str], *, held: bool = True, fleet_first: bool = False
) -> tuple[list[str], bool]:
    """A line for each thing that binds, and whether the plan is impossible.

    `solved` names the inputs that the limits were solved for; `held` says whether a server less would still hold the
    model, `fleet_first` whether the fleet was sized before the model. A limit that we assumed makes no plan impossible.
    """
    out: list[str] = []
    impossible = False
    if "training_days" in plan.nodes and plan.value("training_days") is None:
        return [f"training_days: {plan.nodes['training_days'].why_null}"], True
    if plan.value("fits") == 0.0:
        impossible = True
        need, room = plan.value("memory_per_accelerator"), plan.value("usable_memory")
        more = "more --accelerators, " if plan.given["accelerators"].origin == "given" else ""
        over = "" if need is None or room is None else f", {units.show(need - room, 'B')} too much"
        out.append(
            f"memory_per_accelerator: {units.show(need, 'B')} is needed and {units.show(room, 'B')} can be used{over}; "
            f"{more}a leaner --recipe, or an accelerator with more memory or a larger scale-up domain may fit it"
        )
    for name, bound in limits.items():
        unit = GRAPH[name].unit
        value = plan.value(name)
        limit = units.show(bound, unit, name)
        have = units.show(value, unit, name)
        assumed = name in plan.assumed_limits
        if value is None:
            why = plan.nodes[name].why_null if name in plan.nodes else plan.unresolved.get(name, "it has no value")
            out.append(f"{name}: the limit of {limit} cannot be checked: {why}")
            impossible = True
        elif value > bound * (1 + 1e-6):
            impossible = impossible or not assumed
            flag = FLAGS.get(name, f"--limit {name}=")
            if assumed:
                out.append(f"{name}: no fleet trains this within the {limit} that we assume{_knee(plan)}")
                continue
            knee = _knee(plan) if name == "training_days" else ""
            out.append(f"{name}: {have} is over the limit of {limit}; {flag}{have} would allow it{knee}")
        elif solved and value > bound * 0.98:
            sized = solved == {"accelerators"} or (
                "accelerators" in solved and (name == "training_days") != fleet_first
            )
            out.append(f"{name}: the limit of {limit} sets {'accelerators' if sized else 'params'}")
    if not out and "accelerators" in solved:
        out.append(_count(plan, limits, held))
    return out, impossible


def _count(plan: Plan, limits: dict[str, float], held: bool) -> str:
    """Why this many accelerators, where no limit is used up."""
    if plan.value("accelerators") == 1:
        return "accelerators: one is enough"
    if not held:
        return "memory_per_accelerator: fewer accelerators would not hold the model"
    return f"accelerators: whole servers are bought, and one less would break the limit on {', '.join(limits)}"


def _knee(plan: Plan) -> str:
    """Which fleet is shown in place of one that is in time."""
    out = _way_out(plan, "training_days")
    if plan.given["accelerators"].origin != "search":
        return out
    return f"; shown is the largest fleet that pays: beyond it, doubling saves under 30% of the time{out}"


def _way_out(plan: Plan, name: str) -> str:
    if name != "training_days":
        return ""
    lost = plan.value("failure_goodput")
    if plan.expanded.chosen.get("recovery") == "global" and lost is not None and lost < 0.75:
        return "; so may --recovery elastic, since with global recovery every failure stops all accelerators"
    return "; so may more --accelerators" if plan.given["accelerators"].origin == "given" else ""


def why_solved(name: str, limits: dict[str, float]) -> str:
    """What a free input was solved for."""
    if name == "params":
        return "the largest model within the limits"
    if "training_days" in limits:
        return f"the fewest that train within {units.show(limits['training_days'], 'day')} and hold the model"
    return f"the most within the limits on {', '.join(limits)}"

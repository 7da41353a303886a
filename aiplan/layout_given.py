"""A layout that the user gave: whether it can be built, and what would make it fit where it does not."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from aiplan import units
from aiplan.errors import UserError
from aiplan.graph import Given
from aiplan.quantities.layout import GIVES

if TYPE_CHECKING:
    from aiplan.plan import Plan
    from aiplan.specs.question import Question

RANKS = ("tp", "pp", "cp", "dp")
MOST_SHOWN = 3
MOST_DOUBLINGS = 16


def ranks_given(given: Mapping[str, float]) -> float:
    """Product of the ranks that are given: the fewest accelerators that the layout can have."""
    return math.prod(given.get(name, 1.0) for name in RANKS)


def check_ranks(given: Mapping[str, float], total: float) -> None:
    """Raises UserError where the ranks given do not divide the accelerators."""
    ranks = ranks_given(given)
    named = [name for name in RANKS if name in given]
    text = " ".join(f"{name}={given[name]:g}" for name in named)
    if total % ranks:
        product = f", {ranks:g} in all," if len(named) > 1 else ""
        raise UserError(f"layout {text}{product} does not divide {total:,.0f} accelerators{_near(total, ranks)}")
    if len(named) == len(RANKS) and ranks != total:
        raise UserError(f"layout {text} uses {ranks:,.0f} of {total:,.0f} accelerators; leave dp out to use all")


def take_ranks(question: Question, given: dict[str, Given]) -> float:
    """The fewest accelerators of what is asked; where a layout names all ranks they are the accelerators.

    Raises UserError where a layout's ranks do not divide the accelerators.
    """
    if question.layout and "accelerators" in question.given:
        check_ranks(question.layout, question.given["accelerators"])
    ranks = ranks_given(question.given)
    if "accelerators" not in given and all(name in question.layout for name in RANKS):
        given["accelerators"] = Given(ranks, "given", "the product of the layout's ranks")
    return ranks


def _near(total: float, ranks: float) -> str:
    """The numbers of accelerators near by that would do."""
    below, above = math.floor(total / ranks) * ranks, math.ceil(total / ranks) * ranks
    return f"; {f'{below:,.0f} or ' if below else ''}{above:,.0f} would do"


def check_shape(plan: Plan) -> None:
    """Raises UserError where a member that the user gave cannot divide what it divides in this model."""
    pinned = plan.question.layout

    def value(name: str) -> float:
        return float(plan.value(name) or 0.0)

    def fail(member: str, why: str) -> None:
        raise UserError(f"layout: {member} is {pinned[member]:g}, but {why}")

    tp, pp, cp, ep, v = (value(name) for name in ("tp", "pp", "cp", "ep", "virtual_stages"))
    heads, layers, experts, length = (value(name) for name in ("heads", "layers", "experts", "seq_len"))
    if "tp" in pinned and heads and heads % tp:
        fail("tp", f"the {heads:g} heads of an attention layer are shared evenly")
    if "pp" in pinned and layers and pp > layers:
        fail("pp", f"the model has {layers:g} layers")
    if "virtual_stages" in pinned and layers and v * pp > layers + pp - 1 and v > 1:
        fail("virtual_stages", f"{pp:g} stages of {v:g} parts are more than {layers:g} layers")
    if "cp" in pinned and length and cp > length:
        fail("cp", f"a sequence has {length:g} tokens")
    if "ep" in pinned and ep > 1 and layers:
        if not experts:
            fail("ep", "the model has no experts")
        if experts % ep:
            fail("ep", f"the {experts:g} experts are shared evenly")
        if (ranks := tp * cp * value("dp")) and ranks % ep:
            fail("ep", f"it must divide the {ranks:g} ranks of a pipeline stage (tp cp dp)")


def repairs(plan: Plan, evaluate: Callable[[Mapping[str, Given]], Mapping[str, float | None]]) -> list[str]:
    """What would make a plan fit that does not, the cheapest in step time first, each as one line.

    Members of the layout that were given are left to the search, one by one and, where none is enough, in pairs and
    so on; and more accelerators are tried where their number was given. `evaluate` answers the graph for givens.
    """
    pinned = [name for name in GIVES if name in plan.question.given]
    base = plan.value("step_time")
    found: list[tuple[float, str]] = []
    for size in range(1, len(pinned) + 1):
        for freed in itertools.combinations(pinned, size):
            values = evaluate({n: g for n, g in plan.given.items() if n not in freed})
            if values.get("fits") == 1.0:
                change = " ".join(f"{name}={values[name] or 0.0:g}" for name in freed)
                found.append(_costed(change, values, base))
        if found:
            break
    found.sort()
    lines = [f"cheapest change that makes it fit: {text}" for _, text in found[:1]]
    lines += [f"or: {text}" for _, text in found[1:MOST_SHOWN]]
    if plan.given["accelerators"].origin == "given" and (more := _more_accelerators(plan, evaluate)) is not None:
        lines.append(f"{'or' if found else 'cheapest change that makes it fit'}: {more}")
    return lines


def _costed(change: str, values: Mapping[str, float | None], base: float | None) -> tuple[float, str]:
    """The step time with a change, and the line that tells it."""
    step, memory = values.get("step_time") or math.inf, values.get("memory_per_accelerator") or 0.0
    longer = ""
    if base:
        share = step / base - 1
        longer = f", {abs(share):.0%} {'longer' if share >= 0 else 'shorter'} than if it fitted as asked"
    return step, f"{change} takes {units.show(memory, 'B')} and a step of {units.show(step, 's')}{longer}"


def _more_accelerators(plan: Plan, evaluate: Callable[[Mapping[str, Given]], Mapping[str, float | None]]) -> str | None:
    """The fewest accelerators that hold the model in the same layout, where more replicas or stages can."""
    total = float(plan.value("accelerators"))
    server = float(plan.given["accelerators_per_server"].value or 1.0)
    step = max(ranks_given({n: v for n, v in plan.question.given.items() if n != "dp"}), server)

    def at(count: float) -> Mapping[str, float | None]:
        return evaluate({n: g for n, g in plan.given.items() if n != "dp"} | {"accelerators": Given(count)})

    low = high = math.ceil(total / step)
    for _ in range(MOST_DOUBLINGS):
        low, high = high, 2 * high
        if at(high * step).get("fits") == 1.0:
            break
    else:
        return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if at(middle * step).get("fits") == 1.0 else (middle, high)
    values = at(high * step)
    return _costed(f"{high * step:,.0f} accelerators", values, None)[1]

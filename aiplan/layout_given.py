"""A layout that the user gave: whether it can be built, and what would make it fit where it does not."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from aiplan import units
from aiplan.errors import LayoutError
from aiplan.graph import Given
from aiplan.quantities.layout import GIVES

if TYPE_CHECKING:
    from aiplan.plan import Plan
    from aiplan.specs.question import Question

RANKS = ("tp", "pp", "cp", "dp")
MEMBERS = ("tp", "pp", "virtual_stages", "cp", "ep")  # those that divide something of the model
MOST_SHOWN = 3
MOST_DOUBLINGS = 16


def ranks_given(given: Mapping[str, float]) -> float:
    """Product of the ranks that are given: the fewest accelerators that the layout can have."""
    return math.prod(given.get(name, 1.0) for name in RANKS)


def check_ranks(given: Mapping[str, float], total: float) -> None:
    """Raises LayoutError where the ranks given do not divide the accelerators."""
    ranks = ranks_given(given)
    named = [name for name in RANKS if name in given]
    text = " ".join(f"{name}={given[name]:g}" for name in named)
    if total % ranks:
        product = f", {ranks:g} in all," if len(named) > 1 else ""
        raise LayoutError(f"layout {text}{product} does not divide {total:,.0f} accelerators{_near(total, ranks)}")
    if len(named) == len(RANKS) and ranks != total:
        raise LayoutError(f"layout {text} uses {ranks:,.0f} of {total:,.0f} accelerators; leave dp out to use all")


def take_ranks(question: Question, given: dict[str, Given], *, check: bool = True) -> float:
    """The fewest accelerators of what is asked; where a layout names all ranks they are the accelerators.

    Raises LayoutError where a layout's ranks do not divide the accelerators.
    """
    if check and question.layout and "accelerators" in question.given:
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
    """Raises LayoutError where a member that the user gave cannot divide what it divides in this model."""
    pinned = plan.question.layout

    def value(name: str) -> float:
        return float(plan.value(name) or 0.0)

    for member in (name for name in MEMBERS if name in pinned):
        if _misfits(member, value):
            raise LayoutError(f"layout: {member} is {pinned[member]:g}, but {_why(member, value)}")


def _misfits(member: str, of: Callable[[str], Any]) -> Any:
    """Whether a member cannot divide what it divides; of floats or arrays, in which what is unknown is 0."""
    layers, parts, ep = of("layers"), of("virtual_stages"), of("ep")
    if member == "tp":
        return (of("heads") > 0) & (of("heads") % of("tp") != 0)
    if member == "pp":
        return (layers > 0) & (of("pp") > layers)
    if member == "virtual_stages":
        return (layers > 0) & (parts > 1) & (parts * of("pp") > layers + of("pp") - 1)
    if member == "cp":
        return (of("seq_len") > 0) & (of("cp") > of("seq_len"))
    ranks = of("tp") * of("cp") * of("dp")
    return (ep > 1) & (layers > 0) & ((of("experts") == 0) | (of("experts") % ep != 0) | (ranks % ep != 0))


def _why(member: str, value: Callable[[str], float]) -> str:
    """Why a member misfits."""
    pp, layers, experts = value("pp"), value("layers"), value("experts")
    if member == "ep":
        if not experts:
            return "the model has no experts"
        if experts % value("ep"):
            return f"the {experts:g} experts are shared evenly"
        return f"it must divide the {value('tp') * value('cp') * value('dp'):g} ranks of a pipeline stage (tp cp dp)"
    return {
        "tp": f"the {value('heads'):g} heads of an attention layer are shared evenly",
        "pp": f"the model has {layers:g} layers",
        "virtual_stages": f"{pp:g} stages of {value('virtual_stages'):g} parts are more than {layers:g} layers",
        "cp": f"a sequence has {value('seq_len'):g} tokens",
    }[member]


def unbuildable(layout: Mapping[str, float], of: Callable[[str], Any], *, counted: bool) -> Any:
    """Whether a layout cannot be built, at one point or at each of many; what is unknown is 0.

    `counted` says that the accelerators are given, which the ranks must divide then.

    >>> [unbuildable({"dp": ranks}, {"accelerators": 12.0}.get, counted=True) for ranks in (4.0, 8.0)]
    [False, True]
    """
    out: Any = False
    if counted:
        ranks, total = ranks_given(layout), of("accelerators")
        out = (total % ranks != 0) | (all(name in layout for name in RANKS) & (total != ranks))
    for member in (name for name in MEMBERS if name in layout):
        out = out | _misfits(member, of)
    return out


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
    if plan.given.get("host_bandwidth", Given(None)).value and not plan.value("optimizer_offload"):
        values = evaluate({**plan.given, "optimizer_offload": Given(1.0)})
        if values.get("fits") == 1.0:
            found.append(_costed("--offload optimizer", values, base))
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

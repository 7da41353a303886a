"""The planner: binds a question to the graph, solves for what is free, and keeps the whole trace.

A *given* fixes an input; a *limit* is an upper bound on an output. A limit solves for the first free one of
`accelerators`, then `params`; with nothing free it is checked.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import aiplan.quantities  # noqa: F401  (fills the graph)
from aiplan import units
from aiplan.choices import Expanded, expand
from aiplan.errors import UserError
from aiplan.graph import GRAPH, Given, GraphError, Node, Order
from aiplan.quantities.scaling import LAWS

if TYPE_CHECKING:
    from aiplan.catalog import Catalog
    from aiplan.specs.question import Question

DEFAULT_DAYS = 180.0
SHAPELESS_BELOW = 1e6  # params: no shape is invented for a smaller model
SIZE_NAMES = ("params", "tokens", "training_flops", "loss", "flops_per_sample", "active_params")
LAYOUT = ("tp", "pp", "cp", "ep", "dp", "virtual_stages", "zero_stage", "micro_batch", "recompute")

# What `aiplan train` asks, in the order in which it is shown.
TRAIN = (
    "params active_params shape_params effective_params layers d_model experts tokens tokens_per_param unique_tokens "
    "epochs data_bytes loss flops_per_token training_flops "
    "weights_memory gradients_memory optimizer_memory activations_memory memory_per_accelerator usable_memory "
    "memory_total hbm_total checkpoint_bytes fits "
    "accelerators cluster_flops batch_tokens step_time steps mfu hfu mfu_bf16 tokens_per_second pipeline_bubble "
    "mtbf checkpoint_interval goodput spares training_days accelerator_hours experiments_per_week "
    "accelerator_power it_power facility_power average_power energy sites carbon embodied_carbon water "
    "accelerator_capex cluster_capex building_capex capex electricity_cost amortized_cost rental_cost staff_cost "
    "data_cost run_cost flops_per_usd flops_per_watt peak_flops_per_usd peak_flops_per_watt"
).split()


@dataclass(slots=True)
class Plan:
    """A solved question: every value with its origin, what bound it, and whether it can be."""

    question: Question
    expanded: Expanded
    given: dict[str, Given]
    rivals: set[str]
    nodes: dict[str, Node]
    unresolved: dict[str, str]
    binding: list[str] = field(default_factory=list)
    impossible: bool = False
    assumed_limits: dict[str, float] = field(default_factory=dict)
    unused: list[str] = field(default_factory=list)

    def value(self, name: str) -> Any:
        """The resolved value of a quantity, or None."""
        return self.nodes[name].value if name in self.nodes else None


class Engine:
    """The graph ordered once for a set of inputs, to be evaluated many times."""

    def __init__(self, given: dict[str, Given], rivals: set[str], required: tuple[str, ...], asks: list[str]) -> None:
        self.given, self.rivals = given, rivals
        try:
            self.order: Order = GRAPH.order(required, given, rivals, optional=asks)
        except GraphError as error:
            raise UserError(str(error)) from None
        self._values = {name: g.value for name, g in given.items()}

    def at(self, **values: float) -> dict[str, Any]:
        """All values when the named inputs have these values."""
        return self.order.evaluate({**self._values, **values})[0]


def train(
    question: Question, catalog: Catalog, defaults: dict[str, Any] | None = None, *, more: list[str] | None = None
) -> Plan:
    """Plan a training run: solve for the free ones of accelerators and params, then resolve everything and `more`.

    Raises UserError where the question fixes neither a size nor hardware.
    """
    expanded = expand(question, catalog, defaults)
    given, rivals = dict(expanded.given), set(expanded.rivals)
    limits = _own_limits(defaults or {}) | question.limits
    if "loss" in question.given and not expanded.law.has_loss:
        able = ", ".join(law.name for law in LAWS.values() if law.has_loss)
        raise UserError(f"loss is given, but the law {expanded.law.name} has no loss; those that have: {able}")
    assumed: dict[str, float] = {}

    sized = _size(given, rivals)
    counted = "accelerators" in given
    if not sized and not counted and not set(limits) & {"run_cost", "facility_power"}:
        what = "a deadline alone fixes" if limits else "the question fixes"
        raise UserError(
            f"{what} neither the size of the model nor the hardware: give --params, --model, --tokens, --flops, "
            "--loss, --accelerators, --budget or --power"
        )
    if "training_days" not in limits and not (counted and sized) and not (sized and "facility_power" in limits):
        limits["training_days"] = assumed["training_days"] = DEFAULT_DAYS

    free_params = not sized
    if free_params:
        given["params"] = Given(1e9, "search", "the largest model within the limits")
    if not counted:
        given["accelerators"] = Given(1.0, "search", _why_accelerators(limits))
    rivals |= _shape_rivals(question, given, rivals, free_params)
    _null_what_no_law_knows(question, given, rivals)

    required = ("training_flops", "training_days")
    engine = Engine(given, rivals, required, [*TRAIN, *limits])
    step = float(given["accelerators_per_server"].value or 1.0)
    solver = Solver(engine, limits, step, free_accelerators=not counted)
    if free_params:
        solved = solver.largest_params()
        if solved["params"] < SHAPELESS_BELOW and "shaped" in rivals and "model" not in question.choices:
            rivals -= {"shaped", "invented"}
            rivals.add("no_shape")
            _null_what_no_law_knows(question, given, rivals)
            engine = Engine(given, rivals, required, [*TRAIN, *limits])
            solver = Solver(engine, limits, step, free_accelerators=not counted)
            solved = solver.largest_params()
    elif not counted:
        solved = {"accelerators": solver.accelerators()}
    else:
        solved = {}
    for name, value in solved.items():
        given[name] = Given(value, given[name].origin, given[name].source)

    plan = _resolved(question, expanded, given, rivals, [*limits, *(more or [])])
    plan.assumed_limits = assumed
    plan.binding, plan.impossible = _binding(plan, limits, solved)
    return plan


def facts(question: Question, catalog: Catalog, asks: list[str], defaults: dict[str, Any] | None = None) -> Plan:
    """Hardware and model facts alone: only the quantities asked, from what is given and the catalogue."""
    expanded = expand(question, catalog, defaults)
    given, rivals = dict(expanded.given), set(expanded.rivals)
    _size(given, rivals)
    rivals |= _shape_rivals(question, given, rivals, False)
    plan = _resolved(question, expanded, given, rivals, [], asks)
    plan.binding, plan.impossible = _binding(plan, question.limits, {})
    return plan


def _resolved(
    question: Question,
    expanded: Expanded,
    given: dict[str, Given],
    rivals: set[str],
    more: list[str],
    asks: list[str] | None = None,
) -> Plan:
    wanted = [*(TRAIN if asks is None else asks), *more]
    try:
        order = GRAPH.order((), given, rivals, optional=wanted)
    except GraphError as error:
        raise UserError(str(error)) from None
    nodes = order.trace(given)
    unused = [n for n in question.given if n not in nodes and n in GRAPH]
    for name in unused:  # a pin that changes nothing is still shown, as given
        nodes[name] = Node(name, question.given[name], GRAPH[name].unit, "given")
    return Plan(question, expanded, given, rivals, nodes, order.unresolved, unused=unused)


def _size(given: dict[str, Given], rivals: set[str]) -> bool:
    """Whether the question fixes the size of the work; a size that a law gives is not pinned here."""
    if "params" in given or "flops_per_sample" in given:
        return True
    return any(name in given for name in ("tokens", "training_flops", "loss"))


def _shape_rivals(question: Question, given: dict[str, Given], rivals: set[str], free_params: bool) -> set[str]:
    """Which shape rules apply: a published model's own, an invented one, or none for a tiny model."""
    if "model" in question.choices:
        return {"shaped"} if "layers" in given else {"shaped", "invented"}
    if not free_params:
        try:
            params = GRAPH.resolve(["params"], given, rivals)["params"].value
        except GraphError:
            params = None
        if params is None or params < SHAPELESS_BELOW:
            return {"no_shape"}
    return {"shaped", "invented"}


def _null_what_no_law_knows(question: Question, given: dict[str, Given], rivals: set[str]) -> None:
    """Losses of tiny models and tokens of pictures are unknown, not what a law of text would make of them."""
    if "no_shape" in rivals and "loss" not in question.given:
        given["loss"] = Given(None, "formula", why_null="below 1M parameters the loss of a scaling law means nothing")
    if "flops_per_sample" in question.given:
        for name in ("tokens", "loss"):
            if name not in question.given:
                given[name] = Given(None, "formula", why_null="the work is counted in samples, not in tokens")


def _own_limits(defaults: dict[str, Any]) -> dict[str, float]:
    """Limits that a settings file sets for every plan."""
    from aiplan.specs.question import LIMITS, read_value

    return {n: read_value(n, defaults[n], where="aiplan.yaml") for n in LIMITS if n in defaults}


def _why_accelerators(limits: dict[str, float]) -> str:
    if "training_days" in limits:
        return f"the fewest that train within {units.show(limits['training_days'], 'day')} and hold the model"
    return f"the most that {units.show(limits['facility_power'], 'W')} feeds"


@dataclass(slots=True)
class Solver:
    """Finds the free inputs of one engine; a number of accelerators is a multiple of the server beyond one server."""

    engine: Engine
    limits: dict[str, float]
    step: float
    free_accelerators: bool
    seen: dict[float, dict[str, Any]] = field(default_factory=dict)

    def realisable(self, count: float) -> float:
        """The smallest number of accelerators, not below `count`, that can be bought."""
        count = max(1.0, math.ceil(count - 1e-9))
        return float(count) if count <= self.step else math.ceil(count / self.step) * self.step

    def values(self, accelerators: float, **more: float) -> dict[str, Any]:
        """Values at a number of accelerators."""
        return self.engine.at(accelerators=accelerators, **more)

    def meets(self, values: dict[str, Any], names: set[str] | None = None) -> bool:
        """Whether the model fits and the limits hold (those of `names`, else all)."""
        if values.get("fits") == 0.0:
            return False
        for name, bound in self.limits.items():
            if names is not None and name not in names:
                continue
            value = values.get(name)
            if value is None or value > bound * (1 + 1e-9):
                return False
        return True

    def accelerators(self, **more: float) -> float:
        """The number of accelerators that the limits ask for."""
        if "training_days" not in self.limits:
            return self._most_powered(**more)
        return self._fewest(**more)

    def _most_powered(self, **more: float) -> float:
        one = self.values(self.step, **more)["facility_power"] / self.step
        count = math.floor(self.limits["facility_power"] / one + 1e-9)
        return float(max(1, count if count <= self.step else math.floor(count / self.step) * self.step))

    def _fewest(self, **more: float) -> float:
        """Fewest accelerators that finish in time and hold the model; where none do, those that come nearest."""
        target = self.limits["training_days"]
        days = {"training_days"}
        best: tuple[float, float] = (math.inf, 1.0)
        memo: dict[float, dict[str, Any]] = {}

        def look(count: float) -> dict[str, Any]:
            nonlocal best
            if count not in memo:
                memo[count] = self.values(count, **more)
                took = memo[count].get("training_days")
                if took is not None:
                    badness = took / target + (1e6 if memo[count].get("fits") == 0.0 else 0.0)
                    best = min(best, (badness, count))
            return memo[count]

        first = look(1.0)
        if self.meets(first, days):
            return 1.0
        low, took = 1.0, first.get("training_days")
        high = self.realisable(took / target if took else 2.0)
        while not self.meets(look(high), days):
            took = look(high).get("training_days")
            if high > 1e12 or (took is None and high > 1e3):
                return self._scan(look, days) or best[1]
            if took is not None and took > target and took > (look(low).get("training_days") or math.inf):
                return self._scan(look, days) or best[1]
            low, high = high, self.realisable(high * min(max((took or 2 * target) / target, 1.05) ** 1.03, 4.0))
        while high - low > self._grain(high):
            below, above = look(low).get("training_days"), look(high)["training_days"]
            middle = math.sqrt(low * high)
            if below and below > target > 0 and look(low).get("fits") != 0.0 and high / low < 8:
                share = math.log(below / target) / math.log(below / above)
                middle = low * (high / low) ** min(max(share, 0.02), 0.98)
            middle = min(max(self.realisable(middle), self._next(low)), high)
            if middle >= high:
                break
            low, high = (low, middle) if self.meets(look(middle), days) else (middle, high)
        return high

    def _scan(self, look: Any, days: set[str]) -> float | None:
        """Where days are not monotone in the count, the first of a coarse grid that meets the limits."""
        for power in range(84):
            count = self.realisable(2 ** (power / 2))
            if self.meets(look(count), days):
                return count
        return None

    def _grain(self, count: float) -> float:
        """Counts closer than this are one answer: a server, or one part in 100,000 of a large fleet."""
        return max(1.0 if count <= self.step else self.step, count * 1e-5)

    def _next(self, count: float) -> float:
        return count + 1.0 if count < self.step else count + self.step

    def largest_params(self) -> dict[str, float]:
        """The largest model that meets all limits, with the accelerators for it where those are free too."""
        fixed = self.engine.given["accelerators"].value

        def attempt(log_params: float) -> tuple[bool, dict[str, float]]:
            params = math.exp(log_params)
            count = float(fixed or 1.0)
            if self.free_accelerators:
                count = self.accelerators(params=params)
            ok = self.meets(self.values(count, params=params))
            return ok, ({"params": params, "accelerators": count} if self.free_accelerators else {"params": params})

        low, high = math.log(1.0), math.log(1e18)
        ok, found = attempt(low)
        if not ok:
            return found
        while high - low > 1e-4:
            middle = (low + high) / 2
            ok, candidate = attempt(middle)
            if ok:
                low, found = middle, candidate
            else:
                high = middle
        return found


def _binding(plan: Plan, limits: dict[str, float], solved: dict[str, float]) -> tuple[list[str], bool]:
    """What fixes the answer, or what makes it impossible and what would unbind it."""
    out: list[str] = []
    impossible = False
    if plan.value("fits") == 0.0:
        impossible = True
        need, room = plan.value("memory_per_accelerator"), plan.value("usable_memory")
        out.append(
            f"memory_per_accelerator: {units.show(need, 'B')} is needed and {units.show(room, 'B')} can be used; "
            "more accelerators, a leaner --set recipe=..., or an accelerator with more memory would fit it"
        )
    if "training_days" in plan.nodes and plan.value("training_days") is None:
        out.append(f"training_days: {plan.nodes['training_days'].why_null}")
        return out, True
    for name, bound in limits.items():
        unit = GRAPH[name].unit
        value = plan.value(name)
        flag = {"training_days": "--deadline", "run_cost": "--budget", "facility_power": "--power"}.get(name, "--limit")
        limit = units.show(bound, unit, name)
        if value is None:
            why = plan.nodes[name].why_null if name in plan.nodes else plan.unresolved.get(name, "it has no value")
            out.append(f"{name}: the limit of {limit} cannot be checked: {why}")
            impossible = True
        elif value > bound * (1 + 1e-6):
            impossible = True
            have = units.show(value, unit, name)
            out.append(
                f"{name}: {have} is over the limit of {limit}; {flag} {have} would allow it{_way_out(plan, name)}"
            )
        elif solved and value > bound * 0.98:
            what = "params" if "params" in solved else "accelerators"
            out.append(f"{name}: the limit of {limit} sets {what}")
    if not out and plan.value("memory_per_accelerator") is not None and "accelerators" in solved:
        if plan.value("accelerators") > 1:
            out.append("memory_per_accelerator: the model needs this many accelerators to be held")
        else:
            out.append("accelerators: one is enough")
    return out, impossible


def _way_out(plan: Plan, name: str) -> str:
    if name == "training_days" and plan.expanded.chosen.get("recovery") == "global":
        return "; so may --recovery elastic, since with global recovery every failure stops all accelerators"
    if name == "training_days" and plan.given["accelerators"].origin == "given":
        return "; so may more --accelerators"
    return ""

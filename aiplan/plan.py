"""The planner: binds a question to the graph, solves for what is free, and keeps the whole trace.

A *given* fixes an input; a *limit* is an upper bound on an output. A limit solves for the first free one of
`accelerators`, then `params`; with nothing free it is checked.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import aiplan.quantities  # noqa: F401  (fills the graph)
from aiplan import binding, evidence, layout_given
from aiplan.calibration import campaign_of
from aiplan.choices import Expanded, expand
from aiplan.errors import UserError
from aiplan.graph import GRAPH, Given, GraphError, Node, Order
from aiplan.quantities.scaling import LAWS

if TYPE_CHECKING:
    from aiplan.catalog import Catalog
    from aiplan.specs.question import Question

DEFAULT_DAYS = 180.0
BELOW = (0.55, 0.62, 0.7, 0.78, 0.86, 0.93)  # shares of a fleet at which a smaller one is tried
MOST_DOUBLINGS = 12  # beyond 4,000 times the accelerators that time asks for, memory will not fit either
SHAPELESS_BELOW = 1e6  # params: no shape is invented for a smaller model
SIZE_NAMES = ("params", "tokens", "training_flops", "loss", "flops_per_sample", "active_params")
LAYOUT = ("tp", "pp", "cp", "ep", "dp", "virtual_stages", "zero_stage", "micro_batch", "recompute")

REPAIR = ("fits", "step_time", "memory_per_accelerator", *LAYOUT)
# What `aiplan train` asks, in the order in which it is shown.
TRAIN = (
    "params active_params shape_params effective_params layers d_model experts tokens tokens_per_param unique_tokens "
    "epochs data_bytes loss flops_per_token training_flops "
    "weights_memory gradients_memory optimizer_memory activations_memory memory_per_accelerator usable_memory "
    "memory_total hbm_total checkpoint_bytes fits "
    "accelerators cluster_flops batch_tokens step_time steps mfu hfu mfu_bf16 tokens_per_second pipeline_bubble "
    "mtbf checkpoint_interval goodput campaign_efficiency spares training_days accelerator_hours experiments_per_week "
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
    limits: dict[str, float] = field(default_factory=dict)
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
            unknown = [name for name, g in given.items() if g.value is None]
            self.order: Order = GRAPH.order(required, given, rivals, optional=asks, unknown=unknown)
        except GraphError as error:
            raise UserError(str(error)) from None
        self._values = {name: g.value for name, g in given.items()}

    def at(self, **values: float) -> dict[str, Any]:
        """All values when the named inputs have these values."""
        return self.order.evaluate({**self._values, **values})[0]


def train(
    question: Question,
    catalog: Catalog,
    defaults: dict[str, Any] | None = None,
    *,
    more: list[str] | None = None,
    repair: bool = False,
    check: bool = True,
) -> Plan:
    """Plan a training run: solve for the free ones of accelerators and params, then resolve everything and `more`.

    With `repair` a plan that does not fit says what would make it fit. Whether a given layout can be built is not
    looked at without `check`. Raises UserError where the question fixes no
    size and no hardware, or a layout that cannot be built.
    """
    expanded = expand(question, catalog, defaults)
    given, rivals = dict(expanded.given), set(expanded.rivals)
    limits = _own_limits(defaults or {}) | question.limits
    if "loss" in question.given and not expanded.law.has_loss:
        able = ", ".join(law.name for law in LAWS.values() if law.has_loss)
        raise UserError(f"loss is given, but the law {expanded.law.name} has no loss; those that have: {able}")
    assumed: dict[str, float] = {}

    sized = _size(given, rivals)
    least = layout_given.take_ranks(question, given, check=check)
    counted = "accelerators" in given
    if not sized and not counted and not set(limits) - {"training_days"}:
        what = "a deadline alone fixes" if limits else "the question fixes"
        raise UserError(
            f"{what} neither the size of the model nor the hardware: give --params, --model, --tokens, --flops, "
            "--loss, --accelerators, --budget or --power"
        )
    free_params = not sized
    if free_params:
        given["params"] = Given(1e9, "search")
    if not counted:
        given["accelerators"] = Given(1.0, "search")
    rivals |= _shape_rivals(question, given, rivals, free_params)
    if "shaped" in rivals and "campaign_efficiency" not in given:
        given["campaign_efficiency"] = campaign_of(given, expanded.calibration)
    _null_what_no_law_knows(question, given, rivals)

    required = ("training_flops", "training_days")
    engine = Engine(given, rivals, required, [*TRAIN, *limits])
    step = max(float(given["accelerators_per_server"].value or 1.0), least)
    solver = Solver(engine, limits, step, free_accelerators=not counted, least=least)
    if "training_days" not in limits and not (counted and sized) and not (sized and solver.growing()):
        limits["training_days"] = assumed["training_days"] = DEFAULT_DAYS
        solver.assumed = True
    if free_params:
        solved = solver.largest_params()
        if solved["params"] < SHAPELESS_BELOW and "shaped" in rivals and "model" not in question.choices:
            rivals -= {"shaped", "invented"}
            rivals.add("no_shape")
            given.pop("campaign_efficiency", None)
            _null_what_no_law_knows(question, given, rivals)
            engine = Engine(given, rivals, required, [*TRAIN, *limits])
            solver = Solver(engine, limits, step, free_accelerators=not counted, least=least, assumed=bool(assumed))
            solved = solver.largest_params()
    elif not counted:
        solved = {"accelerators": solver.accelerators()}
    else:
        solved = {}
    for name, value in solved.items():
        given[name] = Given(value, "search", binding.why_solved(name, limits))

    plan = resolved(question, expanded, given, rivals, [*limits, *(more or [])])
    plan.limits, plan.assumed_limits = limits, assumed
    evidence.widen(plan)
    smaller = solver.values(max(plan.value("accelerators") - step, 1.0)) if "accelerators" in solved else {}
    plan.binding, plan.impossible = binding.of(
        plan, limits, set(solved), held=smaller.get("fits") != 0.0, fleet_first=solver.fleet_first
    )
    if check and question.layout:
        layout_given.check_shape(plan)
    if repair and plan.value("fits") == 0.0 and "shaped" in rivals:
        plan.binding += layout_given.repairs(plan, lambda g: Engine(dict(g), rivals, (), [*REPAIR]).at())
    return plan


def facts(question: Question, catalog: Catalog, asks: list[str], defaults: dict[str, Any] | None = None) -> Plan:
    """Hardware and model facts alone: only the quantities asked, from what is given and the catalogue."""
    expanded = expand(question, catalog, defaults)
    given, rivals = dict(expanded.given), set(expanded.rivals)
    _size(given, rivals)
    rivals |= _shape_rivals(question, given, rivals, False)
    plan = resolved(question, expanded, given, rivals, [], asks)
    plan.binding, plan.impossible = binding.of(plan, question.limits, set())
    return plan


def resolved(
    question: Question,
    expanded: Expanded,
    given: dict[str, Given],
    rivals: set[str],
    more: list[str],
    asks: list[str] | None = None,
) -> Plan:
    """The plan with everything resolved from what is given."""
    wanted = [*(TRAIN if asks is None else asks), *more]
    try:
        unknown = [name for name, g in given.items() if g.value is None]
        order = GRAPH.order((), given, rivals, optional=wanted, unknown=unknown)
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
    if "flops_per_sample" in given:
        return {"no_shape"}
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
        for name in ("params", "tokens", "loss"):
            if name not in question.given and "model" not in question.choices:
                why = "the work is counted in samples, and nobody says how large the model is"
                given[name] = Given(None, "formula", why_null=why if name == "params" else why.partition(",")[0])


def _own_limits(defaults: dict[str, Any]) -> dict[str, float]:
    """Limits that a settings file sets for every plan."""
    from aiplan.specs.question import LIMITS, read_value

    return {n: read_value(n, defaults[n], where="aiplan.yaml") for n in LIMITS if n in defaults}


@dataclass(slots=True)
class Solver:
    """Finds the free inputs of one engine; a number of accelerators is a multiple of the server beyond one server."""

    engine: Engine
    limits: dict[str, float]
    step: float
    free_accelerators: bool
    least: float = 1.0  # ranks of a layout that is given
    assumed: bool = False  # whether the limit on days is ours, not the user's
    fleet_first: bool = False  # whether the fleet was sized before the model
    coarse: bool = False  # whether fleets need be known to a part in 200 only, while the model's size is sought
    seen: dict[float, dict[str, Any]] = field(default_factory=dict)

    def realisable(self, count: float) -> float:
        """The smallest number of accelerators, not below `count`, that can be bought."""
        count = max(self.least, math.ceil(count - 1e-9))
        return float(count) if count <= self.step else math.ceil(count / self.step) * self.step

    def values(self, accelerators: float, **more: float) -> dict[str, Any]:
        """Values at a number of accelerators."""
        return self.engine.at(accelerators=accelerators, **more)

    def accelerators(self, **more: float) -> float:
        """The number of accelerators that the limits ask for."""
        return self._fewest(**more) if "training_days" in self.limits else self._most(**more)

    def growing(self, **more: float) -> list[str]:
        """The limits on what grows with the fleet, such as its power and its price, and so bound its size."""
        one, two = self.values(self.step, **more), self.values(2 * self.step, **more)
        return [n for n in self.limits if one.get(n) and two.get(n) and two[n] > 1.5 * one[n]]

    def _most(self, **more: float) -> float:
        """Most accelerators that the growing limits allow, by proportion; one where they allow none."""
        one = self.values(self.step, **more)
        count = min(self.limits[n] / (one[n] / self.step) for n in self.growing(**more))
        count = math.floor(count + 1e-9)
        return max(self.least, float(count if count <= self.step else count // self.step * self.step))

    def _fewest(self, **more: float) -> float:
        """Fewest accelerators that finish in time and hold the model; what is in time alone, where nothing holds it."""
        memo: dict[float, dict[str, Any]] = {}

        def look(count: float) -> dict[str, Any]:
            if count not in memo:
                memo[count] = self.values(count, **more)
            return memo[count]

        timely = self._without_idle(self._timely(look), look)
        if look(timely).get("fits") != 0.0:
            return timely
        low, high = timely, timely
        for _ in range(MOST_DOUBLINGS):
            low, high = high, self.realisable(2 * high)
            if look(high).get("fits") != 0.0:
                break
        else:
            return timely
        while high - low > self._grain(high):
            middle = self._between(low, high, math.sqrt(low * high))
            if middle is None:
                break
            low, high = (low, middle) if look(middle).get("fits") != 0.0 else (middle, high)
        return high

    def _without_idle(self, count: float, look: Callable[[float], dict[str, Any]]) -> float:
        """The accelerators that the layout uses, where they alone are in time and hold the model too."""
        target, held = self.limits["training_days"], look(count).get("fits")
        while True:
            values = look(count)
            used = math.prod(values.get(name) or 0.0 for name in ("tp", "pp", "cp", "dp"))
            fewer = self.realisable(used) if used > 0 else count
            if fewer >= count:
                return count
            took = look(fewer).get("training_days")
            if took is None or took > target * (1 + 1e-9) or look(fewer).get("fits") != held:
                return count
            count = fewer

    def _timely(self, look: Callable[[float], dict[str, Any]]) -> float:
        """Fewest accelerators that finish in time; where none do, the nearest that makes sense."""
        target = self.limits["training_days"] * (1 + 1e-9)

        def days(count: float) -> float:
            took = look(count).get("training_days")
            return math.inf if took is None else float(took)

        one = days(self.least)
        if one <= target:
            return self.least
        low, high = self.least, self.realisable(self.least * (one / target if one < math.inf else 2.0))
        while days(high) > target:
            if self.assumed and days(high) > max(0.7 * days(low), 1.5 * target):  # four times the fleet, little faster
                return self._best_effort(days, high)
            if high > 1e12 or days(high) >= days(low):
                steps = range(-1, 3) if self.assumed else range(-2, 10)
                grid = [self.realisable(low * 2 ** (k / 2)) for k in steps]
                first = next((k for k, n in enumerate(grid) if days(n) <= target), None)
                if first is None:
                    return self._best_effort(days, high)
                low, high = grid[max(first - 1, 0)], grid[first]
                break
            low, high = high, self.realisable(high * min(max(days(high) / target, 1.05) ** 1.03, 4.0))
        high = self._timely_between(days, target, low, high)
        for share in () if self.coarse else BELOW:  # layouts are whole numbers, so that fewer may be in time again
            fewer = self.realisable(share * high)
            if 1 < fewer < high - self._grain(high) and days(fewer) <= target:
                return self._timely_between(days, target, self.realisable(fewer / 1.1), fewer)
        return high

    def _best_effort(self, days: Callable[[float], float], most: float) -> float:
        """The largest fleet that still pays, where none is in time.

        A fleet pays while doubling it saves at least 30% of the time: it has the least accelerators * days^2.
        """

        def worth(k: int) -> float:
            count = self.realisable(most / 2**k)
            took = days(count)
            return math.log(count) + 2.0 * math.log(took) if took < math.inf else math.inf

        best = 0
        for k in range(2, 24, 2):
            if worth(k) < worth(best):
                best = k
            elif worth(k) > worth(best) + 1:  # past the best
                break
        return self.realisable(most / 2 ** min((best, best + 1, max(best - 1, 0)), key=worth))

    def _timely_between(self, days: Callable[[float], float], target: float, low: float, high: float) -> float:
        """Fewest accelerators in time between a number that is late and one that is not."""
        while high - low > self._grain(high):
            middle = math.sqrt(low * high)
            if math.inf > days(low) > target and high / low < 8:
                share = math.log(days(low) / target) / math.log(days(low) / days(high))
                middle = low * (high / low) ** min(max(share, 0.02), 0.98)
            between = self._between(low, high, middle)
            if between is None:
                break
            low, high = (low, between) if days(between) <= target else (between, high)
        return high

    def _grain(self, count: float) -> float:
        """Counts closer than this are one answer: a server, or one part in 100,000 of a large fleet."""
        return max(1.0 if count <= self.step else self.step, count * (5e-3 if self.coarse else 1e-5))

    def _between(self, low: float, high: float, guess: float) -> float | None:
        """A number that can be bought, strictly between two others and near the guess; None where there is none."""
        following = low + 1.0 if low < self.step else low + self.step
        middle = max(self.realisable(guess), following)
        if middle >= high:
            middle = max(high - (1.0 if high <= self.step else self.step), following)
        return middle if low < middle < high else None

    def largest_params(self) -> dict[str, float]:
        """The largest model that meets all limits, with the accelerators for it where those are free too.

        A limit on what grows with the fleet, such as its power, sizes the fleet first; else each model its own.
        """
        fixed = self.engine.given["accelerators"].value
        if self.free_accelerators:
            fixed = self._most() if self.growing() and "run_cost" not in self.limits else None
            self.fleet_first = fixed is not None

        self.coarse = fixed is None

        def attempt(log_params: float) -> tuple[float, dict[str, float]]:
            """How far over the tightest limit a model is, in powers of e, with what it takes."""
            params = math.exp(log_params)
            count = self.accelerators(params=params) if fixed is None else fixed
            values = self.values(count, params=params)
            over = -math.inf
            for name, bound in self.limits.items():
                value = values.get(name)
                over = max(over, math.inf if value is None else math.log(max(value, 1e-300) / bound))
            over = math.inf if values.get("fits") == 0.0 else over
            return over, ({"params": params, "accelerators": count} if self.free_accelerators else {"params": params})

        low = math.log(1.0)
        under, found = attempt(low)
        if under > 1e-9:
            self.coarse = False
            return found
        high, over = math.log(1e9), math.inf
        while True:
            value, candidate = attempt(high)
            if value > 1e-9 or high > math.log(1e18):
                over = value
                break
            low, under, found, high = high, value, candidate, high + math.log(30.0)
        while True:
            while high - low > 1e-3:
                share = 0.5
                if math.isfinite(under) and math.isfinite(over):
                    share = min(max(-under / max(over - under, 1e-12), 0.1), 0.9)
                middle = low + (high - low) * share
                value, candidate = attempt(middle)
                if value <= 1e-9:
                    low, under, found = middle, value, candidate
                else:
                    high, over = middle, value
            for ahead in (0.04, 0.02, 0.01):  # layouts are whole numbers, so a larger model may fit again
                value, candidate = attempt(low + ahead)
                if value <= 1e-9:
                    low, under, found, high, over = low + ahead, value, candidate, low + ahead + 0.04, math.inf
                    break
            else:
                break
        self.coarse = False
        return found if fixed is not None else attempt(low)[1]

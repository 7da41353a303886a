"""Monte Carlo: one evaluation of the whole graph on arrays, a draw an element.

What is decided before the run, the accelerators and the layout, is found once at the central values and held, and so
is the size where it was solved for. A drawn choice is decided before too: its draws are planned apart and joined.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from aiplan.graph import Given, Node
from aiplan.plan import LAYOUT, Engine, Plan
from aiplan.quantities.scaling import AXES, LOG_AXES, Law
from aiplan.specs.question import Question
from aiplan.whatif.arrays import hypercube, normal, numpy
from aiplan.whatif.inputs import Input, spread
from aiplan.whatif.many import Memo, evaluate

DEFAULT_DRAWS, DEFAULT_SEED, MOST_DRAWS = 10_000, 0, 1_000_000
SEARCHED_DRAWS, MOST_SEARCHED = 1_000, 20_000  # where each draw searches its layout, some 6 ms
LAW_PARTS = len(AXES)
T = TypeVar("T")


@dataclass(slots=True)
class Draws:
    """Many points of a plan: the uncertain inputs, and every quantity that differs between them (nan: no value)."""

    count: int
    seed: int
    inputs: dict[str, Input] = field(default_factory=dict)
    laws: list[str] = field(default_factory=list)
    values: dict[str, Any] = field(default_factory=dict)
    scores: dict[str, list[Any]] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)
    search: bool = False

    def quantile(self, name: str, share: float) -> float | None:
        """A quantile of a quantity; a draw without a value counts as beyond all others, so the answer may be None."""
        np = numpy()
        ranked = np.sort(self.values[name])  # nan comes last
        place = share * (self.count - 1)
        low = int(place)
        a, b = ranked[low], ranked[min(low + 1, self.count - 1)]
        if np.isnan(a) or (np.isnan(b) and place > low):
            return None
        return float(a if place == low else a + (b - a) * (place - low))

    def lacking(self, name: str) -> int:
        """How many draws have no value of a quantity."""
        return int(numpy().isnan(self.values[name]).sum())


@dataclass(slots=True)
class Model:
    """An answer made ready for many evaluations: what is held, what may move, and the law's joint coefficients."""

    engine: Engine
    inputs: dict[str, Input]
    nodes: Mapping[str, Node]
    unresolved: Mapping[str, str] = field(default_factory=dict)
    law: Law | None = None
    memo: Memo | None = None

    def evaluate(self, values: dict[str, Any], count: int) -> tuple[dict[str, Any], dict[str, str]]:
        """Every quantity at `count` points, from the arrays of what moves."""
        nulls = {n: g.why_null or f"{n} is unknown" for n, g in self.engine.given.items() if g.value is None}
        supplied = {n: g.value for n, g in self.engine.given.items()}
        return evaluate(self.engine.order, {**supplied, **values}, nulls, memo=self.memo)

    def law_values(self, scores: list[Any]) -> dict[str, Any]:
        """The law's coefficients, drawn jointly, from an array of standard normal scores for each of them."""
        np = numpy()
        law = self.law
        assert law is not None
        factor = np.linalg.cholesky(np.asarray(law.covariance))
        moved = factor @ np.stack(scores)
        out = {}
        for i, name in enumerate(AXES):
            centre = law.coefficients[name]
            out[name] = centre * np.exp(moved[i]) if i < LOG_AXES else centre + moved[i]
        return out


def model_of(plan: Plan, vary: list[Input], *, search: bool = False) -> Model:
    """What of a plan is held and what moves: the varied inputs, and every default or fact with an interval.

    With `search` the layout is not held, but searched at every point.
    """
    varied = {i.name: i for i in vary if i.kind != "names"}
    held = dict(plan.given)
    for name in (*(() if search else LAYOUT), "accelerators", "batch_tokens"):
        if name in plan.nodes and plan.nodes[name].value is not None and name not in varied:
            held[name] = Given(plan.nodes[name].value, "search")
    asks = [name for name, node in plan.nodes.items() if node.value is not None]
    engine = Engine(held, plan.rivals, (), asks)
    inputs = uncertain(plan.nodes, engine, varied)
    law = _law(plan, engine, varied)
    return Model(engine, inputs, plan.nodes, plan.unresolved, law, {} if search else None)


def uncertain(nodes: Mapping[str, Node], engine: Engine, varied: Mapping[str, Input]) -> dict[str, Input]:
    """The inputs that move: what varies, and every default or fact with an interval."""
    inputs = {name: i for name, i in varied.items() if name in engine.order.supplied}
    for name, node in nodes.items():
        usable = node.spread and node.value and node.spread[0] > 0 and node.origin != "given"
        if usable and name in engine.order.supplied and name not in varied:
            assert node.spread is not None
            inputs[name] = spread(name, node.value, *node.spread)
    return inputs


def _law(plan: Plan, engine: Engine, varied: dict[str, Input]) -> Law | None:
    """The law where it decided something, its coefficients are known jointly, and the user pinned none."""
    from aiplan.whatif.uncertainty import by_law

    law = plan.expanded.law
    pinned = [n for n in AXES if n in varied or n in plan.question.given]
    decided = any(by_law(plan, n) for n in ("tokens", "params", "training_flops"))
    known = law.covariance is not None and all(n in engine.order.supplied for n in AXES[:1])
    return law if decided and known and not pinned else None


def simulate(
    solve: Callable[[dict[str, str]], T],
    ready: Callable[[T], Model],
    vary: list[Input],
    *,
    count: int,
    seed: int,
    search: bool = False,
) -> tuple[T, Draws]:
    """The answer at the central values, and `count` draws around it.

    `solve` answers under names of the drawn choices, `ready` makes the answer ready for draws. The answer returned is
    that of the first names.
    """
    np = numpy()
    named = [i for i in vary if i.kind == "names"]
    draws = Draws(count, seed, {i.name: i for i in named}, search=search)
    picked = [i.at(hypercube(seed, i.name, count)) for i in named]
    first: T | None = None
    for combination in itertools.product(*(range(len(i.names)) for i in named)):
        here = np.ones(count, dtype=bool)
        for index, which in zip(picked, combination, strict=True):
            here &= index == which
        names = {i.name: i.names[k] for i, k in zip(named, combination, strict=True)}
        answer = solve(names)
        first = first or answer
        if here.any():
            _join(draws, ready(answer), here)
    assert first is not None
    for i, index in zip(named, picked, strict=True):
        draws.scores[i.name] = [(index == k).astype(float) for k in range(len(i.names) - 1)]
    draws.values = {n: v for n, v in draws.values.items() if _moves(v)}
    return first, draws


def central(question: Question, vary: list[Input], names: dict[str, str]) -> Question:
    """The question at the central values of what varies, with these names chosen."""
    given = question.given | {i.name: i.centre for i in vary if i.kind != "names"}
    typed = {n: v for n, v in question.typed.items() if n not in {i.name for i in vary}}
    return replace(question, given=given, choices=question.choices | names, typed=typed)


def _join(draws: Draws, model: Model, here: Any) -> None:
    """Evaluate the draws of one group and put them in their places."""
    np = numpy()
    moving: dict[str, Any] = {}
    for name, source in model.inputs.items():
        u = hypercube(draws.seed, name, draws.count)
        moving[name] = source.at(u[here])
        draws.inputs.setdefault(name, source)
        draws.scores.setdefault(name, [normal(u)])
    if model.law:
        key = f"law {model.law.name}"
        if key not in draws.scores:
            draws.laws.append(key)
            draws.scores[key] = [normal(hypercube(draws.seed, f"{key} {i}", draws.count)) for i in range(LAW_PARTS)]
        moving |= model.law_values([score[here] for score in draws.scores[key]])
    out, why = model.evaluate(moving, int(here.sum()))
    unknown = {n: node.why_null for n, node in model.nodes.items() if node.value is None and node.why_null}
    draws.reasons = why | unknown | draws.reasons
    for name, value in out.items():
        if name not in draws.values:
            draws.values[name] = np.full(draws.count, np.nan)
        if value is not None:
            draws.values[name][here] = value
    everywhere = draws.values
    for name in everywhere:
        everywhere[name][~np.isfinite(everywhere[name])] = np.nan


def _moves(values: Any) -> bool:
    np = numpy()
    known = values[~np.isnan(values)]
    if known.size == 0:
        return False
    low, high = float(known.min()), float(known.max())
    return known.size < values.size or high - low > 1e-12 * max(abs(low), abs(high))

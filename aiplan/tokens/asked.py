"""A question about documents looked at from several sides: the same machinery as a training plan's."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiplan.errors import UserError
from aiplan.graph import Given
from aiplan.plan import Engine
from aiplan.specs.result import Warning_
from aiplan.tokens import scenario
from aiplan.tokens.models import Registry
from aiplan.tokens.question import ASKS, TokensResult
from aiplan.whatif.draws import Draws, Model, simulate, uncertain
from aiplan.whatif.inputs import Input
from aiplan.whatif.percentiles import spread_over

MAIN = ("cost", "document_tokens")


@dataclass(slots=True)
class Read:
    """An answer about documents with its derivation."""

    result: TokensResult
    lost: bool
    names: Mapping[str, str]

    @property
    def nodes(self) -> Mapping[str, Any]:
        """Every value with where it is from."""
        return self.result.nodes

    @property
    def unresolved(self) -> Mapping[str, str]:
        """What has no value, and why."""
        return {n: v.why_null for n, v in self.result.quantities.items() if v.value is None and v.why_null}


class Priced(Engine):
    """Documents whose price of a token may change with their length, so that each point is answered as it stands."""

    def __init__(
        self, given: dict[str, Given], asks: list[str], answer: Callable[[Mapping[str, float]], dict[str, Any]]
    ) -> None:
        super().__init__(given, set(), (), asks)
        self.answer = answer

    def at(self, **values: float) -> dict[str, Any]:
        """All values when the named inputs have these values."""
        return self.answer(values)


@dataclass(slots=True)
class Documents:
    """Documents that are read, as `set` names them, with values in SI over it."""

    settings: Mapping[str, Any]
    vary: list[Input]
    path: Path
    limits: Mapping[str, Any] = field(default_factory=dict)
    values: Mapping[str, float] = field(default_factory=dict)
    title: str = ""
    main: Sequence[str] = field(default=MAIN, init=False)

    def solve(self, names: Mapping[str, str], more: Iterable[str] = ()) -> Read:
        """The answer for one model."""
        centres = {i.name: i.centre for i in self.vary if i.kind != "names"}
        result, lost = self._answer(names, centres, more)
        moving = {i.name for i in self.vary}
        result.inputs = {n: v for n, v in result.inputs.items() if n not in moving}
        return Read(result, lost, names)

    def _answer(
        self, names: Mapping[str, str], values: Mapping[str, float], more: Iterable[str] = ()
    ) -> tuple[TokensResult, bool]:
        settings, given = {**self.settings, **names}, {**self.values, **values}
        return scenario.solve(settings, self.limits, list(more), self.title, self.path, values=given)

    def ready(self, answer: Read, *, search: bool = False) -> Model:
        """The answer with its prices held under draws; a single point is priced anew. There is no layout to search."""
        nodes = answer.nodes
        given = {
            n: Given(node.value, node.origin, node.source, node.why_null, node.spread)
            for n, node in nodes.items()
            if node.formula is None
        }
        asks = [n for n in dict.fromkeys([*ASKS, *nodes]) if n in nodes]
        centres = {i.name: i.centre for i in self.vary if i.kind != "names"}

        def at(values: Mapping[str, float]) -> dict[str, Any]:
            result, _ = self._answer(answer.names, {**centres, **values}, asks)
            return {n: node.value for n, node in result.nodes.items()}

        engine = Priced(given, asks, at)
        inputs = uncertain(nodes, engine, {i.name: i for i in self.vary if i.kind != "names"})
        return Model(engine, inputs, nodes, answer.unresolved)

    def drawn(self, names: list[str], *, count: int, seed: int) -> tuple[TokensResult, bool, Draws]:
        """The result at the central values of what varies, with the percentiles of `count` draws around it."""
        solved: list[Read] = []

        def solve(chosen: Mapping[str, str]) -> Read:
            solved.append(self.solve(chosen, names))
            if "model" not in solved[-1].result.choices:
                raise UserError(f"{self.path}: draws are of one model: set model")
            return solved[-1]

        first, draws = simulate(solve, self.ready, self.vary, count=count, seed=seed)
        spread_over(first.result, draws, self.vary, MAIN[0], told=ASKS)
        prices = self.path.parent / str(self.settings["prices"]) if "prices" in self.settings else None
        registry = Registry(prices)
        if any(_tiers(each.result, draws, registry) for each in solved):
            told = "the price of a token changes within this interval; that of its centre is used"
            first.result.warnings.append(Warning_("price-tier", told))
        return first.result, any(each.lost for each in solved), draws


def _tiers(result: TokensResult, draws: Draws, registry: Registry) -> bool:
    """Whether the price of a token changes within the interval of the tokens, while one price was drawn with."""
    price = result.quantities.get("price_per_input_token")
    if "document_tokens" not in draws.values or price is None or price.origin == "given":
        return False
    model = registry.find(str(result.choices["model"]))
    sizes = [draws.quantile("document_tokens", share) for share in (0.1, 0.9)]
    ends = [(size, model.price(size, 1000.0).input) for size in sizes if size]
    rates = [cost / size for size, cost in ends if cost is not None]
    return bool(rates) and max(rates) > 1.001 * min(rates)

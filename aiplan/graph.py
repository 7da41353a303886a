"""The graph of named quantities: what each one is, how it follows from the others, and where a value came from.

A formula is a pure function whose positional parameters are names of other quantities; its keyword-only
parameters are coefficients and keep their defaults. The resolver orders the formulas that a question needs
and returns every intermediate value with its origin.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar, get_args

F = TypeVar("F", bound=Callable[..., Any])

Origin = Literal["given", "limit", "default", "catalog", "formula", "search", "measured"]
ORIGINS: tuple[str, ...] = get_args(Origin)


class GraphError(Exception):
    """A question that the graph cannot answer: a missing input, a cycle, an unknown name. Its text is one line."""


class NoValue(Exception):
    """Raised by a formula that has no answer for its inputs; its text becomes the quantity's `why_null`."""


@dataclass(frozen=True, slots=True)
class Formula:
    """One way to compute one or more quantities from others."""

    name: str
    gives: tuple[str, ...]
    inputs: tuple[str, ...]
    function: Callable[..., Any]
    rival: str | None
    nullable: frozenset[str]
    source: str
    search: bool

    @property
    def sentence(self) -> str:
        """First line of the docstring."""
        return (self.function.__doc__ or "").strip().partition("\n")[0]

    @property
    def equation(self) -> str:
        """First indented block of the docstring, on one line."""
        lines: list[str] = []
        for line in inspect.cleandoc(self.function.__doc__ or "").splitlines()[1:]:
            if line.startswith("    ") and line.strip():
                lines.append(line.strip())
            elif lines:
                break
        return "; ".join(lines)


@dataclass(slots=True)
class Quantity:
    """A named number: its unit, its sentence, and its formulas or its default."""

    name: str
    unit: str
    sentence: str = ""
    formulas: list[Formula] = field(default_factory=list)
    default: float | None = None
    has_default: bool = False
    source: str = ""
    spread: tuple[float, float] | None = None
    low: float | None = 0.0
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Given:
    """A value that is supplied from outside, with its origin and source; None says that it is known to be unknown.

    `spread` is the (p10, p90) of the value where the supplier knows it.
    """

    value: float | None
    origin: Origin = "given"
    source: str = ""
    why_null: str | None = None
    spread: tuple[float, float] | None = None


@dataclass(slots=True)
class Node:
    """One resolved value: how much, what of, where from, and what it was computed from."""

    name: str
    value: Any
    unit: str
    origin: Origin
    formula: Formula | None = None
    source: str = ""
    why_null: str | None = None
    spread: tuple[float, float] | None = None

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of the quantities that the value was computed from."""
        return self.formula.inputs if self.formula else ()


class Graph:
    """A registry of quantities and the resolver over it."""

    def __init__(self) -> None:
        self.quantities: dict[str, Quantity] = {}

    # -- declaring ---------------------------------------------------------------------------------------------

    def quantity(
        self,
        unit: str | None = None,
        *,
        of: str | None = None,
        rival: str | None = None,
        gives: tuple[str, ...] = (),
        nullable: Iterable[str] = (),
        source: str = "",
        search: bool = False,
        bounds: tuple[float | None, float | None] = (0.0, None),
    ) -> Callable[[F], F]:
        """Register the decorated function as a formula of the quantity of its own name, of `of`, or of all in `gives`.

        `rival` is the name by which one of several models of the same thing is chosen. A formula without `unit`
        adds a direction to a quantity that is declared elsewhere. `nullable` names inputs that may be unknown.
        A `search` is called with the further keyword `pinned`: those of its own outputs that are already fixed.
        """

        def register(function: F) -> F:
            code = function.__code__
            name = function.__name__
            targets = gives or (of or name,)
            formula = Formula(
                name,
                tuple(targets),
                code.co_varnames[: code.co_argcount],
                function,
                rival,
                frozenset(nullable),
                source,
                search,
            )
            for target in targets:
                known = self._declare(target, unit, formula.sentence if not gives else "", bounds)
                if known.has_default:
                    raise GraphError(f"{target} has a default, so it cannot have the formula {name}")
                known.formulas.append(formula)
            return function

        return register

    def given(
        self, name: str, unit: str, sentence: str, *, bounds: tuple[float | None, float | None] = (0.0, None)
    ) -> None:
        """Declare a quantity that has no formula and no default: someone must supply it."""
        self._declare(name, unit, sentence, bounds)

    def default(
        self,
        name: str,
        unit: str,
        value: float,
        sentence: str,
        *,
        source: str,
        spread: tuple[float, float] | None = None,
        bounds: tuple[float | None, float | None] = (0.0, None),
    ) -> None:
        """Declare a quantity with a default value [unit], its source and, where known, its (p10, p90)."""
        known = self._declare(name, unit, sentence, bounds)
        if known.formulas:
            raise GraphError(f"{name} has formulas, so it cannot have a default")
        known.default, known.has_default, known.source, known.spread = value, True, source, spread

    def _declare(
        self, name: str, unit: str | None, sentence: str, bounds: tuple[float | None, float | None]
    ) -> Quantity:
        known = self.quantities.get(name)
        if known is None:
            known = self.quantities[name] = Quantity(name, unit or "", sentence, low=bounds[0], high=bounds[1])
            known.unit = unit if unit is not None else "?"
        elif unit is not None:
            if known.unit not in ("?", unit):
                raise GraphError(f"{name} is in {known.unit}, not in {unit}")
            if known.unit == "?":
                known.unit, known.low, known.high = unit, bounds[0], bounds[1]
            known.sentence = known.sentence or sentence
        return known

    def __getitem__(self, name: str) -> Quantity:
        """The quantity of that name; an unknown one is an error with the nearest names."""
        try:
            return self.quantities[name]
        except KeyError:
            from aiplan.errors import nearest

            raise GraphError(f"there is no quantity {name!r}{nearest(name, self.quantities)}") from None

    def __contains__(self, name: str) -> bool:
        return name in self.quantities

    def __iter__(self) -> Iterator[Quantity]:
        return iter(self.quantities.values())

    # -- resolving ---------------------------------------------------------------------------------------------

    def order(
        self,
        asks: Iterable[str],
        given: Iterable[str],
        rivals: Iterable[str] = (),
        *,
        optional: Iterable[str] = (),
        unknown: Iterable[str] = (),
    ) -> Order:
        """Order the formulas that `asks` need when `given` are supplied and `rivals` are chosen.

        Where a quantity has several directions the first that can be derived is taken, one that needs something
        `unknown` (given as null) only where no other can. Of `optional` what cannot
        be derived is left out, with its reason; of `asks` it is an error.
        """
        search = _Search(self, frozenset(given), frozenset(rivals), frozenset(unknown))
        for name in asks:
            self[name]
            failure = search.derive(name)
            if failure:
                raise GraphError(search.explain(name, failure))
        unresolved: dict[str, str] = {}
        for name in optional:
            self[name]
            failure = search.derive(name)
            if failure:
                unresolved[name] = search.explain(name, failure)
        return Order(self, tuple(search.steps), tuple(search.supplied), unresolved)

    def resolve(
        self,
        asks: Iterable[str],
        given: Mapping[str, Given | float],
        rivals: Iterable[str] = (),
        *,
        optional: Iterable[str] = (),
    ) -> dict[str, Node]:
        """Resolve `asks` from `given`; every intermediate value is in the result, in the order of computation."""
        supplied = {name: g if isinstance(g, Given) else Given(g) for name, g in given.items()}
        unknown = [name for name, g in supplied.items() if g.value is None]
        return self.order(asks, supplied, rivals, optional=optional, unknown=unknown).trace(supplied)


class _Search:
    """One depth-first derivation: which formula is taken for each quantity, and what failed."""

    def __init__(
        self, graph: Graph, given: frozenset[str], rivals: frozenset[str], unknown: frozenset[str] = frozenset()
    ) -> None:
        self.graph, self.given, self.rivals, self.unknown = graph, given, rivals, unknown
        self.steps: list[Formula] = []
        self.supplied: dict[str, None] = {}
        self.done: set[str] = set()
        self.dead: dict[str, list[str]] = {}

    def derive(self, name: str, path: tuple[str, ...] = ()) -> list[str] | None:
        """Append the steps that give `name`; None when it can be had, else the path to what is missing."""
        if name in self.done:
            return None
        if name in self.dead:
            return [*path, *self.dead[name]]
        quantity = self.graph[name]
        if name in self.given or quantity.has_default:
            self.supplied[name] = None
            self.done.add(name)
            return None
        if name in path:
            return [*path[path.index(name) :], name, "cycle"]
        best: list[str] | None = None
        usable = [f for f in quantity.formulas if f.rival is None or f.rival in self.rivals]
        if self.unknown and len(usable) > 1:
            usable.sort(key=lambda f: not self.unknown.isdisjoint(set(f.inputs) - f.nullable))
        for formula in usable:
            mark = len(self.steps), dict(self.supplied), set(self.done)
            failure = None
            for source in formula.inputs:
                failure = self.derive(source, (*path, name))
                if failure:
                    break
            if failure is None:
                self.steps.append(formula)
                self.done.update(formula.gives)
                self.supplied.update((t, None) for t in formula.gives if t in self.given)
                return None
            del self.steps[mark[0] :]
            self.supplied, self.done = mark[1], mark[2]
            if best is None or (best[-1] == "cycle" and failure[-1] != "cycle"):
                best = failure
        if best is None:
            best = [*path, name, "rival" if quantity.formulas else "missing"]
        if best[-1] != "cycle" and (best[-2] == name):
            self.dead[name] = best[len(path) :]
        return best

    def explain(self, name: str, failure: list[str]) -> str:
        *path, kind = failure
        chain = " -> ".join(path)
        last = path[-1]
        if kind == "cycle":
            return f"{name} cannot be derived: each of {chain} needs the next, so one of them must be given"
        if kind == "rival":
            names = sorted({f.rival for f in self.graph[last].formulas if f.rival})
            return f"{name} cannot be derived: {last} needs a choice, one of {', '.join(names)}"
        needs = f", which {chain} needs" if len(path) > 1 else ""
        return f"{name} cannot be derived: {last} is not given{needs}"


@dataclass(frozen=True, slots=True)
class Order:
    """Formulas in the order of computation, the supplied names that they start from, and what was left out."""

    graph: Graph
    steps: tuple[Formula, ...]
    supplied: tuple[str, ...]
    unresolved: dict[str, str]

    def evaluate(
        self, values: Mapping[str, Any], nulls: Mapping[str, str] | None = None
    ) -> tuple[dict[str, Any], dict[str, str]]:
        """Compute all values from the supplied ones (defaults where absent), floats or arrays.

        Returns the values and, for each that is None, the reason.
        """
        out = {name: values[name] if name in values else self.graph[name].default for name in self.supplied}
        why = {n: (nulls or {}).get(n, f"{n} is unknown") for n, value in out.items() if value is None}
        for formula in self.steps:
            absent = [n for n in formula.inputs if n in why and n not in formula.nullable] if why else ()
            if absent:
                result, reason = None, why[absent[0]]
            else:
                result, reason = _call(formula, out)
            if len(formula.gives) == 1:
                out[formula.gives[0]] = result
                if result is None:
                    why[formula.gives[0]] = reason
                continue
            for i, target in enumerate(formula.gives):
                if target in out:  # a pinned member of a search keeps its pin
                    continue
                out[target] = result[i] if result is not None else None
                if out[target] is None:
                    why[target] = reason
        return out, why

    def trace(self, given: Mapping[str, Given]) -> dict[str, Node]:
        """Evaluate and return every value as a node with its origin, in the order of computation."""
        nulls = {n: g.why_null or f"{n} is unknown" for n, g in given.items() if g.value is None}
        values, why = self.evaluate({n: g.value for n, g in given.items()}, nulls)
        made = {t: f for f in reversed(self.steps) for t in f.gives}
        nodes: dict[str, Node] = {}
        for name, value in values.items():
            quantity = self.graph[name]
            if isinstance(value, float) and not math.isfinite(value):
                value, why[name] = None, f"{name} is beyond what a number can hold"
            node = Node(name, value, quantity.unit, "formula", why_null=why.get(name) if value is None else None)
            if name in given and name in self.supplied:
                g = given[name]
                node.origin, node.source, node.spread = g.origin, g.source, g.spread
            elif name in self.supplied:
                node.origin, node.source, node.spread = "default", quantity.source, quantity.spread
            else:
                node.formula = made[name]
                node.source = node.formula.source
                node.origin = "search" if node.formula.search else "formula"
            nodes[name] = node
        return nodes


def _call(formula: Formula, out: dict[str, Any]) -> tuple[Any, str]:
    """The result of a formula, or None with the reason."""
    arguments = [out[n] for n in formula.inputs]
    try:
        if formula.search:
            found = formula.function(*arguments, pinned={t: out[t] for t in formula.gives if t in out})
            return (found, "") if found else (None, f"{formula.name} finds nothing among such values")
        return formula.function(*arguments), ""
    except NoValue as no:
        return None, str(no)
    except (ArithmeticError, ValueError) as error:
        given = ", ".join(f"{n}={value!r}" for n, value in zip(formula.inputs, arguments, strict=True))
        return None, f"{formula.name} has no value for {given} ({error})"


GRAPH = Graph()
quantity = GRAPH.quantity
given = GRAPH.given
default = GRAPH.default

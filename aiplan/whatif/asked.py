"""One question looked at from several sides: answered under any names of its drawn choices, and made ready to move.

`Training` is of a training plan; `aiplan.tokens.asked.Documents` is the same of documents.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from aiplan.graph import Node
from aiplan.plan import Plan, train
from aiplan.specs.question import Question, read_question
from aiplan.whatif.draws import Model, central, model_of

if TYPE_CHECKING:
    from aiplan.catalog import Catalog
    from aiplan.whatif.inputs import Input


class Derived(Protocol):
    """An answer with its derivation."""

    @property
    def nodes(self) -> Mapping[str, Node]:
        """Every value with where it is from."""

    @property
    def unresolved(self) -> Mapping[str, str]:
        """What has no value, and why."""


class Asked(Protocol):
    """One question, and what varies in it."""

    main: Sequence[str]
    vary: list[Input]

    def solve(self, names: Mapping[str, str], more: Iterable[str] = ()) -> Any:
        """The answer at the central values, under names of the drawn choices; `more` quantities are asked too."""

    def ready(self, answer: Any, *, search: bool = False) -> Model:
        """The answer made ready for many evaluations; with `search` a layout is not held, but searched at each."""


@dataclass(slots=True)
class Training:
    """A training plan."""

    question: Question
    vary: list[Input]
    catalog: Catalog
    defaults: dict[str, Any] | None = None
    main: Sequence[str] = field(default=("run_cost", "training_days"), init=False)

    def solve(self, names: Mapping[str, str], more: Iterable[str] = ()) -> Plan:
        """The plan."""
        return train(central(self.question, self.vary, dict(names)), self.catalog, self.defaults, more=list(more))

    def ready(self, answer: Plan, *, search: bool = False) -> Model:
        """The plan with its fleet held, and its layout unless it is searched."""
        return model_of(answer, self.vary, search=search)


def again(
    ask: str, inputs: Mapping[str, Any], catalog: Catalog, defaults: dict[str, Any] | None, title: str = ""
) -> Asked:
    """The question that the inputs of an answer ask. Raises UserError where they can no longer be read."""
    from aiplan.whatif.inputs import read_inputs, read_typed
    from aiplan.whatif.scenario import choices_of

    settings = {n: v for n, v in inputs.items() if "." not in n}
    limits = {n.removeprefix("limit."): v for n, v in inputs.items() if n.startswith("limit.")}
    texts = [f"{n.removeprefix('vary.')}={v}" for n, v in inputs.items() if n.startswith("vary.")]
    vary = read_inputs(read_typed(texts), choices=choices_of(ask))
    if ask == "tokens":
        from aiplan.tokens.asked import Documents

        return Documents(settings, vary, Path(), limits, title=title)
    return Training(read_question(settings, limits), vary, catalog, defaults)


def first_names(vary: Iterable[Input]) -> dict[str, str]:
    """The first name of each drawn choice."""
    return {i.name: i.names[0] for i in vary if i.kind == "names"}


def value_of(answer: Derived, name: str) -> float | None:
    """A value of an answer."""
    node = answer.nodes.get(name)
    return None if node is None or node.value is None else float(node.value)


def look(
    asked: Asked, of: str | None, *, search: bool = False
) -> tuple[Model, dict[str, list[tuple[str, float | None]]], str]:
    """The answer ready to be moved; what it is under each drawn name; the quantity that is looked at."""
    first, more = first_names(asked.vary), [of] if of else []
    answer = asked.solve(first, more)
    name = of or next((n for n in asked.main if value_of(answer, n)), asked.main[-1])
    named = {
        i.name: [(n, value_of(asked.solve(first | {i.name: n}, more), name)) for n in i.names]
        for i in asked.vary
        if i.kind == "names"
    }
    return asked.ready(answer, search=search), named, name

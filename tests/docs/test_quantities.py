"""Every quantity and every formula is explained: sentence, equation, example, source."""

from __future__ import annotations

import inspect

import pytest

import aiplan.quantities  # noqa: F401  (fills the graph)
from aiplan.docgen import equation_of, nomenclature
from aiplan.graph import GRAPH, Formula, NoValue, Quantity

QUANTITIES = list(GRAPH)
FORMULAS = {id(f.function): f for q in QUANTITIES for f in q.formulas}.values()


def name_of(item: Quantity | Formula) -> str:
    """How a case is called in a report."""
    return f"{item.name}-{item.rival}" if isinstance(item, Formula) and item.rival else item.name


@pytest.fixture(scope="module")
def page() -> str:
    """The page of all quantities."""
    return nomenclature()


@pytest.mark.parametrize("quantity", QUANTITIES, ids=name_of)
def test_quantity_is_explained(quantity: Quantity, page: str) -> None:
    """One sentence, a known unit, a source of its default, an entry in the nomenclature."""
    assert quantity.sentence.endswith("."), quantity.sentence
    assert quantity.unit != "?", "no formula declares the unit"
    if quantity.has_default:
        assert quantity.source, "a default has a source"
        assert quantity.spread is None or quantity.spread[0] <= quantity.default <= quantity.spread[1]
    assert f"\n### {quantity.name}\n\n" in page


@pytest.mark.parametrize("formula", FORMULAS, ids=name_of)
def test_formula_is_explained(formula: Formula) -> None:
    """A sentence, an equation and an example; one that never has an answer raises NoValue instead."""
    assert formula.sentence.endswith("."), formula.sentence
    document = inspect.cleandoc(formula.function.__doc__ or "")
    if not equation_of(formula):
        with pytest.raises(NoValue):
            formula.function(*(1.0 for _ in formula.inputs))
        return
    assert ">>>" in document or formula.search, "no example"


@pytest.mark.parametrize("formula", FORMULAS, ids=name_of)
def test_parameters_are_quantities(formula: Formula) -> None:
    """Every positional parameter is a quantity; every coefficient has a default."""
    for name in formula.inputs:
        assert name in GRAPH, f"{name} is no quantity"
    for parameter in inspect.signature(formula.function).parameters.values():
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY and parameter.name != "pinned":
            assert parameter.default is not inspect.Parameter.empty, f"{parameter.name} has no default"
    assert formula.nullable <= set(formula.inputs)

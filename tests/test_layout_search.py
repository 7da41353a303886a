"""All layouts at once: the same costs as one by one, only what can be built, and the plan's own search beside it."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest

from aiplan import layout_search
from aiplan.catalog import open_catalog
from aiplan.plan import Plan, train
from aiplan.quantities.layout import GIVES, Costs, choose_layout
from aiplan.specs.question import Question

INPUTS = choose_layout.__code__.co_varnames[: choose_layout.__code__.co_argcount]


@cache
def plan(model: str, chip: str, accelerators: float) -> Plan:
    question = Question(given={"accelerators": accelerators}, choices={"model": model, "accelerator": chip})
    return train(question, open_catalog()[0])


def values(found: Plan) -> dict[str, Any]:
    return {n: node.value for n, node in found.nodes.items() if n in INPUTS}


def test_costs_of_many_are_the_costs_of_each() -> None:
    inputs = values(plan("llama-3-70b", "h100", 256.0))
    space = layout_search.candidates(inputs, 256.0)
    part, seconds, held = next(iter(layout_search.timed(inputs, space)))
    costs = Costs(inputs)
    for i in range(part.start, part.stop, 97):
        costs.at(**{n: float(member[i]) for n, member in space.items()})
        assert (costs.seconds(), costs.bytes()) == pytest.approx((seconds[i], held[i]), rel=1e-12)


def test_every_candidate_can_be_built() -> None:
    inputs = values(plan("deepseek-v3", "gb300", 256.0))
    space = layout_search.candidates(inputs, 256.0)
    assert len(space["tp"]) > 1000
    assert (space["tp"] * space["pp"] * space["cp"] * space["dp"] == 256).all()
    assert (inputs["heads"] % space["tp"] == 0).all()
    assert (256 % space["ep"] == 0).all()
    assert (space["ep"] <= space["tp"] * space["cp"] * space["dp"]).all()
    assert (space["pp"] <= inputs["layers"]).all()
    assert len(np.unique(np.stack([space[n] for n in GIVES]), axis=1).T) == len(space["tp"])


@pytest.mark.parametrize(
    ("model", "chip", "accelerators"),
    [("llama-3.1-405b", "h100", 16384.0), ("llama-3-70b", "h100", 256.0), ("llama-3-8b", "h100", 64.0)],
)
def test_the_plan_finds_what_the_whole_space_has(model: str, chip: str, accelerators: float) -> None:
    found = plan(model, chip, accelerators)
    best = layout_search.rank(values(found), accelerators, found.value("usable_memory"))
    mine = found.value("pipeline_time") + found.value("data_time") + found.value("optimizer_time")
    assert best[0].fits
    assert mine <= best[0].seconds * 1.05
    assert [r.seconds for r in best] == sorted(r.seconds for r in best)
    assert len(best) == 10
    assert all(r.bytes <= found.value("usable_memory") for r in best)


def test_what_binds_is_named_by_its_share() -> None:
    found = plan("llama-3.1-405b", "h100", 16384.0)
    top = layout_search.rank(values(found), 16384.0, found.value("usable_memory"), most=1)[0]
    assert top.bound_by[0][0] == "matrix products"
    assert 0.5 < top.bound_by[0][1] < 1.0
    assert sum(share for _, share in top.bound_by) <= 1.0


def test_where_nothing_fits_the_nearest_come_first() -> None:
    found = plan("llama-3.1-405b", "h100", 8.0)
    near = layout_search.rank(values(found), 8.0, found.value("usable_memory"), most=3)
    assert not any(r.fits for r in near)
    assert [r.bytes for r in near] == sorted(r.bytes for r in near)

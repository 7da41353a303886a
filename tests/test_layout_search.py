"""All layouts at once: the same costs as one by one, only what can be built, and the plan's own search beside it."""

from __future__ import annotations

import itertools
import math
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


@pytest.mark.parametrize(
    ("model", "chip", "accelerators"),
    [("deepseek-v3", "gb300", 256.0), ("kimi-k2", "gb200", 72.0), ("gpt-3-175b", "gb200", 144.0)],
)
def test_every_candidate_can_be_built(model: str, chip: str, accelerators: float) -> None:
    inputs = values(plan(model, chip, accelerators))
    space = layout_search.candidates(inputs, accelerators)
    assert len(space["tp"]) > 1000
    used = space["tp"] * space["pp"] * space["cp"] * space["dp"]
    assert (used <= accelerators).all()
    assert (used == accelerators).any()
    assert (inputs["heads"] % space["tp"] == 0).all()
    assert (space["tp"] <= inputs["scale_up_domain"]).all()
    assert (max(inputs["experts"], 1) % space["ep"] == 0).all()
    assert (space["tp"] * space["cp"] * space["dp"] % space["ep"] == 0).all()
    assert (inputs["seq_len"] % space["cp"] == 0).all()
    assert (space["pp"] <= inputs["layers"]).all()
    assert (space["virtual_stages"] * space["pp"] < inputs["layers"] + space["pp"]).all()
    assert ((space["virtual_stages"] == 1) | (space["pp"] > 1)).all()
    assert len(np.unique(np.stack([space[n] for n in GIVES]), axis=1).T) == len(space["tp"])


def test_experts_and_stages_need_no_power_of_two() -> None:
    experts = layout_search.candidates(values(plan("kimi-k2", "gb200", 72.0)), 72.0)  # 384 experts
    assert {3.0, 6.0, 12.0, 24.0, 72.0} - set(experts["ep"]) == {72.0}  # 72 does not divide 384
    stages = layout_search.candidates(values(plan("gpt-3-175b", "gb200", 144.0)), 144.0)  # 96 layers
    assert {3.0, 6.0, 12.0, 24.0} <= set(stages["pp"])


def brute_force(inputs: dict[str, Any], total: int, usable: float) -> float:
    """The shortest step of all layouts of a few accelerators, by plain loops over whole numbers."""
    sequences, best = inputs["batch_tokens"] / inputs["seq_len"], math.inf
    costs = Costs(inputs)
    numbers = range(1, total + 1)
    for tp, pp, cp in itertools.product(numbers, numbers, (1, 2, 4, 8, 16, 32)):
        if total % (tp * pp * cp) or tp & (tp - 1) or inputs["heads"] % tp or tp > inputs["scale_up_domain"]:
            continue
        dp = total // (tp * pp * cp)
        for ep in range(1, tp * cp * dp + 1):
            if max(inputs["experts"], 1) % ep or (tp * cp * dp) % ep or (pp & (pp - 1) and inputs["layers"] % pp):
                continue
            for v, micro, zero, recompute in itertools.product(range(1, 9), (1, 2, 4, 8, 16), range(4), range(3)):
                if v > (math.ceil(inputs["layers"] / pp) if pp > 1 else 1) or (zero == 0) != (dp * cp == 1):
                    continue
                if micro > 1 and dp * micro > sequences:
                    continue
                costs.at(**dict(zip(GIVES, (tp, pp, cp, ep, dp, v, zero, micro, recompute), strict=True)))
                if costs.bytes() <= usable:
                    best = min(best, costs.seconds())
    return best


@pytest.mark.parametrize(
    ("model", "chip", "accelerators", "plans_own"),
    [("llama-3-8b", "h100", 8, 1.0), ("mixtral-8x7b", "h200", 16, 1.05), ("llama-3-8b", "rtx-4090", 12, 1.0),
     ("mixtral-8x7b", "gb200", 9, 1.05), ("llama-3-70b", "mi300x", 12, 1.05)],
)  # fmt: skip
def test_the_search_is_never_worse_than_brute_force(model: str, chip: str, accelerators: int, plans_own: float) -> None:
    found = plan(model, chip, float(accelerators))
    inputs, usable = values(found), found.value("usable_memory")
    least = brute_force(inputs, accelerators, usable)
    ranked = layout_search.rank(inputs, accelerators, usable, most=5)
    assert ranked[0].fits == (least < math.inf) == bool(found.value("fits"))
    if least < math.inf:
        assert min(r.seconds for r in ranked) <= least * (1 + 1e-9)
        assert found.value("pipeline_time") + found.value("data_time") + found.value("optimizer_time") <= (
            least * plans_own * 1.001
        )


@pytest.mark.parametrize(
    ("model", "chip", "accelerators"),
    [("llama-3.1-405b", "h100", 16384.0), ("llama-3-70b", "h100", 256.0), ("llama-3-8b", "h100", 64.0)],
)
def test_the_plan_finds_what_the_whole_space_has(model: str, chip: str, accelerators: float) -> None:
    found = plan(model, chip, accelerators)
    best = layout_search.rank(values(found), accelerators, found.value("usable_memory"))
    mine = found.value("pipeline_time") + found.value("data_time") + found.value("optimizer_time")
    assert best[0].fits
    assert mine <= best[0].seconds * 1.02
    assert len(best) == 10
    assert all(r.bytes <= found.value("usable_memory") for r in best)
    worth = [(r.seconds + found.value("step_overhead")) * (1 + 3.3e-6 * replica(r)) for r in best]
    assert worth == sorted(worth)


def replica(ranked: layout_search.Ranked) -> float:
    return math.prod(ranked.layout[name] for name in ("tp", "pp", "cp"))


def test_what_the_user_fixed_stays() -> None:
    found = plan("llama-3.1-405b", "h100", 16384.0)
    fixed = {"tp": 8.0, "pp": 16.0, "recompute": 0.0}
    best = layout_search.rank(values(found), 16384.0, found.value("usable_memory"), fixed)
    assert best[0].fits
    assert all(r.layout.items() >= fixed.items() for r in best)


def test_what_binds_is_named_by_its_share() -> None:
    found = plan("llama-3.1-405b", "h100", 16384.0)
    top = layout_search.rank(values(found), 16384.0, found.value("usable_memory"), most=1)[0]
    assert top.bound_by[0][0] == "compute"
    assert 0.5 < top.bound_by[0][1] < 1.0
    assert sum(share for _, share in top.bound_by) == pytest.approx(1.0)
    shares = dict(top.bound_by)
    assert shares["ep traffic"] == 0.0
    bubble = found.value("pipeline_bubble")
    assert 0.5 * bubble / (1 + bubble) < shares["bubble"] < 3 * bubble


def test_where_nothing_fits_the_nearest_come_first() -> None:
    found = plan("llama-3.1-405b", "h100", 8.0)
    near = layout_search.rank(values(found), 8.0, found.value("usable_memory"), most=3)
    assert not any(r.fits for r in near)
    assert [r.bytes for r in near] == sorted(r.bytes for r in near)

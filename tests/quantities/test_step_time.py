"""Batch, step time, utilisation and length of a run: vectors, anchors, properties, and the directions in the graph."""

from __future__ import annotations

import math
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from aiplan.graph import GRAPH, Formula, NoValue
from aiplan.quantities import architecture, capex, carbon, cost, flops, layout, power, reliability, scaling, step_time

DATA = Path(__file__).parents[1] / "data" / "vectors-time.yaml"
VECTORS = {v["id"]: v for v in yaml.safe_load(DATA.read_text())}
ANCHORS = architecture, flops, layout, scaling  # imported so that the graph holds what these formulas need

LLAMA3 = {
    "training_flops": 3.937e25,
    "tokens": 15.6e12,
    "params": 405e9,
    "active_params": 405e9,
    "flops_per_token": 3.937e25 / 15.6e12,
    "accelerators": 16384.0,
    "peak_flops": 989.4e12,
    "peak_flops_bf16": 989.4e12,
    "reference_mfu": 0.43,
    "tp": 8.0,
    "pp": 16.0,
    "cp": 1.0,
}


def mccandlish(B_over_Bcrit: float) -> dict[str, float]:
    return {
        "S_over_Smin": step_time.steps_over_minimum(B_over_Bcrit),
        "E_over_Emin": step_time.samples_over_minimum(B_over_Bcrit),
    }


def zhang_cbs(D: float) -> dict[str, float]:
    return {"relative_to_1T": step_time.critical_batch_tokens(D) / step_time.critical_batch_tokens(1e12)}


def train_days(C: float, n: float, peak: float, mfu: float, goodput: float) -> dict[str, float]:
    per_step = C / 1000.0
    time = step_time.step_time_of_mfu(mfu, per_step, n, peak)
    return {"days": step_time.training_days(step_time.steps(C, per_step), time, goodput)}


def mfu_from_gpuh(C: float, gpuh: float, peak: float) -> dict[str, float]:
    return {"mfu": step_time.mfu_of_run(C, gpuh, peak)}


def dsv3_mfu(C: float, gpuh: float, peak_bf16: float, peak_fp8: float) -> dict[str, float]:
    fp8 = step_time.mfu_of_run(C, gpuh, peak_fp8)
    return {"mfu_fp8_base": fp8, "mfu_bf16_base": step_time.mfu_bf16(fp8, peak_fp8, peak_bf16)}


def steps(D: float, B: float) -> dict[str, float]:
    return {"steps": step_time.steps(6.0 * D, 6.0 * B)}


HERE = {
    **{name: mccandlish for name in VECTORS if name.startswith("mccandlish")},
    **{name: zhang_cbs for name in VECTORS if name.startswith("zhang_cbs")},
    "time.train_days": train_days,
    "time.mfu_from_gpuh": mfu_from_gpuh,
    "time.dsv3_mfu": dsv3_mfu,
    "time.steps": steps,
}


@pytest.mark.parametrize("name", HERE)
def test_vector(name: str) -> None:
    vector = VECTORS[name]
    assert HERE[name](**vector["inputs"]) == pytest.approx(vector["expected"], rel=vector["rel_tol"])


# -- anchors and laws ------------------------------------------------------------------------------------------


def test_batch_is_at_least_a_sequence_and_at_most_all_tokens() -> None:
    assert step_time.batch_tokens(16e6, 8192.0, 15.6e12) == 16e6
    assert step_time.batch_tokens(100.0, 8192.0, 1e9) == 8192.0
    assert step_time.batch_tokens(100.0, 8192.0, 80.0) == 80.0


def test_more_batch_than_critical_costs_tokens() -> None:
    assert step_time.tokens_at_batch(1e12, 1e6, 1e6, 1e6) == 1e12
    assert step_time.tokens_at_batch(1e12, 3e6, 1e6, 1e6) == pytest.approx(2e12)


def test_scale_derate_is_the_measured_halving_of_llama_3() -> None:
    on_8192 = step_time.modelled_mfu(0.43, 1.0, 16e6, 8192.0)
    on_16384 = step_time.modelled_mfu(0.43, 1.0, 16e6, 16384.0)
    assert on_8192 == pytest.approx(0.43, rel=1e-4)
    assert on_16384 == pytest.approx(0.41, rel=2e-3)
    assert step_time.modelled_mfu(0.43, 1.0, 16e6, 8.0) == 0.43


def test_experts_are_slower_per_flop() -> None:
    deepseek_v2 = (300_600 / 172_800) / (67.0 / 21.0)
    assert step_time.moe_efficiency(21e9, 236e9) == pytest.approx(deepseek_v2, abs=0.01)
    assert step_time.moe_efficiency(21e9, 236e9, coefficient=0.7) == 0.7
    assert step_time.moe_efficiency(67e9, 67e9) == 1.0


def test_full_recomputation_raises_hfu_by_a_third() -> None:
    assert step_time.hfu(0.3, 8.0, 6.0) == pytest.approx(0.4)


def test_step_floor_binds_on_tiny_models_only() -> None:
    assert step_time.step_time(1e3, 1.0, 1e15, 0.4, 1e-3) == 1e-3
    assert step_time.step_time(4e15, 1.0, 1e16, 0.4, 1e-3) == pytest.approx(1.0)


@given(m=st.floats(0.01, 1.0), flops=st.floats(1e3, 1e25), count=st.floats(1.0, 1e8), peak=st.floats(1e9, 1e17))
def test_mfu_undoes_step_time(m: float, flops: float, count: float, peak: float) -> None:
    time = step_time.step_time_of_mfu(m, flops, count, peak)
    assert step_time.mfu(flops, count, peak, time) == pytest.approx(m)


@given(st.floats(1e3, 1e18), st.floats(1.0, 1e4))
def test_critical_batch_grows_slower_than_tokens(tokens: float, factor: float) -> None:
    ratio = step_time.critical_batch_tokens(tokens * factor) / step_time.critical_batch_tokens(tokens)
    assert 1.0 <= ratio <= factor * (1 + 1e-9)


@given(st.floats(1.0, 1e7), st.floats(1.0, 1e7), st.floats(1e4, 1e9))
def test_more_accelerators_never_raise_mfu_nor_slow_the_cluster(few: float, more: float, batch: float) -> None:
    few, more = sorted((few, few + more))
    slow, fast = (step_time.modelled_mfu(0.4, 1.0, batch, n) for n in (few, more))
    assert fast <= slow * (1 + 1e-12)
    assert fast * more >= slow * few * (1 - 1e-12)


@given(st.floats(1e15, 1e30), st.floats(1e12, 1e16), st.floats(0.05, 0.9), st.floats(0.1, 1000.0))
def test_accelerators_needed_undoes_work_done(work: float, peak: float, m: float, days: float) -> None:
    count = step_time.accelerators_needed(work, peak, m, days, goodput=0.9)
    assert step_time.work_done(count, peak, m, days, goodput=0.9) == pytest.approx(work)


def test_no_goodput_is_no_value_and_not_infinite_days() -> None:
    with pytest.raises(NoValue, match=r"with global recovery.*no progress"):
        step_time.training_days(1e6, 1.0, 0.0)
    with pytest.raises(NoValue, match="no progress"):
        step_time.training_days(1e6, 1.0, 5e-324)
    days: Any = step_time.training_days(86400.0, 1.0, np.array([1.0, 0.0]))  # type: ignore[arg-type]
    assert days[0] == 1.0
    assert math.isnan(days[1])


# -- in the graph ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("recovery", ["elastic", "global"])
def test_llama_3_405b_takes_its_published_accelerator_hours(recovery: str) -> None:
    nodes = GRAPH.resolve(["accelerator_hours", "mfu_bf16"], {**LLAMA3, "mfu": 0.41}, {recovery})
    assert nodes["accelerator_hours"].value == pytest.approx(30.84e6, rel=0.10)
    assert nodes["mfu_bf16"].value == 0.41
    assert nodes["step_time"].formula is not None
    assert nodes["step_time"].formula.function is step_time.step_time_of_mfu
    assert "modelled_mfu" not in nodes


def test_without_a_given_mfu_the_model_of_the_speed_decides() -> None:
    nodes = GRAPH.resolve(["training_days", "mfu", "steps"], LLAMA3, {"elastic", "no_shape"})
    assert nodes["mfu"].value == pytest.approx(0.41, rel=2e-3)
    assert nodes["batch_tokens"].value == pytest.approx(16e6)
    assert nodes["steps"].value == pytest.approx(975_000)
    assert nodes["step_floor"].origin == "default"


def test_a_run_counted_in_samples_needs_no_tokens() -> None:
    given = {"flops_per_sample": 1e10, "samples": 1e8, "accelerators": 8.0, "peak_flops": 1e14, "reference_mfu": 0.3}
    given |= {"tp": 1.0, "pp": 1.0, "cp": 1.0}
    nodes = GRAPH.resolve(["training_days"], given, {"global"})
    assert nodes["modelled_mfu"].value == 0.3
    assert nodes["flops_per_step"].value == 256e10
    assert nodes["steps"].value == pytest.approx(390_625)


def test_global_recovery_of_a_vast_fleet_gives_a_reason_instead_of_days() -> None:
    vast = {**LLAMA3, "accelerators": 1e9}
    nodes = GRAPH.resolve(["accelerator_hours"], vast, {"global", "no_shape"})
    assert nodes["goodput"].value == 0.0
    for name in ("training_days", "accelerator_hours"):
        assert nodes[name].value is None
        assert "no progress" in str(nodes[name].why_null)
    assert GRAPH.resolve(["training_days"], vast, {"elastic", "no_shape"})["training_days"].value > 0.0


# -- floats and arrays -----------------------------------------------------------------------------------------


def formulas(*modules: Any) -> list[Formula]:
    names = {module.__name__ for module in modules}
    return [f for q in GRAPH for f in q.formulas if f.function.__module__ in names]


@pytest.mark.parametrize(
    "formula", formulas(step_time, reliability, power, carbon, capex, cost), ids=lambda f: f"{f.function.__name__}"
)
def test_arrays_give_the_same_as_floats(formula: Formula) -> None:
    draw = random.Random(formula.name)
    rows = [[10 ** draw.uniform(-2.0, -0.001) for _ in formula.inputs] for _ in range(20)]
    alone = [formula.function(*row) for row in rows]
    together = formula.function(*(np.array(column) for column in zip(*rows, strict=True)))
    assert all(type(value) is float for value in alone)
    np.testing.assert_allclose(together, alone, rtol=1e-12)


@settings(max_examples=30)
@given(st.lists(st.floats(0.0, 3e4), min_size=1, max_size=5))
def test_arrays_of_poisson_quantiles(means: list[float]) -> None:
    together: Any = reliability.poisson_quantile(np.array(means))  # type: ignore[arg-type]
    assert list(together) == [reliability.poisson_quantile(mean) for mean in means]

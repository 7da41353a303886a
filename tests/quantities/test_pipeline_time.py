"""Compute, communication and pipeline time: limits that must hold, published anchors, floats against arrays."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiplan.graph import GRAPH, Formula
from aiplan.quantities import communication_time, compute_time, pipeline_time, step_time

H100 = {
    "peak_flops": 989.4e12,
    "peak_flops_bf16": 989.4e12,
    "accelerator_memory_bandwidth": 3.35e12,
    "scale_up_bandwidth": 450e9,
    "scale_out_bandwidth": 50e9,
    "scale_up_domain": 8.0,
    "achievable_share": 794.5 / 989.0,
    "sustained_share": 0.9,
    "precision_efficiency": 1.0,
    "host_speed": 1.0,
    "bytes_per_weight": 2.0,
    "bytes_per_gradient": 4.0,
    "accelerators": 16384.0,
    "tokens": 15.6e12,
    "batch_tokens": 16777216.0,
    "seq_len": 8192.0,
}
LLAMA_405B = {
    "params": 405853388800.0, "layers": 126.0, "d_model": 16384.0, "d_ff": 53248.0, "heads": 128.0, "kv_heads": 8.0,
    "head_dim": 128.0, "vocab": 128256.0, "tied_embeddings": 0.0, "experts": 0.0, "experts_per_token": 0.0,
    "shared_experts": 0.0, "d_ff_expert": 0.0, "dense_layers": 0.0,
}  # fmt: skip
LAYOUT = {
    "tp": 8.0, "pp": 16.0, "cp": 1.0, "ep": 1.0, "dp": 128.0, "virtual_stages": 8.0, "zero_stage": 1.0,
    "micro_batch": 1.0, "recompute": 0.0,
}  # fmt: skip


def resolve(asks: list[str], **changed: float) -> dict[str, float]:
    nodes = GRAPH.resolve(asks, {**H100, **LLAMA_405B, **LAYOUT, **changed}, {"shaped"})
    return {name: node.value for name, node in nodes.items()}


def test_llama_405b_as_it_ran() -> None:
    found = resolve(["mfu", "step_time"])  # 400 TFLOP/s an accelerator, 41% (Llama 3 2024, Table 4)
    assert found["mfu"] == pytest.approx(0.41, abs=0.03)
    half = resolve(["mfu"], accelerators=8192.0, dp=64.0)  # 43%
    assert half["mfu"] == pytest.approx(0.43, abs=0.03)
    assert half["mfu"] > found["mfu"]


@pytest.mark.parametrize(
    ("name", "alone"),
    [("tensor_time", "tp"), ("context_time", "cp"), ("point_to_point_time", "pp"), ("expert_time", "ep")],
)
def test_one_rank_waits_for_nobody(name: str, alone: str) -> None:
    assert resolve([name], **{alone: 1.0})[name] == 0.0


@pytest.mark.parametrize("more", ["tp", "cp"])
def test_traffic_beyond_the_domain_is_slower(more: str) -> None:
    name = {"tp": "tensor_time", "cp": "context_time"}[more]
    inside, outside = resolve([name], tp=1.0, cp=1.0), 0.0
    values = [resolve([name], **({"tp": 1.0, "cp": 1.0} | {more: n}))[name] for n in (2.0, 8.0, 16.0)]
    assert inside[name] == outside
    assert values[2] > values[1] * 0.5 > 0.0
    assert values[2] / values[1] > 1.2


def test_full_recomputation_adds_a_forward_pass_of_the_blocks() -> None:
    none, full = resolve(["matrix_time"])["matrix_time"], resolve(["matrix_time"], recompute=2.0)["matrix_time"]
    assert full == pytest.approx(none * 4 / 3)


def test_a_lower_precision_speeds_up_products_alone() -> None:
    asks = ["matrix_time", "attention_time", "vocabulary_time", "elementwise_time"]
    wide, low = resolve(asks), resolve(asks, peak_flops=2 * 989.4e12, precision_efficiency=0.9)
    assert low["matrix_time"] == pytest.approx(wide["matrix_time"] / 1.8)
    assert low["attention_time"] == wide["attention_time"]
    assert low["vocabulary_time"] == wide["vocabulary_time"]
    assert low["elementwise_time"] > wide["elementwise_time"]  # casting


def test_step_is_the_sum_that_the_theory_says() -> None:
    found = resolve(["step_time", "pipeline_time", "data_time", "optimizer_time", "micro_batch_time", "micro_batches"])
    work = found["pipeline_time"] + found["data_time"] + found["optimizer_time"] + found["step_overhead"]
    assert found["step_time"] == pytest.approx(work * (1 + found["straggling"] * 14))
    bubble = 15 / (8 * 16)
    assert found["pipeline_time"] == pytest.approx(
        16 * found["micro_batch_time"] * found["stage_imbalance"] * (1 + bubble)
    )


def test_a_given_mfu_decides_alone() -> None:
    found = resolve(["step_time"], mfu=0.2)
    assert found["step_time"] == pytest.approx(found["flops_per_step"] / (16384 * 989.4e12 * 0.2))
    assert "matrix_time" not in found


def test_old_software_is_slower() -> None:
    asks = ["step_time", "attention_time"]
    old = resolve(asks, unfused_attention=1.0, software_factor=1.2)
    new = resolve(asks)
    assert old["attention_time"] > 2 * new["attention_time"]
    assert old["step_time"] > 1.2 * new["step_time"]


def test_sharded_weights_are_gathered_each_micro_batch_and_not_exchanged_again() -> None:
    sharded = resolve(["gather_time", "data_time"], zero_stage=3.0, tp=1.0, pp=1.0, dp=16384.0)
    kept = resolve(["gather_time", "data_time"])
    assert sharded["gather_time"] > 0.0 == kept["gather_time"]
    assert sharded["data_time"] < kept["data_time"]


@given(a=st.floats(1e-6, 1e3), b=st.floats(1e-6, 1e3))
def test_partial_overlap_is_between_the_longer_and_the_sum(a: float, b: float) -> None:
    both = pipeline_time.partly_overlapped(a, b)
    assert max(a, b) * (1 - 1e-12) <= both <= (a + b) * (1 + 1e-12)


@given(ranks=st.integers(0, 12).map(lambda i: 2.0**i), local=st.sampled_from([1.0, 8.0, 64.0]))
def test_a_larger_group_never_gathers_faster(ranks: float, local: float) -> None:
    def time(n: float) -> float:
        return communication_time.seconds_per_byte(n, local, 400e9, 40e9)

    assert time(2 * ranks) >= time(ranks) - 1e-18


def formulas() -> list[Formula]:
    names = {m.__name__ for m in (compute_time, communication_time, pipeline_time)}
    mine = {f.name: f for q in GRAPH for f in q.formulas if f.function.__module__ in names}
    for name in ("offload_time", "site_exchange_time"):  # without a link there is nothing to compute
        del mine[name]
    of_layout = next(f for f in GRAPH["step_time"].formulas if f.function is step_time.step_time_of_layout)
    return [*mine.values(), of_layout]


@pytest.mark.parametrize("formula", formulas(), ids=lambda f: f.name)
def test_arrays_give_the_same_as_floats(formula: Formula) -> None:
    draw = random.Random(formula.name)
    rows = [[2.0 ** draw.randint(0, 6) for _ in formula.inputs] for _ in range(20)]
    alone = [formula.function(*row) for row in rows]
    together = formula.function(*(np.array(column) for column in zip(*rows, strict=True)))
    assert together == pytest.approx(np.array(alone), rel=1e-12)


# -- what software hides, fuses and sends ---------------------------------------------------------------------------

EXPERTS = {"experts": 256.0, "experts_per_token": 8.0, "d_ff_expert": 2048.0, "ep": 64.0, "tp": 1.0}


def test_sends_between_stages_hide_behind_interleaved_work() -> None:
    name = "point_to_point_time"
    plain, interleaved = resolve([name], virtual_stages=1.0), resolve([name], virtual_stages=8.0)
    assert interleaved[name] == pytest.approx(plain[name] * 8 * 15 / (8 * 16))  # 16 micro-batches: fill and drain alone
    assert resolve([name], virtual_stages=8.0, micro_batch=16.0)[name] <= plain[name] * 16 * 8


def test_eight_bits_are_gathered_in_eight_bits() -> None:
    wide = resolve(["tensor_time", "link_latency"], link_latency=0.0)
    narrow = resolve(["tensor_time"], link_latency=0.0, peak_flops=1978.9e12)
    assert narrow["tensor_time"] == pytest.approx(0.75 * wide["tensor_time"])


@given(st.integers(1, 16), st.integers(1, 64))
def test_a_token_reaches_no_more_domains_than_there_are_nor_than_its_experts(k: int, domains: int) -> None:
    reached = communication_time.domains_reached(float(k), float(domains))
    assert 1.0 - 1e-9 <= reached <= min(k, domains) + 1e-9
    assert communication_time.domains_reached(k + 1.0, float(domains)) >= reached


def test_dualpipe_and_a_graph_hide_what_experts_exchange() -> None:
    assert resolve(["expert_time"], **EXPERTS)["expert_time"] > 0.0
    assert resolve(["expert_time"], **EXPERTS, zero_bubble=3.0)["expert_time"] == 0.0
    assert resolve(["expert_time"], **EXPERTS, zero_bubble=2.0)["expert_time"] > 0.0
    assert resolve(["expert_time"], **EXPERTS, block_scaled=1.0)["expert_time"] == 0.0


def test_a_graph_launches_no_experts_and_casts_nothing_for_them() -> None:
    low = {**EXPERTS, "peak_flops": 1978.9e12}
    eager, graph = (resolve(["host_time", "elementwise_time"], **low, block_scaled=b) for b in (0.0, 1.0))
    old = resolve(["host_time", "elementwise_time"], **low, block_scaled=1.0, software_age_years=1.0)
    assert graph["host_time"] < eager["host_time"] == old["host_time"]
    assert graph["elementwise_time"] < eager["elementwise_time"] == old["elementwise_time"]
    dense = resolve(["host_time"], block_scaled=1.0)["host_time"]
    assert dense == resolve(["host_time"])["host_time"] == graph["host_time"]


def test_more_experts_on_a_rank_are_more_launches() -> None:
    few, many = (resolve(["host_time", "host_product_time"], **{**EXPERTS, "ep": ep}) for ep in (64.0, 8.0))
    more = (256 / 8 - 256 / 64) * few["host_product_time"] * 126 / 16
    assert many["host_time"] - few["host_time"] == pytest.approx(more)


def test_gathering_slows_the_work_that_hides_it() -> None:
    assert pipeline_time.micro_batch_time(2.0, *[0.0] * 9, 1.0, 0.2) == pytest.approx(2.2)
    assert pipeline_time.micro_batch_time(1.0, *[0.0] * 9, 2.0, 0.2) == pytest.approx(2.2)

"""Memory of state and activations: vectors, published tables, measured allocations."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from aiplan.graph import GRAPH
from aiplan.quantities import activations, memory
from aiplan.quantities.architecture import OPTIONAL, count_params

DATA = Path(__file__).parents[1] / "data" / "vectors-memory.yaml"
VECTORS = {v["id"]: v for v in yaml.safe_load(DATA.read_text())}
GIB = 2**30
RECIPE_NAMES = {
    "fp32_adam": "fp32_adam",
    "mixed_bf16_fp32grad": "mixed_adam",
    "mixed_zero_paper": "mixed_adam_16",
    "bf16_adam8bit": "bf16_adam_8bit",
    "pure_bf16_adam": "bf16_adam",
    "muon_mixed": "muon_mixed",
}


def family(prefix: str) -> Any:
    return pytest.mark.parametrize(
        "vector", [v for n, v in VECTORS.items() if n.startswith(prefix)], ids=lambda v: v["id"]
    )


@family("mem.recipe.")
def test_recipes(vector: dict[str, Any]) -> None:
    recipe = memory.RECIPES[RECIPE_NAMES[vector["id"].removeprefix("mem.recipe.")]]
    params = vector["inputs"]["N"]
    parts = (
        memory.weights_memory(params, recipe.bytes_per_weight, 1)
        + memory.gradients_memory(params, recipe.bytes_per_gradient)
        + memory.optimizer_memory(params, recipe.bytes_per_optimizer_state)
    )
    assert parts == pytest.approx(vector["expected"]["bytes"], rel=vector["rel_tol"])
    assert recipe.bytes_per_param * params == pytest.approx(parts)


@family("mem.zero.")
def test_zero_table(vector: dict[str, Any]) -> None:
    inputs = vector["inputs"]
    held = memory.sharded_bytes(inputs["P"], inputs["Nd"], inputs["stage"], 2, 2, 12)
    assert held == pytest.approx(vector["expected"]["bytes"], rel=vector["rel_tol"])
    assert held / 1e9 == pytest.approx(vector["expected"]["GB"], rel=vector["rel_tol"])


@family("mem.megatron_distopt.")
def test_distributed_optimizer(vector: dict[str, Any]) -> None:
    held = memory.sharded_bytes(1.0, vector["inputs"]["dp"], 1, 2, 4, 12)
    assert held == pytest.approx(vector["expected"]["bpp"], rel=vector["rel_tol"])


@pytest.mark.parametrize("mode", ["none", "tp", "tp_sp", "tp_selective", "tp_sp_selective", "full"])
def test_korthikanti(mode: str) -> None:
    vector = VECTORS[f"mem.act.{mode}"]
    i = vector["inputs"]
    held = activations.korthikanti_layer_bytes(i["s"], i["b"], i["h"], i["a"], i["t"], mode=mode)
    assert held == pytest.approx(vector["expected"]["bytes"], rel=vector["rel_tol"])


def test_korthikanti_refuses_other_modes() -> None:
    with pytest.raises(ValueError, match="tp_sp_selective"):
        activations.korthikanti_layer_bytes(1, 1, 1, 1, mode="some")


def test_megatron_layer() -> None:
    vector = VECTORS["mem.act.megatron"]
    held = activations.megatron_layer_bytes(*(vector["inputs"][key] for key in ("s", "b", "h", "ff", "t")))
    assert held == pytest.approx(vector["expected"]["bytes"], rel=vector["rel_tol"])


def test_interleaving_penalty() -> None:
    vector = VECTORS["mem.interleave"]
    p, v = vector["inputs"]["p"], vector["inputs"]["v"]
    held = activations.layers_in_flight(16 * p, p, v, 1e6) / (16 * p)
    assert held == pytest.approx(vector["expected"]["penalty"], rel=vector["rel_tol"])


def test_logits_in_fp32() -> None:
    vector = VECTORS["mem.logits"]
    s, b, vocab, t = (vector["inputs"][key] for key in ("s", "b", "V", "t"))
    empty = (1, 0, 0, 0)  # a layer that keeps nothing
    held = activations.activations_memory_per_accelerator(
        *empty, vocab, s, 2, t, 1, 1, 1, b, 1, 0, 0, bytes_per_logit=4
    )
    assert held == pytest.approx(vector["expected"]["bytes"], rel=vector["rel_tol"])


@family("mem.kv.")
def test_kv_cache(vector: dict[str, Any]) -> None:
    i, expected = vector["inputs"], vector["expected"]
    per_token = memory.kv_cache_per_token(
        i["L"], i.get("nkv", 128), i.get("dh", 128), i.get("kv_lora", 0), i.get("d_rope", 0), i["bytes"]
    )
    assert per_token == pytest.approx(expected["bytes_per_token"], rel=vector["rel_tol"])
    if "total" in expected:
        assert per_token * i["s"] == pytest.approx(expected["total"], rel=vector["rel_tol"])


def test_every_vector_is_used() -> None:
    tested = ("recipe.", "zero.", "megatron_distopt.", "act.", "interleave", "logits", "kv.")
    assert all(name.startswith(tuple(f"mem.{t}" for t in tested)) for name in VECTORS)


# -- measured ----------------------------------------------------------------------------------------------------

LLAMA_70B = {"d_model": 8192, "d_ff": 28672, "heads": 64, "kv_heads": 8, "head_dim": 128, "vocab": 128256}
LLAMA_405B = {"d_model": 16384, "d_ff": 53248, "heads": 128, "kv_heads": 8, "head_dim": 128, "vocab": 128256}
LATENT = {
    "heads": 128,
    "kv_heads": 128,
    "head_dim": 128,
    "q_lora_rank": 1536,
    "kv_lora_rank": 512,
    "qk_nope_head_dim": 128,
    "qk_rope_head_dim": 64,
    "v_head_dim": 128,
    "layers": 4,
    "dense_layers": 1,
}
DEEPSEEK_V3 = LATENT | {
    "d_model": 7168,
    "d_ff": 18432,
    "vocab": 129280,
    "experts": 256,
    "experts_per_token": 8,
    "shared_experts": 1,
    "d_ff_expert": 2048,
}
DEEPSEEK_V2 = LATENT | {
    "d_model": 5120,
    "d_ff": 12288,
    "vocab": 102400,
    "experts": 160,
    "experts_per_token": 6,
    "shared_experts": 2,
    "d_ff_expert": 1536,
}


def held(shape: dict[str, float], **layout: float) -> dict[str, float]:
    """Memory on one accelerator by the graph, with the layout given and mixed_adam's bytes."""
    plain = {
        "pp": 1,
        "cp": 1,
        "ep": 1,
        "dp": 1,
        "tp": 1,
        "virtual_stages": 1,
        "zero_stage": 1,
        "micro_batch": 1,
        "micro_batches": 8,
        "recompute": 0,
        "seq_len": 4096,
        "memory_overhead": 0,
        "bytes_per_weight": 2,
        "bytes_per_gradient": 4,
        "bytes_per_optimizer_state": 12,
        "params": count_params(**shape).total,
    }
    nodes = GRAPH.resolve(["memory_per_accelerator"], OPTIONAL | shape | plain | layout, {"shaped"})
    return {name: node.value for name, node in nodes.items()}


@pytest.mark.parametrize(
    ("shape", "layout", "measured_gib"),
    [
        (LLAMA_70B | {"layers": 12}, {"pp": 2, "dp": 4}, 66.55),
        (LLAMA_70B | {"layers": 12}, {"tp": 2, "dp": 4}, 60.68),
        (LLAMA_70B | {"layers": 12}, {"tp": 4, "dp": 2}, 39.07),
        (LLAMA_70B | {"layers": 12}, {"tp": 8}, 28.29),
        (LLAMA_70B | {"layers": 12}, {"tp": 2, "cp": 4, "seq_len": 32768}, 68.43),
        (LLAMA_70B | {"layers": 12}, {"cp": 8, "seq_len": 32768}, 104.51),
        (LLAMA_70B | {"layers": 12}, {"tp": 2, "cp": 4, "seq_len": 131072}, 112.67),
        (LLAMA_405B | {"layers": 4}, {"pp": 2, "dp": 4}, 87.08),
        (LLAMA_405B | {"layers": 4}, {"tp": 2, "dp": 4}, 81.59),
        (LLAMA_405B | {"layers": 4}, {"tp": 8}, 38.57),
        (LLAMA_405B | {"layers": 4}, {"tp": 2, "cp": 4, "seq_len": 32768}, 87.03),
        (DEEPSEEK_V3, {"ep": 8, "dp": 8}, 104.30),
        (DEEPSEEK_V2, {"ep": 8, "dp": 8}, 45.63),
    ],
)
def test_allocations_measured_on_b200(shape: dict[str, float], layout: dict[str, float], measured_gib: float) -> None:
    """Peak allocations of Megatron-LM on eight B200, from SimuMax's tables (MooreThreads, commit 4dcaae5)."""
    assert held(shape, **layout)["memory_per_accelerator"] / GIB == pytest.approx(measured_gib, rel=0.09)


def test_llama_405b_fitted_in_80_gb_without_recomputation() -> None:
    """Llama 3 2024, sec. 3.3.2: 16,384 H100, tp 8, pp 16, 8K tokens, gradients and optimizer sharded, no recompute."""
    run = {
        "tp": 8,
        "pp": 16,
        "dp": 128,
        "zero_stage": 2,
        "virtual_stages": 8,
        "micro_batches": 16,
        "seq_len": 8192,
        "memory_overhead": 2e9,
    }
    node = held(LLAMA_405B | {"layers": 126}, **run)
    assert 65e9 < node["memory_per_accelerator"] < 80e9
    unsharded = held(LLAMA_405B | {"layers": 126}, **(run | {"zero_stage": 1}))
    assert unsharded["memory_per_accelerator"] > 80e9


# -- properties --------------------------------------------------------------------------------------------------


@given(shards=st.integers(1, 4096), params=st.floats(1e3, 1e15))
def test_each_stage_shards_more(shards: int, params: float) -> None:
    stages = [memory.sharded_bytes(params, shards, stage, 2, 4, 12) for stage in range(4)]
    assert stages == sorted(stages, reverse=True)
    assert stages[3] == pytest.approx(18 * params / shards)


@given(
    layers=st.integers(1, 300), pp=st.integers(1, 64), v=st.integers(1, 8), m=st.integers(1, 1000), last=st.booleans()
)
def test_in_flight_is_at_most_all_and_at_least_one_stage(layers: int, pp: int, v: int, m: int, last: bool) -> None:
    in_stage = -(-layers // pp)
    flight = activations.layers_in_flight(layers, pp, v, m, last=last)
    assert in_stage / v * (1 - 1e-9) <= flight <= in_stage * m * (1 + 1e-9)
    if pp == 1:
        assert flight <= layers
    assert activations.layers_in_flight(layers, pp, v, m, last=True) <= activations.layers_in_flight(layers, pp, v, m)


@given(recompute=st.sampled_from([1, 2]), in_stage=st.integers(2, 200), pp=st.sampled_from([1, 2, 8]))
def test_recomputing_saves_memory(recompute: int, in_stage: int, pp: int) -> None:
    def at(mode: int) -> float:
        return activations.activations_memory_per_accelerator(
            in_stage * pp, 520192, 315392, 16384, 128256, 8192, 2, 8, pp, 1, 1, 1, 16, mode, 0
        )

    assert at(recompute) <= at(recompute - 1)


def test_tables_stay_whole_on_their_stage() -> None:
    """A long pipeline of a small model cannot divide its embedding."""
    held_ = memory.state_memory_per_accelerator(1e9, 1e9, 0, 4e8, 0, 20, 0, 1, 20, 1, 1, 1, 0, 2, 4, 12, 1, 0, 0)
    assert held_ == pytest.approx(18 * 4e8)


def test_unknown_activations_leave_the_rest() -> None:
    given_ = {
        "params": 1e9,
        "dp": 8,
        "zero_stage": 0,
        "tp": 1,
        "pp": 1,
        "cp": 1,
        "accelerator_memory": 24e9,
        "bytes_per_weight": 2,
        "bytes_per_gradient": 4,
        "bytes_per_optimizer_state": 12,
        "accelerators": 8,
    }
    nodes = GRAPH.resolve(["fits", "memory_total", "hbm_total"], given_, {"no_shape"})
    assert nodes["memory_per_accelerator"].value == 20e9
    assert nodes["fits"].value == 1.0
    assert nodes["memory_total"].value == 18e9
    assert nodes["activations_memory"].value is None
    assert nodes["activations_memory"].why_null == "the model has no shape, so its activations are unknown"
    assert nodes["hbm_total"].value == 192e9

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
    held = activations.chunks_in_flight(0, p, v, 1e6) / (p * v)
    assert held == pytest.approx(vector["expected"]["penalty"], rel=vector["rel_tol"])


def test_logits_in_fp32() -> None:
    vector = VECTORS["mem.logits"]
    s, b, vocab, t = (vector["inputs"][key] for key in ("s", "b", "V", "t"))
    empty = (1, 1, 1, 0, 0, 0, 0)  # a layer that keeps nothing
    held = activations.activations_memory_per_accelerator(*empty, vocab, s, 2, 4, 0, 1, t, 1, 1, 1, b, 1, 0)
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
LLAMA_405B_SIMUMAX = LLAMA_405B | {"layers": 4, "kv_heads": 16}  # as its scripts have it
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
        (LLAMA_405B_SIMUMAX, {"pp": 2, "dp": 4}, 87.08),
        (LLAMA_405B_SIMUMAX, {"tp": 2, "dp": 4}, 81.59),
        (LLAMA_405B_SIMUMAX, {"tp": 8}, 38.57),
        (LLAMA_405B_SIMUMAX, {"tp": 2, "cp": 4, "seq_len": 32768}, 87.03),
        (DEEPSEEK_V3, {"ep": 8, "dp": 8}, 104.30),
        (DEEPSEEK_V2, {"ep": 8, "dp": 8}, 45.63),
    ],
)
def test_allocations_measured_on_b200(shape: dict[str, float], layout: dict[str, float], measured_gib: float) -> None:
    """Peak allocations of Megatron-LM on eight B200, from SimuMax's tables (MooreThreads, commit 4dcaae5)."""
    assert held(shape, **layout)["memory_per_accelerator"] / GIB == pytest.approx(measured_gib, rel=0.05)


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
    assert 70e9 < node["memory_per_accelerator"] < 80e9
    unsharded = held(LLAMA_405B | {"layers": 126}, **(run | {"zero_stage": 1}))
    assert unsharded["memory_per_accelerator"] > 80e9


# Megatron-LM's estimator (megatron/training/theoretical_memory_usage.py at 00caa53), by hand from its formulas [GB]:
# weights and optimizer (block / pp + V h) / tp (18, or 6 + 12 / dp), with pp = 1 and untied tables twice V h; block =
# layers (2 h (ff (1.5 if gated) + norms) + 4 h^2 (1 + g / a) / 2); activations (s b h (18 + 4 ff / h) layers +
# 8 s b p + s b h p) / tp times 1 + (p - 1) / (p v) where interleaved, with p = 1 plus 4 s b h (1 + V / h).
GPT = {"gated_mlp": 0, "tied_embeddings": 1, "vocab": 51200}
GPT_175B = GPT | {"layers": 96, "d_model": 12288, "d_ff": 49152, "heads": 96, "kv_heads": 96, "head_dim": 128}
GPT_530B = GPT | {"layers": 105, "d_model": 20480, "d_ff": 81920, "heads": 128, "kv_heads": 128, "head_dim": 160}
GPT_1T = GPT | {"layers": 128, "d_model": 25600, "d_ff": 102400, "heads": 160, "kv_heads": 160, "head_dim": 160}
LLAMA_8B = {"d_model": 4096, "d_ff": 14336, "heads": 32, "kv_heads": 8, "head_dim": 128, "vocab": 128256, "layers": 32}
LONG = {"seq_len": 8192}


@pytest.mark.parametrize(
    ("shape", "layout", "state_gb", "activations_gb"),
    [
        (GPT_175B, {"tp": 8, "pp": 8, "dp": 8, "seq_len": 2048}, 20.97, 10.29),
        (GPT_530B, {"tp": 8, "pp": 35, "dp": 8, "seq_len": 2048, "micro_batches": 240}, 15.14, 18.90),
        (GPT_530B, {"tp": 8, "pp": 35, "virtual_stages": 3, "seq_len": 2048, "micro_batches": 280}, 36.33, 25.02),
        (GPT_1T, {"tp": 8, "pp": 64, "seq_len": 2048, "micro_batches": 512}, 38.34, 28.94),
        (LLAMA_8B, {"dp": 8} | LONG, 60.23, 38.73),
        (LLAMA_70B | {"layers": 80}, {"tp": 4, "pp": 4, "dp": 4, "virtual_stages": 5, "micro_batches": 32} | LONG,
         40.87, 49.47),
        (LLAMA_405B | {"layers": 128},
         {"tp": 8, "pp": 16, "dp": 128, "virtual_stages": 8, "micro_batches": 512} | LONG, 21.03, 74.67),
    ],
)  # fmt: skip
def test_megatron_s_own_estimator(
    shape: dict[str, float], layout: dict[str, float], state_gb: float, activations_gb: float
) -> None:
    """What Megatron-LM prints at the start of a job.

    Ours adds one layer's gradients and a gathered input, and leaves out dropout; Megatron's knows no gated MLP and
    counts 4 bytes a logit.
    """
    node = held(shape, **layout)
    buffer = 2 * (node["params"] - node["embedding_params"] - node["unembedding_params"]) / node["layers"] / node["tp"]
    assert node["state_memory_per_accelerator"] - buffer == pytest.approx(state_gb * 1e9, rel=0.003)
    assert node["activations_memory_per_accelerator"] == pytest.approx(activations_gb * 1e9, rel=0.11)
    assert node["memory_per_accelerator"] == pytest.approx((state_gb + activations_gb) * 1e9, rel=0.05)


# -- properties --------------------------------------------------------------------------------------------------


@given(shards=st.integers(1, 4096), params=st.floats(1e3, 1e15))
def test_each_stage_shards_more(shards: int, params: float) -> None:
    stages = [memory.sharded_bytes(params, shards, stage, 2, 4, 12) for stage in range(4)]
    assert stages == sorted(stages, reverse=True)
    assert stages[3] == pytest.approx(18 * params / shards)


@given(layers=st.integers(1, 300), pp=st.integers(1, 64), v=st.integers(1, 8), m=st.integers(1, 1000))
def test_in_flight_is_at_most_all_and_falls_along_the_pipeline(layers: int, pp: int, v: int, m: int) -> None:
    flight = [activations.chunks_in_flight(stage, pp, v, m) for stage in range(pp)]
    assert all(1 <= chunks <= m * v for chunks in flight)
    assert flight == sorted(flight, reverse=True)
    assert flight[0] <= pp * v + pp - 1
    assert flight[-1] == (1 if v == 1 else min(m * v, (v - 1) * pp + 1))


@given(layers=st.integers(2, 300), pp=st.integers(1, 64))
def test_the_ends_hold_no_more_than_the_others_and_all_layers_have_a_place(layers: int, pp: int) -> None:
    first = activations.first_stage_layers(layers, pp)
    between = -(-layers // pp)
    assert between - 1 <= first <= between
    assert 2 * first + (pp - 2) * between >= layers or pp == 1
    if layers % pp == 0:
        assert first == between


ACTIVATIONS: dict[str, float] = {
    "layers": 32, "first_stage_layers": 32, "last_stage_layers": 32, "layer_activations": 520192,
    "layer_activations_selective": 315392, "d_model": 16384, "heads": 128, "vocab": 128256, "seq_len": 8192,
    "bytes_per_activation": 2, "bytes_per_logit": 6, "unfused_attention": 0, "sequence_parallel": 1, "tp": 8, "pp": 1,
    "cp": 1, "virtual_stages": 1, "micro_batch": 1, "micro_batches": 16, "recompute": 0,
}  # fmt: skip


def activations_at(**changed: float) -> float:
    return activations.activations_memory_per_accelerator(**(ACTIVATIONS | changed))


@given(recompute=st.sampled_from([1, 2]), in_stage=st.integers(2, 200), pp=st.sampled_from([1, 2, 8]))
def test_recomputing_saves_memory(recompute: int, in_stage: int, pp: int) -> None:
    ends = {"layers": in_stage * pp, "first_stage_layers": in_stage, "last_stage_layers": in_stage, "pp": pp}
    assert activations_at(**ends, recompute=recompute) <= activations_at(**ends, recompute=recompute - 1)


@given(recompute=st.sampled_from([0, 1, 2]))
def test_older_software_keeps_more(recompute: int) -> None:
    """Without sequence parallelism the residual stream is whole on each rank; unfused attention keeps its square."""
    new = activations_at(recompute=recompute)
    assert activations_at(recompute=recompute, sequence_parallel=0) > new
    assert activations_at(recompute=recompute, sequence_parallel=0, tp=1) == activations_at(recompute=recompute, tp=1)
    square = activations_at(recompute=recompute, unfused_attention=1) - new
    kept = {0: 32, 1: 0, 2: 1}[recompute]
    assert square == pytest.approx(kept * 5 * 128 * 8192**2 / 8)


def test_layers_of_the_published_form() -> None:
    """Without sequence parallelism, fused attention or gated MLP: s b h (8 + 24 / t) + 5 a s^2 b / t, no dropout."""
    s, h, a, t = 2048, 12288, 96, 8
    plain = 32 * h  # 16 values of h in 16 bits
    layer = activations_at(
        layers=1, first_stage_layers=1, last_stage_layers=1, layer_activations=plain, d_model=h, heads=a, vocab=0,
        seq_len=s, unfused_attention=1, sequence_parallel=0,
    )  # fmt: skip
    assert layer == pytest.approx(s * h * (8 + 24 / t) + 5 * a * s * s / t)
    masks = 2 * s * h
    assert layer + masks == pytest.approx(activations.korthikanti_layer_bytes(s, 1, h, a, t, mode="tp"))


def test_tables_stay_whole_on_their_stage() -> None:
    """A long pipeline of a small model cannot divide its embedding."""
    held_ = memory.state_memory_per_accelerator(
        1e9, 1e9, 0, 4e8, 0, 20, 1, 1, 0, 1, 20, 1, 1, 1, 0, 2, 4, 0, 12, 1
    )  # fmt: skip
    assert held_ == pytest.approx(18 * (4e8 + 3e7) + 2 * 3e7)


def test_a_second_copy_of_gradients_is_not_sharded() -> None:
    def at(stage: float, copy: float) -> float:
        return memory.state_memory_per_accelerator(
            1e9, 1e9, 0, 0, 0, 10, 10, 10, 0, 1, 1, 1, 1, 8, stage, 2, 4, copy, 12, 1
        )  # fmt: skip

    assert at(1, 2) - at(1, 0) == at(3, 2) - at(3, 0) == pytest.approx(2e9)


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

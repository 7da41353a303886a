"""FLOPs per token, step and run: vectors, conventions, recomputation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from aiplan.graph import GRAPH, GraphError
from aiplan.quantities import flops
from aiplan.quantities.architecture import OPTIONAL

DATA = Path(__file__).parents[1] / "data" / "vectors-flops.yaml"
VECTORS = {v["id"]: v for v in yaml.safe_load(DATA.read_text())}
LLAMA = {"head_dim": 128, "kv_heads": 8, "vocab": 128256}
SHAPES: dict[str, dict[str, float]] = {
    "llama3_8b": dict(layers=32, d_model=4096, heads=32, d_ff=14336, **LLAMA),
    "llama3_70b": dict(layers=80, d_model=8192, heads=64, d_ff=28672, **LLAMA),
    "llama3_405b": dict(layers=126, d_model=16384, heads=128, d_ff=53248, **LLAMA),
    "gpt3_175b": {
        "layers": 96,
        "d_model": 12288,
        "heads": 96,
        "kv_heads": 96,
        "head_dim": 128,
        "d_ff": 49152,
        "vocab": 50257,
        "tied_embeddings": 1,
        "gated_mlp": 0,
        "norm_bias": 1,
        "qkv_bias": 1,
        "attention_output_bias": 1,
        "mlp_bias": 1,
        "learned_positions": 2048,
    },
}


def resolve(asks: list[str], **given_: float) -> dict[str, float]:
    nodes = GRAPH.resolve(asks, given_, {"shaped"})
    return {name: node.value for name, node in nodes.items()}


@pytest.mark.parametrize("vector", [v for v in VECTORS.values() if "model" in v["inputs"]], ids=lambda v: v["id"])
def test_flops_of_published_models(vector: dict[str, Any]) -> None:
    inputs, expected, rel = vector["inputs"], vector["expected"], vector["rel_tol"]
    shape = OPTIONAL | SHAPES[inputs["model"]]
    asks = ["training_flops", "hardware_flops_per_token", "forward_flops_per_token", "shape_params"]
    got = resolve(asks, seq_len=inputs["seq"], tokens=inputs["D"], recompute=2.0, **shape)
    attention, logits = got["attention_flops_per_token"], 2 * shape["d_model"] * shape["vocab"]
    assert got["forward_flops_per_token"] == pytest.approx(expected["fwd_per_token_causal"], rel=rel)
    assert got["forward_flops_per_token"] + attention == pytest.approx(expected["fwd_per_token_full"], rel=rel)
    assert 2 * got["matmul_params"] == pytest.approx(expected["linear"], rel=rel)
    assert attention == pytest.approx(expected["attn_causal"], rel=rel)
    assert logits == pytest.approx(expected["logits"], rel=rel)
    assert got["flops_per_token"] == pytest.approx(expected["train_per_token"], rel=rel)
    assert got["training_flops"] == pytest.approx(expected["train_total"], rel=rel)
    assert got["flops_per_token"] / 6 / got["shape_params"] == pytest.approx(expected["ratio_to_6ND"], rel=rel)
    assert got["hardware_flops_per_token"] == pytest.approx(expected["recompute_full_per_token"], rel=rel)


@pytest.mark.parametrize("vector", [v for n, v in VECTORS.items() if ".palm." in n], ids=lambda v: v["id"])
def test_palm_convention(vector: dict[str, Any]) -> None:
    n, layers, heads, dim, seq = (vector["inputs"][key] for key in "NLHQT")
    per_token = flops.palm_flops_per_token(n, layers, heads, dim, seq)
    assert per_token == pytest.approx(vector["expected"]["per_token"], rel=vector["rel_tol"])


def test_megatron_step() -> None:
    vector = VECTORS["flops.megatron_2021"]
    arguments = [vector["inputs"][key] for key in ("B", "s", "l", "h", "V")]
    for recompute, name in ((True, "with_recompute"), (False, "model")):
        step = flops.megatron_flops_per_step(*arguments, recompute=recompute)
        assert step == pytest.approx(vector["expected"][name], rel=vector["rel_tol"])


@pytest.mark.parametrize("name", ["flops.megatron_days", "flops.megatron_days_1t"])
def test_megatron_days(name: str) -> None:
    vector = VECTORS[name]
    days = flops.megatron_days(*(vector["inputs"][key] for key in ("T", "P", "n", "X")))
    assert days == pytest.approx(vector["expected"]["days"], rel=vector["rel_tol"])


def test_fine_tuning() -> None:
    vector = VECTORS["flops.finetune"]
    n, tokens, adapters, frozen = (vector["inputs"][key] for key in ("N", "T", "N_lora", "f"))
    expected, rel = vector["expected"], vector["rel_tol"]
    assert flops.full_tuning_flops(n, tokens) == pytest.approx(expected["full"], rel=rel)
    assert flops.lora_tuning_flops(n, tokens, adapters) == pytest.approx(expected["lora"], rel=rel)
    assert flops.frozen_tuning_flops(n, tokens, frozen) == pytest.approx(expected["frozen"], rel=rel)


def test_grpo() -> None:
    vector = VECTORS["flops.grpo"]
    parts = flops.grpo_flops(*(vector["inputs"][key] for key in ("N", "prompts", "G", "prompt_len", "out")))
    expected = [vector["expected"][key] for key in ("rollout", "ref", "old", "train")]
    assert list(parts) == pytest.approx(expected, rel=vector["rel_tol"])
    assert sum(parts) == pytest.approx(vector["expected"]["total"], rel=vector["rel_tol"])


def test_distillation() -> None:
    vector = VECTORS["flops.distill"]
    total = flops.distill_flops(*(vector["inputs"][key] for key in ("Ns", "Nt", "D")))
    assert total == pytest.approx(vector["expected"]["total"], rel=vector["rel_tol"])


def test_every_vector_is_used() -> None:
    tested = (
        "flops.llama",
        "flops.gpt3",
        "flops.palm",
        "flops.megatron",
        "flops.finetune",
        "flops.grpo",
        "flops.distill",
    )
    assert all(name.startswith(tested) for name in VECTORS)


@given(seq=st.integers(1, 1_000_000), window=st.integers(1, 1_000_000), sliding=st.integers(0, 32))
def test_a_window_saves_attention_and_one_as_long_as_the_sequence_saves_none(
    seq: int, window: int, sliding: int
) -> None:
    full = flops.attention_flops_per_token(32, seq, 8192, 0, 0)
    slid = flops.attention_flops_per_token(32, seq, 8192, window, sliding)
    assert slid <= full * (1 + 1e-12)
    if window >= seq:
        assert slid == pytest.approx(full, rel=1e-12)


@pytest.mark.parametrize(("recompute", "more"), [(0, 0.0), (1, 2.0), (2, 8.0)])
def test_recomputation(recompute: float, more: float) -> None:
    assert flops.recompute_flops_per_token(recompute, 10.0, 2.0, 1.0, 1.0) == more


def test_samples_come_before_tokens_and_no_shape_is_six_n() -> None:
    given_ = {"flops_per_sample": 3.0, "samples": 5.0, "active_params": 1e9, "tokens": 2e9}
    assert GRAPH.resolve(["training_flops"], given_, {"no_shape"})["training_flops"].value == 15.0
    del given_["samples"], given_["flops_per_sample"]
    nodes = GRAPH.resolve(["training_flops"], given_, {"no_shape"}, optional=["attention_flops_share"])
    assert nodes["training_flops"].value == 6e9 * 2e9
    assert nodes["attention_flops_share"].why_null == "the model has no shape, so its attention is unknown"


def test_without_a_rival_flops_need_a_choice() -> None:
    with pytest.raises(GraphError, match="no_shape, shaped"):
        GRAPH.resolve(["flops_per_token"], {"active_params": 1e9})
